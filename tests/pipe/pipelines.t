#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The pipelines that ship, as a user runs them.
. "${0%/*}/lib.sh"
BUILD=$build
export BUILD

"$root/pipelines/replay.sh" >replay 2>errors
ok 'replay.sh succeeds, and no stage lost a record' test $? -eq 0
same 'and complains of nothing' '' cat errors
# Counted from the files with awk: 10,000 rows each, 46 and 69 clicks.
like 'CTR of the random policy' 'random *10000 *46 *0.46 %' cat replay
like 'CTR of Thompson sampling' 'bts *10000 *69 *0.69 %' cat replay
like 'the learner saw every outcome once' '20000 outcomes' cat replay
like 'every row became an impression, and 115 a click' \
    'parse *20001 *20000 *1 *0 *0 *0 *115 ' cat replay

zstd -dc "$data/shop-access.log.zst" >access.log
gen_log 20000 7 2>truth | cmp -s - access.log
ok 'the log in tests/data is what gen_log makes' test $? -eq 0
"$root/pipelines/access-log.sh" access.log >rates 2>errors
ok 'access-log.sh succeeds' test $? -eq 0
like 'exactly the malformed lines are rejected' \
    "parse *20000 *[0-9]* *[0-9]* *$(sed -n 's/^malformed //p' truth) " cat rates
like 'every impression has an outcome' "$(sed -n 's/^impression //p' truth) outcomes" cat rates

head -n 11111 access.log >first.log
tail -n +11112 access.log >second.log
CLICK_WINDOW=1m
export CLICK_WINDOW
"$root/pipelines/train.sh" whole access.log >learned 2>&1
like 'train.sh learns from a log' '^2024-05-01T00:0[0-9:]*Z *5000' cat learned
"$root/pipelines/train.sh" halves first.log >/dev/null 2>&1 &&
    "$root/pipelines/train.sh" halves second.log >/dev/null 2>&1
ok 'and from its halves the same model, byte for byte' \
    cmp whole/click.model halves/click.model

head -n 3000 access.log >growing.log
"$root/pipelines/live.sh" growing.log 10s >live 2>errors &
pid=$!
printed() {
	grep -c '^2024-05-01T00:0' live | grep -vqx 0
}
ok 'live.sh prints rates while the log grows' until_true printed
before=$(wc -l <live)
tail -n +3001 access.log >>growing.log
more() {
	[ "$(wc -l <live)" -gt "$((before + 20))" ]
}
ok 'and more when more comes' until_true more
read -r source _ <"/proc/$pid/task/$pid/children"
kill -TERM "$source"
wait "$pid"
ok 'and ends well when its first stage is stopped' test $? -eq 0
done_testing
