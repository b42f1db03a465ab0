#!/bin/sh
# SPDX-License-Identifier: MIT
# once: it is about what a model learns, not about a build
#
# How well models predict with their default options, every example before it is learned:
# a stream whose truth is known (tests/bench/ctr.h: the best tuned learner of others has
# a log loss of 0.1225, the truth 0.1143), and the clicks of a real shop, Open Bandit men,
# by all algorithms. Normalised entropy is log loss by the entropy of the constant click
# rate; about 50 clicks in 10,000 rows leave little to learn.
. "${0%/*}/lib.sh"
most=1.015

gen_ctr 1000000 20240601 | bp-learn --model known | bp-select 'event == "metric"' |
    bp-print --format csv --fields dims.scope,n,log_loss,calibration >report
ok 'a stream whose truth is known: log loss at most 0.1222, calibration 0.99 to 1.01' \
    awk -F , '{ print "# " $0 }
	$1 == "total" { good = $2 == 1e6 && $3 <= 0.1222 && $4 >= 0.99 && $4 <= 1.01 }
	END { exit !good }' report

for policy in random bts; do
	zstd -dc "$data/open-bandit-men-$policy.csv.zst" |
	    bp-parse --format csv --map "$root/pipelines/open-bandit.map" |
	    bp-sort --lateness 8d | bp-join |
	    bp-feature --spec "$root/pipelines/open-bandit.spec" >"$policy.bp"
done
for algorithm in lanes ftrl sgd adagrad adam; do
	for policy in random bts; do
		rm -f model
		bp-learn --algorithm $algorithm --model model --report 10000 "$policy.bp" |
		    bp-select 'event == "metric"' |
		    bp-print --format csv --fields dims.scope,n,normalised_entropy >report
		ok "$algorithm, shown by $policy: normalised entropy at most $most after 10,000 rows" \
		    awk -F , -v most=$most '{ print "# " $0 }
		    $2 == 10000 { good = $3 > 0 && $3 <= most } END { exit !good }' report
	done
done
done_testing
