#!/bin/sh
# SPDX-License-Identifier: MIT
# Random streams through bp-join and a reference (tests/peers); SEED repeats one.
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/join_reference.py" "$build/bin/bp-join" 40
