#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh: our speed beside that of the usual tools, in one run on one machine. Records
# per second of processor time (user and system, of all processes of the work), the best
# of three; peak memory of the largest process. LINES=2000000 is what numbers are quoted
# for; the preset is quicker.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
lines=${LINES:-500000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
map=$root/pipelines/access-log.map
spec=$root/pipelines/access-log.spec

say() { printf '%s\n' "$*" >&2; }

# measure RECORDS COMMAND: prints "million-a-second peak-MiB" of a shell command.
measure() {
	: >usage
	for _ in 1 2 3; do
		usage usage bash -o pipefail -c "$2" >/dev/null 2>errors || [ $? -eq 1 ] ||
		    { say "$2"; cat errors >&2; exit 111; }
	done
	awk -v n="$1" 'NR == 1 || $1 < best { best = $1 } $3 > peak { peak = $3 }
	    END { printf "%.3f %.0f\n", n / 1e6 / best, peak / 1024 }' usage
}

# row WORK GOAL RECORDS OURS PEER-NAME PEER [PEER-NAME PEER]...
row() {
	work=$1 goal=$2 records=$3 ours=$(measure "$3" "$4")
	shift 4
	while [ $# -gt 0 ]; do
		peer=$(measure "$records" "$2")
		echo "$work|${ours% *}|$goal|${ours#* }|$1|${peer% *}|$(
		    awk -v a="${ours% *}" -v b="${peer% *}" 'BEGIN { printf "%.1f", a / b }')"
		work='' goal=''
		shift 2
	done
}

say "making $lines lines of a shop's log and what the rows read"
gen_log "$lines" 7 >access.log 2>truth
bp-parse --format combined --max-rejects 100% access.log >log.mp 2>/dev/null
bp-parse --format combined --map "$map" --max-rejects 100% access.log >events.mp 2>/dev/null
bp-print --format json log.mp >log.json
bp-join events.mp >outcomes.mp
bp-print --format tsv --fields event,creative_id,slot_id,timestamp events.mp >events.tsv
gen_ctr "$lines" >ctr.mp
gen_outcomes "$lines" >shown.mp
# 30 namespaces a line, of 10 to a million values that are drawn ever more rarely.
perl -e 'srand(7); my @name = ("a" .. "z", "A" .. "D");
for (1 .. $ARGV[0]) {
	print rand() < 0.03 ? "1" : "-1",
	    (map { " |$name[$_] $name[$_]" . int((10 ** (1 + 5 * $_ / 29)) ** rand()) } 0 .. 29), "\n";
}' "$lines" >train.vw
count() { sed -n 's/^bannerpipe_in_total{.*} //p' "$1"; }
bp-select --stats s 'true' log.mp >/dev/null
records=$(count s)
bp-select --stats s 'true' events.mp >/dev/null
events=$(count s)

cat >combined.pl <<'PERL'
$re = qr/^(\S+) (\S+) (\S+) \[(\d\d\/[A-Z][a-z]{2}\/\d{4}(?::\d\d){3} [+-]\d{4})\] "([A-Z]+) (\S+) (HTTP\/\d\.\d)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)"$/;
while (<>) { if (/$re/) { $n{$8}++ } else { $bad++ } }
print "$bad $_ $n{$_}\n" for keys %n;
PERL
by='--by creative_id,slot_id --window 1h'
{
	echo 'work|ours, M/s|goal|MiB|peer|its M/s|ratio'
	row 'access log, all fields' 2.5 "$lines" \
	    'bp-parse --format combined --max-rejects 100% access.log' \
	    'perl, one regex' 'perl combined.pl access.log' \
	    'mawk, field 9 only' "mawk '{ n[\$9]++ } END { for (s in n) print s, n[s] }' access.log" \
	    'limit: wc -l' 'wc -l access.log'
	row 'JSON lines' 2 "$records" \
	    'bp-parse --format json log.json' \
	    'jq, select' "jq -c 'select(.status == 404)' log.json" \
	    'Miller, JSON' "mlr --ijsonl --ojsonl filter '\$status == 404' log.json"
	row 'examples of VW, 30 features' 1 "$lines" \
	    'bp-parse --format vw train.vw' \
	    'mawk, count the words' "mawk '{ n += NF } END { print n }' train.vw" \
	    'limit: wc -l' 'wc -l train.vw'
	row 'look at 3 keys, pass on' 3.5 "$records" \
	    "bp-select 'status < 600 and bytes_sent >= 0 and exists(ip)' log.mp" \
	    'msgpack-c, unpack and pack' 'repack <log.mp' \
	    'limit: cat' 'cat log.mp | cat'
	row 'count by two keys and hour' 4 "$events" \
	    "bp-metric $by events.mp" \
	    'mawk, TSV' "mawk -F '\t' '{ n[\$1, \$2, \$3]++ } END { for (k in n) print k, n[k] }' events.tsv" \
	    'datamash, TSV' 'datamash -s -H -g 1,2,3 count 4 <events.tsv' \
	    'Miller, TSV' 'mlr --tsv count -g event,creative_id,slot_id events.tsv'
	row 'the same of outcomes, 20 keys' 4 "$lines" \
	    "bp-metric --by creative_id,position --window 1h shown.mp" \
	    'limit: cat' 'cat shown.mp | cat'
	row 'keep what may be taken back' 1 "$lines" \
	    'bp-retract --kinds outcome shown.mp' \
	    'limit: cat' 'cat shown.mp | cat'
	row 'value a policy on outcomes' 1 "$lines" \
	    'bp-evaluate --policy uniform --actions 50 --reward click --by position shown.mp' \
	    'limit: cat' 'cat shown.mp | cat'
	row 'learn, 30 features' 1 "$lines" \
	    'rm -f model; bp-learn --model model ctr.mp' \
	    'limit: cat' 'cat ctr.mp | cat'
	row 'the same, looking for crosses' 1 "$lines" \
	    'rm -f model; bp-learn --model model --crosses 64 ctr.mp' \
	    'limit: cat' 'cat ctr.mp | cat'
	parse="bp-parse --format combined --map $map --max-rejects 100% access.log"
	row 'parse, join, feature, learn, metric' 0.5 "$lines" \
	    "rm -f m; $parse | bp-join | bp-feature --spec $spec | bp-learn --model m |
	     bp-metric $by" \
	    'parse, 4 times msgpack-c' "$parse | repack | repack | repack | repack"
} >table
column -t -s '|' table
echo "$lines lines of $(wc -c <access.log) bytes, $(sed -n 's/^malformed //p' truth) malformed;" \
    "million records per second of processor time, best of 3"

say "a snapshot a second of 256 MiB of which 10,000 cells are touched (tests/bench/saver.c)"
"$build/bench/saver" 30 1000 256

say "eligible creatives, caps and budgets of a request (tests/bench/delivery.c)"
"$build/bench/delivery"

say "what bots take from a policy, and what verdicts bring back (tests/bench/attack.c)"
"$build/bench/attack" 1

say "no impression beyond a cap, no micro beyond a budget (tests/bench/exact.c)"
"$build/bench/exact" 1000000
