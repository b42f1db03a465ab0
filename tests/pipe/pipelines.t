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

like 'killed again and again it gives the same bytes' \
    'killed [1-9][0-9]* times: the same bytes' cat replay

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
"$root/pipelines/rates.sh" growing.log 10s >live 2>errors &
pid=$!
printed() {
	grep -c '^2024-05-01T00:0' live | grep -vqx 0
}
ok 'rates.sh prints rates while the log grows' until_true printed
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

# What is committed of the 20000 lines: all of them. A stage that is killed, and who.
has_read() { # FOLDER [STAGE]
	bp-run status --json "$1/run" 2>/dev/null | jq --arg stage "${2:-parse}" '.stages[] |
	    select(.id == $stage) | .in >= '"${3:-20000}" | grep -qx true
}
start() { # ARGUMENT...
	"$root/pipelines/$@" >/dev/null 2>>errors &
	pid=$!
}
stop() {
	kill -TERM "$pid"
	wait "$pid"
}
: >errors
start durable.sh calm access.log
ok 'durable.sh counts a log' until_true has_read calm
stop
ok 'and stops when it is told to' test $? -eq 0
like 'it has a header and rows' '^1714521600000000,side,[0-9]*,' cat calm/rates.csv

head -n 5000 access.log >growing.log
start durable.sh wild growing.log
until_true has_read wild parse 5000
tail -n +5001 access.log | head -n 5000 >>growing.log
for stage in metric log parse; do
	kill -9 "$(sed -n 's/^pid //p' "wild/run/stage/$stage/member")" 2>>errors
done
until_true has_read wild parse 10000
stop
tail -n +10001 access.log >>growing.log
start durable.sh wild growing.log
ok 'killed, stopped and started while the log grows it reads all' until_true has_read wild
stop
ok 'and counts each event once' cmp calm/rates.csv wild/rates.csv
bp-replay calm/events >calm.bp && bp-replay wild/events >wild.bp
ok 'its log has the same records' cmp calm.bp wild.bp
like 'and its folder is sound' 'wild/run is sound: 8 stages' bp-run check wild/run

socket=unix:$dir/socket
start hosts.sh count there
counter=$pid
start hosts.sh send "$socket" here access.log
sender=$pid
start hosts.sh receive "$socket" there
receiver=$pid
ok 'hosts.sh sends a log to another host' until_true has_read here
events=$(bp-run status --json here/run | jq '.stages[] | select(.id == "send") | .in')
kill -9 "$receiver"
wait "$receiver" 2>/dev/null
start hosts.sh receive "$socket" there
receiver=$pid
ok 'which counts it' until_true has_read there replay "$events"
kill -TERM "$receiver" "$counter" "$sender"
wait "$receiver"
ok 'the receiver ends well' test $? -eq 0
wait "$counter"
ok 'so does who counts' test $? -eq 0
wait "$sender"
ok 'and the sender' test $? -eq 0
same 'no event came twice, none was lost' "$events" sh -c \
	'bp-replay there/events | bp-print --format json | grep -c "\"event\""'

live() {
	bp-run --dir live.run -- "$root/pipelines/rates.sh" access.log 10s >>live.txt 2>>errors &
	pid=$!
}
live
printed() {
	bp-run status --json live.run 2>/dev/null |
	    jq '.stages[] | select(.id == "parse") | .in == 20000' | grep -qx true
}
ok 'rates.sh under bp-run' until_true printed
stop
cp live.txt live.once
live
running() {
	bp-run status live.run | grep -q '^state *running'
}
until_true running
stop
ok 'goes on where it stopped, and prints nothing twice' cmp live.txt live.once
done_testing
