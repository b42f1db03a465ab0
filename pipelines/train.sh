#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# train.sh FOLDER ACCESS-LOG: learn clicks from a shop's log, one log after the other, as
# if they were one: FOLDER keeps the model (click.model, for bp-score), the names of its
# features (names.bp) and what every stage remembers, and the next log goes on where this
# one ends: of the same log nothing is learned twice. A banner is learned from when
# CLICK_WINDOW (30m of the log's time) has passed since it was shown. Or follow a log that
# grows, and learn each click exactly once, over any crash:
#
#	bp-run --dir clicks.run -- pipelines/train.sh FOLDER ACCESS-LOG >>report
. "$(dirname "$0")/common.sh"
[ $# -eq 2 ] || usage 'train.sh FOLDER ACCESS-LOG'
mkdir -p "$1"
remember=(--state "$1") follow=()
[ -z "${BP_DIR:-}" ] || remember=() follow=(--follow) # the states are bp-run's

bp-parse --format combined --map "$here/access-log.map" --max-rejects 100% \
    "${follow[@]}" "${remember[@]}" "$2" |
    bp-sort --lateness 1m "${remember[@]}" |
    bp-join --click-window "${CLICK_WINDOW:-30m}" "${remember[@]}" |
    bp-feature --spec "$here/access-log.spec" --names "$1/names.bp" "${remember[@]}" |
    bp-learn --model "$1/click.model" --report 5000 "${remember[@]}" |
    bp-select 'event == "metric" and exists(log_loss)' |
    bp-print --format table --fields timestamp,n,log_loss,normalised_entropy,calibration,auc
