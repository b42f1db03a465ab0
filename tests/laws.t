#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# What is true of every program of the build. Nothing here knows any of them: options
# and input come from each filter's own golden cases (see README.md). Arguments name the
# programs to test ("join"); SEED repeats the random cuts of an earlier run.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root build programs ok done);
use Laws;

$| = 1;
my $seed = $ENV{SEED} // int rand 1 << 31;
srand $seed;
print "# SEED=$seed\n";

my @laws = (
	[1, 'any chunking of the input gives the same bytes', \&Laws::chunks],
	[2, 'run(A), save, load, run(B) is run(AB)', \&Laws::goes_on],
	[3, 'what comes in goes out within 50 ms, the input still open', \&Laws::prompt],
	[4, 'a full disk, a closed output, a directory are errors', \&Laws::broken_ends],
	[5, 'TERM drains, saves and exits 0', \&Laws::terminated],
	[6, 'cut-off and foreign bytes are found, earlier output is delivered', \&Laws::damaged],
	[7, 'same input and seed, same bytes', \&Laws::repeats],
	[8, 'ten times the input stays within --memory', \&Laws::bounded],
	[9, '--help and the manual agree', \&Laws::documented],
	[10, 'unknown kinds, keys and control records pass', \&Laws::transparent],
	[11, 'in = out + dropped + rejected + held + late', \&Laws::conserves],
	[12, 'nothing that was held comes after a TICK that is later', \&Laws::overtakes],
);

my %built = map { ($_ => 1) } programs();
for my $stem (@ARGV ? @ARGV : programs()) {
	die "there is no bp-$stem (there are @{[sort keys %built]})\n" if !$built{$stem};
	if (!Laws::is_filter($stem)) {
		ok("bp-$stem is no filter, but law 9: --help and the manual agree",
		    Laws::documented({ stem => $stem }));
		next;
	}
	my @uses = Laws::uses($stem);
	if (Laws::has_sockets($stem) && !@uses) {
		my @tests = glob(root() . "/tests/pipe/*$stem*.t");
		ok("bp-$stem, law 9: --help and the manual agree",
		    Laws::documented({ stem => $stem }));
		ok("bp-$stem talks to sockets, and has pipe tests that do",
		    @tests ? () : "no tests/pipe/*$stem*.t");
		next;
	}
	ok("bp-$stem has a golden case that shows its use",
	    @uses ? () : "no tests/golden/$stem or $stem-* whose cmd, every part of it, ends with 0,"
	    . ' and gives the filter some input') or next;
	for (@laws) {
		my ($number, $name, $law) = @$_;
		my @wrong = eval { $law->(@uses) };
		push @wrong, "$@" if $@;
		ok("bp-$stem, law $number: $name", @wrong);
	}
	$_->done for @uses;
}
done();
