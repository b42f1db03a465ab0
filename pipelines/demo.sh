#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo.sh: the loop of live.sh, with simulated visitors who click 118 headlines at the
# rates at which real readers clicked them (tests/data/upworthy-rates.csv). What is learnt
# stands beside a control group, for whom chance decides, and beside the oracle, who knows
# the rates. Meanwhile there is the page of a shop, where your own clicks are learned too.
#
# DEMO_SECONDS (40) is how long; DEMO_PORT (8080) where, or the next that is free.
. "$(dirname "$0")/common.sh"
seconds=${DEMO_SECONDS:-40} port=${DEMO_PORT:-8080} live='' visitors=''
rates=$here/../tests/data/upworthy-rates.csv
[ -e "$rates" ] || usage 'demo.sh (in the source tree: it needs tests/data)'
dir=$(mktemp -d)

# What was started ends, in order, whatever ended this.
end() {
	trap '' INT TERM
	set +e
	[ -z "$visitors" ] || kill "$visitors" 2>/dev/null
	[ -z "$live" ] || kill "$live" 2>/dev/null
	wait
	rm -rf "$dir"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "demo.sh: $1" >&2
	cat "$dir/said" >&2
	exit 111
}

# is_taken PORT; get PATH: what bp-serve answers there.
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
get() {
	exec 3<>"/dev/tcp/127.0.0.1/$port" || return
	printf 'GET %s HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n' "$1" >&3
	timeout 10 sed '1,/^\r*$/d' <&3 || { exec 3>&-; return 1; }
	exec 3>&-
}

# show HOW: from what is there now.
show() {
	bp-print --format tsv --fields \
	    window_start,dims.group,impressions,clicks,uniform_ctr,oracle_ctr,regret,latency_p50_us,latency_p99_us,dims.window \
	    "$dir/earned" 2>/dev/null | sed 1d >"$dir/report" || true
	bp-model show "$dir/live/live" >"$dir/model" 2>/dev/null || true
	awk -F '\t' -v how="$1" -v elapsed="$((SECONDS - began))" -v seconds="$seconds" \
	    -v gap="$gap" -v url="http://127.0.0.1:$port/" -f "$here/demo.awk" \
	    "$dir/report" FS=' ' "$dir/then" "$dir/now" "$dir/model"
}

for _ in $(seq 100); do
	is_taken "$port" || break
	port=$((port + 1))
done
# Headlines are for the shelf that visitors see, goods of the shop for its page.
bp-simulate --catalogue --rates "$rates" | bp-print --format json | grep '"event"' |
    sed 's/"event":"creative"/&,"slot_ids":["shelf"]/' >"$dir/shop.json"
sed "s|http://127.0.0.1/|http://127.0.0.1:$port/|" "$here/shop.json" >>"$dir/shop.json"
: >"$dir/said"
"$here/live.sh" -d "$dir/live" -c "$dir/shop.json" -s "$here/demo.spec" \
    -l "127.0.0.1:$port" -m 1s -- --pages "$here/shop" --explain >>"$dir/said" 2>&1 &
live=$!
until grep -q 'listening on' "$dir/said"; do
	kill -0 "$live" 2>/dev/null && [ "$SECONDS" -lt 60 ] || fail 'the loop has not started'
	sleep 0.1
done
bp-simulate --serve "http://127.0.0.1:$port" --rates "$rates" --control 0.1 --taste 0 \
    --fatigue 0 --examination 1 --visitors 2000 --rate 20000 --days 36500 --report 10m \
    --connections 8 >"$dir/earned" 2>>"$dir/said" &
visitors=$!

began=$SECONDS gap=1 lines=0 told=0
get /metrics >"$dir/now"
printf '%s\n\n' "Visitors click 118 headlines as real readers did; you can click in a shop: http://127.0.0.1:$port/"
while [ $((SECONDS - began)) -lt "$seconds" ]; do
	cp "$dir/now" "$dir/then"
	sleep 1
	kill -0 "$visitors" 2>/dev/null || fail 'the visitors have gone'
	kill -0 "$live" 2>/dev/null || fail 'the loop has ended'
	get /metrics >"$dir/fresh" && mv "$dir/fresh" "$dir/now" || true # it starts again
	if [ -t 1 ]; then
		[ "$lines" -eq 0 ] || printf '\033[%dA\033[J' "$lines"
		show screen >"$dir/screen"
		cat "$dir/screen"
		lines=$(wc -l <"$dir/screen")
	elif [ $(((SECONDS - began) / 10)) -gt "$told" ]; then
		show line
		told=$(((SECONDS - began) / 10))
	fi
done
kill "$visitors"
wait "$visitors" || fail 'the visitors ended badly'
visitors=''
get /metrics >"$dir/now"
[ "$lines" -eq 0 ] || printf '\033[%dA\033[J' "$lines"
printf '\nAfter %d s\n' "$seconds"
show end

# Nothing was lost on the way: what the server counted is in the log.
kill "$live"
wait "$live" || fail 'the loop ended badly'
live=''
counted() { sed -n "s/^bannerpipe_serve_$1s_total //p" "$dir/now"; }
for event in impression click; do
	kept=$(bp-replay --where "event == '$event'" --stats - "$dir/live/events" 2>&1 >/dev/null |
	    sed -n 's/^bannerpipe_out_total.* //p')
	[ "${kept:-0}" -ge "$(counted $event)" ] ||
	    fail "$(counted $event) ${event}s were counted, and $kept kept"
	printf '  kept      %s %ss: none of those that the server has counted is missing\n' "$kept" "$event"
done
