#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-transaction under barriers that come fast, with a check of every snapshot: what is
# composed from the files is what the state was. A change that is not marked ends the
# filter. Two crashes, so that chains go on from what was restored; in the end the bytes are
# those of the plain pipeline. Little memory, so that purchases go as they come, and keys of
# velocity; some purchases are taken back.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

# Every 50th is taken back a thousand records later, every 100th put in again.
gen_transactions 40 0 1500 3000 >purchases
bp-select 'event == "purchase"' purchases | bp-print --format json |
    awk '{ print }
	NR % 50 == 0 { back[NR] = $0 }
	(NR - 1000) in back {
		line = back[NR - 1000]
		sub(/}$/, ",\"weight\":-1}", line)
		print line
		if (NR % 100 == 0) print back[NR - 1000]
	}' >json
bp-parse --format json json >all
command='bp-transaction --memory 64M --label-delay 3d --velocity user_id,terminal_id \
    --report 5000 all >>scored'

mkdir plain
ln all plain
(cd plain && bash -o pipefail -c "$command" 2>/dev/null)

export BP_STATE_CHECK=1
for i in 1 2; do
	start 1 "$command"
	until_true commits || break
	crash transaction
done
ok 'each start has committed before it was killed' commits
start 1 "$command"
finish
ok 'the exit status is 0' test $? -eq 0
ok 'no change was left unmarked' sh -c '! grep "not marked" err'
ok 'the bytes are those of the plain pipeline' cmp scored plain/scored
done_testing
