#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Who clicks a banner without end and buys a lot cannot make each click that is taken back cost
# a second: the conversions are credited anew only when that makes a difference.
. "${0%/*}/lib.sh"

awk 'function event(kind, id, at, more) {
	printf "{\"event\":\"%s\",\"event_id\":\"%s\",\"timestamp\":%d%s}\n", kind, id,
	    1700000000000000 + at, more
}
BEGIN {
	user = ",\"user_id\":\"u\""
	event("impression", "i", 0, ",\"decision_id\":\"d\"" user)
	for (k = 1; k <= 4096; k++)
		event("click", "c" k, k, ",\"decision_id\":\"d\"" user)
	for (k = 1; k <= 256; k++)
		event("purchase", "p" k, 5000 + k, ",\"value_micros\":1" user)
	for (k = 1; k <= 4096; k++)
		event("retract", "c" k, 6000 + k, "")
}' </dev/null | bp-parse --format json >in.bp
ok 'in a few seconds they are all taken back' sh -c 'timeout 30 bp-join --view-window 0 in.bp >out.bp'
outcome() { bp-select 'event == "outcome"' out.bp | bp-print --format json | tail -1 | grep -o '"rewards":{[^}]*}'; }
same 'and nothing is left' '"rewards":{"click":0,"conversion":0,"value_micros":0}' outcome
done_testing
