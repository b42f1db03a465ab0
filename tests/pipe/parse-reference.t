#!/bin/sh
# SPDX-License-Identifier: MIT
# Random examples through bp-parse and a reference (tests/peers); SEED repeats a run.
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/examples_reference.py" "$build/bin" 20
