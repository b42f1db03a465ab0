#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two hosts: one's pipeline ends in bp-send, a bp-recv --log that is started again whenever
# it dies takes what comes, and another pipeline replays that log. Each of them is killed,
# again and again, both runners too; the bytes are those of one plain pipeline. Then the
# same of a bp-send that has only --state.
. "${0%/*}/lib.sh"
unset BP_DIR
seed=${SEED:-$RANDOM}
RANDOM=$seed
echo "# SEED=$seed"

gen_log 100000 7 >log 2>/dev/null
first="bp-parse --format combined --max-rejects 100% log | bp-sort | bp-dedupe"
last="bp-select 'status >= 300' | bp-print --format json"
a="$first | bp-send --chunk 16K --window 256K unix:wire"
b="bp-replay --follow spool | $last >>out"

bash -o pipefail -c "$first | $last" >plain 2>/dev/null

# The service that takes records: TERM ends it.
serve() { # LOG
	stopping=
	trap 'stopping=1; kill "$receiver" 2>/dev/null' TERM
	while [ -z "$stopping" ]; do
		bp-recv --listen unix:wire --log "$1" >/dev/null 2>>recv.err &
		receiver=$!
		echo "$receiver" >recv.pid.new && mv recv.pid.new recv.pid
		wait "$receiver"
	done
	wait
}

# keep NAME COMMAND: a runner that is started again when it is killed. Its stages refuse a
# file as standard output, which that of this test may be.
keep() {
	until bp-run --dir "$dir/$1" --every 10ms -- "$2" >/dev/null 2>>"$1.err"; do :; done 2>/dev/null &
}

runner_of() { pgrep -f "^bp-run --dir $dir/$1 " | head -n 1; }
stage() { sed -n 's/^pid //p' "$1/stage/$2/member" 2>/dev/null; }
victim() {
	case $1 in
	recv) cat recv.pid ;;
	runner-*) runner_of "${1#runner-}" ;;
	*) stage "${1%-*}" "${1#*-}" ;;
	esac
}
alive() { kill -0 "$(victim "$1")" 2>/dev/null; }
sender_ended() { ! kill -0 "$sender" 2>/dev/null; }
complete() { [ "$(stat -c %s out)" -ge "$(stat -c %s plain)" ]; }

# Nothing of this test outlives it: killed runners leave their groups to their lock.
clean() {
	kill -KILL "$server" $(runner_of a) $(runner_of b) 2>/dev/null
	for pid in $(cat recv.pid {a,b}/stage/*/member 2>/dev/null |
	    sed -n 's/^pid //p; /^[0-9]*$/p'); do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$dir"
}
trap clean EXIT

serve spool &
server=$!
until_true test -S wire
keep a "$a"
sender=$!
until_true test -d spool
keep b "$b"
replayer=$!

kills=0
for target in a-send recv b-replay runner-a a-send recv runner-b b-print recv a-sort; do
	size=$(stat -c %s out 2>/dev/null || echo 0)
	until_true alive "$target"
	sleep "0.0$((RANDOM % 90 + 10))"
	kill -KILL "$(victim "$target")" 2>/dev/null && kills=$((kills + 1)) &&
		echo "# killed $target at $size bytes"
done
for _ in 1 2 3; do until_true sender_ended && break; done
wait "$sender"
report $? "the sending host ends well" "$(tail -n 5 a.err)"
for _ in 1 2 3; do until_true complete && break; done
pid=$(runner_of b)
kill -TERM "$pid"
wait "$replayer"
report $? "the receiving host stops in order" "$(tail -n 5 b.err)"
kill -TERM "$server"
wait "$server"
[ "$kills" -ge 6 ]
report $? "they were killed" "$kills times"
ok "the bytes are those of one plain pipeline" cmp out plain
ok "the folder of the sender is sound" bp-run check a
ok "the folder of the receiver is sound" bp-run check b

# --- bp-send with a state of its own: one that was killed is given the same again
bash -o pipefail -c "$first" >stream 2>/dev/null
serve other &
server=$!
until_true test -d other
kills=0
for _ in 1 2 3 4 5 6; do
	bp-send --state sent --chunk 4K --window 64K unix:wire stream 2>>send.err &
	one=$!
	sleep "0.0$((RANDOM % 60 + 10))"
	[ $((RANDOM % 2)) -eq 0 ] && kill -KILL "$(cat recv.pid)"
	kill -KILL "$one" 2>/dev/null && kills=$((kills + 1))
	wait "$one" 2>/dev/null
done
bp-send --state sent --chunk 4K --window 64K unix:wire stream 2>>send.err
report $? "bp-send --state ends well after $kills kills" "$(tail -n 5 send.err)"
[ "$kills" -gt 0 ]
report $? "it was killed"
bp-send --state sent unix:wire stream
report $? "and goes on with more"
kill -TERM "$server"
wait "$server"
# Watermarks do not go back, so those of the second time are left out.
records() { bp-print --format json | grep -v '"$ext"'; }
bp-replay other | records >replayed
cat stream stream | records >twice
ok "the log has what it was given, once" cmp replayed twice
done_testing
