#!/bin/sh
# SPDX-License-Identifier: MIT
# Random requests through bp-rank, beside definitions in Python; SEED repeats a run.
. "${0%/*}/lib.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$root/tests/peers/rank_reference.py" "$build/bin"
