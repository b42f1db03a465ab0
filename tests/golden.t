#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Run tests/golden/<case>/cmd and compare output, errors and exit status with the files
# beside it; README.md here describes them. With --rewrite, write them instead; further
# arguments name the cases to run, or the filters whose cases are.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root bin_path slurp spew in_copy);

my $rewrite = @ARGV && $ARGV[0] eq '--rewrite' ? shift : undef;
my @cases = sort grep { -e "$_/cmd" } map { glob root() . "/tests/golden/$_" }
    @ARGV ? map { ($_, "$_-*") } @ARGV : '*';
die "no case of @ARGV: make tests/golden/$ARGV[0]-SOMETHING/cmd; tests/README.md says how\n"
    if !@cases;

# The command's standard output, standard error and exit status.
sub run_case {
	my ($case) = @_;
	return in_copy($case, sub {
		my ($dir) = @_;
		local $ENV{PATH} = bin_path();
		local $ENV{TZ} = 'UTC';
		my $cmd = slurp("$dir/cmd");
		system 'timeout', '300', 'sh', '-c',
		    "exec </dev/null >'$dir/.out' 2>'$dir/.err'\n$cmd";
		return (slurp("$dir/.out"), slurp("$dir/.err"), $? >> 8);
	});
}

sub out_file {
	my ($case) = @_;
	my @files = glob "$case/out*";
	return @files ? $files[0] : "$case/out";
}

# What a case says it gives; a file that is missing stands for nothing, or for status 0.
sub expected {
	my ($case) = @_;
	my @text = map { -e $_ ? slurp($_) : '' } out_file($case), "$case/err";
	my $status = -e "$case/status" ? int slurp("$case/status") : 0;
	return (@text, $status);
}

sub rewrite_case {
	my ($case, $out, $err, $status) = @_;
	my %now = (out_file($case) => $out, "$case/err" => $err,
		"$case/status" => $status ? "$status\n" : '');
	for my $file (keys %now) {
		length $now{$file} ? spew($file, $now{$file}) : unlink $file;
	}
}

# The first line that differs.
sub difference {
	my ($what, $got, $wanted) = @_;
	my @got = split /^/, $got;
	my @wanted = split /^/, $wanted;
	my $i = 0;
	$i++ while $i < @got && $i < @wanted && $got[$i] eq $wanted[$i];
	return sprintf "# %s, line %d\n#   wanted: %s\n#   got:    %s\n", $what, $i + 1,
	    map { defined $_ ? s/\n\z//r : '(nothing)' } $wanted[$i], $got[$i];
}

printf "1..%d\n", scalar @cases unless $rewrite;
my ($n, $failed) = (0, 0);
for my $case (@cases) {
	my @got = run_case($case);
	if ($rewrite) {
		rewrite_case($case, @got);
		next;
	}
	my @wanted = expected($case);
	my $same = $got[0] eq $wanted[0] && $got[1] eq $wanted[1] && $got[2] == $wanted[2];
	$n++;
	printf "%sok %d - golden %s\n", $same ? '' : 'not ', $n, $case =~ s{.*/}{}r;
	next if $same;
	$failed++;
	print difference('output', $got[0], $wanted[0]) if $got[0] ne $wanted[0];
	print difference('errors', $got[1], $wanted[1]) if $got[1] ne $wanted[1];
	print "# exit status $got[2], not $wanted[2]\n" if $got[2] != $wanted[2];
}
exit($failed > 0);
