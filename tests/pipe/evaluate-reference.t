#!/bin/sh
# SPDX-License-Identifier: MIT
# Logs of random and of a real shop through bp-evaluate and a reference (tests/peers).
. "${0%/*}/lib.sh"
python3 "$root/tests/peers/offpolicy_reference.py" "$build/bin" "$data" 8
