#!/bin/sh
# SPDX-License-Identifier: MIT
# once: figures of a log, whoever compiled the program
#
# Attacks in a simulated log are what bp-simulate(1) says of them, and leave visitors alone,
# measured in Python; SEED repeats a run.
. "${0%/*}/lib.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$root/tests/peers/simulate_attacks.py" "$build/bin"
