#!/bin/sh
# SPDX-License-Identifier: MIT
#
# http.sh: answers of five bytes a second, of http_hello (lib/http), of the least that libuv
# and llhttp can do, and of nginx (one process, `return 200`), in turns on this machine: by
# the wall clock, and by the processor time of the server, which other work does not change
# as much. wrk with CONNECTIONS=64 for DURATION=3, best of ROUNDS=3; and pipelined, 16 at a time.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/tools:$build/bench:$PATH:/usr/sbin
seconds=${DURATION:-3}
connections=${CONNECTIONS:-64}
rounds=${ROUNDS:-3}
for tool in wrk nginx; do
	command -v $tool >/dev/null || { echo "http.sh: no $tool here" >&2; exit 0; }
done
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
running=
# shellcheck disable=SC2086 # a list of numbers
trap 'kill $running 2>/dev/null || :; rm -rf "$dir"' EXIT
cd "$dir"
port=$((20000 + $$ % 20000))

cat >nginx.conf <<END
daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 1000000000; default_type text/plain;
server { listen 127.0.0.1:$((port + 2)); location / { return 200 hello; } } }
END
cat >pipelined.lua <<'END'
local many = {}
init = function(args)
	for i = 1, 16 do many[i] = wrk.format("GET", "/hello") end
	many = table.concat(many)
end
request = function() return many end
END
http_hello "127.0.0.1:$port" per_peer=10000 >hello &
running="$running $!" hello=$!
http_bare $((port + 1)) &
running="$running $!" bare=$!
nginx -p "$dir" -c "$dir/nginx.conf" 2>/dev/null &
running="$running $!" nginx=$!

# Clock ticks that a process has used.
ticks() {
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# once NAME PROCESS PORT OPTIONS...: a line with answers, seconds of clock and of processor.
once() {
	name=$1 process=$2 at=$3
	shift 3
	before=$(ticks "$process")
	wrk -t1 -c"$connections" -d"$seconds" "$@" "http://127.0.0.1:$at/hello" >result
	after=$(ticks "$process")
	awk -v name="$name" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
		/requests in/ { n = $1; sub("s,", "", $4); s = $4 }
		END { printf "%s %d %f %f\n", name, n, s, ticks / hz }' result >>"$results"
}

row() {
	results=$1.results
	shift
	for _ in $(seq "$rounds"); do
		once lib/http "$hello" "$port" "$@"
		once bare "$bare" $((port + 1)) "$@"
		once nginx "$nginx" $((port + 2)) "$@"
	done
	awk '{ wall = $2 / $3 / 1000; own = $2 / $4 / 1000
	    if (wall > best[$1]) best[$1] = wall
	    if (own > least[$1]) least[$1] = own }
	    END { split("lib/http bare nginx", order, " ")
	    for (i = 1; i <= 3; i++) printf "  %-9s %7.1f k/s wall, %7.1f k per processor second, ratio %.2f\n",
	        order[i], best[order[i]], least[order[i]],
	        least["lib/http"] / least[order[i]] }' "$results"
}
for at in "$port" $((port + 1)) $((port + 2)); do
	n=0
	until curl -s -o /dev/null "http://127.0.0.1:$at/hello" || [ $n -eq 100 ]; do
		sleep 0.05
		n=$((n + 1))
	done
done
echo "HTTP, $connections connections, one request at a time:"
row single
echo "HTTP, $connections connections, 16 requests at a time:"
row pipelined -s pipelined.lua
