#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The model file of bp-learn: when it is written, and that learning goes on from it.
. "${0%/*}/lib.sh"

gen_ctr 3000 1 0.2 >all.bp
gen_ctr 2000 1 0.2 >first.bp
tail -c "+$(($(wc -c <first.bp) + 1))" all.bp >rest.bp

predictions() {
	bp-select 'event == "outcome"' | bp-print --format csv --fields event_id,prediction
}
bp-learn --model whole all.bp | predictions >whole.csv
{ bp-learn --model parts first.bp && bp-learn --model parts rest.bp; } |
    predictions >parts.csv
ok 'learning goes on from the model file as if it had never stopped' cmp whole.csv parts.csv
ok 'the model learned in parts is the same file' cmp whole parts

mkfifo feed
bp-learn --model stopped <feed >out.bp &
learner=$!
exec 3>feed
cat first.bp >&3
until_true sh -c 'test "$(wc -c <out.bp)" -gt 500000'
kill -TERM "$learner"
wait "$learner"
status=$?
exec 3>&-
[ "$status" -eq 0 ] && bp-learn --model part first.bp >/dev/null
report $? 'TERM ends it well' "exit $status"
ok 'TERM writes the model of what was read' cmp stopped part

bp-learn --model kept --state state --checkpoint-every 50ms <feed >/dev/null &
learner=$!
exec 3>feed
cat first.bp >&3
until_true cmp -s kept part
ok 'checkpoints write the model while the input is open' cmp kept part
kill -TERM "$learner"
exec 3>&-
wait "$learner"
report $? 'TERM ends that well too'

cp part damaged
printf x | dd of=damaged bs=1 seek=5000 conv=notrunc 2>dd.err
exits 'a damaged model is refused' 111 bp-learn --model damaged first.bp
like 'and the message names the file' 'bp-learn: .*damaged.*checksum' \
    bp-learn --model damaged first.bp
exits 'without --model it is wrong use' 100 bp-learn first.bp
like 'an option that makes no sense is named' 'the rate must be from 1e-6 to 1000' \
    bp-learn --model new --algorithm sgd --rate 2000 first.bp
like 'another target than the model has is named' 'target' \
    bp-learn --model part --target conversion first.bp
done_testing
