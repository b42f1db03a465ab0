#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bp-merge between programs: a diamond of tee and branches that differ much, inputs that
# come slowly, signals.
. "${0%/*}/lib.sh"
unset BP_DIR

gen_log 60000 3 >log 2>/dev/null
bp-parse --max-rejects 100% log 2>/dev/null | bp-sort >all.bp
bp-select 'status >= 500' <all.bp | bp-select --fields status true >few.bp
bp-merge few.bp all.bp >want.bp
ok 'the merged stream has more than the pipes between can hold' \
	test "$(stat -c %s all.bp)" -gt 8000000

# --- a diamond: one branch says nothing for long
mkfifo left right
diamond() { # CONDITION OPTIONS...
	condition=$1
	shift
	tee left <all.bp >right &
	timeout 300 bp-merge --stats stats "$@" <(bp-select "$condition" <left |
		bp-select --fields status true) right >got.bp
	status=$?
	kill $! 2>/dev/null
	wait $! 2>/dev/null
	return $status
}
ok 'a diamond comes to its end' diamond 'status >= 500'
ok 'with the bytes of the same two as files' cmp got.bp want.bp

# Without watermarks a branch that lets nothing through is a gap as long as the stream.
bp-select true <all.bp | perl -e 'local $/; $_ = <STDIN>; s/\xc7\x17B.{23}//gs; print' >records.bp
mv records.bp all.bp
ok 'so does one whose branch lets nothing through, with little memory' \
	diamond 'status == 0' --memory 32M
ok 'with the bytes of the other branch' cmp got.bp all.bp
like 'what did not fit was spilled' '^bannerpipe_spilled_bytes_total{filter="merge"} [1-9]' \
	cat stats

# --- arrival does not matter
slowly() { perl -e '$| = 1; srand shift; local $/; $_ = <STDIN>; while (length) {
	syswrite STDOUT, substr $_, 0, 1 + int rand 300000, ""; select undef, undef, undef,
	rand 0.01 }' "$1"; }
seed=${SEED:-$$}
echo "# SEED=$seed"
for i in 1 2 3; do
	bp-merge <(slowly $((seed + i)) <few.bp) <(slowly $((seed + 3 + i)) <all.bp) >got.bp
	bp-merge few.bp all.bp >want.bp
	ok "the same bytes, however they come ($i)" cmp got.bp want.bp
done

# --- TERM: what was read goes out, although the other input has not spoken
mkfifo silent
sleep 300 >silent &
sleeper=$!
head -c 100000 all.bp | bp-select true >some.bp 2>/dev/null
(cat some.bp; exec sleep 300) >right &
feeder=$!
bp-merge silent right >got.bp &
merge=$!
has_read() { [ "$(sed -n 's/^rchar: //p' /proc/$merge/io)" -ge "$(stat -c %s some.bp)" ]; }
until_true has_read
kill -TERM $merge
wait $merge
same 'TERM: exit 0' 0 echo $?
pkill -P $feeder 2>/dev/null
kill $sleeper $feeder 2>/dev/null
ok 'TERM: what was read of one input' cmp got.bp some.bp
done_testing
