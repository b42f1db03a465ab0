# SPDX-License-Identifier: MIT
#
# Bannerpipe: what the tests in perl share: paths, files, TAP.
package Bannerpipe;
use strict;
use warnings;
use Cwd qw(abs_path getcwd);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
our @EXPORT_OK = qw(root build bin_path programs slurp spew in_copy sources lint ok done);

my $root = abs_path(dirname(__FILE__) . '/../..');
my $build = $ENV{BUILD} // 'build';
$build = "$root/$build" if $build !~ m{^/};

sub root { return $root }
sub build { return $build }
sub bin_path { return "$build/bin:$build/tools:$ENV{PATH}" }

# The stems of all programs that are built: "join", "parse", ...
sub programs { return map { m{/bp-([^/]+)$} } sort glob "$build/bin/bp-*" }

sub slurp {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!\n";
	local $/;
	return scalar(<$file>) // '';
}

sub spew {
	my ($path, $bytes) = @_;
	open my $file, '>:raw', $path or die "$path: $!\n";
	print {$file} $bytes;
	close $file or die "$path: $!\n";
}

# Call with a copy of a folder as the working directory; the copy goes away afterwards.
sub in_copy {
	my ($folder, $do) = @_;
	my $dir = tempdir('bannerpipe.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my $before = getcwd();
	system('cp', '-R', "$folder/.", $dir) == 0 or die "cannot copy $folder\n";
	chdir $dir or die "$dir: $!\n";
	my @result = eval { $do->($dir) };
	my $error = $@;
	chdir $before or die "$before: $!\n";
	system 'rm', '-rf', $dir;
	die $error if $error;
	return @result;
}

# Files below a folder of the project whose names match, relative to the root.
sub sources {
	my ($pattern, @folders) = @_;
	my @found;
	for (@folders) {
		opendir my $dir, "$root/$_" or next;
		my $folder = $_;
		for my $name (sort grep { !/^\./ } readdir $dir) {
			my $path = "$folder/$name";
			push @found, -d "$root/$path" ? sources($pattern, $path)
			    : $path =~ $pattern ? $path : ();
		}
	}
	return @found;
}

# What mandoc finds wrong with a page; which pages are installed does not matter.
sub lint {
	my ($page) = @_;
	return grep { !/referenced manual not found|outdated mandoc\.db/ }
	    split /\n/, `mandoc -T lint $root/$page 2>&1`;
}

my ($tests, $failed) = (0, 0);

# One line of TAP; the details tell what is wrong. Returns whether there was none.
sub ok {
	my ($name, @wrong) = @_;
	$tests++;
	$failed++ if @wrong;
	printf "%sok %d - %s\n", @wrong ? 'not ' : '', $tests, $name;
	print map { "# $_\n" } map { split /\n/ } @wrong;
	return !@wrong;
}

sub done {
	print "1..$tests\n";
	exit($failed > 0);
}

1;
