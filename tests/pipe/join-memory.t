#!/bin/sh
# SPDX-License-Identifier: MIT
# More banners than the memory holds, every second one clicked: each gets one outcome all
# the same, and what is given and taken back adds up.
. "${0%/*}/lib.sh"

awk 'BEGIN {
	for (i = 0; i < 120000; i++) {
		t = 1700000000000000 + i * 1000
		printf "{\"event\":\"impression\",\"event_id\":\"i%d\",\"timestamp\":%.0f,\"decision_id\":\"d%d\",\"user_id\":\"u%d\",\"creative_id\":\"c%d\"}\n", i, t, i, i % 5000, i % 7
		if (i % 2)
			printf "{\"event\":\"click\",\"event_id\":\"k%d\",\"timestamp\":%.0f,\"decision_id\":\"d%d\"}\n", i, t, i
	}
}' | bp-parse --format json >in.bp
bp-join --memory 40M --stats stats --click-window 10m in.bp >out.bp
counter() { sed -n "s/^bannerpipe_$1[^ ]* //p" stats; }
early=$(counter closed_early)
ok 'banners are closed early when the memory is full' test "$early" -gt 50000
same 'every banner has one outcome' 120000 sh -c \
	"bp-select 'weight > 0 and revision == 0' out.bp | bp-print --format json | wc -l"
sum() {
	bp-print --format json out.bp | tr ',{}' '\n' | awk -F: -v wanted="\"$1\"" '
		$1 == "\"weight\"" { w = $2 }
		$1 == wanted { n += w * $2 }
		END { print n }'
}
same 'every click counts once' 60000 sum click
bp-join --memory 40M --click-window 10m in.bp | cmp - out.bp
ok 'what is closed early is the same every time' test $? -eq 0
done_testing
