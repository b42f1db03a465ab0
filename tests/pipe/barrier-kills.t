#!/bin/sh
# SPDX-License-Identifier: MIT
# once: a long campaign; hosts-kills and run-faults kill in every build
#
# Every stage of a pipeline with two sinks is killed, again and again; what comes out in the
# end is what comes out of the plain pipeline: text, records, rejects, late ones.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

gen_log 150000 5 >log 2>/dev/null
command='bp-parse --format combined --rejects rejects log |
    bp-select --memory 64M --rejects odd --max-rejects 100% "status >= 200" |
    bp-dedupe --memory 64M |
    tee >(bp-print --format csv --fields timestamp,status,url >>a.csv) |
    bp-sort --memory 64M --lateness 1s --late late |
    bp-print --stage last --format json >>b.json'
outputs='rejects odd a.csv late b.json'

mkdir plain
ln log plain/log
(cd plain && bash -o pipefail -c "$command" 2>plain.err)
ok 'the plain pipeline has rejected too many' test $? -eq 1

for stage in parse select dedupe print sort last parse last print dedupe; do
	start 6 "$command"
	until_true commits || break
	crash "$stage"
done
ok 'each start has committed more before it was killed' commits
every=100
start 6 "$command"
finish
ok 'a stage has done its part, whatever it rejected' test $? -eq 0
ok 'all sinks have reached the end' until_true epochs done "$state"
ok 'who rejected too many has told the runner' grep -q rejecting "$state/stage/parse/done"
ok 'and nobody else' test "$(cat "$state"/stage/*/done | grep -c rejecting)" -eq 1
for output in $outputs; do
	ok "$output has the bytes of the plain pipeline" cmp "$output" "plain/$output"
done
done_testing
