#!/usr/bin/perl
# SPDX-License-Identifier: MIT
#
# Every program on damaged inputs: what its golden case gives it, with bytes flipped, cut
# out, doubled and overwritten. It may reject, it may fail, but says why and does not
# crash. MUTANT_SECONDS for each program; SEED repeats an earlier run. Most is found in a
# build with sanitizers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/perl";
use Bannerpipe qw(programs ok done spew build);
use Laws;
use Time::HiRes qw(time);

my $seconds = $ENV{MUTANT_SECONDS} // 2;
my $seed = $ENV{SEED} // int rand 1 << 31;
print "# SEED=$seed\n";

# Bytes that claim much: containers and lengths of up to 2^32 - 1.
my @hostile = ("\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff", "\xdb\xff\xff\xff\xff",
	"\xc6\xff\xff\xff\xff", "\xc9\xff\xff\xff\xffB", "\xc1", "\x9f" x 9,
	"\xcb\x7f\xf8" . "\0" x 6,
	"\xcb\xff\xf0" . "\0" x 6, "\xd3\x80" . "\0" x 7, "\xcf" . "\xff" x 8);

sub mutate {
	my ($bytes) = @_;
	for (1 .. 1 + int rand 4) {
		my $at = int rand length $bytes;
		my $size = 1 + int rand 2**rand 8;
		my $kind = int rand 5;
		if ($kind == 0) {
			substr($bytes, $at, 1) ^= chr(1 << int rand 8);
		} elsif ($kind == 1) {
			substr($bytes, $at, $size) = '';
		} elsif ($kind == 2) {
			substr($bytes, $at, 0) = substr $bytes, int rand length $bytes, $size;
		} elsif ($kind == 3) {
			substr($bytes, $at, 1) = chr int rand 256;
		} else {
			my $hostile = $hostile[rand @hostile];
			substr($bytes, $at, length $hostile) = $hostile;
		}
		return $bytes if !length $bytes;
	}
	return $bytes;
}

sub crashes {
	my ($p) = @_;
	return "exit $p->{status}: $p->{err}"
	    if $p->{status} !~ /^(0|1|111)$/ || $p->{err} =~ /Sanitizer|runtime error|Assertion/;
	return "exit $p->{status} without a word" if $p->{status} && $p->{err} eq '';
	return;
}

for my $stem (@ARGV ? @ARGV : programs()) {
	my ($use) = Laws::uses($stem) or next;
	srand $seed;
	my ($end, $n, @wrong) = (time + $seconds, 0);
	while (time < $end && !@wrong) {
		my $input = mutate($use->{input});
		@wrong = crashes($use->run(input => $input));
		$n++;
		spew(build() . "/mutant-$stem", $input) if @wrong;
	}
	push @wrong, 'the input is in ' . build() . "/mutant-$stem" if @wrong;
	ok("bp-$stem survives damaged inputs ($n)", @wrong);
	$_->done for $use;
}
done();
