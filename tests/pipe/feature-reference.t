#!/bin/sh
# SPDX-License-Identifier: MIT
# Random streams through bp-feature and a reference (tests/peers); SEED repeats one.
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/feature_reference.py" "$build/bin" 60
