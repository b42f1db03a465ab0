#!/bin/sh
# SPDX-License-Identifier: MIT
#
# HUP makes bp-cap read its catalogue again: what came with the stream stays, a file that
# cannot be read changes nothing. So does a restart with another file.
. "${0%/*}/lib.sh"

row() { echo "{\"event\":\"creative\",\"creative_id\":\"$1\"}"; }
ask() { echo '{"event":"request","event_id":"r","timestamp":1700000000000000}'; }
send() { "$@" | bp-parse --format json >&3; }
answers() { bp-print --format json out.bp | tail -n 1 | grep -qF "\"candidates\":$1}"; }

row a >shop.json
row b >>shop.json
mkfifo feed
bp-cap --catalogue shop.json <feed >out.bp 2>err &
capper=$!
exec 3>feed
send ask
until_true answers '["a","b"]'
ok 'a request gets what is in the catalogue' answers '["a","b"]'

send row streamed
send ask
until_true answers '["a","b","streamed"]'
ok 'and what came with the stream' answers '["a","b","streamed"]'

row b >new.json
row c >>new.json
echo '{"event":"campaign"}' >>new.json
mv new.json shop.json
kill -HUP "$capper"
until_true grep -q 'read again: 3 creatives of 0 campaigns' err
ok 'what is wrong in the file is said' grep -qF \
    'shop.json: line 3: campaign without campaign_id' err
send ask
until_true answers '["b","c","streamed"]'
ok 'after HUP it is that of the new file, and the stream' answers '["b","c","streamed"]'

rm shop.json
kill -HUP "$capper"
until_true grep -q 'going on with the catalogue of before' err
send ask
send row last
until_true sh -c 'test "$(bp-print --format csv --fields event_id out.bp | wc -l)" -ge 6'
ok 'a file that is gone changes nothing' grep -q 'shop.json.*going on' err
exec 3>&-
wait "$capper"
report $? 'it ends well' "$(cat err)"
ok 'with the catalogue that it had' test \
    "$(bp-print --format json out.bp | grep -cF '["b","c","streamed"]')" -eq 2

# Another run goes on with the catalogue of the one before.
last() { bp-parse --format json "$1" | bp-cap --catalogue shop.json --state state 2>err |
	bp-print --format json | tail -n 1 | grep -o '"candidates".*]'; }

{ row a && row b; } >shop.json
ask >ask.json
{ echo '{"event":"creative","creative_id":"b","paused":true}' && row streamed && ask; } >change.json
same 'the stream changes what the file says' '"candidates":["a","streamed"]' last change.json
same 'and that holds in the next run' '"candidates":["a","streamed"]' last ask.json
ok 'of which nothing is said' test ! -s err
{ row b && row c; } >shop.json
same 'another file counts, and the stream beside it' '"candidates":["b","c","streamed"]' \
    last ask.json
like 'which is said' 'not that of the snapshot' cat err
exits 'without the file it is wrong use' 100 bp-cap --catalogue missing in.bp
done_testing
