#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# rates.sh ACCESS-LOG [WINDOW [KEYS]]: follow a shop's access log as it grows and is rotated.
# Whenever a window (1m) of the log's own time is over, show what was shown and clicked in
# it by these keys (slot_id), and how sure the rate is. Ctrl-C ends it; what was read is
# still counted. To go on another day, each event counted once:
#
#	bp-run --dir minutes -- pipelines/rates.sh ACCESS-LOG >>rates
. "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || usage 'rates.sh ACCESS-LOG [WINDOW [KEYS]]'
keys=${3:-slot_id}

bp-parse --format combined --follow --map "$here/access-log.map" --max-rejects 100% "$1" |
    bp-sort --lateness 5s |
    bp-select 'event in ("impression", "click")' |
    bp-metric --count events --by "$keys" --window "${2:-1m}" |
    bp-select 'event == "metric"' |
    bp-print --format table --rows 1 --fields \
	"window_start,dims.${keys//,/,dims.},impressions,clicks,ctr,ctr_low,ctr_high"
