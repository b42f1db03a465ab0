#!/bin/sh
# SPDX-License-Identifier: MIT
# Random streams through bp-feature and a reference (tests/peers); SEED repeats one.
. "${0%/*}/lib.sh"
command -v python3 >/dev/null || { echo '1..0 # SKIP no python3'; exit 0; }
python3 "$root/tests/peers/feature_reference.py" "$build/bin" 60
