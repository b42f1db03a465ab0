#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# once: it is about the protocol, not about a build
#
# The models of tests/model under Spin: the protocol is clean, every mutant is found.
# MODEL=large takes bounds for a night.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(root slurp ok done);

for my $tool ('spin', 'gcc') {
	next if grep { -x "$_/$tool" } split /:/, $ENV{PATH};
	print "1..0 # SKIP $tool is not installed\n";
	exit 0;
}

# What is built: name, model, bounds for each commit, bounds for a night.
my @builds = (
	['line', 'barrier', '-DTOPOLOGY=LINE', '-DTOPOLOGY=LINE -DKILLS=2 -DPOWER=2'],
	['fan-out', 'barrier', '-DTOPOLOGY=FANOUT -DSTOPS=0', '-DTOPOLOGY=FANOUT'],
	['fan-in', 'barrier', '-DTOPOLOGY=FANIN -DPOWER=0 -DSTOPS=0',
	    '-DTOPOLOGY=FANIN -DCUTS=1'],
	['fan-in, stopped', 'barrier', '-DTOPOLOGY=FANIN -DPOWER=0 -DKILLS=0 -DCUTS=1',
	    '-DTOPOLOGY=FANIN -DKILLS=0'],
	['diamond', 'barrier', '-DTOPOLOGY=DIAMOND -DPOWER=0 -DSTOPS=0',
	    '-DTOPOLOGY=DIAMOND -DSTOPS=0'],
	['two hosts', 'hosts', '', '-DRECORDS=4 -DFAULTS=4'],
	['gap', 'gap', '', ''],
);

# Which build finds which mutants; the numbers are those of the models.
my %found_by = (
	'line' => [1, 2, 3, 5, 6, 7, 10, 11, 12, 13, 14, 18, 19, 20],
	'fan-out' => [4, 8, 9],
	'fan-in' => [15, 16, 17],
	'diamond' => [4, 16],
	'two hosts' => [1 .. 6],
	'gap' => [1, 2],
);

my $large = ($ENV{MODEL} // '') eq 'large';
my $dir = tempdir('bannerpipe.XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub shell {
	my ($command) = @_;
	my $said = `($command) 2>&1`;
	return ($? == 0, $said);
}

# Search all states of a build. Returns what Spin found wrong, how many states there are,
# and what is wrong with the search itself.
sub search {
	my ($pan, $mutant) = @_;
	my (undef, $said) = shell("cd $pan && MUTANT=$mutant ./pan -m2000000");
	my ($states) = $said =~ /^\s*([\d.e+]+) states, stored$/m;
	my ($finding) = $said =~ /^pan:\d+: (.*?) \(at depth/m;
	my @wrong = $said =~ /errors: \d/ && $states ? () : ($said);
	push @wrong, $1 if $said =~ /^(error: max search depth.*|.*out of memory.*|.*limit)$/m;
	return ($finding, $states, @wrong);
}

sub mutant_names {
	my ($model) = @_;
	my $text = slurp(root() . "/tests/model/$model.pml") =~ s/.*^byte mutant;//msr;
	my %name;
	while ($text =~ /\G.*?^#define (\w+) (\d+)/gms) {
		$name{$2} //= $1;
	}
	return %name;
}

for my $build (@builds) {
	my ($name, $model, $small, $night) = @$build;
	my $pan = "$dir/" . ($name =~ s/\W+/-/gr);
	my $bounds = $large ? $night : $small;
	my $optimise = $large ? '-O2' : '-O1';
	my $memory = $large ? 12000 : 2000;

	mkdir $pan or die "$pan: $!\n";
	my ($built, $said) = shell("cd $pan && spin -a $bounds " . root() .
	    "/tests/model/$model.pml && gcc $optimise -w -DSAFETY -DCOLLAPSE" .
	    " -DVECTORSZ=4096 -DMEMLIM=$memory -o pan pan.c");
	if (!$built) {
		ok("$name is built", $said);
		next;
	}
	my ($finding, $states, @wrong) = search($pan, 0);
	ok("$name: the protocol, " . ($states // 'no') . ' states',
	    @wrong, defined $finding ? "found: $finding" : ());
	my %mutant = mutant_names($model);
	for my $number (@{$found_by{$name} // []}) {
		($finding) = search($pan, $number);
		ok("$name: $mutant{$number} is found",
		    defined $finding ? () : 'nothing was found');
	}
}
done();
