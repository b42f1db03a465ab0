#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# live.sh ACCESS-LOG [WINDOW]: follow a shop's access log as it grows and is rotated, and
# show the rates of its banners whenever a window (1m) of the log's own time is over.
# Ctrl-C ends it; what was read is still counted.
. "$(dirname "$0")/common.sh"
[ $# -ge 1 ] || usage 'live.sh ACCESS-LOG [WINDOW]'

bp-parse --format combined --follow --map "$here/access-log.map" --max-rejects 100% "$1" |
    bp-sort --lateness 5s |
    bp-join --click-window 30m |
    bp-metric --by creative_id,slot_id --window "${2:-1m}" --time timestamp |
    bp-select 'event == "metric"' |
    bp-print --format table --rows 1 --fields \
	window_start,dims.creative_id,dims.slot_id,impressions,clicks,ctr,revenue_micros
