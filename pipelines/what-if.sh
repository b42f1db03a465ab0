#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# what-if.sh LOG POLICY [KEYS]: what would another policy have earned on this log? LOG is a
# folder of bp-log, a file of outcomes, or a table like that of the Open Bandit Dataset
# (.csv, .csv.zst). POLICY is a table of position, creative_id and probability; uniform; or
# one of bp-rank that knows MODEL: thompson, linucb, epsilon, softmax, squarecb, greedy, with
# the features that bp-rank --keep has left in the outcomes, or those of SPEC.
# KEYS (position,...) gives an answer for each group. REWARD is click, conversion,
# value_micros or reward; ACTIONS the number of banners to choose from, where the log does
# not say; REWARD_MAX (1) and WEIGHT_MAX what rewards and importance weights cannot exceed.
. "$(dirname "$0")/common.sh"
[ $# -eq 2 ] || [ $# -eq 3 ] || usage 'what-if.sh LOG POLICY [KEYS]'
log=$1 policy=$2 reward=${REWARD:-click}
[ -e "$log" ] || usage "what-if.sh LOG POLICY [KEYS] (there is no $log)"
case $policy in
thompson | linucb | epsilon | softmax | squarecb | greedy)
	[ -n "${MODEL:-}" ] || usage "MODEL=FILE what-if.sh LOG $policy (bp-learn writes one)"
	choices=() ranks=(--policy "$policy" --model "$MODEL" ${SPEC:+--spec "$SPEC"})
	;;
uniform) choices=(--policy uniform) ;;
*) choices=(--policy "$(basename "${policy%.*}")" --policy-table "$policy") ;;
esac

text() {
	case $log in *.zst) zstd -dc "$log" ;; *) cat "$log" ;; esac
}

actions=${ACTIONS:-0}
outcomes() {
	case $log in
	*.csv | *.csv.zst)
		text | sed "1s/^,/id,/; 2,\$s/^/log-/" |
		    bp-parse --format csv --map "$here/open-bandit.map" |
		    bp-sort --lateness 8d | bp-join
		;;
	*) if [ -d "$log" ]; then bp-replay "$log"; else bp-select true "$log"; fi ;;
	esac
}
case $log in
*.csv | *.csv.zst) # every item could be shown
	[ "$actions" -gt 0 ] || actions=$(text | awk -F , '
	NR == 1 { while ($(++item) != "item_id") if (item > NF) exit }
	NR > 1 && !seen[$item]++ { n++ }
	END { print n + 0 }') ;;
esac

# A policy that looks at who is there adds what it would have done to each outcome; what is
# said of all alike needs no more than a table.
rank() {
	if [ -n "${ranks:-}" ]; then bp-rank --what-if "${ranks[@]}"; else cat; fi
}
estimators='ips snips clipped_ips cressie_read replay direct dr sndr switch_dr dros'
fields=dims,n,trusted,reasons
for group in logged $(printf 'estimators.%s ' $estimators); do
	for key in estimate se low high reason anytime_low anytime_high; do
		fields+=,$group.$key
	done
done
for key in ess mean_weight mean_weight_z largest_weight largest_share missing; do
	fields+=,diagnostics.$key
done

outcomes | rank | bp-evaluate "${choices[@]}" --actions "$actions" --reward "$reward" \
    --reward-max "${REWARD_MAX:-1}" --weight-max "${WEIGHT_MAX:-0}" --by "${3:-}" |
    bp-select 'event == "metric"' |
    bp-print --format tsv --fields "$fields" |
    awk -F '\t' -v names="logged $estimators" -v reward="$reward" '
	function amount(x) { # a rate, or money
		return reward == "value_micros" ? sprintf("%10.4f  ", x / 1e6) \
		    : sprintf("%10.3f %%", 100 * x)
	}
	function line(name, low, high, value, error) {
		row = sprintf("  %-13s %12s   %s .. %s   %s", name, value, amount(low),
		    amount(high), error)
		sub(/ +$/, "", row)
		print row
	}
	NR == 1 { count = split(names, name, " "); next }
	{
		gsub(/[{}"]/, "", $1)
		gsub(/:/, " ", $1)
		gsub(/,/, ", ", $1)
		printf "\nWhat %s would have earned with a banner (%s), from %d shown\n", $1,
		    reward, $2
		if ($3 != "true") {
			gsub(/^\["|"\]$/, "", $4)
			gsub(/","/, "\n    ", $4)
			print "  There is no figure that could be trusted:\n    " $4
		}
		for (i = 1; i <= count && ($3 == "true" || i == 1); i++) {
			at = 5 + 7 * (i - 1)
			if (i == 1)
				printf "  %-13s %12s   %28s   %12s\n", "estimator", "value",
				    "95 % interval", "error"
			if ($at == "")
				printf "  %-13s %12s   %s\n", name[i], "-", $(at + 4)
			else
				line(name[i], $(at + 2), $(at + 3), amount($at),
				    amount($(at + 1)))
			if ($(at + 5) != "")
				line("   at any time", $(at + 5), $(at + 6), "", "")
		}
		at = 5 + 7 * count
		printf "  They weigh as much as %.0f; the mean weight is %.3f, %.1f standard errors from 1;\n",
		    $at, $(at + 1), $(at + 2) < 0 ? -$(at + 2) : $(at + 2)
		printf "  the largest is %.2f, %.2f %% of all; %d have no probability.\n",
		    $(at + 3), 100 * $(at + 4), $(at + 5)
	}'
