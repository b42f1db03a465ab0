#!/bin/sh
# SPDX-License-Identifier: MIT
#
# replay.sh [FOLDER]: the main job on two weeks of real banners: a shop that showed them
# at random and by Thompson sampling. Clicks are joined to what was shown, features made,
# a model of clicks is learned as the days go by, and rates are counted. FOLDER holds the
# two files of the Open Bandit Dataset; the preset is tests/data.
. "$(dirname "$0")/common.sh"
data=${1:-$here/../tests/data}
whole=3650d # one window over everything

rows() { # as bp-parse reads them: the first column names policy and row
	zstd -dc "$data/open-bandit-men-$1.csv.zst" | sed "1s/^/id/; 2,\$s/^/$1-/"
}

{ rows random && rows bts | sed 1d; } |
    bp-parse --format csv --map "$here/open-bandit.map" --stats "$dir/parse.stats" |
    bp-sort --lateness 14d --stats "$dir/sort.stats" |
    bp-join --stats "$dir/join.stats" |
    bp-feature --spec "$here/open-bandit.features" --stats "$dir/feature.stats" |
    bp-learn --model "$dir/click.model" --stats "$dir/learn.stats" >"$dir/learned"

outcomes() { # [CONDITION]
	bp-select "event == \"outcome\" ${1-}" "$dir/learned"
}
rates() { # KEY: rates by that key, with intervals
	bp-metric --by "$1" --window $whole --stats "$dir/metric.stats"
}
