#!/bin/sh
# SPDX-License-Identifier: MIT
# Random requests with bids, floors and company through bp-rank, beside Python; SEED repeats.
. "${0%/*}/lib.sh"
PYTHONDONTWRITEBYTECODE=1 python3 "$root/tests/peers/money_reference.py" "$build/bin"
