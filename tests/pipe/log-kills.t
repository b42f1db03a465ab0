#!/bin/sh
# SPDX-License-Identifier: MIT
# once: a long campaign; hosts-kills and run-faults kill in every build
#
# A replay of two inputs into a log, every stage of which is killed again and again: in the
# end the log has the records of the plain pipeline, in its order, each once.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

gen_log 100000 5 >text.log 2>/dev/null
bp-parse --format combined text.log 2>/dev/null | bp-log --segment-size 1M in
head -n 20000 text.log >part.log
command='bp-replay $speed in part.log | bp-dedupe --memory 64M |
    bp-log --memory 64M --segment-size 200K --sync 1ms --ack-fd 1 out | cat >>acks'

mkdir plain
ln part.log plain/part.log
ln -s ../in plain/in
export speed=
(cd plain && bash -o pipefail -c "$command" 2>plain.err)
wanted=$?

speed='--speed 1000x'
for stage in replay dedupe log replay log log dedupe log; do
	start 3 "$command"
	until_true commits || break
	crash "$stage"
done
ok 'each start has committed more before it was killed' commits
speed=
every=100
start 3 "$command"
finish
got=$?
ok "the exit status is that of the plain pipeline, $wanted" test "$got" -eq "$wanted"
ok 'the sink has reached the end' epochs done "$state"
ok 'the log is sound' sh -c 'bp-replay out >out.bp'
zstdcat plain/out/*.bplog >plain.bp
ok 'it has the records of the plain pipeline' cmp out.bp plain.bp
ok 'and many of them' test "$(wc -c <plain.bp)" -gt 10000000
ok 'nothing else comes into its output' sh -c '! grep -aqv "^[0-9]*$" acks'
ok 'zstdcat sees them too' sh -c 'zstdcat out/*.bplog | cmp - plain.bp'

done_testing
