#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A pipeline in one process: the bytes, messages and statuses of a pipeline of processes.
. "${0%/*}/lib.sh"
map=$root/pipelines/access-log.map
zstd -dc "$data/shop-access.log.zst" >log
parse="bp-parse --format combined --map $map --max-rejects 100% --rejects"
line="$parse REJECTS log | bp-sort --lateness 1m | bp-join | bp-select 'event != \"page_view\"' |
    bp-print --format json"
line=$(printf %s "$line" | tr -d '\n')
for_() { printf %s "$line" | sed "s/REJECTS/$1/"; }

bash -o pipefail -c "$(for_ rejects.plain) >plain" 2>plain.err
bp-run fuse "$(for_ rejects.fused) >fused" 2>fused.err
ok 'a pipeline in one process ends well' test $? -eq 0
ok 'and writes the same bytes' cmp plain fused
ok 'the same rejects' cmp rejects.plain rejects.fused
ok 'and says the same' cmp plain.err fused.err

ok 'under bp-run it does too' \
    bp-run --fuse --dir state -- "$(for_ rejects.run) >>run"
ok 'with the same bytes' cmp plain run
ok 'the folder is sound' bp-run check state
# The stages are those of processes: either way of running goes on with the other's folder.
bp-run --fuse --every 5ms --dir mixed -- "$(for_ rejects.mixed) >>mixed.out" 2>errors &
pid=$!
until_true test -e mixed/topology
kill -9 $pid
wait $pid 2>/dev/null
ok 'what a killed one has left is finished by processes' \
    bp-run --dir mixed -- "$(for_ rejects.mixed) >>mixed.out"
ok 'with the same bytes, too' cmp plain mixed.out

same 'standard input and quotes' '{"event":"a b","x":"|"}' sh -c "
    echo '{\"event\":\"a b\",\"x\":\"|\"}' |
    bp-run fuse 'bp-parse --format json | bp-select \"event == \\\"a b\\\"\" | bp-print --format json'"
like 'what needs a shell is refused' "'\\$' at byte 10 needs a shell" bp-run fuse 'bp-print $x'
exits 'as wrong use' 100 bp-run fuse 'bp-print $x'
like 'so is a program that is none of ours' 'tee: no filter of bannerpipe' \
    bp-run fuse 'bp-parse log | tee copy'
like 'a second reader of text' 'reads text: it can only be the first' \
    bp-run fuse 'bp-parse --format json | bp-parse --format json'
like 'a second reader of files' 'only the first has an input of its own' \
    bp-run fuse 'bp-parse --format json log | bp-sort log'
like 'a quote that is not closed' 'is not closed' bp-run fuse "bp-select 'x"
like 'a program that is missing' 'a program is missing beside |' bp-run fuse 'bp-print | '
like 'the wrong use of one filter is that of the whole' 'bp-join: ' \
    bp-run fuse 'bp-parse --format json log | bp-join --no-such-option'
exits 'with its status' 100 bp-run fuse 'bp-parse --format json log | bp-join --no-such-option'
exits 'too many rejects have theirs' 1 \
    bp-run fuse 'bp-parse --format json log | bp-print >none'
like 'a stage that fails in the middle says why' \
    '^bp-sort: --memory must be' bp-run fuse 'bp-parse --format json log --max-rejects 100% | bp-sort --memory 1'
done_testing
