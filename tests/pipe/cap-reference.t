#!/bin/sh
# SPDX-License-Identifier: MIT
# Random catalogues and streams through bp-cap and a reference (tests/peers); SEED repeats
# one.
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/cap_reference.py" "$build/bin" 20
