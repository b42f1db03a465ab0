#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-tune under barriers that come fast, and killed: who was champion, who had to go and what
# all have learned has the bytes of the plain pipeline, and no change is left unmarked.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"
. "$root/tests/pipe/changing.sh"

echo 'creative = field creative_id' >clicks.spec
cat >list <<'END'
steady = --spec clicks.spec --noise 0
wild   = --spec clicks.spec -a sgd --rate 10
drift  = --spec clicks.spec --noise {1e-3,1e-2}
END
outcomes 100000 12500 3 >log
command='bp-parse --format json log | bp-tune --memory 64M --candidates list --at-once 2 \
    --model model --live live --warm-up 500 --report 20000 >>tuned'
mkdir plain
ln log list clicks.spec plain
(cd plain && bash -o pipefail -c "$command" 2>err)
ok 'the plain pipeline ends well' test $? -eq 0
like 'it promotes' promoted sh -c 'bp-print --format json plain/tuned | grep decision'
like 'and drops' dropped sh -c 'bp-print --format json plain/tuned | grep decision'

export BP_STATE_CHECK=1
n=0
while [ "$n" -lt 3 ] && start 2 "$command" && until_true commits; do
	crash tune
	n=$((n + 1))
done
ok 'each start has committed before it was killed' test "$n" -eq 3
start 2 "$command"
finish
ok 'the pipeline ends well' test $? -eq 0
ok 'no change was left unmarked' sh -c '! grep "not marked" err'
for output in tuned model; do
	ok "$output has the bytes of the plain pipeline" cmp "$output" "plain/$output"
done
done_testing
