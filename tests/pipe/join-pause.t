#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A log with a pause longer than --max-future loses nothing between bp-sort and bp-join.
. "${0%/*}/lib.sh"

day=86400000000
start=1714521600000000
{
	for i in $(seq 24); do
		at=$((start + i * 60000000 + (i > 12 ? 4 * day : 0)))
		printf '{"event":"impression","event_id":"i%d","timestamp":%d,' "$i" "$at"
		printf '"decision_id":"d%d","user_id":"u","creative_id":"c","position":0}\n' "$i"
	done
} >in.json
outcomes() { grep -c '"event":"outcome"' "$1"; }

bp-parse --format json in.json | bp-sort | bp-join --final --stats stats |
    bp-print --format json >out
same 'every banner has its outcome' 24 outcomes out
same 'none was rejected' 0 sed -n 's/^bannerpipe_rejected_total.* //p' stats
done_testing
