#!/bin/sh
# SPDX-License-Identifier: MIT
# HUP reads the rules again: other ones count from the next event on; wrong ones do not.
. "${0%/*}/lib.sh"

click() { # click NUMBER
	printf '{"event":"click","event_id":"e%s","timestamp":%d,"user_id":"u"}\n' "$1" "$1"
}
verdicts() {
	bp-print -f json out 2>/dev/null | grep -c '"reasons":\["'"$1"'"\]' | grep -q "^$2\$"
}
echo 'first 1 if click = 1' >rules
mkfifo in
bp-fraud --rules rules <in >out 2>err &
fraud=$!
exec 3>in
click 1 | bp-parse -f json >&3
until_true verdicts first 1
report $? 'the first rules'
echo 'second 2 if click = 1' >rules
kill -HUP $fraud
until_true grep -q 'rules read again: 1' err
click 2 | bp-parse -f json >&3
until_true verdicts second 1
report $? 'after HUP the second'
echo 'third 3 if clock = 1' >rules
kill -HUP $fraud
until_true grep -q "rules: line 1: 'clock' is no signal; going on with the rules of before" err
report $? 'wrong ones are refused, with file, line and reason' "$(cat err)"
click 3 | bp-parse -f json >&3
until_true verdicts second 2
report $? 'and those of before go on'
exec 3>&-
wait $fraud
report $? 'it ends well'
like 'the second looks are by the rules that count then' '"score":2.0' bp-print -f json out
exits '--long beyond what slices can count is wrong use' 100 bp-fraud -b 1s -l 7d in
done_testing
