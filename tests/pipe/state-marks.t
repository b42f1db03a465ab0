#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every filter with a large state, under barriers that come fast, with a check of every
# snapshot: what is composed from the files is what the state was. A change that is not
# marked ends the filter. Two crashes, so that chains go on from what was restored.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

seed=${SEED:-$(($$ % 1000 + 1))}
echo "# SEED=$seed"
gen_log 150000 "$seed" >log 2>/dev/null
cp "$root"/pipelines/access-log.map "$root"/pipelines/access-log.spec .
command='bp-parse --format combined --map access-log.map --max-rejects 100% log |
    tee >(bp-validate --memory 32M >>report) |
    bp-dedupe --memory 32M |
    bp-sort --memory 32M |
    tee >(bp-metric --memory 32M --count events --by creative_id >>metrics) |
    bp-join --memory 64M |
    bp-feature --memory 64M --spec access-log.spec |
    bp-learn --memory 32M --model model >>learnt'
stages=8
outputs='report metrics learnt'

mkdir plain
ln log access-log.map access-log.spec plain
(cd plain && bash -o pipefail -c "$command" 2>plain.err)
wanted=$?

export BP_STATE_CHECK=1
for stage in join feature; do
	start "$stages" "$command"
	until_true commits || break
	crash "$stage"
done
ok 'each start has committed before it was killed' commits
start "$stages" "$command"
finish
got=$?
ok "the exit status is that of the plain pipeline, $wanted" test "$got" -eq "$wanted"
ok 'no change was left unmarked' sh -c '! grep "not marked" err'
for output in $outputs; do
	ok "$output has the bytes of the plain pipeline" cmp "$output" "plain/$output"
done
done_testing
