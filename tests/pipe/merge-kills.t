#!/bin/bash
# SPDX-License-Identifier: MIT
# once: a long campaign; hosts-kills and run-faults kill in every build
#
# bp-merge in pipelines of bp-run: two sources of which one ends early, and a diamond with
# two sinks. Every stage is killed after a commit, and the runner is stopped; what comes out
# in the end is what comes out of the plain pipeline.
. "${0%/*}/lib.sh"
unset BP_DIR

gen_log 120000 7 >long 2>/dev/null
gen_log 1500 8 >short 2>/dev/null

parsed() { echo "bp-parse --stage parse-$1 --format combined --max-rejects 100% $1"; }
fan_in() { # OUT
	echo "bp-merge <($(parsed long) | bp-sort --stage sort-long) \
	    <($(parsed short) | bp-sort --stage sort-short) | bp-print --format json >>$1.json"
}
diamond() {
	echo "$(parsed long) | bp-sort |
	    tee >(bp-select --stage few 'status >= 500' >$1.fifo) |
	    bp-merge --memory 64M - $1.fifo | tee >(bp-dedupe >>$1.bp) |
	    bp-print --format json >>$1.json"
}

committed() { sed -n 's/^epoch //p' "$1/committed" 2>/dev/null; }
moved() { [ "$(committed "$1")" != "$before" ]; }
ended() { ! kill -0 "$runner" 2>/dev/null; }
moved_or_ended() { moved "$1" || ended; }

# campaign NAME OUT STAGE...: kill each of these after a commit.
campaign() {
	shape=$1 out=$2
	shift 2
	mkfifo plain.fifo "$out.fifo" 2>/dev/null
	bash -o pipefail -c "$($shape plain)" 2>/dev/null
	killed=0
	bp-run --dir "$out" --every 10ms -- "$($shape "$out")" 2>"$out.err" &
	runner=$!
	for stage; do
		before=$(committed "$out")
		until_true moved_or_ended "$out"
		kill -KILL "$(sed -n 's/^pid //p' "$out/stage/$stage/member")" 2>/dev/null &&
			killed=$((killed + 1))
	done
	before=$(committed "$out")
	until_true moved_or_ended "$out"
	kill -TERM "$runner" 2>/dev/null
	wait "$runner"
	stopped=$?
	bp-run --dir "$out" --every 10ms -- "$($shape "$out")" 2>>"$out.err"
	report $? "$shape: it ends well, after $killed kills and a stop" "$(tail "$out.err")"
	[ "$stopped" -eq 0 ] && [ "$killed" -gt 0 ]
	report $? "$shape: stages were killed, and the stop was in order" "exit $stopped"
	ok "$shape: the bytes of the plain pipeline" cmp "$out.json" plain.json
	ok "$shape: the folder is sound" bp-run check "$out"
}

campaign fan_in in parse-short merge sort-long print parse-long sort-short merge
rm -f plain.*
campaign diamond out merge few parse-long dedupe sort print merge
ok 'diamond: the other sink, too' cmp out.bp plain.bp
done_testing
