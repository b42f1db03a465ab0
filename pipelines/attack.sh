#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# attack.sh [OPTION...]: a shop under attack, what is found of it, also late, and taken
# back; banner by banner beside the truth, and kind by kind. OPTIONs are those of
# bp-simulate (--attack farm:0.05, --days 7, ...); FRAUD are options of bp-fraud.
. "$(dirname "$0")/common.sh"
workdir
mkfifo "$dir/copy"
attack=crawler:0.02,scraper:0.01,prefetch:0.02,farm:0.02,device_farm:0.01,slow:0.01
attack+=,rotation:0.01

bp-select 'event in ("impression", "click")' "$dir/copy" |
    bp-print --format tsv --fields event_id,event,weight >"$dir/weights" &
copy=$!
# shellcheck disable=SC2086
bp-simulate --days 3 --attack "$attack" "$@" --truth "$dir/truth" --stats "$dir/simulate.stats" |
    bp-givt --stats "$dir/givt.stats" |
    bp-fraud ${FRAUD:-} --stats "$dir/fraud.stats" |
    bp-retract --stats "$dir/retract.stats" |
    tee "$dir/copy" |
    bp-join --click-window 1h --stats "$dir/join.stats" |
    bp-metric --by creative_id --stats "$dir/metric.stats" >"$dir/rates"

wait "$copy"

# What humans were shown, and clicked once each.
bp-select 'of == "impression"' "$dir/truth" |
    bp-print --format tsv --fields creative_id,visitor,clicked >"$dir/shown"
bp-select 'event == "metric" and exists(dims.creative_id)' "$dir/rates" | bp-print --format tsv \
    --fields dims.creative_id,gross.impressions,gross.clicks,impressions,clicks >"$dir/counted"

printf '\n%s\n' 'What banners were clicked: as counted, without what was found invalid, by humans'
awk -F '\t' '
FNR == 1 { file++; next }
file == 1 { humans[$1] += $2 == "human"; clicks[$1] += $2 == "human" && $3 == "true"; next }
$1 == "" || $2 == 0 { next }
{
	line[$1] = $0 # the last revision of a row counts
}
function percent(n, of) { return of ? sprintf("%.2f %%", 100 * n / of) : "-" }
END {
	printf "  %-10s %9s %8s %8s   %9s %8s %8s   %9s %8s %8s\n", "banner", "gross", "clicks",
	    "CTR", "net", "clicks", "CTR", "humans", "clicks", "CTR"
	for (b in line) {
		split(line[b], f)
		printf "  %-10s %9d %8d %8s   %9d %8d %8s   %9d %8d %8s\n", b, f[2], f[3],
		    percent(f[3], f[2]), f[4], f[5], percent(f[5], f[4]), humans[b], clicks[b],
		    percent(clicks[b], humans[b]) | "sort -V -k 1,1"
	}
}' "$dir/shown" "$dir/counted"

printf '\n%s\n' 'How much of each kind was found'
bp-select 'of in ("impression", "click")' "$dir/truth" |
    bp-print --format tsv --fields event_id,visitor >"$dir/whose"
awk -F '\t' '
FNR == 1 { file++; next }
file == 1 { visitor[$1] = $2; next }
visitor[$1] != "" { # what was taken out adds up to 0
	kind[$1] = $2
	weight[$1] += $3 == "" ? 1 : $3
}
END {
	for (id in kind) {
		n[visitor[id], kind[id]]++
		out[visitor[id], kind[id]] += weight[id] <= 0
		who[visitor[id]]
	}
	printf "  %-12s %12s %9s %9s %9s\n", "visitor", "impressions", "found", "clicks", "found"
	for (v in who) {
		a = n[v, "impression"] + 0
		b = n[v, "click"] + 0
		printf "  %-12s %12d %7.2f %% %9d %7.2f %%\n", v, a,
		    a ? 100 * out[v, "impression"] / a : 0, b,
		    b ? 100 * out[v, "click"] / b : 0 | "sort"
	}
}' "$dir/whose" "$dir/weights"
ledger givt fraud retract join metric
