#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The lists of bp-givt: all agents that their patterns were written for are found, those
# of ordinary browsers are none; HUP takes new lists, and goes on with the old ones when
# they are wrong; places come from a MaxMind DB file.
. "${0%/*}/lib.sh"

agents() { # agents COMMAND...: its lines, as impressions
	"$@" | jq -R -c '{event: "impression", timestamp: 1, user_agent: .}' |
	    bp-parse --format json
}
found() { bp-givt | bp-select "$1" | bp-print --format json | wc -l; }

robots=$(zstd -dc "$data/robot-agents.txt.zst" | wc -l)
robots_found() { agents zstd -dc "$data/robot-agents.txt.zst" | found '"robot" in fraud.flags'; }
same "all $robots agents of robots are found" "$robots" robots_found
browsers=$(grep -vc '^#' "$data/browser-agents.txt")
browsers_pass() { agents grep -v '^#' "$data/browser-agents.txt" | found 'not exists(fraud)'; }
same "and none of $browsers ordinary browsers" "$browsers" browsers_pass

# --- HUP -----------------------------------------------------------------------------

echo '192.0.2.1' >tor.txt
mkfifo feed
bp-givt --tor tor.txt <feed >out.bp 2>err &
filter=$!
exec 3>feed
send() { echo "{\"event\":\"click\",\"timestamp\":1,\"ip\":\"$1\"}" | bp-parse --format json >&3; }
marked() { bp-print --format json out.bp | grep -c '"tor"'; }
lines() { bp-print --format json out.bp | wc -l; }
has_lines() { test "$1" -le "$(lines)"; }
until_lines() { until_true has_lines "$1"; }

send 192.0.2.1
send 192.0.2.2
until_lines 2
same 'an address of the list is marked' 1 marked
echo '192.0.2.2' >new.txt
mv new.txt tor.txt
kill -HUP "$filter"
until_true grep -q 'lists read again: robots' err
send 192.0.2.1
send 192.0.2.2
until_lines 4
same 'after HUP one of the new list' 2 marked
printf '192.0.2.3\n192.0.2.999\n' >tor.txt
kill -HUP "$filter"
until_true grep -q 'going on with the lists of before' err
ok 'what is wrong is said, with its line' grep -q "tor: line 2: '192.0.2.999' is no" err
send 192.0.2.3
send 192.0.2.2
until_lines 6
same 'and the list of before stays' 3 marked
exec 3>&-
wait "$filter"
report $? 'it ends well' "$(cat err)"

exits 'a list that is wrong at the start is wrong use' 100 bp-givt --tor tor.txt in.bp
exits 'so is a reason that there is none' 100 bp-givt --invalid robot,human in.bp

# --- Places --------------------------------------------------------------------------

python3 "$root/tests/peers/mmdb.py" places.mmdb <<'END'
192.0.2.0/24 {"country": {"iso_code": "NZ"}, "subdivisions": [{"iso_code": "WGN"}], "city": {"names": {"en": "Wellington"}}, "location": {"latitude": -41.29, "longitude": 174.78, "accuracy_radius": 20}}
2001:db8::/32 {"country_code": "IS"}
END
python3 "$root/tests/peers/mmdb.py" networks.mmdb <<'END'
192.0.2.128/25 {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"}
END
place() {
	echo "{\"event\":\"click\",\"timestamp\":1,\"ip\":\"$1\"${2:-}}" | bp-parse --format json |
	    bp-givt --places places.mmdb,networks.mmdb | bp-print --format json | cut -d, -f4-
}
same 'places come from all files' \
    '"country":"NZ","region":"WGN","city":"Wellington","as_organization":"Example","latitude":-41.29,"longitude":174.78,"accuracy_km":20,"asn":64500}' \
    place 192.0.2.200
same 'what the record says itself stays, of a point as a whole' \
    '"city":"Lower Hutt","latitude":-41.2,"country":"NZ","region":"WGN"}' \
    place 192.0.2.1 ',"city":"Lower Hutt","latitude":-41.2'
same 'IPv6, and a flat file' '"country":"IS"}' place 2001:db8::7
same 'nothing is known of others' '' place 203.0.113.1
head -c 100 places.mmdb >cut.mmdb
exits 'a file that was cut is wrong use' 100 bp-givt --places cut.mmdb in.bp
exits 'also behind one that is not' 100 bp-givt --places places.mmdb,cut.mmdb in.bp
long=$(head -c 65700 /dev/zero | tr '\0' x)
printf '192.0.2.0/24 %s\n' "{\"country_code\": \"NZ\", \"city\": {\"names\": {\"en\":
    \"$long\"}}, \"location\": {\"latitude\": 91.5, \"longitude\": 174.78}}" | tr -d '\n' |
    python3 "$root/tests/peers/mmdb.py" places.mmdb
same 'what is no name and no place on Earth is left out' '"country":"NZ"}' place 192.0.2.1
done_testing
