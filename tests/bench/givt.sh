#!/bin/sh
# SPDX-License-Identifier: MIT
#
# givt.sh: records a processor second of bp-givt, of a shop's log in which agents come again
# as people do, and of one in which each agent is new; and what the same log costs bp-select,
# which looks at one key.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
lines=${LINES:-400000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

grep -v '^#' "$root/tests/data/browser-agents.txt" >agents
make_log() { # make_log NEW: whether each agent is another one
	awk -v n="$lines" -v new="$1" '{ agent[NR] = $0 } END {
		srand(1)
		for (i = 0; i < n; i++) {
			a = agent[1 + int(rand() * NR)]
			if (new) a = a " build/" i
			printf "{\"event\":\"impression\",\"event_id\":\"%d\",\"timestamp\":%d,", i, i
			printf "\"user_agent\":\"%s\",\"ip\":\"%d.%d.%d.%d\"}\n", a, 1 + int(rand() * 223),
			    int(rand() * 256), int(rand() * 256), int(rand() * 256)
		} }' agents | bp-parse --format json
}
speed() { # speed NAME FILE COMMAND...
	name=$1 file=$2
	shift 2
	rm -f used
	usage used "$@" <"$file" >/dev/null
	awk -v n="$lines" -v name="$name" '{ printf "%-32s %.2f M/s\n", name, n / $1 / 1e6 }' used
}
make_log 0 >again
make_log 1 >new
speed 'bp-select, a look at one key' again bp-select 'ip != "-"'
speed 'bp-givt, agents come again' again bp-givt
speed 'bp-givt, each agent is new' new bp-givt
