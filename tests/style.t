#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# once: it is about the source and its pages, not about a build
#
# What of the house style a program can see: sizes, SPDX lines, layout, no marks of
# unfinished work, no paths of one machine.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root slurp sources ok done);

chdir root() or die;
my @c = sources(qr/\.(c|h|cc)$/, 'lib', 'filters', 'tests');
my @scripts = ('Makefile', '.ci/run', sources(qr/\.(sh|t|pm|pl|py|map|spec|mk)$/, 'lib',
	'filters', 'pipelines', '.ci', 'tests'));
my @text = (sources(qr/\.([157]|md)$/, 'lib', 'filters', 'pipelines', 'tests'), 'README.md');

# Functions as .clang-format lays them out: braces in the first column.
my @wrong;
for my $path (@c) {
	my ($open, $line) = (0, 0);
	for (split /\n/, slurp($path)) {
		$line++;
		$open = $line if $_ eq '{';
		push @wrong, "$path:$open is " . ($line - $open - 1) . ' lines'
		    if /^\}/ && $open && $line - $open - 1 > 80;
		$open = 0 if /^\}/;
	}
}
ok('no function has more than 80 lines', @wrong);

@wrong = ();
for my $path (sources(qr/\.c$/, 'filters')) {
	my $lines = () = slurp($path) =~ /\n/g;
	push @wrong, "$path has $lines lines" if $lines > 400;
}
ok('no filter has more than 400 lines', @wrong);

@wrong = ();
for my $path (@c, @scripts) {
	my ($first, $second) = split /\n/, slurp($path);
	my $line = ($first // '') =~ /^#!/ ? $second : $first;
	push @wrong, "$path begins with '$line'"
	    if ($line // '') !~ m{^(/\*|#|//) SPDX-License-Identifier: MIT( \*/)?$};
}
ok('every file begins with its SPDX line', @wrong);

my $marks = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X', 'HA' . 'CK', 'for' . ' now\b',
    'not (yet )?imple' . 'mented', '\bst' . 'ub\b';
my $paths = '/' . 'work/|/' . 'tmp/bash_|/ho' . 'me/[a-z]';
@wrong = ();
for my $path (@c, @scripts, @text) {
	my $line = 0;
	for (split /\n/, slurp($path)) {
		$line++;
		push @wrong, "$path:$line: $_" if /$marks/ && !/mktemp|X{6}/ || /$paths/;
	}
}
ok('no unfinished marks, no paths of one machine', @wrong);

my %loose = map { $_ => 1 } `clang-format --dry-run @c 2>&1` =~ /^(\S+?):\d+:\d+: warning/mg;
@wrong = map { "$_ is not laid out: make format" } sort keys %loose;
ok('the C files are laid out as .clang-format says', @wrong);

@wrong = grep { !-x $_ } sources(qr/\.t$/, 'tests'), '.ci/run';
ok('tests can be executed', map { "chmod +x $_" } @wrong);
done();
