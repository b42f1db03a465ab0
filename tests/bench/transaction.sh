#!/bin/sh
# SPDX-License-Identifier: MIT
#
# transaction.sh: bp-transaction on all 183 days of the Fraud Detection Handbook's simulated
# transactions, 1,754,155 of them, beside what the Handbook publishes of its reference week
# (chapters 3 and 5), and the purchases that it scores and learns in a processor second.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"

quality() { # quality WHAT...
	bp-select 'event == "purchase"' scored.bp |
	    bp-print --format csv --fields timestamp,user_id,scenario,transaction_risk.score |
	    python3 "$root/tests/peers/transaction_quality.py" "$@"
}
gen_transactions >all.bp
usage used bp-transaction --report 0 all.bp >scored.bp
echo 'the reference week, 2018-08-08 to 14: average precision, AUC, card precision of 100'
quality week | awk '{ printf "%-36s %.3f  %.3f  %.3f\n", "bp-transaction, online", $6, $8, $10 }'
cat <<-'END'
	logistic regression, a week of batch 0.606  0.871  0.291
	random forest                        0.658  0.867  0.287
	XGBoost                              0.639  0.862  0.273
	XGBoost, tuned                       0.687  0.869  0.303
END
quality 37 182 | awk '{ printf "day 37 on: average precision %.3f, AUC %.3f\n", $6, $8 }'
awk '{ printf "%.0f k purchases a processor second\n", 1754155 / $1 / 1e3 }' used
rm used
usage used bp-select 'event == "purchase"' all.bp >/dev/null
awk '{ printf "%.0f k records by bp-select, which looks at one key\n", (1754155 + 14077) / $1 / 1e3 }' used
