#!/bin/sh
# SPDX-License-Identifier: MIT
#
# what-if.sh: what Thompson sampling would have earned, from a log of random choices, as a
# table, a file of outcomes and a folder of bp-log; and what it says when it cannot know.
. "${0%/*}/lib.sh"
BUILD=$build
export BUILD
what_if=$root/pipelines/what-if.sh
table=$data/open-bandit-men-random.csv.zst

# How often Thompson sampling shows each item at each position (columns 3 and 4).
zstd -dc "$data/open-bandit-men-bts.csv.zst" | awk -F , 'NR > 1 {
	n[$4 - 1]++
	shown[$4 - 1 "," $3]++
} END {
	print "position,creative_id,probability"
	for (k in shown) { split(k, p, ","); printf "%s,%.17g\n", k, shown[k] / n[p[1]] }
}' >thompson.csv

"$what_if" "$table" thompson.csv >table 2>errors
ok 'a table like that of the Open Bandit Dataset is a log' test $? -eq 0
same 'without complaints' '' cat errors
# The figures are those of tests/peers/offpolicy_reference.py.
like 'what was shown had 0.46 % clicks' '^  logged  *0.460 %  *0.327 % \.\. *0.593 %  *0.068 %$' cat table
like 'ips' '^  ips  *0.566 %  *0.292 % \.\. *0.840 %  *0.140 %$' cat table
like 'at any time' '^     at any time  *0.052 % \.\. *8.158 %$' cat table
like 'snips' '^  snips  *0.574 %  *0.297 % \.\. *0.851 %  *0.142 %$' cat table
like 'no model, no figure' '^  dr  *-   no model of rewards$' cat table
like 'what the weights say' 'weigh as much as 2869; the mean weight is 0.985, 0.9 standard' cat table

zstd -dc "$table" | sed '1s/^/id/; 2,$s/^/log-/' |
    bp-parse --format csv --map "$root/pipelines/open-bandit.map" | bp-sort --lateness 8d |
    bp-join >outcomes.bp
ok 'a file of outcomes gives the same' sh -c '"$1" outcomes.bp thompson.csv | cmp - table' - \
    "$what_if"
bp-log log <outcomes.bp >/dev/null
ok 'and so does a log' sh -c '"$1" log thompson.csv | cmp - table' - "$what_if"
like 'a bound of weights makes the interval narrower' \
    '^     at any time  *0.052 % \.\. *1.411 %$' env WEIGHT_MAX=7.5 "$what_if" outcomes.bp thompson.csv
same 'by position there are three answers' 3 sh -c '"$1" outcomes.bp thompson.csv position |
    grep -c "^What policy thompson, position [012] would"' - "$what_if"

bp-parse --format json >always.bp <<'JSON'
{"event":"outcome","event_id":"a","timestamp":1,"creative_id":"1","position":0,"probability":1,"reward":1,"rewards":{"click":1},"candidates":["1","2"]}
{"event":"outcome","event_id":"b","timestamp":2,"creative_id":"1","position":0,"probability":1,"reward":0,"rewards":{"click":0},"candidates":["1","2"]}
JSON
"$what_if" always.bp uniform >never
like 'what cannot be known is said' 'the mean weight is 0.5, not 1: the policy does what was never' cat never
ok 'and no figure is given' sh -c '! grep -E "ips|direct" never'
# --- a policy that knows a model: what was decided at random, with the features kept
cat >requests.awk <<'A'
BEGIN {
	srand(7)
	for (i = 0; i < 4000; i++)
		printf "{\"event\":\"request\",\"event_id\":\"r%d\",\"request_id\":\"r%d\",\"timestamp\":%d,\"user_id\":\"u%d\",\"slot_id\":\"top\",\"candidates\":[\"a\",\"b\",\"c\"]}\n",
		    i, i, 1000000 * i, i
}
A
echo 'creative = field creative_id' >banner.spec
awk -f requests.awk | bp-parse --format json |
    bp-rank --policy uniform --spec banner.spec --keep >decided.bp
# b is clicked by every third, the others by every twentieth.
{
	bp-print --format json decided.bp
	bp-print --format json decided.bp | perl -MJSON::PP -ne 'BEGIN { srand 3 }
	    my $r = decode_json $_; next if $r->{event} ne "decision";
	    next if rand() > ($r->{creative_id} eq "b" ? 1 / 3 : 0.05);
	    print encode_json({ event => "click", event_id => "c$.",
		decision_id => $r->{decision_id}, user_id => $r->{user_id},
		timestamp => $r->{timestamp} + 1000 }), "\n"'
} | bp-parse --format json | bp-sort --lateness 8d | bp-join >kept.bp
bp-feature --spec banner.spec kept.bp | bp-learn -m banner.model -r 0 >/dev/null
MODEL=banner.model "$what_if" kept.bp greedy >greedy
like 'who knows the model shows b' '^  snips  *3[0-9]\.[0-9]* %' cat greedy
like 'which chance did not' '^  logged  *1[2-6]\.[0-9]* %' cat greedy
like 'a model of rewards makes it doubly robust' '^  dr  *3[0-9]\.[0-9]* %' cat greedy
ok 'the features that were kept, or those of a specification, say the same' sh -c \
    'MODEL=banner.model SPEC=banner.spec "$1" kept.bp greedy | cmp - greedy' - "$what_if"
like 'without a model it says what is missing' 'MODEL=FILE' "$what_if" kept.bp greedy
exits 'no log, no answer' 100 "$what_if" nowhere uniform
done_testing
