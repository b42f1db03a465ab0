#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Every signal of bp-fraud, at either look, is what its page says: an implementation of
# these words in Python that keeps all of the past finds the same values in a random log.
. "${0%/*}/lib.sh"

reference=$root/tests/peers/fraud_reference.py
seed=${SEED:-$(awk 'BEGIN { srand(); print int(rand() * 100000) }')}
echo "# SEED=$seed"
python3 "$reference" log "$seed" 6000 >log.json
bp-parse --format json log.json >log.bp
part=0
while python3 "$reference" rules $part >rules.txt && [ "$(wc -l <rules.txt)" -gt 1 ]; do
	sed -n 's/.* if \([^ ]*\) .*/\1/p' rules.txt >out$part.names
	bp-fraud --rules rules.txt --brief 1m --long 1h --all <log.bp |
	    bp-select 'event == "verdict" or event == "retract"' | bp-print --format json >out$part
	part=$((part + 1))
done
like 'every signal of every event is what the reference finds, at either look' \
    "^out$((part - 1)) [1-9]" python3 "$reference" check log.json $(seq -f 'out%g' 0 $((part - 1)))
like 'these are all: five counts of 31 sets, 75 distinct ones, 16 of sources' '^246 ' sh -c 'cat out*.names | sort -u | grep -c "(" | sed "s/$/ /"'
done_testing
