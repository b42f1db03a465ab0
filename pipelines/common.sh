# SPDX-License-Identifier: MIT
#
# What the pipelines share, to be sourced: the programs (those of build/bin when there
# are, else the installed ones), a folder to work in, bp-run, and the tables.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-$here/../build}
[ -d "$build/bin" ] && PATH=$(cd "$build/bin" && pwd):$PATH
command -v bp-parse >/dev/null || {
	echo "${0##*/}: no bp-parse here (run make, or install bannerpipe)" >&2
	exit 100
}

# workdir: a folder to work in, $dir, where each stage leaves its counters in
# <stage>.stats. Under bp-run it is the one that bp-run's own lies in: what a stage writes
# has to be there after a restart.
workdir() {
	if [ -n "${BP_DIR:-}" ]; then
		dir=${BP_DIR%/*}
		return
	fi
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	trap 'exit 1' INT TERM
}

# under_bp_run DIR ARGUMENT...: start this script again with these arguments as a pipeline
# of bp-run that keeps its place in DIR, unless it is one already.
under_bp_run() {
	[ -n "${BP_DIR:-}" ] || exec bp-run --dir "$1" -- "$here/${0##*/}" "${@:2}"
}

usage() {
	echo "usage: $1" >&2
	exit 100
}

# The columns of a file of rates by slot.
rates=window_start,dims.slot_id,impressions,clicks,ctr,ctr_low,ctr_high

# rates TITLE KEY RECORDS [ROWS]: impressions, clicks and click-through rate by a key of
# the outcomes, with the interval that holds the true rate 95 times in 100 (Wilson's).
# The rows that are surely good come first.
rates() {
	printf '\n%s\n' "$1"
	bp-metric --by "$2" "$3" | bp-select 'event == "metric"' |
	    bp-print --format tsv --fields "dims.$2,impressions,clicks,ctr,ctr_low,ctr_high" |
	    sed 1d | sort -t "$(printf '\t')" -k 5,5gr -k 1,1 | sed -n "1,${4:-20}p" |
	    awk -F '\t' -v key="$2" '
	BEGIN {
		printf "  %-14s %12s %8s %9s   %s\n", key, "impressions", "clicks", "CTR",
		    "95 % interval"
	}
	{
		printf "  %-14s %12d %8d %7.2f %%   %5.2f .. %5.2f %%\n", $1, $2, $3,
		    100 * $4, 100 * $5, 100 * $6
	}'
}

# learning RECORDS: how well clicks were predicted before they were learned, beside what
# always saying the base rate would give.
learning() {
	printf '\n%s\n' 'How well the model predicts what it has not yet seen'
	bp-select 'event == "metric" and exists(log_loss) and dims.scope == "total"' "$1" |
	    bp-print --format tsv --fields n,log_loss,normalised_entropy,calibration,auc,weights |
	    awk -F '\t' 'NR == 2 {
		printf "  %d outcomes, %d weights\n", $1, $6
		printf "  log loss %.5f; %.5f for the base rate, known only afterwards: ", $2, $2 / $3
		printf "%.2f %% %s\n", 100 * ($3 < 1 ? 1 - $3 : $3 - 1), $3 < 1 ? "better" : "worse"
		printf "  clicks predicted / clicks: %.3f; ranks a click before another: %.1f %%\n",
		    $4, 100 * $5
	}'
}

# ledger STAGE...: what became of the records, stage by stage, and how fast each stage was
# in records per second of processor time. Fails when a stage lost one.
ledger() {
	printf '\n%s\n' 'Where the records went: in = out + dropped + rejected + held + late'
	for stage; do
		cat "$dir/$stage.stats"
		echo "end $stage"
	done | awk '
	BEGIN {
		printf "  %-8s %9s %9s %9s %9s %6s %6s %9s %9s\n", "stage", "in", "out", "dropped",
		    "rejected", "held", "late", "made new", "million/s"
	}
	/^bannerpipe_/ {
		name = $1
		gsub(/^bannerpipe_|(_total)?[{].*/, "", name)
		n[name] = $2
	}
	$1 == "end" {
		printf "  %-8s %9d %9d %9d %9d %6d %6d %9d %9.2f", $2, n["in"], n["out"],
		    n["dropped"], n["rejected"], n["held"], n["late"], n["emitted"],
		    n["in"] / (n["processor_us"] + 1)
		lost = n["in"] - n["out"] - n["dropped"] - n["rejected"] - n["held"] - n["late"]
		gap = NR > 1 && before != "" ? before - n["in"] : 0
		print lost ? "  LOST " lost : gap ? "  LOST " gap " before it" : ""
		wrong += lost || gap
		before = n["out"] + n["emitted"]
	}
	END { exit wrong > 0 }'
}

# promise ARGUMENT...: this script again with these arguments, under bp-run, while one of
# its stages after the other, chosen at random, is killed with -9. What it writes, learned
# and click.model, must have the same bytes.
promise() {
	local runner stage pid killed=0 work=$dir/again
	printf '\n%s\n' 'Exactly once: the same again under bp-run, with kill -9'
	mkdir "$work"
	bp-run --dir "$work/run" --every 20ms --no-progress -- "$here/${0##*/}" "$@" \
	    2>"$work/said" &
	runner=$!
	trap 'kill -9 "$runner"; wait "$runner"; exit 1' INT TERM
	while [ "$killed" -lt 10 ] && kill -0 "$runner" 2>/dev/null; do
		sleep 0.0$((RANDOM % 9 + 1))
		stage=$(find "$work/run/stage" -name member 2>/dev/null | shuf -n 1) ||
		    continue
		pid=$(sed -n 's/^pid //p' "$stage" 2>/dev/null) || continue
		grep -qsz "^BP_DIR=$work/run" "/proc/$pid/environ" &&
		    kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
	done
	if ! wait "$runner" || ! cmp "$dir/learned" "$work/learned" ||
	    ! cmp "$dir/click.model" "$work/click.model" || [ "$killed" -eq 0 ]; then
		cat "$work/said" >&2
		echo "  killed $killed times: NOT the same bytes"
		return 1
	fi
	echo "  killed $killed times: the same bytes ($(wc -c <"$work/learned") of records," \
	    "$(wc -c <"$work/click.model") of model)"
}
