# SPDX-License-Identifier: MIT
#
# What demo.sh shows, from
#
#	report  time, group ("policy", "control"), impressions, clicks, chance, oracle, regret,
#	        p50, p99, "part" or "total": a row for each stretch of the shop's time, and for
#	        all of it at the end
#	then    /metrics of bp-serve, a while ago
#	now     the same now
#	model   bp-model show
#
# in this order, with elapsed, seconds, gap (between then and now, in seconds), url, and
# how: "screen", "line" or "end".
function thousands(x) {
	x = sprintf("%d", x)
	while (match(x, /[0-9][0-9][0-9][0-9]($|,)/))
		x = substr(x, 1, RSTART) "," substr(x, RSTART + 1)
	return x
}
function percent(x) { return sprintf("%.2f %%", 100 * x) }
function ms(us) { return sprintf(us < 10000 ? "%.2f ms" : "%.0f ms", us / 1000) }
# Wilson's interval of 95 %.
function interval(x, n,   z, middle, half) {
	if (n == 0)
		return ""
	z = 3.8415 / n
	middle = (x / n + z / 2) / (1 + z)
	half = sqrt(x / n * (1 - x / n) * z + z * z / 4) / (1 + z)
	return sprintf("%.2f .. %.2f %%", 100 * (middle - half), 100 * (middle + half))
}
function bar(x,   text, i) {
	for (i = 0; i < int(x / top * 32 + .5); i++)
		text = text "#"
	return text
}
function row(name, group, rate, last, range) {
	return sprintf("  %-10s %9s   %-18s %9s  %s\n", name, percent(rate), range,
	    last < 0 ? "" : percent(last), bar(last < 0 ? rate : last))
}
function share(rate) { return oracle > chance ? (rate - chance) / (oracle - chance) : 0 }

FILENAME ~ /report$/ && $2 == "policy" {
	p50 = $8
	p99 = $9
}
FILENAME ~ /report$/ && $10 == "part" {
	n[$2] += $3
	x[$2] += $4
	if ($2 == "policy") {
		chance_sum += $5 * $3
		oracle_sum += $6 * $3
		regret += $7
	}
	rows++
	group[rows] = $2
	shown[rows] = $3
	clicked[rows] = $4
}
FILENAME ~ /then$/ && /^bannerpipe_http_answers_total/ { requests -= $2 }
FILENAME ~ /now$/ && /^bannerpipe_http_answers_total/ { requests += $2; all += $2 }
FILENAME ~ /then$/ && /^bannerpipe_serve_impressions_total/ { impressions -= $2 }
FILENAME ~ /now$/ && /^bannerpipe_serve_impressions_total/ { impressions += $2; told = $2 }
FILENAME ~ /now$/ && /^bannerpipe_serve_shed_total/ { shed = $2 }
FILENAME ~ /model$/ && $1 == "version" { learned = $2 }

END {
	learnt = n["policy"] ? x["policy"] / n["policy"] : 0
	control = n["control"] ? x["control"] / n["control"] : 0
	chance = n["policy"] ? chance_sum / n["policy"] : 0
	oracle = n["policy"] ? oracle_sum / n["policy"] : 0
	# The last quarter of what was shown.
	for (i = rows; i > 0 && shown_last["policy"] < n["policy"] / 4; i--) {
		shown_last[group[i]] += shown[i]
		clicked_last[group[i]] += clicked[i]
	}
	last = shown_last["policy"] ? clicked_last["policy"] / shown_last["policy"] : 0
	top = oracle > last ? oracle : last
	if (top == 0)
		top = 1
	# Who comes at a rate and waits so many places has waited so long (Little's law).
	age = impressions > 0 ? (told - learned) * gap / impressions : 0
	if (age < 0)
		age = 0
	rate = gap > 0 ? requests / gap : 0

	if (how == "line") {
		printf "  %3d s  learnt %s (%s)  chance %s (%s)  oracle %s  %s requests/s  p99 %s  model %.1f s old\n",
		    elapsed, percent(learnt), interval(x["policy"], n["policy"]), percent(control),
		    interval(x["control"], n["control"]), percent(oracle), thousands(rate), ms(p99), age
		exit
	}
	if (how == "screen")
		printf "  %d s of %d   a shop to click in: %s\n\n", elapsed, seconds, url
	printf "  %-10s %9s   %-18s %9s\n", "", "CTR", "95 % interval", "of late"
	printf "%s", row("learnt", "policy", learnt, last, interval(x["policy"], n["policy"]))
	printf "%s", row("by chance", "control", control, -1, interval(x["control"], n["control"]))
	printf "%s", row("oracle", "", oracle, -1, "")
	if (how == "screen") {
		printf "\n  %s requests/s   a decision takes %s, 99 of 100 at most %s   shed %d\n",
		    thousands(rate), ms(p50), ms(p99), shed
		printf "  the model has learned %s showings, the last %.1f s ago\n", thousands(learned), age
		printf "  of the way from chance to the oracle: %d %% so far, %d %% of late\n",
		    100 * share(learnt), 100 * share(last)
		exit
	}
	if (x["policy"] > 0 && x["control"] > 0) {
		deviation = sqrt(1 / x["policy"] - 1 / n["policy"] + 1 / x["control"] - 1 / n["control"])
		lift = learnt / control
		printf "\n  lift      %+.0f %% clicks for the same showings (95 %%: %+.0f .. %+.0f %%)\n",
		    100 * (lift - 1), 100 * (lift * exp(-1.96 * deviation) - 1),
		    100 * (lift * exp(1.96 * deviation) - 1)
	}
	printf "  regret    %s clicks lost to the oracle, of %s that it would have had\n",
	    thousands(regret), thousands(oracle_sum)
	printf "  the way   %d %% from chance to the oracle, %d %% of late\n", 100 * share(learnt),
	    100 * share(last)
	printf "  requests  %s answered; a decision took %s, 99 of 100 at most %s\n", thousands(all),
	    ms(p50), ms(p99)
}
