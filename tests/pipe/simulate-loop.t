#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-simulate with others that decide, whatever they do; and as the source of a pipeline.
. "${0%/*}/lib.sh"

shop='--days 1 --rate 300 --visitors 200 --seed 3'
count() { # count CONDITION FILE
	bp-select "$1" "$2" | bp-print --format csv -F event | grep -vc '^event$\|ext'
}
counter() { # counter NAME FILE
	sed -n "s/^bannerpipe_$1_total{.*} //p" "$2"
}
# loop COMMAND: the shop with this in the way back; log, sim.stats.
mkfifo back
loop() {
	# shellcheck disable=SC2086
	bp-simulate --loop $shop --stats sim.stats <back | sh -c "$1" | tee -p back >log
}

loop 'bp-rank --policy uniform'
ok 'a loop ends with its last day' test "$(count 'event == "metric"' log)" -eq 2
same 'every position got a banner' 0 counter unanswered sim.stats
requests=$(counter requests sim.stats)
ok 'each request was decided three times' \
    test "$(count 'event == "decision"' log)" -eq "$((3 * requests))"
ok 'what was decided was shown, but for what the end cut off' \
    test "$(count 'event == "impression"' log)" -ge "$((3 * requests - 30))"
same 'what came back was taken' 0 counter rejected sim.stats
mv log first
loop 'bp-rank --policy uniform'
ok 'again it gives the same bytes' cmp first log
bp-select 'event == "page_view"' first >pages
# shellcheck disable=SC2086
bp-simulate $shop --policy oracle | bp-select 'event == "page_view"' >others
views() { bp-print --format csv -F timestamp,session_id,url "$1" | grep -v ext | grep .; }
views pages >pages.csv
views others >others.csv
ok 'another policy meets the same visitors' cmp pages.csv others.csv

loop 'bp-select true'
ok 'where nobody decides the loop ends too' test "$(count 'event == "metric"' log)" -eq 2
same 'nothing is shown' 0 count 'event == "impression"' log
ok 'and positions stay empty' test "$(counter unanswered sim.stats)" -ge "$((3 * requests - 30))"

loop "bp-rank --policy uniform | bp-select 'event != \"decision\" or position != 1'"
ok 'where some decisions are lost the others are shown' test "$(counter unanswered sim.stats)" \
    -ge "$((requests - 10))" -a "$(count 'event == "impression"' log)" -ge "$((2 * requests - 20))"

# A whole log goes through a pipeline, and nothing is lost.
# shellcheck disable=SC2086
bp-simulate $shop --days 2 >log
bp-join --final --stats join.stats log >joined
ok 'every impression has an outcome' test "$(count 'event == "outcome"' joined)" -eq \
    "$(count 'event == "impression"' log)"
clicks=$(bp-select 'event == "click"' log | bp-print --format csv -F decision_id |
    sed 1d | sort -u | grep -vc ext)
ok 'every click belongs to one, and some click twice' test "$clicks" -eq \
    "$(count 'event == "outcome" and rewards.click == 1' joined)" \
    -a "$clicks" -lt "$(count 'event == "click"' log)"
bp-metric joined >metrics
like 'and they are counted' "^7785,$clicks\$" \
    bp-print --format csv -F impressions,clicks metrics

# shellcheck disable=SC2086
bp-simulate $shop --days 2 --truth truth >told
ok 'who writes down the truth has the same log' cmp log told
ok 'and a line of truth for every impression' \
    test "$(count 'of == "impression"' truth)" -eq 7785

# As a stage, killed; and stopped and gone on.
# shellcheck disable=SC2086
bp-run --dir run --every 20ms --no-progress -- "bp-simulate $shop --days 20 >>again" 2>said &
runner=$!
killed=0
while [ "$killed" -lt 3 ] && kill -0 "$runner" 2>/dev/null; do
	pid=$(sed -n 's/^pid //p' run/stage/*/member 2>/dev/null | head -n 1)
	[ -n "$pid" ] && [ -s again ] && kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
done
wait "$runner"
report $? 'it runs under bp-run' "$(cat said)"
# shellcheck disable=SC2086
bp-simulate $shop --days 20 >whole
ok "killed it goes on to the same bytes ($killed times)" cmp whole again
exits 'a loop is no stage' 100 bp-run --dir other --no-progress -- 'bp-simulate --loop </dev/null >>x'

# The policy of pipelines/simulate.sh learns: in a small shop, of few visitors who differ much.
printf 'creative_id,rate\nbad,0.02\npoor,0.04\ngood,0.3\n' >three.csv
BUILD=$build "$root/pipelines/simulate.sh" --rates three.csv --rate 2000 --days 2 --attack crawler:0.02 \
    --fatigue 0 --examination 1 >table 2>errors
report $? 'pipelines/simulate.sh succeeds' "$(cat errors)"
same 'and complains of nothing' '' cat errors
ok 'it has a line for each day and one for all' test "$(grep -c '^  [12a]' table)" -eq 3
ok 'most of the way to the oracle on the second day' \
    awk '$1 == 2 { found = $13 > 60 } END { exit !found }' table
done_testing
