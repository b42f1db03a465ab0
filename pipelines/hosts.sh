#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Two hosts. On each web server the first, on the one that counts the other two:
#
#	hosts.sh send ADDRESS FOLDER ACCESS-LOG   what the shop's log has, as it grows
#	hosts.sh receive ADDRESS FOLDER           keep what comes in FOLDER/events
#	hosts.sh count FOLDER                     rates by slot and minute: FOLDER/rates.csv
#
# ADDRESS is HOST:PORT or unix:PATH. Over the open net give bp-send and bp-recv a key and
# TLS (their pages). Each may be killed at any time and started again, in any order; an
# event is counted once.
. "$(dirname "$0")/common.sh"
command=${1-}
[ $# -gt 0 ] && shift
case $command-$# in
send-3)
	mkdir -p "$2"
	under_bp_run "$(realpath "$2")/run" send "$1" "$(realpath "$2")" "$(realpath "$3")"
	bp-parse --format combined --follow --map "$here/access-log.map" \
	    --max-rejects 100% --rejects "$2/rejects" "$3" |
	    bp-send "$1"
	;;
receive-2)
	# What the log has is acknowledged, and taken once: no bp-run is needed.
	mkdir -p "$2"
	exec bp-recv --listen "$1" --log "$2/events" >/dev/null
	;;
count-1)
	mkdir -p "$1/events"
	under_bp_run "$(realpath "$1")/run" count "$(realpath "$1")"
	bp-replay --follow "$1/events" |
	    bp-sort --lateness 1m |
	    bp-dedupe |
	    bp-select 'event in ("impression", "click")' |
	    bp-metric --count events --by slot_id --window 1m |
	    bp-select 'event == "metric"' |
	    bp-print --format csv --fields "$rates" >>"$1/rates.csv"
	;;
*) usage 'hosts.sh send ADDRESS FOLDER ACCESS-LOG | receive ADDRESS FOLDER | count FOLDER' ;;
esac
