#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fraud-power.sh [SEED...]: what bp-fraud finds of bp-simulate's attacks, and of its honest
# visitors, after bp-givt and alone: by kind of visitor the mean share, over the seeds, of
# clicks and of impressions that are invalid in the end, and of those that were so on
# arrival. Robots that come slowly are looked for in four weeks, all others in a day. The
# rules were made with seeds below 300.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
[ $# -gt 0 ] || set -- 301 302 303 304 305 306 307 308 309 310
day=crawler:0.02,scraper:0.01,farm:0.02,device_farm:0.02,rotation:0.02,prefetch:0.01

judged() { # the verdicts of a stream, as lines
	bp-select 'event == "verdict" or event == "retract"' | bp-print -f json
}
power() { # power NAME VERDICTS
	python3 "$root/tests/peers/fraud_power.py" truth.json "$2" | sed "s/^/$1 /" >>powers
}
play() { # play SEED OPTION...: log.bp and truth.json
	bp-simulate --seed "$@" --truth truth.bp >log.bp
	bp-select 'of == "impression" or of == "click"' <truth.bp | bp-print -f json >truth.json
}
for seed; do
	play "$seed" --rate 5000 --attack $day
	bp-givt <log.bp | bp-fraud | judged >verdicts
	power 'with bp-givt, a day,' verdicts
	bp-fraud <log.bp | judged >verdicts
	power 'alone, a day,' verdicts
	play "$seed" --rate 800 --visitors 2000 --days 28 --attack slow:0.03,farm:0.01
	bp-fraud <log.bp | judged >verdicts
	power 'alone, 28 days,' verdicts
done
awk '{
	key = $1
	for (i = 2; i <= NF - 3; i++)
		key = key " " $i
	n[key]++; events[key] += $(NF - 2); out[key] += $(NF - 1); early[key] += $NF
} END {
	for (key in n)
		printf "%-46s %8d events, found %.4f, on arrival %.4f\n", key, events[key], out[key] / n[key], early[key] / n[key]
}' powers | sort
