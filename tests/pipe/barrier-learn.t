#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The whole way from a log to a model and to rates, every filter of it killed in turn: model,
# predictions, rates and late ones have the bytes of the plain pipeline.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

gen_log 60000 21 >log 2>/dev/null
cp "$root/pipelines/access-log.map" "$root/pipelines/access-log.spec" .
command='bp-parse --format combined --map access-log.map --max-rejects 100% log |
    bp-sort --memory 64M --late late | bp-dedupe --memory 64M |
    bp-join --memory 64M --click-window 5m --orphans orphans |
    tee >(bp-metric --memory 64M --window 10m --by creative_id | bp-print >>rates) |
    bp-feature --memory 64M --spec access-log.spec | bp-learn --memory 64M --model model --report 5000 >>predicted'
mkdir plain
ln log access-log.map access-log.spec plain
(cd plain && bash -o pipefail -c "$command" 2>err)
ok 'the plain pipeline ends well' test $? -eq 0
ok 'and has learned something' test -s plain/model
n=0
for stage in parse sort dedupe join metric print feature learn; do
	start 8 "$command" || break
	until_true commits || break
	crash "$stage"
	n=$((n + 1))
done
ok 'all were killed once' test $n -eq 8
every=100
start 8 "$command"
finish
ok 'the pipeline ends well' test $? -eq 0
for output in late orphans rates predicted model; do
	ok "$output has the bytes of the plain pipeline" cmp "$output" "plain/$output"
done
done_testing
