#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-dedupe against the exact truth, which perl keeps in a hash of whole ids.
. "${0%/*}/lib.sh"

# make RECORDS CHANCE: in.bp, and of it what should pass: wanted.bp. Time goes on by a second
# a record and jitters by five minutes; ids come again with the chance given.
make() {
	perl -I "$root/tests/perl" -e '
		use strict;
		use warnings;
		use Msgpack qw(map_of str uint);
		my ($n, $chance, $window) = (@ARGV, 24 * 3_600_000_000);
		srand 7;
		open my $in, ">:raw", "in.bp" or die;
		open my $wanted, ">:raw", "wanted.bp" or die;
		my (@ids, %last);
		for my $i (1 .. $n) {
			my $t = 1_500_000_000_000_000 + $i * 1_000_000 + int rand 300_000_000;
			my $id = @ids && rand() < $chance ? $ids[rand @ids] : sprintf "%x-%d", rand 2**48, $i;
			push @ids, $id;
			my $record = map_of([str("event"), str("click")], [str("event_id"), str($id)],
				[str("timestamp"), uint($t)]);
			print {$in} $record;
			print {$wanted} $record
			    if !defined $last{$id} || abs($t - $last{$id}) > $window;
			$last{$id} = $t if $t > ($last{$id} // 0);
		}' "$1" "$2"
}
counter() { sed -n "s/^bannerpipe_$1{.*} //p" stats; }
is_positive() { [ "$1" -gt 0 ]; }

make 300000 0.3
ok 'it runs' \
	sh -c 'bp-dedupe --stats stats in.bp --rejects rejects >out.bp'
ok 'of 300,000 events every duplicate is dropped and no other event' cmp out.bp wanted.bp
ok 'there were duplicates' is_positive "$(counter dropped_total)"
ok 'no id was forgotten' [ "$(counter evicted_total)" = 0 ]
ok 'another seed makes no difference' sh -c 'bp-dedupe --seed 99 in.bp | cmp - wanted.bp'

# 32M leave 16M for 1,048,576 ids. The window is longer than the input.
make 1100000 0
ok 'it runs with too little memory' \
	sh -c 'bp-dedupe --memory 32M --window 60d --stats stats in.bp >out.bp'
ok 'all that are no duplicates pass' cmp out.bp wanted.bp
ok 'it counts what it forgot' is_positive "$(counter evicted_total)"
ok 'ids that leave the window are not counted' sh -c '
	bp-dedupe --memory 32M --window 1h --stats stats in.bp >out.bp &&
	grep -q "^bannerpipe_evicted_total{.*} 0$" stats'
done_testing
