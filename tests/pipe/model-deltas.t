#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A model travels as deltas: through files, a log, a socket, pauses, kills and losses.
. "${0%/*}/lib.sh"

gen_ctr 3000 1 0.2 >in.bp
gen_ctr 100 1 0.2 >few.bp
feeds() { # feeds COMMAND...: the deltas of a pipe that stays open
	mkfifo feed 2>fifo.err
	"$@" <feed >predicted.bp 2>learn.err &
	learner=$!
	exec 3>feed
}
ends() {
	exec 3>&-
	wait "$learner"
}

bp-learn -m model --deltas deltas.bp --delta-every 100 in.bp >predicted.bp
ok 'following the deltas makes the model file' bp-model follow -m copy <deltas.bp
ok 'byte for byte' cmp model copy
ok 'diff agrees' bp-model diff model copy
bp-learn -m model2 in.bp >predicted2.bp
ok 'without deltas the model is the same' cmp model model2
ok 'and the predictions are' cmp predicted.bp predicted2.bp

bp-learn -m model3 --deltas - in.bp >all.bp 2>err
bp-learn -m model3 --deltas deltas.bp.zst in.bp >all.bp
ok 'compressed' bp-model follow -m copy3 <deltas.bp.zst
ok 'they give that model too' cmp model3 copy3

bp-log log <deltas.bp
bp-replay log | bp-model follow -m logged
ok 'a log keeps them' cmp model logged
bp-recv --listen unix:socket --until-end 1 >received.bp 2>recv.err &
receiver=$!
until_true test -S socket
bp-send unix:socket deltas.bp
wait "$receiver"
bp-model follow -m sent <received.bp
ok 'sockets carry them' cmp model sent

for algorithm in ftrl adagrad sgd adam; do
	bp-learn -m $algorithm -a $algorithm --deltas d.bp --delta-every 300 in.bp >out.bp
	bp-model follow -m copy <d.bp
	ok "of $algorithm" cmp $algorithm copy
done
bp-learn -m two -t click,conversion --admit 2 --deltas d.bp in.bp >out.bp
bp-model follow -m copy <d.bp
ok 'of several targets, and some features not yet admitted' bp-model diff two copy
for aware in '' --field-aware; do
	rm -f copy factored
	bp-learn -m factored --factors 4 $aware --deltas d.bp --delta-every 100 in.bp >out.bp
	bp-model follow -m copy --live live <d.bp
	ok "with factors $aware" bp-model diff factored copy
	bp-model dump copy | bp-model load loaded
	ok 'also as text' bp-model diff factored loaded
done
bp-score -m factored few.bp >one.bp
bp-score -m copy few.bp >two.bp
ok 'their predictions are the same' cmp one.bp two.bp

# What is missing or damaged.
rm copy
bp-select 'sequence != 7' deltas.bp >lost.bp
exits 'a lost one is an error' 111 bp-model follow -m copy <lost.bp
like 'that names it' 'delta 7 is missing: after 6 came 8' bp-model follow -m copy <lost.bp
ok 'and no file is written' test ! -e copy
bp-select 'sequence > 2' deltas.bp >late.bp
like 'so is a stream without its beginning' 'does not begin with it' \
    bp-model follow -m copy <late.bp
head -c 100000 deltas.bp >cut.bp
like 'and one that is cut off' 'cut off' bp-model follow -m copy <cut.bp
{
	head -c 30000 deltas.bp
	printf 'x'
	tail -c +30002 deltas.bp
} >damaged.bp
like 'and a damaged one' 'delta 1 of version 101: checksum mismatch' bp-model follow -m copy <damaged.bp
like 'and no deltas at all' 'no delta in the input' bp-model follow -m copy <in.bp

# A pause: what was learned is sent although it is less than --delta-every.
: >live.bp
feeds bp-learn -m paused --deltas live.bp --delta-every 1000000
cat few.bp >&3
until_true sh -c 'bp-model follow -m seen <live.bp 2>err && bp-model show seen | grep -q "^version *100$"'
ok 'at a pause all is sent' sh -c 'bp-model show seen | grep "^version *100$"'
cat few.bp >&3
ends
bp-model follow -m seen <live.bp
ok 'and the rest at the end' cmp paused seen

# A run that is stopped and goes on.
bp-learn -m stated --state kept --deltas first.bp few.bp >out.bp
bp-learn -m stated --state kept --deltas second.bp few.bp in.bp >out.bp
ok 'a run that goes on begins anew' bp-model follow -m copy <second.bp
ok 'with the whole model' bp-model diff stated copy
cat first.bp second.bp | bp-model follow -m both
ok 'also in one stream' cmp copy both

# As a stage: the bytes of a plain run that never waits, also after kill -9.
rm -f out.bp
. "$root/tests/pipe/barrier.sh"
gen_ctr 20000 2 0.2 >many.bp
mkdir plain
command='bp-sort many.bp | bp-learn -m staged --memory 64M --deltas staged.bp --delta-every 70 >>out.bp'
bp-sort many.bp >plain/many.bp
(cd plain && bp-learn -m staged --memory 64M --deltas staged.bp --delta-every 70 many.bp >out.bp)
n=0
for _ in 1 2 3; do
	start 2 "$command" || break
	until_true commits || break
	crash learn
	n=$((n + 1))
done
ok 'as a stage it was killed three times' test $n -eq 3
every=100
start 2 "$command"
finish
ok 'the pipeline ends well' test $? -eq 0
for output in staged staged.bp out.bp; do
	ok "$output has the bytes of the plain run" cmp "$output" "plain/$output"
done
bp-model follow --memory 1G -m copy <staged.bp
ok 'and can be followed' cmp staged copy
done_testing
