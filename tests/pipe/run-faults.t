#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bp-run when things go wrong: kills of everything that can be killed, orphans, a planned
# stop, a stall, a poisonous record, records that get lost. SEED repeats the random part.
. "${0%/*}/lib.sh"
unset BP_DIR
seed=${SEED:-$RANDOM}
echo "# SEED=$seed"
RANDOM=$seed

# Six stages, two sinks. It takes its time, so that it can be killed.
gen_log 300000 7 >log 2>/dev/null
stages='parse select sort dedupe metric print'
pipeline() { # OUT
	echo "bp-parse --max-rejects 100% log 2>parse.err |
	    bp-select --memory 64M 'status >= 200' | bp-sort --memory 64M --lateness 5s |
	    bp-dedupe --memory 64M | tee >(bp-metric --memory 64M --count events \\
	    --by slot_id --window 1m >>$1.bp) | bp-print --format json >>$1.json"
}
bp-parse --max-rejects 100% log 2>/dev/null |
	bp-select 'status >= 200' | bp-sort --lateness 5s | bp-dedupe | tee want |
	bp-print --format json >want.json
bp-metric --count events --by slot_id --window 1m <want >want.bp

run() { # FOLDER [OPTION...] COMMAND: in the background
	bp-run --dir "$1" --every 20ms "${@:2:$#-2}" -- "${!#}" 2>>"$1.err" &
	runner=$!
}
generation() { sed -n 's/^generation //p' "$1/generation" 2>/dev/null; }
is_generation() { [ "$(generation "$1")" = "$2" ]; }
committed() { sed -n 's/^epoch //p' "$1/committed" 2>/dev/null; }
advanced() { [ "$(committed "$1")" \> "$2" ]; }
joined() { # FOLDER: all stages of the present generation
	for stage in $stages; do
		grep -qx "generation $(generation "$1")" "$1/stage/$stage/member" 2>/dev/null ||
			return 1
	done
}
pid_of() { sed -n 's/^pid //p' "$1/stage/$2/member"; }
leader() { sed -n 's/^group \([0-9]*\).*/\1/p' "$1/lock"; }
gone() { ! kill -0 "$1" 2>/dev/null; }
same_bytes() { cmp "$1.json" want.json && cmp "$1.bp" want.bp; }

# --- every stage, and the shell, once
run a "$(pipeline a)"
n=1
for victim in $stages shell; do
	until_true is_generation a $n && until_true joined a || break
	[ $victim = shell ] && pid=$(leader a) || pid=$(pid_of a $victim)
	kill -KILL "$pid"
	n=$((n + 1))
	ok "$victim is killed, and all start again" until_true is_generation a $n
done
wait $runner
ok 'it ends well' test $? -eq 0
ok 'with the same bytes' same_bytes a
like 'deaths are said' 'died before its end: starting all again' cat a.err
like 'and the folder is sound' 'is sound' bp-run check a

# --- the runner itself; what it leaves ends, or is killed by the next
run b "$(pipeline b)"
until_true joined b
kill -KILL $runner
wait $runner 2>/dev/null
orphan=$(pid_of b dedupe)
run b "$(pipeline b)"
# Not to its end, for what follows.
read_some() { ls b/stage/parse/00000002*.snap >/dev/null 2>&1; }
until_true read_some
kill -STOP "$(pid_of b parse)"
ok 'an orphan of a killed runner is killed' until_true gone "$orphan"
ok 'and a new generation begins' until_true is_generation b 2

# --- another runner
until_true joined b
like 'a second bp-run is refused' 'in the hands of another bp-run, process' \
	bp-run --dir b -- "$(pipeline b)"
exits 'with status 100' 100 bp-run --dir b -- "$(pipeline b)"
like 'status says who' "running, process $runner" bp-run status b

# --- a planned stop
kill -TERM $runner
kill -CONT "$(pid_of b parse)"
wait $runner
ok 'TERM stops it with status 0' test $? -eq 0
like 'and says where' 'stopped; the next start goes on from epoch' cat b.err
like 'status: stopped' '^state  *stopped$' bp-run status b
read_before=$(bp-run status --json b | jq '.stages[] | select(.id == "parse") | .in')
ok 'some of the input was read' test "$read_before" -gt 0 -a "$read_before" -lt 300000
# What dies closes its files one by one: a stage's lock may be held for longer than the
# folder's.
BP_DIR=$dir/b flock b/stage/parse/lock sleep 1000 &
holder=$!
disown
until_true sh -c '! flock -n b/stage/parse/lock true'
run b "$(pipeline b)"
wait $runner
ok 'the next start goes on, past a stage that has not ended' test $? -eq 0
pkill -P $holder
ok 'to the same bytes' same_bytes b

# --- at random
run c "$(pipeline c)"
for _ in $(seq 12); do
	sleep "0.$((RANDOM % 20 + 10))"
	kill -0 $runner 2>/dev/null || break
	case $((RANDOM % 6)) in
	0)
		kill -KILL $runner
		wait $runner 2>/dev/null
		run c "$(pipeline c)"
		;;
	1) [ "$(leader c)" -gt 1 ] && kill -KILL -- "-$(leader c)" ;;
	2)
		kill -TERM $runner
		wait $runner
		run c "$(pipeline c)"
		;;
	*)
		set -- $stages
		shift $((RANDOM % 6))
		kill -KILL "$(pid_of c "$1")"
		;;
	esac 2>/dev/null
done
wait $runner
ok 'killed at random, it ends well' test $? -eq 0
ok "with the same bytes (SEED=$seed)" same_bytes c

# --- restarts that help nothing
printf '{"n":1}\n{"n":"die"}\n{"n":3}\n{"n":4}\n' >poisoned
command="bp-parse --format json poisoned | poison | bp-print --format json"
exits '--restarts gives up' 111 bp-run --dir d --restarts 2 --quarantine-after 0 -- \
	"$command >>d.json"
same 'after so many' 'generation 3' grep ^generation d/generation

# --- quarantine
exits 'a poisonous record does not stop it' 0 bp-run --dir e -- \
	"bp-parse --format json poisoned | poison --max-rejects 1 | bp-print --format json >>e.json"
same 'it is rejected unseen' '{"n":1}
{"n":3}
{"n":4}' cat e.json
same 'listed' 'poison 2' sed -n '/^poison/p' e/quarantine
like 'kept' 'die' cat e/stage/poison/dead
like 'shown' '^quarantine  *poison record 2$' bp-run status e
same 'and shown as JSON' '{"stage":"poison","record":2}' \
	sh -c 'bp-run status --json e | jq -c ".quarantine[]"'
like 'the folder is sound' 'is sound' bp-run check e

# --- a stall: first it is broken off, then its record is quarantined
printf '{"n":1}\n{"n":"hang"}\n{"n":3}\n' >hanging
bp-run --dir f --stall 1s --every 50ms --quarantine-after 1 -- \
	"bp-parse --format json hanging | poison --max-rejects 1 |
	bp-print --format json >>f.json" 2>f.err
ok 'a record without end does not stop it' test $? -eq 0
like 'the stall is said' 'nothing was committed for 1s: starting all again' cat f.err
same 'and the others come out' '{"n":1}
{"n":3}' cat f.json
printf '{"n":1}\n' >one
bp-run --dir g --stall 10s --every 50ms -- \
	"bp-parse --format json --follow one | bp-print --format json >>g.json" 2>g.err &
runner=$!
until_true test -s g.json
before=$(committed g)
ok 'without input there is no stall: the sources commit that nothing came' \
	until_true advanced g "$before"
ok 'nor a restart' is_generation g 1
kill -TERM $runner
wait $runner
ok 'a followed file is stopped' test $? -eq 0

# --- a program that loses records
cat >loses <<'P'
#!/usr/bin/perl
# Leaves out the record {"n": 2}, as bytes.
$| = 1;
while (sysread STDIN, my $bytes, 65536) {
	$bytes =~ s/\x81\xa1n\x02//;
	print $bytes;
}
P
chmod +x loses
printf '{"n":1}\n{"n":2}\n{"n":3}\n' >three
exits 'a lost record stops the pipeline' 100 bp-run --dir h -- \
	"bp-parse --format json three | ./loses | bp-print --format json >>h.json"
like 'and is said' 'does not balance: parse sent 3 records, but into print came 2' \
	bp-run --dir h -- \
	"bp-parse --format json three | ./loses | bp-print --format json >>h.json"
like 'check says it too' 'does not balance' bp-run check h
exits '--ledger warn goes on' 0 bp-run --dir h --ledger warn -- \
	"bp-parse --format json three | ./loses | bp-print --format json >>h.json"

# --- a terminal
script -qfec 'bp-run --dir i -- "bp-parse --format json --follow one |
	bp-print --format json >>i.json"' tty >/dev/null 2>&1 </dev/null &
until_true grep -q 'generation 1, epoch' tty
ok 'a line tells the state on a terminal' grep -q 'generation 1, epoch .*committed' tty
kill -TERM "$(bp-run status --json i | jq .pid)"
wait

# --- a producer that is silent at first is no stall; a stage that hangs is one
head -5000 log | bp-parse --max-rejects 100% --format combined 2>/dev/null >records
mkfifo quiet hung
timeout 300 bp-run --dir quiet.d --every 20ms --stall 3s -- \
	'cat quiet | bp-select true | bp-print --format json >>quiet.json' 2>quiet.err &
runner=$!
exec 9>quiet
ok 'a silent producer is waited for' until_true grep -q 'waiting for the first input' quiet.err
cat records >&9
exec 9>&-
wait $runner
ok 'until it speaks' test $? -eq 0
same 'without a restart' 'generation 1' grep ^generation quiet.d/generation
bp-print --format json <records >want.quiet
ok 'and what it says comes out' cmp quiet.json want.quiet
timeout 300 bp-run --dir hung.d --every 20ms --stall 200ms --restarts 1 -- \
	'bp-parse --format json hung | bp-select true | bp-print >>hung.out' 2>hung.err
ok 'a stage that hangs before it says anything is started again' \
	grep -q 'nothing was committed for' hung.err
done_testing
