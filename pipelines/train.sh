#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# train.sh FOLDER ACCESS-LOG: learn clicks from a shop's log, one log after the other, as
# if they were one: FOLDER keeps the model (click.model, for bp-score) and what every stage
# remembers, and the next log goes on where this one ends. A banner is learned from when
# CLICK_WINDOW (30m of the log's time) has passed since it was shown.
. "$(dirname "$0")/common.sh"
[ $# -eq 2 ] || usage 'train.sh FOLDER ACCESS-LOG'
mkdir -p "$1"

bp-parse --format combined --map "$here/access-log.map" --max-rejects 100% --state "$1" "$2" |
    bp-sort --lateness 1m --state "$1" |
    bp-join --click-window "${CLICK_WINDOW:-30m}" --state "$1" |
    bp-feature --spec "$here/access-log.spec" --state "$1" |
    bp-learn --model "$1/click.model" --report 5000 --state "$1" |
    bp-select 'event == "metric" and exists(log_loss)' |
    bp-print --format table --fields timestamp,n,log_loss,normalised_entropy,calibration,auc
