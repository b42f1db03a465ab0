#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# replay.sh [FOLDER]: the main job on the banners of a real shop, which showed them by
# two policies side by side for a week: at random, and by Thompson sampling. Clicks are
# joined to what was shown, features are made, a model of clicks is learned as time goes
# by, and rates are counted. FOLDER holds the two files of the Open Bandit Dataset.
#
# Then the same pipeline again under bp-run, whose stages are killed meanwhile.
. "$(dirname "$0")/common.sh"
data=${1:-$here/../tests/data}
workdir

# One table of both files; the first column, which had no name, becomes policy and row.
rows() {
	zstd -dc "$data/open-bandit-men-$1.csv.zst" | sed "1s/^/id/; 2,\$s/^/$1-/"
}

{ rows random && rows bts | sed 1d; } |
    bp-parse --format csv --map "$here/open-bandit.map" --stats "$dir/parse.stats" |
    bp-sort --lateness 8d --stats "$dir/sort.stats" |
    bp-join --stats "$dir/join.stats" |
    bp-feature --spec "$here/open-bandit.spec" --stats "$dir/feature.stats" |
    bp-learn --model "$dir/click.model" --stats "$dir/learn.stats" >>"$dir/learned"
[ -z "${BP_DIR:-}" ] || exit 0 # bp-run wants no tables

bp-select 'event == "outcome"' "$dir/learned" >"$dir/outcomes"
bp-select 'policy == "random"' "$dir/outcomes" >"$dir/random"
bp-metric --by policy --stats "$dir/metric.stats" "$dir/learned" >/dev/null

rates 'Which policy is better?' policy "$dir/outcomes"
rates 'Does the position matter? (shown at random: a fair comparison)' position "$dir/random"
rates 'Which banners are surely good? (the best ten)' creative_id "$dir/outcomes" 10
learning "$dir/learned"
ledger parse sort join feature learn metric
promise "$data"
