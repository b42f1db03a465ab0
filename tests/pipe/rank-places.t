#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Who pays by the click is worth less where fewer look: a bid for impressions wins the
# second position from bids for clicks that win the first, when the model has learned how
# many look there, and not when it has not.
. "${0%/*}/lib.sh"

# Half of those who look click; at position 1 half look.
awk 'BEGIN {
	srand(7)
	for (i = 0; i < 40000; i++) {
		position = i % 2
		click = rand() < (position ? 0.25 : 0.5)
		printf "{\"event\":\"outcome\",\"event_id\":\"o%d\",\"timestamp\":%d,\"position\":%d,", i, i + 1, position
		printf "\"creative_id\":\"%s\",\"rewards\":{\"click\":%d}}\n", substr("ab", 1 + int(rand() * 2), 1), click
	} }' | bp-parse --format json >shown.bp
cat >request.json <<'END'
{"event":"request","event_id":"r","request_id":"r","timestamp":50000,"k":3,"auction":"second","candidates":["a","b","c"],"candidate_values":[10000,10001,4000000],"candidate_bid_types":["cpc","cpc","cpm"]}
END
echo 'creative = field creative_id' >ctr.spec
decide() { # decide MODEL
	bp-parse --format json request.json | bp-rank --model "$1" --spec ctr.spec --policy greedy |
	    bp-select 'event == "decision"' | bp-print --format tsv --fields creative_id | sed 1d | tr '\n' ' '
}
# The floor of 1,000 micros is all that is against the second one.
price() { # price MODEL: hundreds of micros for a click at position 1
	echo '{"event":"request","event_id":"r","request_id":"r","timestamp":50000,"k":2,"auction":"second","floor_micros":1000,"candidates":["a","b"],"candidate_values":[10000,10001],"candidate_bid_types":["cpc","cpc"]}' |
	    bp-parse --format json | bp-rank --model "$1" --spec ctr.spec --policy greedy |
	    bp-select 'event == "decision" and position == 1' |
	    bp-print --format tsv --fields price_micros | awk 'NR == 2 { printf "%.0f\n", $1 / 100 }'
}

bp-feature --spec ctr.spec shown.bp | bp-learn --model blind --report 0 >/dev/null
bp-feature --spec ctr.spec shown.bp | bp-learn --examination position --model sees --report 0 >/dev/null
same 'positions that are not known are all the same: clicks are worth 0.375 of their bids' \
    'c b a ' decide blind
same 'half of them are looked at: the best bid for clicks is worth more at the first only' \
    'b c a ' decide sees
like 'one click in 2.7 has to bring 1,000 micros' '^2[67]$' price blind
like 'or one in four, where half look and half of them click' '^\(39\|40\|41\)$' price sees
done_testing
