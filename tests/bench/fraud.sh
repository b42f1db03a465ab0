#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fraud.sh: records a processor second, both looks, and instructions a record where valgrind
# is there, of bp-fraud: with its own rules, and with rules that ask for all 31 sets and all
# signals; of a shop's visitors, who come again, honestly, and of some robots whose records
# are all found invalid; of a flood in which each record has another address, device and
# user; with --learn and with --influence; and what the log costs bp-select, which looks at
# one key. Memory is cleared once, when it is first used: with few records that weighs.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
lines=${LINES:-1000000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

# 2,000 records a second of event time; a click in 20, a purchase in 400, of the visitor
# that the decision before was for.
make_log() { # make_log VISITORS DEVICES: 0 visitors: each record has another one
	awk -v n="$lines" -v visitors="$1" -v devices="$2" 'BEGIN {
		srand(1)
		for (i = 0; i < n; i++) {
			if (i % 20 != 19)
				v = visitors ? int(visitors * rand()) : i
			kind = i % 400 == 399 ? "purchase" : i % 20 == 19 ? "click" : "impression"
			printf "{\"event\":\"%s\",\"event_id\":\"e%d\",\"timestamp\":%.0f,", kind, i, 1767571200000000 + i * 500
			printf "\"decision_id\":\"d%d\",\"user_id\":\"u%d\",", i - (kind != "impression"), v
			printf "\"ip\":\"%d.%d.%d.%d\",", 10 + v % 13, v / 65536 % 256, v / 256 % 256, v % 256
			printf "\"device\":\"m%d\",\"os\":\"os%d\",\"asn\":%d,", v % devices, v % 11, v % 500
			printf "\"user_agent\":\"Mozilla/5.0 (X11; Linux) build/%d\",", v % 1000
			printf "\"creative_id\":\"b%d\"}\n", int(rand() * 200)
		} }' | bp-parse --format json
}
all_rules() { # rules for each signal, that none of these honest visitors meets
	python3 - <<-'END'
		import itertools
		fields = ["ip", "device", "os", "user", "banner"]
		sets = [s for n in range(1, 6) for s in itertools.combinations(fields, n)]
		print("prior -9")
		i = 0
		for s in sets:
		    names = [f + "(" + "+".join(s) + ")" for f in ("velocity", "volume", "clicks", "rate", "lift")]
		    names += ["distinct(%s/%s)" % (x, "+".join(s)) for x in fields if x not in s]
		    for name in names:
		        print("r%d 1 if %s >= 1000000" % (i, name))
		        i += 1
		own = ["%s(%s)" % (f, w) for w in ("user", "ip") for f in
		       ("gap", "next", "future", "spread", "focus", "peak", "ctr", "cvr")]
		for name in own + ["click", "agents", "delay", "nth", "foreign", "unseen", "marked", "strange"]:
		    print("r%d 1 if %s >= 1000000000" % (i, name))
		    i += 1
	END
}
speed() { # speed NAME FILE COMMAND...
	name=$1 file=$2
	shift 2
	rm -f used
	usage used "$@" <"$file" >/dev/null
	awk -v n="$lines" -v name="$name" '{ printf "%-44s %.2f M/s, %d MB", name, n / $1 / 1e6, $3 / 1024 }' used
	if command -v valgrind >/dev/null; then
		# Of the part beyond the first 20,000 records: what is there once is not counted.
		less=$(instructions "$file" 20000 "$@") more=$(instructions "$file" 40000 "$@")
		printf ', %d instructions' $(((more - less) / 20000))
	fi
	echo
}
instructions() { # instructions FILE RECORDS COMMAND...
	head -c "$(($(wc -c <"$1") / lines * $2))" "$1" >part
	shift 2
	valgrind --tool=callgrind --callgrind-out-file=/dev/null "$@" <part 2>&1 >/dev/null |
	    awk '/Collected/ { print $NF }'
}
make_log 50000 50000 >shop
make_log 50000 97 >robots
make_log 0 100000000 >flood
all_rules >all
speed 'bp-select, a look at one key' shop bp-select 'user_id != "-"'
speed 'bp-fraud, visitors come again' shop bp-fraud --memory 512M
speed 'bp-fraud, all sets and signals' shop bp-fraud --memory 512M --rules all
speed 'bp-fraud, all are invalid' robots bp-fraud --memory 512M
speed 'bp-fraud, each record has another one' flood bp-fraud --memory 512M
speed 'bp-fraud, likewise in little memory' flood bp-fraud --memory 32M
speed 'bp-fraud --influence' shop bp-fraud --memory 512M --influence user=20,ip=100,asn=5000
speed 'bp-fraud --learn' shop bp-fraud --memory 512M --learn
