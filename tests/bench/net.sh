#!/bin/sh
# SPDX-License-Identifier: MIT
#
# net.sh: bp-send to bp-recv over loopback: records per second, of the wall clock and of the
# processor time of both ends; with durable acks, and to standard output.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
PATH=$build/bin:$build/tools:$PATH
n=${RECORDS:-1000000}
dir=$(mktemp -d "${TMPDIR:-/tmp}/bannerpipe.XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
gen_ctr "$n" 1 0.2 >in.bp

# row NAME PACKING RECV-OPTIONS...
row() {
	name=$1 packing=$2
	shift 2
	bp-recv --listen unix:socket --until-end 1 --stats recv "$@" >out.bp 2>err &
	until grep -q listening err 2>/dev/null; do sleep 0.01; done
	began=$(date +%s%N)
	bp-send --packing "$packing" --stats send unix:socket in.bp
	took=$(($(date +%s%N) - began))
	wait $!
	cat send recv | awk -v n="$n" -v ns="$took" -v name="$name, $packing" \
	    '/^bannerpipe_processor_us_total/ { us += $2 }
	    END { printf "%-24s %5.2f M/s wall, %5.2f M per processor second\n", name,
	        n / ns * 1e3, n / us }'
	rm -rf out.bp log err socket
}
for packing in none zstd; do
	row 'standard output' $packing
	row 'durable log' $packing --log log
done
