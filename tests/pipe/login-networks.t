#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Kinds of networks excuse travel: from a list that HUP reads again, from bp-givt; and
# bp-givt tells where addresses are.
. "${0%/*}/lib.sh"

place() { # place USER MINUTE PLACE ASN [MORE]
	case $3 in
	auckland) at='-36.85,"longitude":174.76' ;;
	paris) at='48.86,"longitude":2.35' ;;
	esac
	printf '{"event":"login","event_id":"%s","timestamp":%d,"user_id":"%s","success":true,"latitude":%s,"asn":%d%s}\n' \
	    "$1-$2" $((1700000000000000 + $2 * 60000000)) "$1" "$at" "$4" "${5:-}"
}
there_and_back() { # there_and_back USER MINUTE [MORE]
	place "$1" "$2" auckland 64500
	place "$1" $(($2 + 1)) paris 64501 "${3:-}"
}

echo '64501 isp' >networks.txt
mkfifo feed
bp-login --networks networks.txt <feed >out.bp 2>err &
filter=$!
exec 3>feed
answers() { bp-print --format json out.bp | wc -l; }
until_answers() { until_true eval "[ \$(answers) -ge $1 ]"; }
travels() { bp-print --format json out.bp | grep -c '"travel"'; }

there_and_back ann 0 | bp-parse --format json >&3
until_answers 2
same 'from an ordinary network it is travel' 1 travels
echo '64501 mobile' >new.txt
mv new.txt networks.txt
kill -HUP "$filter"
until_true grep -q '1 networks read again' err
there_and_back bob 10 | bp-parse --format json >&3
until_answers 4
same 'after HUP the list excuses it' 1 travels
printf '64501 mobile\n64501 vpn\n' >networks.txt
kill -HUP "$filter"
until_true grep -q 'going on with the networks of before' err
ok 'what is wrong is said, with its line' \
    grep -q "networks.txt: line 2: network 64501 is 'vpn' here, and 'mobile' elsewhere" err
there_and_back eve 20 | bp-parse --format json >&3
until_answers 6
same 'and the list of before stays' 1 travels
exec 3>&-
wait "$filter"
report $? 'it ends well' "$(cat err)"

through() { bp-parse --format json | "$@" | bp-print --format json | grep -c '"travel"'; }
kinds() { # kinds MORE: of the network
	there_and_back ann 0 "$1" | through bp-login
}
same 'the record says it itself' 0 kinds ',"asn_kind":"vpn"'
same 'or that it is none of those' 1 kinds ',"asn_kind":"isp"'
echo '192.0.2.7' >tor.txt
flagged() { there_and_back ann 0 ',"ip":"192.0.2.7"' | through sh -c "$1"; }
same 'so does bp-givt' 0 flagged 'bp-givt --tor tor.txt | bp-login'
same 'without it, it is travel' 1 flagged 'bp-login'

python3 "$root/tests/peers/mmdb.py" city.mmdb <<'END'
192.0.2.0/25 {"location": {"latitude": -36.85, "longitude": 174.76, "accuracy_radius": 20}}
192.0.2.128/25 {"location": {"latitude": 48.86, "longitude": 2.35, "accuracy_radius": 20}}
END
addresses() {
	for minute in 1 2; do
		printf '{"event":"login","event_id":"%d","timestamp":%d,"user_id":"ann","success":true,"ip":"192.0.2.%d"}\n' \
		    $minute $((minute * 60000000)) $((minute * 100))
	done
}
located() { addresses | bp-parse --format json | bp-givt --places city.mmdb | bp-login |
	bp-print -f tsv -F login_risk.reasons | tail -1; }
same 'places of addresses come from bp-givt' '["travel","network"]' located

exits 'a list that is wrong at the start is wrong use' 100 \
    bp-login --networks networks.txt out.bp
exits 'so is a rate of all' 100 bp-login --challenge 100% out.bp
exits 'and to deny who is more likely himself than not' 100 bp-login --deny -1 out.bp
exits 'a window beyond 70 years is wrong use' 100 bp-login --window 26688d in
done_testing
