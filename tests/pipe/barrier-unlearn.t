#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A model that takes back exactly, under barriers that come fast, and killed before and after it
# settles: predictions and model have the bytes of the plain pipeline, and the model those of
# a stream in which what was taken back never came. Every seventh outcome is taken back, up to
# 500 records later.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

gen_ctr 20000 1 0.2 | bp-print --format json >all.json
perl -ne '
	if ($. % 7 == 0) {
		my $back = s/\}$/,"weight":-1}/r;
		push @{$due{$. + 1 + $. * 37 % 500}}, $back;
	} else {
		print {$never} $_ if $never or open $never, ">", "never.json";
	}
	print;
	print @{delete $due{$.} || []};
	END { print map { @{$due{$_}} } sort { $a <=> $b } keys %due }
' all.json >log
command='bp-parse --format json log |
    bp-learn --memory 128M --exact 30s --exact-every 1s --model model --live live \
        --deltas deltas --report 5000 >>predicted'
mkdir plain
ln log plain
(cd plain && bash -o pipefail -c "$command --stats stats" 2>err)
ok 'the plain pipeline ends well' test $? -eq 0
like 'it settles now and then' '^bannerpipe_replays_total.* [1-9][0-9]' cat plain/stats
like 'what was taken back is exact' '^bannerpipe_unlearned_too_late_total.* 0$' cat plain/stats
(bp-parse --format json never.json | bp-learn --memory 128M --exact 30s -m never >/dev/null)
ok 'as if it had never been taught' cmp plain/model never

export BP_STATE_CHECK=1
n=0
while [ "$n" -lt 4 ] && start 2 "$command" && until_true commits; do
	crash "$(echo learn parse | cut -d ' ' -f $((n % 2 + 1)))"
	n=$((n + 1))
done
ok 'each start has committed before it was killed' test "$n" -eq 4
start 2 "$command"
finish
ok 'the pipeline ends well' test $? -eq 0
ok 'no change was left unmarked' sh -c '! grep "not marked" err'
for output in predicted model; do
	ok "$output has the bytes of the plain pipeline" cmp "$output" "plain/$output"
done
bp-model follow -m followed <deltas
ok 'deltas carry the model that is settled' bp-model diff model followed

# The same under bp-run, which starts again what was killed.
mkdir run
ln log run
cd run || exit 1
bp-run --dir state --every 20ms -- "$command" 2>err &
runner=$!
is_generation() { grep -qx "generation $1" "$2" 2>/dev/null; }
goes_on() { is_generation $n "state/stage/$1/member" && test -s predicted; }
n=1
for stage in learn parse learn; do
	until_true goes_on "$stage" || break
	kill -KILL "$(sed -n 's/^pid //p' "state/stage/$stage/member")"
	n=$((n + 1))
	until_true is_generation $n state/generation || break
done
ok 'bp-run starts it again, three times' test "$n" -eq 4
wait "$runner"
ok 'and ends well' test $? -eq 0
for output in predicted model; do
	ok "$output is the same" cmp "$output" "../plain/$output"
done
done_testing
