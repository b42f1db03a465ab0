#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# simulate.sh [OPTION...]: a policy that learns from what it shows, beside chance and the
# oracle, who knows what each visitor of a simulated shop would click. OPTIONs are those of
# bp-simulate (--rates tests/data/upworthy-rates.csv, --attack farm:0.1, --drift 1d, ...).
# RANK are options of bp-rank, LEARN of bp-learn, SPEC the features. Informed is the best
# policy that knows of visitors only what requests say.
. "$(dirname "$0")/common.sh"
workdir
mkfifo "$dir/back" "$dir/outcomes"

# What is learned is in memory that bp-rank sees at once.
# shellcheck disable=SC2086
bp-learn --live "$dir/live" --model "$dir/click.model" --report 0 ${LEARN:-} \
    <"$dir/outcomes" >"$dir/learned" &
learner=$!
trap 'exec 3>&-; wait "$learner"; rm -rf "$dir"' EXIT
exec 3>"$dir/outcomes"
until bp-model show "$dir/live" >"$dir/shown" 2>&1; do
	kill -0 "$learner" || exit
	sleep 0.05
done

# Requests go round: decisions come back to the shop, which answers with clicks.
# shellcheck disable=SC2086
bp-simulate --loop --days 3 --rate 6000 --latency 3s "$@" --stats "$dir/simulate.stats" \
    <"$dir/back" |
    bp-rank --model "$dir/live" --spec "${SPEC:-$here/simulate.spec}" ${RANK:---alpha 0.5} |
    tee -p "$dir/back" |
    bp-join --click-window 1m >&3
exec 3>&-
wait "$learner"

printf '\n%s\n' 'What visitors clicked of what a learning policy showed them'
bp-select 'event == "metric" and dims.scope == "simulate"' "$dir/learned" |
    bp-print --format tsv --fields \
	dims.window,impressions,ctr,expected_ctr,uniform_ctr,informed_ctr,oracle_ctr,share,regret |
    awk -F '\t' '
	function percent(x) { return sprintf("%.2f %%", 100 * x) }
	BEGIN {
		printf "  %-10s %11s %9s %9s %9s %9s %9s %9s %9s\n", "day", "impressions",
		    "CTR", "expected", "by chance", "informed", "oracle", "share", "regret"
	}
	NR > 1 {
		printf "  %-10s %11d %9s %9s %9s %9s %9s %7.1f %% %9.0f\n",
		    $1 == "total" ? "all" : NR - 1, $2, percent($3), percent($4), percent($5),
		    percent($6), percent($7), 100 * $8, $9
	}
	END {
		print "  share: of the way from chance to the oracle; regret: clicks lost to the oracle"
	}'
