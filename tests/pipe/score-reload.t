#!/bin/sh
# SPDX-License-Identifier: MIT
#
# HUP makes bp-score read its model again, and a bad model does not stop it.
. "${0%/*}/lib.sh"

gen_ctr 400 1 0.2 >in.bp
gen_ctr 100 1 0.2 >few.bp
bp-learn --model model few.bp >/dev/null
version() { bp-print --format csv --fields prediction out.bp | tail -n 1; }
says() { version | grep -q "\"\"version\"\":$1}"; }

mkfifo feed
bp-score --model model <feed >out.bp 2>err &
scorer=$!
exec 3>feed
cat few.bp >&3
until_true says 100
ok 'it predicts with the model it was started with' says 100

bp-learn --model new in.bp >/dev/null
mv new model
kill -HUP "$scorer"
until_true grep -q 'read again: 400 examples' err
cat few.bp >&3
until_true says 400
ok 'after HUP it predicts with the new one' says 400

printf 'no model' >model
kill -HUP "$scorer"
until_true grep -q 'going on with the model of before' err
cat few.bp >&3
until_true sh -c 'test "$(bp-print --format csv --fields event_id out.bp | wc -l)" -gt 300'
ok 'a model that cannot be read is reported' grep -q 'going on with the model of before' err
ok 'and it goes on with the one it had' says 400
exec 3>&-
wait "$scorer"
report $? 'it ends well' "$(cat err)"
exits 'without a model file it is wrong use' 100 bp-score --model missing in.bp
done_testing
