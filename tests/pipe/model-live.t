#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What bp-learn learns is seen by those who have mapped its live file, or that of a follower,
# while its input is open.
. "${0%/*}/lib.sh"

gen_ctr 200 1 0.2 >few.bp
gen_ctr 20000 1 0.2 >many.bp
mkfifo feed asked deltas

bp-model follow -m followed --live far <deltas 2>follow.err &
follower=$!
bp-learn -m model --live near --deltas deltas --delta-every 100 <feed >learned.bp 2>learn.err &
learner=$!
exec 3>feed
until_true sh -c 'bp-model show near >shown 2>&1'
bp-score -m near <asked >said.bp 2>score.err &
scorer=$!
exec 4>asked

version() { bp-print --format csv --fields prediction "$1" 2>err | tail -n 1; }
says() { version said.bp | grep -q "\"\"version\"\":$1}"; }

cat few.bp >&3
until_true sh -c 'bp-model show near | grep -q "^version *200$"'
cat few.bp >&4
until_true says 200
ok 'a scorer sees what was learned' says 200
version said.bp >first
cat many.bp >&3
until_true sh -c 'bp-model show near | grep -q "^version *20200$"'
cat few.bp >&4
until_true says 20200
ok 'and what is learned later, while the table grows' says 20200
version said.bp | sed 's/:20200}//' >second
sed 's/:200}//' first >first.means
ok 'as another prediction' sh -c '! cmp -s first.means second'

until_true sh -c 'bp-model show far | grep -q "^version *20200$"'
ok 'a follower has the same model, live' bp-model diff near far
bp-score -m near few.bp >near.bp
bp-score -m far few.bp >far.bp
ok 'which predicts the same' cmp near.bp far.bp
bp-model dump near | bp-model load dumped
ok 'a live model can be dumped' bp-model diff near dumped
ok 'printed' sh -c 'bp-model print near | grep -q significance'
exec 3>&- 4>&-
wait "$scorer" && wait "$learner" && wait "$follower"
report $? 'all end well' "$(cat score.err learn.err follow.err)"
ok 'the files are the same' cmp model followed

# TERM ends a follower with what it has.
bp-learn -m again --deltas d.bp few.bp >learned.bp
mkfifo held
bp-model follow -m stopped <held &
follower=$!
exec 5>held
cat d.bp >&5
until_true test -s stopped
kill -TERM "$follower"
wait "$follower"
report $? 'TERM ends a follower'
exec 5>&-
ok 'which wrote what it had' cmp again stopped
done_testing
