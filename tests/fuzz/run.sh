#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh FOLDER: each fuzz target of the folder for FUZZ_SECONDS, two at a time. Prints
# TAP. What breaks a target is left beside its log. With FUZZ_SEED the same inputs come each
# time, as many as there is time for, and at most FUZZ_RUNS; else others.
set -eu
folder=$1
seconds=${FUZZ_SECONDS:-20}
seeds=$(cd "$(dirname "$0")" && pwd)/corpus

one() {
	target=$1
	name=${target##*/}
	mkdir -p "$target.new"
	mkdir -p "$seeds/$name"
	"$target" -seed="${FUZZ_SEED:-0}" -runs="${FUZZ_RUNS:--1}" -max_total_time="$seconds" -timeout=10 \
	    -rss_limit_mb=2048 -verbosity=1 -artifact_prefix="$target." "$target.new" "$seeds/$name" \
	    >"$target.log" 2>&1 &&
	    : >"$target.passed"
}

rm -f "$folder"/*.passed
n=0
for target in "$folder"/*; do
	case ${target##*/} in *.*) continue ;; esac
	[ -x "$target" ] && [ -f "$target" ] || continue
	one "$target" &
	n=$((n + 1))
	[ $((n % 2)) -ne 0 ] || wait
done
wait
i=0
failed=0
for target in "$folder"/*; do
	case ${target##*/} in *.*) continue ;; esac
	[ -x "$target" ] && [ -f "$target" ] || continue
	i=$((i + 1))
	runs=$(sed -n 's/^Done \([0-9]*\) runs.*/\1/p' "$target.log")
	if [ -e "$target.passed" ]; then
		echo "ok $i - fuzz ${target##*/}: ${runs:-0} runs in $seconds s"
	else
		failed=$((failed + 1))
		echo "not ok $i - fuzz ${target##*/} (all of it in $target.log)"
		grep -E 'ERROR|SUMMARY|Assertion|runtime error|artifact' "$target.log" |
		    sed 's/^/# /' || :
	fi
done
echo "1..$i"
[ "$failed" -eq 0 ]
