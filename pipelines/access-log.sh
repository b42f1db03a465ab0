#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# access-log.sh ACCESS-LOG: rates of a shop's banners from the log of its web server
# (nginx or Apache, combined; may be compressed by zstd), and a model of their clicks.
# access-log.map says which request is what.
. "$(dirname "$0")/common.sh"
[ $# -eq 1 ] || usage 'access-log.sh ACCESS-LOG'
workdir

bp-parse --format combined --map "$here/access-log.map" --max-rejects 100% \
    --stats "$dir/parse.stats" "$1" |
    bp-sort --lateness 1m --stats "$dir/sort.stats" |
    bp-join --stats "$dir/join.stats" |
    bp-feature --spec "$here/access-log.spec" --stats "$dir/feature.stats" |
    bp-learn --model "$dir/click.model" --stats "$dir/learn.stats" >"$dir/learned"

bp-select 'event == "outcome"' "$dir/learned" >"$dir/outcomes"
bp-metric --by creative_id --stats "$dir/metric.stats" "$dir/learned" >/dev/null

rates 'Which slots are clicked?' slot_id "$dir/outcomes"
rates 'Which banners are surely good? (the best ten)' creative_id "$dir/outcomes" 10
learning "$dir/learned"
ledger parse sort join feature learn metric
