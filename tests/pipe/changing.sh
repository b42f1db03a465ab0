# SPDX-License-Identifier: MIT
#
# A shop whose visitors change their mind, to be sourced by tests of bp-tune:
#
# outcomes N CHANGE SEED: 40 banners, clicked at rates from 1 % to 40 %, which are dealt out
# anew every CHANGE outcomes, as JSON
outcomes() {
	awk -v n="$1" -v change="$2" -v seed="$3" '
	function next_random() {
		seed = (seed * 16807) % 2147483647
		return seed / 2147483647
	}
	BEGIN {
		for (i = 0; i < n; i++) {
			if (i % change == 0)
				for (c = 0; c < 40; c++)
					rate[c] = next_random() < 0.3 ? 0.4 : 0.01
			c = int(next_random() * 40)
			printf "{\"event\":\"outcome\",\"event_id\":\"o%d.0\",", i
			printf "\"timestamp\":%d000000,\"creative_id\":\"c%d\",", 1700000000 + i, c
			printf "\"rewards\":{\"click\":%d}}\n", next_random() < rate[c]
		}
	}'
}
