#!/bin/bash
# SPDX-License-Identifier: MIT
# once: it is about folders and processes, not about a build
#
# bp-run audit: a replay from the beginning gives the same outputs and states, and what is
# wrong is found and named, while nothing is changed.
. "${0%/*}/lib.sh"
unset BP_DIR

gen_log 60000 7 >log 2>/dev/null
pipeline() { # OUT
	echo "bp-parse --max-rejects 100% --rejects $1.rej log 2>parse.err |
	    bp-select --memory 64M 'status >= 200' | bp-sort --memory 64M --lateness 5s |
	    bp-dedupe --memory 64M | tee >(bp-metric --memory 64M --count events \\
	    --by slot_id --window 1m >>$1.bp) | bp-print --format json >>$1.json"
}
sums() { sha256sum "$@" >sums; }
unchanged() { sha256sum --quiet -c sums; }
nothing_left() { ! ls -d ./*.audit.* 2>/dev/null; }
flip() { # FILE BYTE
	perl -e 'open my $f, "+<", $ARGV[0]; seek $f, $ARGV[1], 0; read $f, my $c, 1;
	    seek $f, $ARGV[1], 0; print $f chr(ord($c) ^ 4)' "$1" "$2"
}

# --- a finished pipeline
echo '{"what was": "there before"}' >out.json
bp-run --dir d -- "$(pipeline out)"
sums out.* d/stage/*/* d/generation d/topology d/command
like 'a finished pipeline is sound' '^sound: 60000 records, [0-9]* bytes of output, 6 states equal$' \
	bp-run audit d
exits 'and exits 0' 0 bp-run audit d
exits 'in one folder that is kept' 0 bp-run audit --scratch kept d
ok 'it is' test -e kept/stage/parse/compared
exits 'but not used again' 100 bp-run audit --scratch kept d
ok 'nothing was changed' unchanged
ok 'nothing is left' nothing_left
bytes=$(cat out.json out.bp out.rej | wc -c)
before=$(echo '{"what was": "there before"}' | wc -c)
like 'all bytes of the outputs are counted' " $((bytes - before)) bytes of output" bp-run audit d
echo more >>log
like 'what was added to the input since does not matter' '^sound: 60000 records' bp-run audit d

# --- differences
cp out.json kept.json
flip out.json 100000
like 'a changed byte of an output is named' \
	'^print: standard output differs from what is made again, at byte 100000$' bp-run audit d
exits 'with status 1' 1 bp-run audit d
same 'and is the only difference' 1 sh -c 'bp-run audit d | wc -l'
cp kept.json out.json
head -c 200000 kept.json >out.json
like 'a missing end' 'print: standard output differs .* byte 200000: it ends there$' bp-run audit d
{ cat kept.json; echo more; } >out.json
like 'too much' "print: standard output differs .* byte $(wc -c <kept.json): it has more$" bp-run audit d
flip out.json 5
like 'bytes from before the beginning' 'other bytes before byte' bp-run audit d
cp kept.json out.json
cp out.rej kept.rej
flip out.rej 5000
flip out.json 5000
like 'of several differences each' '^parse: out.rej differs .*byte 5000$' bp-run audit d
like 'is named' '^print: .*byte 5000$' bp-run audit d
cp kept.json out.json
cp kept.rej out.rej
mv out.bp away
exits 'a missing output' 100 bp-run audit d
ok 'is not made' test ! -e out.bp
mv away out.bp
ok 'the outputs are as they were' unchanged

# --- states
cp -R d forged
snapshot=$(ls forged/stage/dedupe/0000000*.snap | tail -n 1)
rewrite() { snapshots "$@" "$snapshot" >new && cp new "$snapshot"; }
rewrite flip 200
like 'a changed state' \
	'^dedupe: its state differs from what is made again, at byte [0-9]* of [0-9]*' bp-run audit forged
like 'though all checksums are right' 'is sound' bp-run check forged
exits 'status 1' 1 bp-run audit forged
cp "d/${snapshot#forged/}" "$snapshot"
rewrite add 2 7
like 'a changed counter' '^dedupe: counter dropped is [0-9]*, again it is [0-9]*$' bp-run audit forged
rm -rf forged

# --- another filter
cp -R d other
epochs put other/command "argument $(pipeline out | tr -d '\n\t' | sed 's/%/%25/; s/ *\\\\//; s/>= 200/>= 400/')
"
like 'another expression' 'EXPRESSION status >= 200, this run has --EXPRESSION status >= 400' \
	bp-run audit other
epochs put other/command "argument $(pipeline out | tr -d '\n\t' | sed 's/%/%25/; s/ *\\\\//; s/lateness 5s/lateness 9s/')
"
like 'another option of a state' 'lateness' bp-run audit other
exits 'is refused' 100 bp-run audit other
ok 'the outputs are as they were' unchanged


# --- another input
cp log kept.log
perl -pi -e 's/ 200 / 201 / if $. == 30000' log
like 'a line of the input was changed: what came of it' '^print: standard output differs' bp-run audit d
cp kept.log log

# --- one process
line=$(pipeline fused | tr -d '\n\t' | sed 's/tee >(.*>>fused.bp) |//; s/2>parse.err//')
bp-run --fuse --every 5ms --dir f -- "$line" 2>/dev/null
like 'a pipeline in one process' '^sound: 60001 records, .*, 5 states equal$' bp-run audit --fuse f
like 'is that of processes' '^sound: 60001 records, .*, 5 states equal$' bp-run audit f
flip fused.json 4711
like 'a difference is found there, too' '^print: .* byte 4711$' bp-run audit --fuse f

# --- after kills, beside the live pipeline, after a stop
gen_log 300000 8 >log 2>/dev/null
bp-run --dir k --every 20ms -- "$(pipeline kills)" 2>k.err &
runner=$!
advanced() { [ "$(sed -n 's/^epoch //p' k/committed 2>/dev/null)" \> "${1-}" ]; }
killed() { kill -KILL "$(sed -n 's/^pid //p' "k/stage/$1/member")" 2>/dev/null; }
until_true advanced
for victim in sort print metric; do
	last=$(sed -n 's/^epoch //p' k/committed)
	until_true killed $victim
	until_true advanced "$last"
done
like 'beside the live pipeline' '^sound: [0-9]* records' bp-run audit k
kill -TERM $runner
wait $runner
read_before=$(bp-run status --json k | jq '.stages[] | select(.id == "parse") | .in')
like 'after kills and a stop' "^sound: $read_before records, [0-9]* bytes of output, 6 states equal$" \
	bp-run audit k
bp-run --dir k -- "$(pipeline kills)" 2>>k.err
like 'and at the end' '^sound: 300000 records, [0-9]* bytes of output, 6 states equal$' bp-run audit k

# --- compressed outputs, sources of other kinds
zstd -qf log
bp-run --dir z -- 'zstdcat log.zst | bp-parse --max-rejects 100% 2>/dev/null |
    bp-select --compress true >>z.zst'
like 'a pipe that repeats itself, a compressed output' '^sound: 300000 records' bp-run audit z
head -1000 log >short && zstd -qf short -o log.zst
like 'one that ends early' 'standard input does not give the same again: it ends after 1000 records of 300000' \
	bp-run audit z
sed 's/GET/PUT/' log | zstd -qf -o log.zst
like 'one with other bytes' 'standard input does not give the same again: it has other bytes' bp-run audit z
cat >followed <log
bp-run --dir t --every 20ms -- 'bp-parse --follow --max-rejects 100% followed 2>/dev/null |
    bp-dedupe >>t.bp' 2>/dev/null &
runner=$!
all_read() { [ "$(bp-run status --json t 2>/dev/null | jq '.stages[] | select(.id == "parse") | .in')" = 300000 ]; }
until_true all_read
like 'a followed file, beside its pipeline' '^sound: 300000 records, [0-9]* bytes of output, 2 states equal$' \
	bp-run audit t
kill -TERM $runner
wait $runner
like 'and after it' '^sound: 300000 records' bp-run audit t

# --- nothing is written
bp-run --dir m -- 'bp-parse --map '"$root/pipelines/access-log.map"' --format combined \
    --max-rejects 100% log --stats stats 2>/dev/null | bp-sort | bp-join |
    bp-learn --model model.bp | tee copy | bp-print --format json >>learned' 2>m.err
ok 'a pipeline that writes a model' test -s model.bp
echo other >copy
sums model.bp learned stats
like 'an audit of it' '^sound: ' bp-run audit --scratch scratch.m m
ok 'writes no model, no stats' unchanged
done_testing
