#!/bin/sh
# SPDX-License-Identifier: MIT
# Random streams through bp-login and a reference (tests/peers); SEED repeats one.
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/login_reference.py" "$build/bin" 20
