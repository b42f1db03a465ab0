#!/bin/sh
# SPDX-License-Identifier: MIT
# Outcomes that are given early, taken back and given anew add up to those that are given
# only once: what bp-metric makes of both is the same.
. "${0%/*}/lib.sh"

awk 'BEGIN {
	srand(7)
	for (i = 0; i < 20000; i++) {
		t = 1700000000000000 + i * 1500000
		head = sprintf("\"event_id\":\"e%d\",\"timestamp\":%.0f", i, t)
		kind = int(rand() * 20)
		shown = int(i * (1 - rand() * rand() / 20))
		user = int(rand() * 300)
		if (kind < 12)
			printf "{\"event\":\"impression\",%s,\"decision_id\":\"e%d\",\"user_id\":\"u%d\",\"creative_id\":\"c%d\"}\n", head, i, user, i % 3
		else if (kind < 16)
			printf "{\"event\":\"click\",%s,\"decision_id\":\"e%d\"}\n", head, shown
		else if (kind < 18)
			printf "{\"event\":\"purchase\",%s,\"user_id\":\"u%d\",\"transaction_id\":\"e%d\",\"value_micros\":%d}\n", head, user, i, rand() * 1e8
		else if (kind < 19)
			printf "{\"event\":\"refund\",%s,\"transaction_id\":\"e%d\",\"value_micros\":%d}\n", head, shown, rand() * 1e8
		else
			printf "{\"event\":\"retract\",\"event_id\":\"e%d\",\"timestamp\":%.0f}\n", shown, t
	}
}' | bp-parse --format json >in.bp

# All but what tells how often a row was issued again.
rows() { # MODEL [--final]
	final=${2-}
	bp-join --attribution "$1" --view-window 2h --purchase-window 4h --keep 1d \
		${final:+"$final"} in.bp >"out$final"
	bp-metric --count outcomes --by creative_id,complete "out$final" |
	    bp-select true --fields dims,n,clicks,conversions,revenue_micros |
	    bp-print --format json | sort >"rows$final"
}
for model in last linear; do
	rows $model
	rows $model --final
	ok "a third of the outcomes or more are revisions ($model)" \
		test "$(($(wc -c <out) * 2))" -gt "$(($(wc -c <out--final) * 3))"
	ok "there are clicks, conversions and revenue ($model)" \
		grep -q '"clicks":[1-9].*"revenue_micros":[1-9]' rows
	same "complete outcomes add up to the same ($model)" \
		"$(grep '"complete":true' rows--final)" grep '"complete":true' rows
done
done_testing
