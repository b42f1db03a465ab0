#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every signal of bp-fraud, of either look, is what its page says: an implementation of
# these words in Python that keeps all of the past finds the same values in a random log.
. "${0%/*}/lib.sh"

reference=$root/tests/peers/fraud_reference.py
seed=${SEED:-$(awk 'BEGIN { srand(); print int(rand() * 100000) }')}
echo "# SEED=$seed"
python3 "$reference" log "$seed" 6000 >log.json
bp-parse --format json log.json >log.bp
part=0
while python3 "$reference" rules $part >rules.txt && [ "$(wc -l <rules.txt)" -gt 1 ]; do
	sed -n 's/.* if \([^ ]*\) .*/\1/p' rules.txt >out.names
	bp-fraud --rules rules.txt --brief 1m --long 1h --all <log.bp |
	    bp-select 'event == "verdict" or event == "retract"' | bp-print --format json >out
	like "signals from $(head -n 1 out.names) to $(tail -n 1 out.names)" '^[1-9][0-9]*$' \
	    python3 "$reference" check log.json out
	part=$((part + 1))
done
[ $part -eq 16 ]
report $? 'all parts were looked at' "there are $part"
done_testing
