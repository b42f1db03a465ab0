#!/bin/sh
# SPDX-License-Identifier: MIT
# What is taken back, and counts again, in random streams; SEED repeats one.
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/feature_retract.py" "$build/bin" 40
