#!/bin/sh
# SPDX-License-Identifier: MIT
#
# serve.sh: decisions a second of one bp-serve: a Thompson draw among CREATIVES=50 that are
# eligible, with 30 features each, whole answers, and all records into a pipe. wrk with
# CONNECTIONS=64 for DURATION=5, best of ROUNDS=3, by the wall clock and by the processor
# time of the server. Then latency at half of that rate, at which requests arrive whether
# those before are answered or not (h2load --rps); it has what the machine does besides.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$PATH
seconds=${DURATION:-5}
connections=${CONNECTIONS:-64}
creatives=${CREATIVES:-50}
rounds=${ROUNDS:-3}
for tool in wrk h2load; do
	command -v $tool >/dev/null || { echo "serve.sh: no $tool here" >&2; exit 0; }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
server=
trap '[ -z "$server" ] || kill $server 2>/dev/null || :; rm -rf "$dir"' EXIT
cd "$dir"

# A shop, and 30 features: 10 of the creative, 10 of the request, 10 of both.
awk -v n="$creatives" 'BEGIN {
	for (i = 0; i < n; i++) {
		printf "{\"event\":\"creative\",\"creative_id\":\"c%d\",\"timestamp\":1,", i
		printf "\"url\":\"https://shop.example/c%d\",", i
		printf "\"parts\":{\"headline\":\"Offer %d\",\"call_to_action\":\"Buy\"}", i
		for (k = 1; k < 10; k++)
			printf ",\"own%d\":\"%d\"", k, (i * k) % (k + 3)
		print "}"
	} }' >shop.json
awk 'BEGIN {
	print "own0 = field creative_id"
	for (k = 1; k < 10; k++) printf "own%d = field own%d\n", k, k
	for (k = 0; k < 10; k++) printf "asked%d = field asked%d\n", k, k
	for (k = 0; k < 10; k++) printf "both%d = cross own%d asked%d\n", k, k, (k * 3) % 10
	}' >spec
cat >ask.lua <<'END'
local n = 0
request = function()
	n = n + 1
	local body = { string.format('{"user_id":"u%d","slot_id":"top"', n % 10007) }
	for k = 0, 9 do body[#body + 1] = string.format(',"asked%d":"%d"', k, (n * k) % (k + 2)) end
	return wrk.format("POST", "/v1/decide", nil, table.concat(body) .. "}")
end
END
printf '{"user_id":"u1","slot_id":"top","asked0":"0","asked1":"1","asked2":"2","asked3":"1",' >body
printf '"asked4":"2","asked5":"3","asked6":"4","asked7":"5","asked8":"6","asked9":"7"}' >>body

start() { # start OUTPUT-COMMAND OPTIONS...
	sink=$1
	shift
	rm -f out
	: >err
	mkfifo out
	sh -c "$sink" <out &
	bp-serve --listen 127.0.0.1:0 -c shop.json -s spec --memory 1G "$@" >out 2>>err &
	server=$!
	until grep -q 'listening on' err; do sleep 0.05; done
	at=http://$(sed -n 's/.*listening on //p' err)
}
stop() {
	kill "$server"
	wait "$server" || :
	server=
}
ticks() { sed 's/.*) //' "/proc/$server/stat" | awk '{ print $12 + $13 }'; }

# A model that has learned something: of every tenth banner that was shown by chance.
start 'cat >first.bp' -p uniform
wrk -t1 -c8 -d1 -s ask.lua "$at/v1/decide" >warm
stop
bp-select 'event == "decision"' first.bp | bp-print -f json | grep -v '"$ext"' |
    awk 'NR <= 20000 { print } NR <= 20000 && NR % 10 == 0 {
	sub(/"event":"decision"/, "\"event\":\"click\"")
	sub(/"event_id":"/, "\"event_id\":\"k"); print }' |
    bp-parse -f json | bp-join --click-window 1ms --final | bp-learn -m model >learned.bp 2>learn.err

start 'cat >/dev/null' -m model
for _ in $(seq "$rounds"); do
	before=$(ticks)
	wrk -t1 -c"$connections" -d"$seconds" -s ask.lua "$at/v1/decide" >result
	after=$(ticks)
	awk -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
		/requests in/ { n = $1; sub("s,", "", $4); s = $4 }
		/Non-2xx/ { bad = $NF }
		END { printf "%d %f %f %d\n", n, s, ticks / hz, bad }' result >>results
done
awk '{ wall = $1 / $2; own = $1 / $3; bad += $4
	if (wall > best) best = wall
	if (own > least) least = own }
    END { printf "%.0f\n", best / 2 >"half"
	printf "decisions: %.1f k/s wall, %.1f k per processor second, %d errors\n",
	    best / 1000, least / 1000, bad }' results
curl -s "$at/metrics" | sed -n 's/^bannerpipe_serve_shed_total/of them shed:/p'
# Connections ask at the same instants: few of them, so that they do not wait for each other.
few=${FEW:-4}
rate=$(awk -v c="$few" '{ r = int($1 / c); print (r > 0 ? r : 1) }' half)
h2load --h1 -t1 -c"$few" -D"$seconds" --rps="$rate" -d body \
    -H 'content-type: application/json' --log-file=times "$at/v1/decide" >load 2>&1
cut -f3 times | sort -n | awk -v rate=$((rate * few)) '{ t[NR] = $1 }
    END { printf "at %d/s: p50 %d us, p99 %d us, of %d\n", rate,
	t[int(NR * 0.5) + 1], t[int(NR * 0.99) + 1], NR }'
stop
