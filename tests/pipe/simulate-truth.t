#!/bin/sh
# SPDX-License-Identifier: MIT
# once: figures of a log, whoever compiled the program
#
# What a simulated log says is what its options say, measured in Python; SEED repeats a run.
. "${0%/*}/lib.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$root/tests/peers/simulate_log.py" "$build/bin" "$data"
