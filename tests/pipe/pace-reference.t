#!/bin/sh
# SPDX-License-Identifier: MIT
# Random streams through bp-pace and a reference (tests/peers); SEED repeats one.
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/pace_reference.py" "$build/bin" 20
