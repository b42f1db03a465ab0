#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-sort with clocks that run ahead, pauses and watermarks from upstream, against a slow
# reference that keeps every timestamp and asks the definition of each.
. "${0%/*}/lib.sh"
seed=${SEED:-$(date +%s)}
echo "# SEED=$seed"

# given TIME...: in.bp with a record for each, seconds after 2017-07-14. "40@42" was
# received at 42; "tick:40" is a watermark, "end" an END.
given() {
	perl -I "$root/tests/perl" -e '
		use strict;
		use warnings;
		use Msgpack qw(map_of str uint control);
		my $us = sub { 1_000_000 * (1_500_000_000 + $_[0]) };
		my $n = 0;
		open my $in, ">:raw", "in.bp" or die;
		for (@ARGV) {
			print {$in} control(3, pack "q<C", $us->($1), 0) and next if /^tick:(.+)/;
			print {$in} control(4) and next if /^end$/;
			my ($t, $received) = split /@/;
			print {$in} map_of([str("event"), str("click")], [str("event_id"), str("e" . $n++)],
				[str("timestamp"), uint($us->($t))],
				defined $received ? [str("received_at"), uint($us->($received))] : ());
		}' -- "$@"
}
# written [FILE]: its records and watermarks in one line, as they would be given.
written() {
	perl -I "$root/tests/perl" -e '
		use strict;
		use warnings;
		use Bannerpipe qw(slurp);
		use Msgpack qw(split_stream is_map pairs str);
		my $seconds = sub { $_[0] / 1_000_000 - 1_500_000_000 };
		my @words;
		for (@{ (split_stream(slurp($ARGV[0])))[0] }) {
			if (!is_map($_)) {
				my ($kind, $tick) = unpack "x3Cx9q<", "$_" . "\0" x 8;
				push @words, $kind == 3 ? "tick:" . $seconds->($tick) : "end";
				next;
			}
			my %is = pairs_of($_);
			push @words, $seconds->(unpack "xQ>", $is{ str("timestamp") });
		}
		sub pairs_of { return map { @$_ } pairs($_[0]) }
		print "@words\n"' "${1:-out.bp}"
}
counter() { sed -n "s/^bannerpipe_$1{.*} //p" stats; }
balance() {
	[ "$(counter in_total)" = $(($(counter out_total) + $(counter dropped_total) +
		$(counter rejected_total) + $(counter held) + $(counter late_total))) ]
}
day=86400
# sorted TIME... [-- OPTION...]: the records that go out.
sorted() {
	given $1
	shift
	bp-sort --tick-every 100d --stats stats --rejects rejects.bp "$@" in.bp 2>errors |
		cat >out.bp
	written | sed 's/tick:[^ ]* *//g; s/ *$//'
}

# --- Pauses and broken clocks ---------------------------------------------------------
early=$(seq -s ' ' 1 20)
after=$(seq -s ' ' $((3 * day)) $((3 * day + 20)))
same 'a pause of three days loses nothing' "$early $after" sorted "$early $after"
same 'nor does one just before the end' "$early $((3 * day)) $((9 * day))" \
	sorted "$early $((9 * day)) $((3 * day))"
same 'nor do seven records, each a week after the other' \
	"$(seq -s ' ' 0 $((7 * day)) $((42 * day)))" \
	sorted "$(seq -s ' ' $((42 * day)) -$((7 * day)) 0)"
ok 'nothing was rejected' [ "$(counter rejected_total)" = 0 ]

far=$((4000 * day))
same 'one broken clock in the middle is rejected' "$early 21 22 23 24 25 26 27 28" \
	sorted "$early $far 21 22 23 24 25 26 27 28"
like 'with its place' 'record 21 at byte 890: its timestamp runs ahead' cat errors
same 'and its bytes' "$far" sh -c '
	bp-print --format raw rejects.bp >raw.bp 2>/dev/null; cmp -s raw.bp /dev/null && exit 1
	tail -c +891 in.bp | head -c "$(wc -c <raw.bp)" | cmp -s - raw.bp && echo '"$far"
same 'one at the beginning is rejected' "$early" sorted "$far $early"
like 'which is the first record' 'record 1 at byte 0:' cat errors
same 'one at the end goes out after the others' "$early $far" sorted "$early $far"
late=$(seq -s ' ' 21 40)
for n in 2 4 7; do
	b=$(seq -s ' ' $far $((far + n - 1)))
	same "$n broken clocks in succession are rejected" "$early $late" \
		sorted "$early $b $late"
	ok "and counted" [ "$(counter rejected_total)" = "$n" ]
	ok "the conservation law holds" balance
	same "$n at the beginning too" "$early $late" sorted "$b $early $late"
done
same 'a time of receipt is believed at once' "1 $far" \
	sorted "$far@$far 1@1" --lateness 9000d
same 'and contradicts at once' "1" sorted "$far@1 1@1"
like 'with its place' 'record 1 at byte 0: its timestamp' cat errors
same 'what is no later than a time of receipt is believed too' '2 3 9' sorted '9@9 3 2'

# --- Places of what is rejected later ----------------------------------------------------
given $early $far
cp in.bp one.bp
given $late
ok 'two files' sh -c 'bp-sort one.bp in.bp --rejects rejects.bp 2>errors >out.bp; [ $? = 1 ]'
like 'a reject names the file that it came from' 'one.bp: record 21 at byte 890:' cat errors

# --- Watermarks from upstream --------------------------------------------------------------
passed() { given $1 && bp-sort --tick-every 0 --lateness "${2-1000d}" in.bp >out.bp && written; }
same 'a watermark passes after what it releases' '1 2 tick:2 3' passed '2 1 tick:2 3'
same 'it brings what it covers out of suspense' "1 $far tick:$far" passed "$far 1 tick:$far"
same 'one that would step back is dropped' 'tick:5 6 7' passed 'tick:5 7 tick:4 6'
same 'one that says the same again is not' 'tick:5 tick:5 6' passed 'tick:5 6 tick:5'
same 'nor may it step back behind our own' \
	'1 2 3 4 5 6 7 8 tick:8 9 tick:9 tick:12 12' passed '1 2 3 4 5 6 7 8 9@9 tick:3 tick:12 12' 0
same 'at an END all go out, and the stream can go on in order' '1 9 end 3 4' \
	passed '1 9 end 4 3'

# --- At random ------------------------------------------------------------------------------
cat >reference.pl <<'END'
use strict;
use warnings;
my ($seed, $n, $lateness) = @ARGV;
srand $seed;
my ($hour, $clock, @input) = (3600, 0);
for (1 .. $n) {
	$clock += int rand 60;
	$clock += int(rand 50) * $hour if rand() < 0.02;
	my $t = $clock - int rand 120;
	$t += int(rand 400) * $hour if rand() < 0.08;
	push @input, $t < 0 ? 0 : $t;
	$input[-1] .= '@' . ($clock + int rand 10) if rand() < 0.05 * ($seed % 3);
}

# Of each: [time, number, state]. Decided by asking of each undecided one, at each step,
# what the manual says.
my (@all, @seen, @order, @out, @late, @refused);
my ($reached, $floor) = (-1e18, -1e18);
sub ahead { my ($r) = @_; return scalar grep { $_->[0] < $r->[0] - 24 * $hour } @_[1 .. $#_] }
sub enter {
	my ($r) = @_;
	$r->[2] = 'in';
	$reached = $r->[0] if $r->[0] > $reached;
	push @{ $r->[0] < $floor ? \@late : \@order }, $r;
}
for my $number (0 .. $#input) {
	my ($t, $received) = split /@/, $input[$number];
	my $r = [$t, $number, 'waits'];
	if (defined $received) {
		if ($t > $received + 24 * $hour) { push @refused, $r; next }
		$reached = $t if $t > $reached;
	} else {
		push @seen, $r;
	}
	my @last = @seen > 15 ? @seen[-15 .. -1] : @seen;
	for my $again (1 .. 16) {
		for my $w (grep { $_->[2] eq 'waits' } @last) {
			enter($w) if $w->[0] <= $reached || @last - ahead($w, @last) >= 8;
		}
	}
	# A whole window in which it was none of the majority: fallen out of the last 15.
	for my $w (grep { $_->[2] eq 'waits' } @last) {
		my @later = grep { $_->[1] > $w->[1] } @last;
		next if 15 - ahead($w, @later) >= 8;
		$w->[2] = 'refused';
		push @refused, $w;
	}
	enter($r) if defined $received;
	my $now = $reached - $lateness;
	next if $now < $floor;
	@order = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @order;
	push @out, shift @order while @order && $order[0][0] <= $now;
	$floor = $now;
}
push @out, sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } @order;
push @out, sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] } grep { $_->[2] eq 'waits' } @seen;
my $list = sub { return join(' ', map { "e$_->[1]" } @_) . "\n" };
open my $file, '>', 'wanted' or die;
print {$file} $list->(@out), $list->(@late), $list->(sort { $a->[1] <=> $b->[1] } @refused);
print "@input\n";
END
ids() { bp-print --format tsv --fields event_id "$1" | sed 1d | tr '\n' ' ' | sed 's/ $//'; echo; }
compare() {
	{
		ids out.bp
		ids late.bp
		bp-print --format raw rejects.bp >refused.bp
		ids refused.bp | tr -d e | tr ' ' '\n' | sort -n | sed 's/^./e&/' | paste -sd ' '
	} >got
	diff wanted got
}
for i in 0 1 2 3 4 5 6 7 8; do
	lateness=$((i * 30))
	given $(perl reference.pl $((seed + i)) 800 $lateness)
	bp-sort --lateness ${lateness}s --late late.bp --rejects rejects.bp --stats stats in.bp \
		>out.bp 2>/dev/null
	ok "random stream $i has some to reject" [ "$(counter rejected_total)" -gt 0 ]
	ok 'all is as the definition says' compare
	ok "and the conservation law holds" balance
	# The same in two runs with a snapshot between them.
	perl -I "$root/tests/perl" -e '
		use Bannerpipe qw(slurp spew); use Msgpack qw(split_stream control);
		my @r = @{ (split_stream(slurp("in.bp")))[0] };
		spew("a.bp", join "", @r[0 .. $ARGV[0] - 1]);
		spew("b.bp", join "", @r[$ARGV[0] .. $#r], control(4));' $((100 * i + 7))
	rm -rf state
	for part in a b; do
		bp-sort --lateness ${lateness}s --state state <$part.bp 2>/dev/null
	done >two.bp
	cp out.bp one.bp
	ok 'two runs with a snapshot give the same' sh -c '
		head -c "$(wc -c <one.bp)" two.bp | cmp - one.bp'
done
done_testing
