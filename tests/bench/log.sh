#!/bin/sh
# SPDX-License-Identifier: MIT
#
# log.sh: the speed of bp-log with a group commit every 5 ms beside that of dd, which
# writes the same records and waits for the disk as often; and that of bp-replay. The best
# of three, by the clock; LINES=2000000 is what numbers are quoted for.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
lines=${LINES:-500000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# seconds COMMAND: of the fastest of three, by the clock.
seconds() {
	best=999999
	for _ in 1 2 3; do
		rm -rf log copy
		sync .
		start=$(date +%s%N)
		sh -c "$1" >/dev/null
		took=$((($(date +%s%N) - start) / 1000))
		[ "$took" -ge "$best" ] || best=$took
	done
	awk -v us="$best" 'BEGIN { printf "%.3f\n", us / 1e6 }'
}

gen_log "$lines" 7 2>/dev/null |
    bp-parse --format combined --max-rejects 100% >records.bp 2>/dev/null
size=$(wc -c <records.bp)
cat records.bp >/dev/null

ours=$(seconds 'bp-log --ack-fd 3 log <records.bp 3>acks')
commits=$(wc -l <acks)
records=$(tail -n 1 acks)
block=$((size / commits + 1))
peer=$(seconds "dd if=records.bp of=copy bs=$block oflag=dsync 2>/dev/null")
bp-log kept <records.bp
replay=$(seconds 'bp-replay kept')
awk -v size="$size" -v records="$records" -v commits="$commits" -v block="$block" \
    -v ours="$ours" -v peer="$peer" -v replay="$replay" 'BEGIN {
	printf "bp-log     %.0f MB/s (goal 250, or 70 %% of dd), %d group commits\n",
	    size / ours / 1e6, commits
	printf "dd dsync   %.0f MB/s in blocks of %d bytes: bp-log is %.0f %% of it\n",
	    size / peer / 1e6, block, 100 * peer / ours
	printf "bp-replay  %.2f M records/s (goal 2)\n", records / replay / 1e6 }'
