#!/bin/sh
# SPDX-License-Identifier: MIT
#
# soak.sh MINUTES: faults of all kinds, round after round with new seeds, until the time is
# over; the first round is always made whole. A failure ends it, and shows the seed.
set -eu
cd "$(dirname "$0")/../.."
minutes=$1
seed=${SEED:-$(date +%s)}
end=$(($(date +%s) + minutes * 60))
rounds=0

step() {
	echo "== $*, SEED=$seed"
	SEED=$seed "$@" >soak.log || {
		grep -v '^ok' soak.log
		echo "soak: failed in round $rounds: SEED=$seed $*"
		exit 1
	}
	grep '^#' soak.log
}

trap 'rm -f soak.log' EXIT
while [ $rounds -eq 0 ] || [ "$(date +%s)" -lt $end ]; do
	rounds=$((rounds + 1))
	seed=$((seed + 1))
	step python3 tests/faults/kills.py 500
	step python3 tests/faults/points.py kill 1000
	step python3 tests/faults/points.py error 1000
	step python3 tests/faults/full.py 5
	step python3 tests/faults/clock.py 5
	step python3 tests/faults/power.py 20
done
MODEL=large step prove tests/model.t
make -s fuzz SECONDS=60
echo "soak: $rounds rounds without a failure"
