#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bp-run from one start to its end: the same bytes, what it refuses, what it reports.
. "${0%/*}/lib.sh"
unset BP_DIR

gen_log 20000 7 >log 2>/dev/null
pipeline() { # OUT
	echo "bp-parse --max-rejects 100% log | bp-select 'status >= 300' |
	    tee >(bp-metric --count events --by slot_id >>$1.bp) |
	    bp-print --format json >>$1.json"
}
bp-parse --max-rejects 100% log 2>/dev/null | bp-select 'status >= 300' | tee want |
	bp-print --format json >want.json
bp-metric --count events --by slot_id <want >want.bp

exits 'the pipeline ends' 0 bp-run --dir d -- "$(pipeline out)"
ok 'with the bytes of the plain one' cmp out.json want.json
ok 'in every branch' cmp out.bp want.bp
like 'started again, it says that it is finished' 'd is finished' \
	bp-run --dir d -- "$(pipeline out)"
exits 'and exits 0' 0 bp-run --dir d -- "$(pipeline out)"
ok 'and nothing was written again' cmp out.json want.json

# --- reports
bp-run status d >status
like 'status: finished' '^state  *finished$' cat status
like 'status: counters' '^parse  *20000 ' cat status
like 'status: the command' '^command  *bp-parse --max-rejects 100% log' cat status
same 'status as JSON' 'finished 20000 20000 true true' sh -c "bp-run status --json d |
	jq -r '\"\\(.state) \\(.stages[] | select(.id == \"parse\") |
	    \"\\(.in) \\(.out + .rejected) \\(.source)\") \\(.stages[] |
	    select(.id == \"metric\") | .sink)\"'"
like 'check: sound' 'd is sound: 4 stages' bp-run check d
exits 'check exits 0' 0 bp-run check d
exits 'a folder that is none' 100 bp-run status .

# --- every file that is damaged is named
for file in generation topology command stage/*/member stage/*/*.snap; do
	cp -R d damaged
	for path in damaged/$file; do
		size=$(stat -c %s "$path")
		perl -e 'open my $f, "+<", $ARGV[0]; seek $f, $ARGV[1], 0; read $f, my $c, 1;
		    seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 4)' "$path" $((size * 2 / 3))
		bp-run check damaged >faults
		[ $? -eq 1 ] && grep -q "^[^:]*$path" faults
		report $? "check names ${path#damaged/}" "$(cat faults)"
		cp "d/${path#damaged/}" "$path"
	done
	rm -rf damaged
done
cp -R d damaged
rm "$(ls damaged/stage/select/*.snap | grep -v origin | tail -n 1)"
like 'check: a missing snapshot' 'damaged/stage/select cannot restore the committed epoch' \
	bp-run check damaged


# --- outputs that are not what was committed
cp out.json kept.json
size=$(wc -c <out.json)
head -c 5000 kept.json >out.json
like 'check: an output that is too short' \
	"^$dir/out.json, an output of print, ends at byte 5000, but $size were committed$" bp-run check d
exits 'is a fault' 1 bp-run check d
{ head -c $((size - 100)) kept.json && head -c 100 /dev/zero; } >out.json
like 'check: other bytes' \
	"^$dir/out.json, an output of print, has other bytes .* between byte $((size - 4096)) and $size$" \
	bp-run check d
mv out.bp away
like 'check: an output that is missing' "^cannot open $dir/out.bp, an output of metric" bp-run check d
mv away out.bp
{ cat kept.json && echo more; } >out.json
like 'check: what comes behind is not committed' 'is sound' bp-run check d
cp kept.json out.json

# --- a program that is no stage at the end
warning='print writes to a program that is no stage: after a restart .*(write to a file: >> FILE)'
like 'a foreign reader is warned of' "$warning" bp-run --dir n -- 'bp-parse --max-rejects 100% log |
    bp-print --format json | gzip >>n.gz'
same 'once' 1 sh -c "bp-run --dir o --every 5ms -- 'bp-parse --max-rejects 100% log |
    bp-print --format json | { head -c 100000; [ -e second ] && cat; touch second; } >>o.out' 2>&1 |
    grep -c 'is no stage: after'"
same 'a file of a stage is no reason' 0 sh -c 'bp-run --dir p -- "$1" 2>&1 |
    grep -c "no stage: after"' - "$(pipeline p)"
cp n.gz kept.gz
like 'and it cannot be audited' 'print writes to a program that is no stage' bp-run audit n
exits 'which is wrong use' 100 bp-run audit n
ok 'nor does that start the program again' cmp n.gz kept.gz

# --- wrong use
like 'another command is refused' "another command: '.*>>other.json' there\|another command" \
	bp-run --dir d -- "$(pipeline other)"
exits 'with status 100' 100 bp-run --dir d -- "$(pipeline other)"
exits '--new-command takes it' 0 bp-run --dir d --new-command -- "$(pipeline other)"
exits 'no --dir' 100 bp-run -- true
exits 'no command' 100 bp-run --dir e
exits 'a bp-run in a bp-run' 100 env BP_DIR=x bp-run --dir e -- true
exits '--stall below three times --every' 100 bp-run --dir e --stall 2s -- true
exits 'a command without stages' 100 bp-run --dir f -- true
exits 'a program that is not there' 100 bp-run --dir g -- no-such-program x
exits 'or is not there for the shell' 100 bp-run --dir h -- no-such-program

exits 'a program in the middle that is not there' 100 bp-run --dir m -- \
	'bp-parse --max-rejects 100% log | bp-sort --lateness 1m | bp-selekt 1 >>m.bp'
like 'is named' 'there is no program bp-selekt' bp-run --dir m -- 'bp-selekt 1 | bp-print >>m.bp'
exits 'a pipeline that has not begun can be mended, options too' 0 bp-run --dir m -- \
	'bp-parse --max-rejects 100% log | bp-sort --lateness 2m | bp-dedupe >>m.bp'
bp-parse --max-rejects 100% log 2>/dev/null | bp-sort --lateness 2m | bp-dedupe >want.m
ok 'and gives the right bytes' cmp m.bp want.m
like 'and its folder is sound' 'm is sound: 3 stages' bp-run check m

refused() { # NAME PATTERN COMMAND
	rm -rf i
	like "$1" "$2" bp-run --dir i -- "$3"
	exits "$1: status 100" 100 bp-run --dir i -- "$3"
	same "$1: only once a start" 'generation 2' grep ^generation i/generation
}
refused 'a wrong option of a stage' 'no option --wrong' \
	'bp-parse log | bp-select --wrong 1 | bp-print >>x'
refused 'a wrong value of an option' 'wants one of' \
	'bp-parse log | bp-print --format wrong >>x'
refused 'a file that every start would empty' '>> ' 'bp-parse log | bp-print --format json >x'
refused 'an end that is no stage' 'is read by no stage' \
	"bp-parse log | bp-select 'status > 0' | cat >>x"
refused 'two stages of one name' '--stage NAME' \
	'bp-parse log | tee >(bp-print >>x) >(bp-print >>y) | bp-print >>z'

# --- a script of several words, and stages that are not first in a command
cat >script <<'S'
#!/bin/bash
prefix=$1
zstd -qdc log.zst | bp-parse --format combined --max-rejects 100% |
	bp-print --format json >>"$prefix.json"
S
chmod +x script
zstd -q log
bp-parse --max-rejects 100% log 2>/dev/null | bp-print --format json >want.json
exits 'a program and its arguments' 0 bp-run --dir j -- ./script 'a b'
ok 'a source that reads a pipe' cmp 'a b.json' want.json
exits 'rejects beyond --max-rejects are status 1, as without bp-run' 1 bp-run --dir k -- \
	'bp-parse log | bp-print --format json >>k.json'
# The shell says the last status that is not 0, and rejects must not hide a dead producer.
cat >producer <<'S'
#!/bin/bash
head -n 500 log
[ -e armed ] && rm armed && kill -KILL $$
tail -n +501 log
S
chmod +x producer
: >armed
exits 'a producer that is killed is started again, whatever was rejected' 1 bp-run --dir l -- \
	'./producer | bp-parse --format combined | bp-print --format json >>l.json'
ok 'and all of it was read' cmp l.json want.json
done_testing
