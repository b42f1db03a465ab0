#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-metric against awk on the same outcomes, and its sums when memory is short.
. "${0%/*}/lib.sh"

gen_outcomes 60000 3 >in.bp

# creative, position, hour: impressions and clicks, by awk.
bp-print --format csv --fields creative_id,position,shown_at,viewable,rewards in.bp |
    awk -F, 'NR > 1 {
	key = sprintf("%s,%s,%.0f", $1, $2, int($3 / 3600000000) * 3600000000)
	n[key]++
	if ($4 == "true") shown[key]++
	match($0, /click"":[01]/)
	clicks[key] += substr($0, RSTART + RLENGTH - 1, 1)
    }
    END { for (k in n) printf "%s,%d,%d,%d\n", k, n[k], shown[k], clicks[k] }' |
    sort >by-awk
bp-metric --by creative_id,position --window 1h in.bp |
    bp-print --format csv --fields dims,window_start,n,impressions,clicks |
    sed -n 's/^"{""creative_id"":""\([^"]*\)"",""position"":\([0-9]*\)}"/\1,\2/p' |
    sort >by-metric
ok 'every row agrees with awk' cmp by-awk by-metric
ok 'there are some' test "$(wc -l <by-metric)" -gt 1000

# Two hundred thousand rows where there is room for far fewer.
gen_outcomes 200000 3 >in.bp
usage usage bp-metric --memory 32M --by event_id,user_id,session_id --window 1h \
    --stats stats in.bp >out.bp
bp-print --format csv --fields n,impressions,clicks,dims out.bp >rows
total() { awk -F, -v column="$1" 'NR > 1 { sum += $column } END { print sum }' rows; }
same 'without room for all, the rows still add up to all events' 200000 total 1
same 'clicks too' "$(bp-metric in.bp | bp-print --format csv --fields clicks |
    sed -n 2p)" total 3
others=$(grep -c '(other)' rows)
ok 'what found no room stands in one row of its window' \
    test "$others" -ge 1 -a "$others" -le "$(sed -n 's/^bannerpipe_windows_total{.*} //p' stats)"
ok 'and was counted' grep -q '^bannerpipe_merged_rows_total{.*} [1-9]' stats
ok 'within the memory' awk '{ exit $3 > 32 * 1024 }' usage

# A retraction of everything leaves zeros.
gen_outcomes 2000 3 >in.bp
bp-print --format json in.bp | sed 's/,"revision":0/,"revision":1,"weight":-1/' |
    bp-parse --format json >back.bp 2>err
same 'what is taken back leaves nothing' '0,0,0,0,0' sh -c 'cat in.bp back.bp |
    bp-metric | bp-print --format csv --fields n,impressions,clicks,cost_micros,click_conversion_gap |
    tail -n 1'
done_testing
