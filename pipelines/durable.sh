#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# durable.sh FOLDER ACCESS-LOG: follow a shop's access log as it grows and is rotated, keep
# its events in a durable log (FOLDER/events, for bp-replay), and count each of them exactly
# once: FOLDER/rates.csv has a line for every slot and minute. Whatever is killed, and
# whenever, it goes on where it was; so does the next start. Ctrl-C, or TERM, stops it.
. "$(dirname "$0")/common.sh"
[ $# -eq 2 ] || usage 'durable.sh FOLDER ACCESS-LOG'
mkdir -p "$1"
under_bp_run "$(realpath "$1")/run" "$(realpath "$1")" "$(realpath "$2")"

bp-parse --format combined --follow --map "$here/access-log.map" --max-rejects 100% \
    --rejects "$1/rejects" "$2" |
    bp-sort --lateness 5s |
    bp-dedupe |
    bp-log --pass "$1/events" |
    bp-select 'event in ("impression", "click")' |
    bp-metric --count events --by slot_id --window 1m |
    bp-select 'event == "metric"' |
    bp-print --format csv --fields "$rates" >>"$1/rates.csv"
