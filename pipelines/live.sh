#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# live.sh [OPTION...] [-- OPTION OF bp-serve...]: the loop of a shop. Banners are decided
# over HTTP from a model that learns of every showing and every click at once:
#
#	serve    bp-serve | bp-log            decides; what was decided is kept, in FOLDER/events
#	learn    bp-replay | bp-join | bp-learn | bp-metric | bp-log
#	                                      under bp-run; the model FOLDER/live, which serve
#	                                      maps, and rates by slot and banner, FOLDER/metrics
#
# Each of the two starts again when something of it dies, and goes on where it was: what
# serve has kept is learned once. Ctrl-C, or TERM, ends all in order; HUP reads the
# catalogue again. As units of systemd: "live.sh serve" and "live.sh learn", with the same
# options. "live.sh rates" shows what came of the banners so far.
#
#	-d FOLDER    where all of it lies (live)
#	-c FILE      creatives and campaigns, bp-cap(1) (FOLDER/shop.json)
#	-s FILE      what the model is told, bp-features(5) (live.spec)
#	-l ADDRESSES where to listen (127.0.0.1:8080)
#	-w DURATION  how long after the showing a click counts (30m)
#	-m DURATION  how long the windows of the rates are (1m)
#	-k DURATION  how long events and rates are kept (90d)
. "$(dirname "$0")/common.sh"
part=all
case ${1-} in serve | learn | rates) part=$1 && shift ;; esac
folder=live catalogue='' spec=$here/live.spec address=127.0.0.1:8080 window=30m minute=1m keep=90d
while getopts d:c:s:l:w:m:k: option; do
	case $option in
	d) folder=$OPTARG ;;
	c) catalogue=$(realpath "$OPTARG") ;;
	s) spec=$(realpath "$OPTARG") ;;
	l) address=$OPTARG ;;
	w) window=$OPTARG ;;
	m) minute=$OPTARG ;;
	k) keep=$OPTARG ;;
	*) usage 'live.sh [serve|learn|rates] [-d FOLDER] [-c CATALOGUE] [-s SPEC]
    [-l ADDRESSES] [-w CLICK-WINDOW] [-m METRIC-WINDOW] [-k KEEP] [-- OPTION OF bp-serve...]' ;;
	esac
done
shift $((OPTIND - 1))
[ "$part" = rates ] || mkdir -p "$folder/events" "$folder/metrics"
folder=$(realpath "$folder")
catalogue=${catalogue:-$folder/shop.json}
# The same for both, whoever starts them.
options=(-d "$folder" -c "$catalogue" -s "$spec" -l "$address" -w "$window" -m "$minute" -k "$keep")

# await PID: its status, however often a signal interrupts the wait.
await() {
	local status=0 again=0
	wait "$1" || status=$?
	while kill -0 "$1" 2>/dev/null; do
		status=0
		wait "$1" || status=$?
	done
	[ "$status" -le 128 ] || wait "$1" 2>/dev/null || again=$?
	[ "$status" -le 128 ] || [ "$again" -eq 127 ] || status=$again
	return "$status"
}

# Where either dies the stream between them is torn, so both end. Jobs have process groups
# of their own (set -m): Ctrl-C comes to this script alone, and bp-log ends last.
serve() {
	local server='' keeper ends='' status=0
	set -m
	trap 'ends=yes; [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || :' INT TERM
	trap '[ -z "$server" ] || kill -HUP "$server" 2>/dev/null || :' HUP
	[ -s "$folder/key" ] ||
	    (umask 077 && od -An -N 32 -tx1 /dev/urandom | tr -d ' \n' >"$folder/key")
	until bp-model show "$folder/live" >/dev/null 2>&1; do
		[ -z "$ends" ] || return 0
		sleep 0.1
	done
	rm -f "$folder/pipe"
	mkfifo "$folder/pipe"
	# Opened here, so that neither waits for the other to open it.
	exec 3<>"$folder/pipe" 4<"$folder/pipe" 5>"$folder/pipe" 3>&-
	env -u NOTIFY_SOCKET bp-log --keep-age "$keep" --segment-age 1d "$folder/events" \
	    <&4 5>&- &
	keeper=$!
	bp-serve --listen "$address" --catalogue "$catalogue" --spec "$spec" \
	    --model "$folder/live" --key-file "$folder/key" --state "$folder/serve" \
	    --tick 20ms "$@" </dev/null >&5 4<&- &
	server=$!
	exec 4<&- 5>&-
	[ -z "$ends" ] || kill -TERM "$server" 2>/dev/null || true
	await "$server" || status=$?
	await "$keeper" || status=$?
	rm -f "$folder/pipe"
	return "$status"
}

# A showing is learned a moment after it, as not clicked; a click revises that.
# shellcheck disable=SC2086
learn() {
	[ -n "${BP_DIR:-}" ] || exec bp-run --dir "$folder/run" --new-command --no-progress -- \
	    "$here/live.sh" learn "${options[@]}"
	bp-replay --follow "$folder/events" |
	    bp-join --shown-by impression --wait 200ms --click-window "$window" |
	    bp-learn --model "$folder/click.model" --live "$folder/live" ${LEARN:-} |
	    bp-metric --count outcomes --time timestamp --by slot_id,creative_id \
		--window "$minute" |
	    bp-select 'event == "metric"' |
	    bp-log --stage rates --keep-age "$keep" --segment-age 1d "$folder/metrics" >/dev/null
}

# A row replaces the one of the same window before it.
rates() {
	printf '  %-12s %-16s %11s %7s %9s   %s\n' slot banner impressions clicks CTR '95 % interval'
	bp-replay --where 'exists(window_start)' "$folder/metrics" |
	    bp-print --format tsv --fields window_start,dims.slot_id,dims.creative_id,impressions,clicks |
	    awk -F '\t' '
	NR > 1 {
		key = $2 "\t" $3
		n[key] += $4 - shown[$1, key]
		x[key] += $5 - clicked[$1, key]
		shown[$1, key] = $4
		clicked[$1, key] = $5
	}
	END {
		for (key in n) {
			if (n[key] <= 0)
				continue
			split(key, name, "\t")
			p = x[key] / n[key]
			z = 3.8415 / n[key]
			middle = (p + z / 2) / (1 + z)
			half = sqrt(p * (1 - p) * z + z * z / 4) / (1 + z)
			printf "  %-12s %-16s %11d %7d %7.2f %%   %5.2f .. %5.2f %%\n", name[1],
			    name[2], n[key], x[key], 100 * p, 100 * (middle - half),
			    100 * (middle + half)
		}
	}' | sort -k 1,1 -k 7,7gr
}

# Keep both alive until a signal; first serve ends, then learn, which reads what is left.
all() {
	local server='' learner='' ends='' status=0
	set -m
	trap 'ends=yes; [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || :' INT TERM
	trap '[ -z "$server" ] || kill -HUP "$server" 2>/dev/null || :' HUP
	while [ -z "$ends" ]; do
		[ -n "$learner" ] && kill -0 "$learner" 2>/dev/null || {
			"$here/live.sh" learn "${options[@]}" &
			learner=$!
		}
		[ -n "$server" ] && kill -0 "$server" 2>/dev/null || {
			"$here/live.sh" serve "${options[@]}" -- "$@" &
			server=$!
		}
		status=0
		wait -n "$learner" "$server" || status=$?
		[ "$status" -ne 100 ] || break
		sleep 0.1
	done
	kill -TERM "$server" 2>/dev/null || true
	await "$server" || true
	kill -TERM "$learner" 2>/dev/null || true
	await "$learner" || true
	[ "$status" -ne 100 ] || return 100
}

"$part" "$@"
