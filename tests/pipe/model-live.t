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

# What was taken back leaves: who has mapped the live file sees the model of before or the one
# that never learned it, also of its factors, which lie in another file.
gen_ctr 4000 1 0.2 | bp-print --format json >all.json
awk 'NR % 7' all.json | bp-parse --format json >never.bp
awk 'NR % 7 == 0 { sub(/}$/, ",\"weight\":-1}"); print }' all.json | bp-parse --format json >back.bp
bp-parse --format json all.json >all.bp
tail -n 1 all.json | sed 's/"timestamp":[0-9]*/"timestamp":1757721600000000/' |
    bp-parse --format json >later.bp
mkfifo settles
bp-learn -m settled --live close -k 4 --exact 1000d --exact-every 400d <settles >out.bp 2>learn.err &
learner=$!
exec 6>settles
cat all.bp back.bp >&6
is_at() { bp-model show close 2>/dev/null | grep -q "^version *$1\$"; }
until_true is_at $((4000 + 4000 / 7))
bp-score -m close few.bp >before.bp
mkfifo wanted
bp-score -m close <wanted >meanwhile.bp 2>score.err &
scorer=$!
exec 7>wanted
cat few.bp >&7
until_true test -s meanwhile.bp
cat later.bp >&6
rounds=0
until is_at $((4001 - 4000 / 7)) || [ $rounds -gt 200 ]; do
	cat few.bp >&7
	rounds=$((rounds + 1))
done
cat few.bp >&7
exec 6>&- 7>&-
wait "$scorer" && wait "$learner"
report $? 'a model settles while it is read' "$(cat score.err learn.err)"
cat never.bp later.bp | bp-learn -m never -k 4 --exact 1000d >/dev/null
bp-score -m never few.bp >after.bp
# Each prediction by its record, version and number: of a version, one number each.
told() { bp-print --format csv --fields event_id,prediction.version,prediction.click "$1"; }
told meanwhile.bp | grep ",$((4000 + 4000 / 7))," | sort -u >of.before
told before.bp | tail -n +2 | sort -u >is.before
ok 'the model of before was seen' test -s is.before -a -z "$(comm -23 is.before of.before)"
told meanwhile.bp | grep ",$((4001 - 4000 / 7))," | sort -u >of.after
told after.bp | tail -n +2 | sort -u >is.after
ok 'then the one that never learned it, in all its parts' cmp of.after is.after
told meanwhile.bp | tail -n +2 | sort -u | cut -d , -f 1,2 |
    grep -v ",$((4000 + 4000 / 7))\$" | uniq -d >twice
ok 'and nothing between them' test ! -s twice
done_testing
