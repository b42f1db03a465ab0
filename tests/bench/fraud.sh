#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fraud.sh: records a processor second of bp-fraud with all signals, both looks: of a shop's
# visitors, who come again; of a flood in which each record has another address, device and
# user; the same with --learn and with --influence; and what the log costs bp-select, which
# looks at one key.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
lines=${LINES:-400000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# 2,000 records a second of event time; a click in 20, a purchase in 400.
make_log() { # make_log VISITORS: 0: each record has another one
	awk -v n="$lines" -v visitors="$1" 'BEGIN {
		srand(1)
		for (i = 0; i < n; i++) {
			v = visitors ? int(visitors * rand() * rand()) : i
			kind = i % 400 == 399 ? "purchase" : i % 20 == 19 ? "click" : "impression"
			printf "{\"event\":\"%s\",\"event_id\":\"e%d\",\"timestamp\":%.0f,", kind, i, 1767571200000000 + i * 500
			printf "\"decision_id\":\"d%d\",\"user_id\":\"u%d\",", i - (kind != "impression"), v
			printf "\"ip\":\"%d.%d.%d.%d\",", 10 + v % 13, v / 65536 % 256, v / 256 % 256, v % 256
			printf "\"device\":\"m%d\",\"os\":\"os%d\",\"asn\":%d,", visitors ? v % 97 : v, v % 11, v % 500
			printf "\"user_agent\":\"Mozilla/5.0 (X11; Linux) build/%d\",", v % 1000
			printf "\"creative_id\":\"b%d\"}\n", int(rand() * 200)
		} }' | bp-parse --format json
}
speed() { # speed NAME FILE COMMAND...
	name=$1 file=$2
	shift 2
	rm -f used
	usage used "$@" <"$file" >/dev/null
	awk -v n="$lines" -v name="$name" '{ printf "%-44s %.2f M/s, %d MB\n", name, n / $1 / 1e6, $3 / 1024 }' used
}
make_log 50000 >shop
make_log 0 >flood
speed 'bp-select, a look at one key' shop bp-select 'user_id != "-"'
speed 'bp-fraud, visitors come again' shop bp-fraud --memory 512M
speed 'bp-fraud, each record has another one' flood bp-fraud --memory 512M
speed 'bp-fraud, likewise in little memory' flood bp-fraud --memory 32M
speed 'bp-fraud --influence' shop bp-fraud --memory 512M --influence user=20,ip=100,asn=5000
speed 'bp-fraud --learn' shop bp-fraud --memory 512M --learn
