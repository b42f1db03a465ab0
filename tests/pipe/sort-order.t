#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-sort against perl's stable sort: order, ties, watermarks, bounded memory.
. "${0%/*}/lib.sh"

# make RECORDS JITTER_SECONDS PADDING: in.bp, and the same in order: wanted.bp. Two in
# three timestamps are whole seconds, so that there are ties.
make() {
	perl -I "$root/tests/perl" -e '
		use strict;
		use warnings;
		use Msgpack qw(map_of str uint);
		my ($n, $jitter, $padding) = @ARGV;
		srand 7;
		my @all = map {
			my $t = 1_500_000_000_000_000 + 1_000_000 * (int($_ / 3) + int rand $jitter);
			$t += int rand 1_000_000 if $_ % 3 == 0;
			[$t, map_of([str("event"), str("click")], [str("event_id"), str("e$_")],
				[str("timestamp"), uint($t)], [str("p"), pack("Cn/a", 0xc5, "p" x $padding)])]
		} 1 .. $n;
		open my $in, ">:raw", "in.bp" or die;
		print {$in} $_->[1] for @all;
		open my $wanted, ">:raw", "wanted.bp" or die;
		print {$wanted} $_->[1] for sort { $a->[0] <=> $b->[0] } @all;
	' "$@"
}
# check FILE: its records go to records.bp; how many watermarks there are, and how many records
# come after a watermark that lies beyond them.
check() {
	perl -I "$root/tests/perl" -e '
		use strict;
		use warnings;
		use Bannerpipe qw(slurp);
		use Msgpack qw(split_stream is_map pairs str);
		open my $out, ">:raw", "records.bp" or die;
		my ($ticks, $wrong, $now) = (0, 0, 0);
		for (@{ (split_stream(slurp($ARGV[0])))[0] }) {
			if (!is_map($_)) {
				my $tick = unpack "x3x2x8q<", $_;
				$wrong++ if $tick <= $now;
				($ticks, $now) = ($ticks + 1, $tick);
				next;
			}
			my ($time) = map { unpack "xQ>", $_->[1] } grep { $_->[0] eq str("timestamp") } pairs($_);
			$wrong++ if $time < $now;
			print {$out} $_;
		}
		print "$ticks watermarks, $wrong wrong\n"' "$1"
}
counter() { sed -n "s/^bannerpipe_$1{.*} //p" stats; }
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }

make 30000 599 20
ok 'it runs' \
	sh -c 'bp-sort --stats stats in.bp >out.bp'
like 'no record comes after its watermark' ', 0 wrong$' check out.bp
ok 'the records come in order, those of an instant as they came' cmp records.bp wanted.bp
ok 'none is late' is "$(counter late_total)" 0
ok 'none is held at the end' is "$(counter held)" 0
ok 'it runs with few watermarks' \
	sh -c 'bp-sort --tick-every 50m in.bp >out.bp'
like 'which are as far apart as asked' '^[34] watermarks, 0 wrong$' check out.bp

ok 'the sort of what is sorted is the same' sh -c 'bp-sort wanted.bp >out.bp'
check out.bp >/dev/null
ok 'byte for byte' cmp records.bp wanted.bp

ok 'with less lateness than disorder it runs' \
	sh -c 'bp-sort --lateness 2m --late late.bp --stats stats in.bp >out.bp'
like 'and the order holds' ', 0 wrong$' check out.bp
ok 'late records are counted' [ "$(counter late_total)" -gt 0 ]
ok 'and kept' sh -c '[ $(cat late.bp records.bp | wc -c) = $(wc -c <in.bp) ]'

make 30000 599 2000
ok 'with more than fits into the memory it runs' \
	sh -c 'bp-sort --memory 32M --lateness 2h --late late.bp --stats stats in.bp >out.bp'
like 'and the order holds still' ', 0 wrong$' check out.bp
ok 'what left early is counted' [ "$(counter released_early_total)" -gt 0 ]
ok 'no record is lost' sh -c '[ $(cat late.bp records.bp | wc -c) = $(wc -c <in.bp) ]'
done_testing
