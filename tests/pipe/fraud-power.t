#!/bin/sh
# SPDX-License-Identifier: MIT
# once: it is about rules and what they find, not about a build
#
# What bp-fraud finds, of three seeds by which its rules were not made (ten of them:
# tests/bench/fraud-power.sh): of farms and crawlers at least 80 % with at most 1 % of
# honest clicks and impressions, of slow robots half of the clicks.
. "${0%/*}/lib.sh"

if ! bp-simulate --help | grep -q -e --attack; then
	echo '1..0 # skip this bp-simulate has no attacks'
	exit 0
fi
seeds=${SEEDS:-301 302 303}
echo "# SEEDS='$seeds'"
# shellcheck disable=SC2086
"$root/tests/bench/fraud-power.sh" $seeds >power
sed 's/^/# /' power

# share KIND: the mean share of it that was found
share() {
	awk -v kind="$1" 'index($0, kind " ") == 1 { sub(/.*found /, ""); print $1 + 0; n++ }
		END { if (n != 1) print "nothing" }' power
}
found() { # found KIND PERCENT
	ok "$2 % at least: $1" awk -v s="$(share "$1")" -v p="$2" 'BEGIN { exit !(s * 100 >= p && s != "nothing") }'
}
spared() { # spared KIND PERCENT
	ok "$2 % at most: $1" awk -v s="$(share "$1")" -v p="$2" 'BEGIN { exit !(s * 100 <= p && s != "nothing") }'
}
for attack in crawler farm device_farm; do
	for event in click impression; do
		found "with bp-givt, a day, $attack $event" 80
		found "alone, a day, $attack $event" 80
	done
done
found 'alone, 28 days, slow click' 50
for event in click impression; do
	spared "with bp-givt, a day, human $event" 1
	spared "alone, a day, human $event" 1
	spared "alone, 28 days, human $event" 1
done
done_testing
