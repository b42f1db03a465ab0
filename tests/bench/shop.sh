#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# shop.sh [pipes|http [SEEDS]]: how far a policy comes that begins with nothing, in a
# simulated shop whose banners have the click rates of 118 headlines of Upworthy, in some
# 200,000 impressions: of the way from chance to the informed policy, the best one that sees
# what requests say, and to the oracle, who knows every visitor's tastes; in the mean of all
# impressions, and of the third after the first two. pipes: bp-simulate --loop, bp-rank,
# bp-join, bp-learn; http: bp-simulate --serve, bp-serve, bp-join, bp-learn, at SPEED. A
# policy on a busy machine learns later than it would, and earns less. RANK are options of
# bp-rank and bp-serve, LEARN of bp-learn.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
PATH=${BUILD:-$root/build}/bin:$PATH
way=${1:-pipes} seeds=${2:-10}
spec=${SPEC:-$root/pipelines/simulate.spec} rank=${RANK:---alpha 0.5}
rates=$root/tests/data/upworthy-rates.csv
shop=(--rates "$rates" --days 3 --rate 6000 --latency 3s)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Learn what comes through the pipe on descriptor 3, until it is closed.
learn() {
	mkfifo "$dir/outcomes"
	# shellcheck disable=SC2086
	bp-learn --live "$dir/live" --model "$dir/model" --report 0 ${LEARN:-} \
	    <"$dir/outcomes" >"$dir/learned" &
	learner=$!
	exec 3>"$dir/outcomes"
	until bp-model show "$dir/live" >"$dir/shown" 2>&1; do
		kill -0 "$learner"
		sleep 0.05
	done
}

pipes() {
	mkfifo "$dir/back"
	# shellcheck disable=SC2086
	bp-simulate --loop "${shop[@]}" --seed "$1" <"$dir/back" |
	    bp-rank --model "$dir/live" --spec "$spec" $rank |
	    tee -p "$dir/back" | bp-join --click-window 1m >&3
	exec 3>&-
	wait "$learner"
	mv "$dir/learned" "$dir/earned"
}

# A minute of the shop is 10 ms of the clock.
http() {
	mkfifo "$dir/told"
	bp-simulate --catalogue "${shop[@]}" --seed "$1" >"$dir/shop.bp"
	bp-join --click-window 100ms --view-window 100ms <"$dir/told" >&3 &
	exec 3>&-
	# shellcheck disable=SC2086
	bp-serve --listen "unix:$dir/socket" --catalogue "$dir/shop.bp" --model "$dir/live" \
	    --spec "$spec" $rank --tick 5ms 2>"$dir/said" >"$dir/told" &
	server=$!
	until grep -q listening "$dir/said"; do sleep 0.05; done
	bp-simulate --serve "unix:$dir/socket" "${shop[@]}" --seed "$1" \
	    --speed "${SPEED:-6000x}" >"$dir/earned"
	kill "$server"
	wait
}

seeds() {
	trap 'kill $(jobs -p) 2>/dev/null || :' EXIT
	for ((seed = 1; seed <= seeds; seed++)); do
		learn
		"$way" "$seed"
		bp-select 'event == "metric" and dims.scope == "simulate"' "$dir/earned" |
		    bp-print --format tsv -F dims.window,informed_share,share,expected_ctr |
		    awk -F '\t' -v seed="$seed" '
			$1 == "day" { informed = $2; share = $3; ctr = $4 }
			$1 == "total" { print seed, $2, $3, $4, informed, share, ctr }'
		rm -rf "${dir:?}"/*
	done
}

seeds | awk '
	BEGIN {
		printf "%5s %28s %28s\n", "", "all impressions", "the last third"
		printf "%5s %9s %9s %8s %9s %9s %8s\n", "seed", "informed", "oracle", "CTR",
		    "informed", "oracle", "CTR"
	}
	function line(name, a, b, c, d, e, f) {
		printf "%5s %7.1f %% %7.1f %% %6.2f %% %7.1f %% %7.1f %% %6.2f %%\n", name,
		    100 * a, 100 * b, 100 * c, 100 * d, 100 * e, 100 * f
		fflush()
	}
	{
		line($1, $2, $3, $4, $5, $6, $7)
		for (i = 2; i <= 7; i++) {
			sum[i] += $i
			squares[i] += $i * $i
		}
	}
	function error(i) {
		if (NR < 2)
			return 0
		return sqrt((squares[i] - sum[i] * sum[i] / NR) / (NR - 1) / NR)
	}
	END {
		line("mean", sum[2] / NR, sum[3] / NR, sum[4] / NR, sum[5] / NR, sum[6] / NR,
		    sum[7] / NR)
		line("+-", error(2), error(3), error(4), error(5), error(6), error(7))
	}'
