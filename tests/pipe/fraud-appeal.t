#!/bin/sh
# SPDX-License-Identifier: MIT
# once: it is about whose verdict counts, not about a build
#
# Who judges an event while it waits for its second look has the last word: no second look
# turns that, as it would without him.
. "${0%/*}/lib.sh"

# Four clicks of one user within four seconds, and what somebody says after the first.
clicks() { # clicks [JUDGEMENT]
	for i in 1 2 3 4; do
		printf '{"event":"click","event_id":"e%d","timestamp":%d,"user_id":"u"}\n' $i ${i}000000
		[ $i$# != 11 ] || printf '%s\n' "$1"
	done | bp-parse -f json
}
second() { # second RULES [JUDGEMENT]: what the second look says of the first click
	rules=$1 && shift
	clicks "$@" | bp-fraud --rules "$rules" --wait 10s --stats stats |
	    bp-select 'event_id == "e1" and version == 2 and timestamp > 1500000' |
	    bp-print -f json -F event,event_id
}
judged() { # judged EVENT KIND SCORE
	printf '{"event":"%s","event_id":"%s","timestamp":1500000,"version":1,"score":%s}' "$2" "$1" "$3"
}
echo 'many 1 if volume(user) >= 4' >many
echo 'few 1 if volume(user) < 2' >few
like 'the second look takes it back' '"event":"retract"' second many
like 'not when somebody has said that it is valid' '^$' second many "$(judged e1 verdict -3)"
like 'which is counted' 'settled_total{filter="fraud"} 1' cat stats
like 'what is said of another event changes nothing' '"event":"retract"' \
    second many "$(judged e9 verdict -3)"
like 'the second look restores it' '"event":"verdict"' second few
like 'not when somebody has said that it is out' '^$' second few "$(judged e1 verdict 3)"
like 'and by a retract likewise' '^$' second few "$(judged e1 retract 3)"

# What was said is kept with the state.
clicks "$(judged e1 verdict -3)" >whole
size=$(clicks | wc -c)
said=$(($(wc -c <whole) - size))
first=$((size / 4))
head -c $((first + said)) whole | bp-fraud --rules many --wait 10s --state state >/dev/null
later='{"event":"click","event_id":"e5","timestamp":30000000,"user_id":"v"}'
{
	tail -c +$((first + said + 1)) whole
	echo "$later" | bp-parse -f json
} | bp-fraud --rules many --wait 10s --state state >out
like 'nor after a restart' '^$' sh -c \
    "bp-select 'event_id == \"e1\" and version == 2' <out | bp-print -f json"
like 'when the others are taken back' '"event_id":"e2"' sh -c \
    "bp-select 'version == 2' <out | bp-print -f json"
done_testing
