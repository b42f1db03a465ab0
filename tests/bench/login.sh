#!/bin/sh
# SPDX-License-Identifier: MIT
#
# login.sh: records a processor second of bp-login with all that a login can show, of users
# who come again as people do, and while a crowd tries stolen passwords on all of them; and
# what the same log costs bp-select, which looks at one key. The log is long, for a short one
# shows what it takes to have 200 MB of fresh memory cleared.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
lines=${LINES:-1600000}
users=${USERS:-50000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

make_log() { # make_log ATTACKS: the share of attempts that are, each from its own address
	awk -v n="$lines" -v users="$users" -v attacks="$1" 'BEGIN {
		srand(1)
		for (i = 0; i < n; i++) {
			u = int(rand() * users)
			p = u % 400
			agent = u % 97
			if (rand() < 0.02) agent = int(rand() * 97)
			ip = sprintf("20.%d.%d.%d", p % 200, u / 400 % 200, u % 250)
			if (rand() < 0.1) ip = sprintf("20.%d.%d.%d", p % 200, rand() * 200, rand() * 250)
			ok = rand() < 0.92
			if (rand() < attacks) {
				ip = sprintf("198.%d.%d.%d", rand() * 256, rand() * 256, rand() * 256)
				ok = rand() < 0.02
				p = 777
			}
			printf "{\"event\":\"login\",\"event_id\":\"e%d\",\"timestamp\":%.0f,", i, 1.7e15 + i * 1e6
			printf "\"user_id\":\"user-%d\",\"success\":%s,\"ip\":\"%s\",", u, ok ? "true" : "false", ip
			printf "\"asn\":%d,\"country\":\"C%d\",\"latitude\":%d,\"longitude\":%d,", 1000 + p, p % 40, p % 40, p % 90
			printf "\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64; rv:%d.0) Gecko/20100101 Firefox/%d.0\",", agent, agent
			printf "\"browser\":\"Firefox %d\",\"os\":\"os %d\",\"device\":\"laptop\",\"device_id\":\"d%d-%d\"}\n", agent, agent % 7, u, agent
		} }' | bp-parse --format json
}
speed() { # speed NAME FILE COMMAND...
	name=$1 file=$2
	shift 2
	rm -f used
	usage used "$@" <"$file" >/dev/null
	awk -v n="$lines" -v name="$name" '{ printf "%-32s %.2f M/s\n", name, n / $1 / 1e6 }' used
}
make_log 0 >calm
make_log 0.5 >crowd
speed 'bp-select, a look at one key' calm bp-select 'ip != "-"'
speed 'bp-login, users come again' calm bp-login
speed 'bp-login, half of it is a crowd' crowd bp-login
