#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What was taken back was never taught: models of a stream in which every seventh outcome is
# taken back, up to 500 records later, are the files of the stream without those; and of void
# outcomes nothing is learned.
. "${0%/*}/lib.sh"

gen_ctr 4000 1 0.2 | bp-print --format json >all.json
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
' all.json >taught.json
bp-parse --format json taught.json >taught.bp
bp-parse --format json never.json >never.bp
ok 'some are taken back' test "$(bp-select 'weight < 0' taught.bp | bp-print -f csv -F event_id | wc -l)" -gt 500

# same WHAT OPTION...
same() {
	what=$1
	shift
	rm -f taught never
	bp-learn -m taught "$@" taught.bp >"out.bp" && bp-learn -m never "$@" never.bp >/dev/null
	ok "$what: taken back is never taught" cmp taught never
	ok "$what: bp-model finds no difference" bp-model diff taught never
}
same counts -a counts
same linear -a linear --dimensions 40 -t click
for algorithm in lanes ftrl adagrad sgd adam; do
	same "$algorithm --exact" -a "$algorithm" --exact 1000d
done
same 'lanes with factors --exact' -k 4 --exact 1000d

bp-learn -m nearly -a ftrl taught.bp >nearly.bp
exits 'without --exact it is nearly so' 1 bp-model diff nearly never
like 'and how nearly is in the report' '^571,' sh -c \
    "bp-select 'event == \"metric\"' nearly.bp | bp-print -f csv -F unlearnt,unlearn_residual_mean,unlearn_residual_max | tail -1"

rm -f taught never
bp-learn -m never --exact 1000d never.bp >/dev/null
head -n 2300 taught.json | bp-parse --format json >first.bp
tail -n +2301 taught.json | bp-parse --format json >rest.bp
bp-learn -m taught --exact 1000d --state state first.bp >/dev/null
bp-learn -m taught --exact 1000d --state state rest.bp >/dev/null
ok 'the journal is in the snapshot' cmp taught never

bp-learn -m told --exact 1000d --exact-every 100ms -D deltas.bp --stats stats taught.bp >/dev/null
ok 'who settles often ends where the others do' cmp told never
like 'and did' '^bannerpipe_replays_total.* [1-9]' cat stats
bp-model follow --model copy <deltas.bp
ok 'deltas follow what is settled' bp-model diff told copy
for algorithm in counts linear; do
	bp-learn -m "$algorithm" -a "$algorithm" --dimensions 40 -D deltas.bp taught.bp >/dev/null
	bp-model follow --model copy <deltas.bp
	ok "deltas carry $algorithm" bp-model diff "$algorithm" copy
done

# A banner that was taken out is an outcome of weight 0 (bp-join): of it a model knows nothing.
gen_ctr 1000 2 0.2 | bp-print --format json |
    sed 's/}$/,"weight":0,"void":{"impression":1,"reasons":{"crawler":1}}}/' >void.json
awk '{ print } NR % 4 == 0 && (getline line <"void.json") > 0 { print line }' all.json |
    bp-parse --format json >beside.bp
bp-parse --format json all.json >all.bp
for options in '-a counts' '-a linear --dimensions 40 -t click' '-a lanes -k 4 --admit 2' \
    '-a lanes --examination position' '-a ftrl' '-a lanes --exact 1000d'; do
	rm -f beside without
	bp-learn -m without $options all.bp >/dev/null
	bp-learn -m beside $options --stats stats beside.bp >said.bp
	ok "$options: what is void was never seen" cmp beside without
	like 'it is predicted, and not counted as learned' '^bannerpipe_learned_total.* 4000$' cat stats
	like 'but as what was not' '^bannerpipe_unlabelled_total.* 1000$' cat stats
done
predicted=$(bp-select 'weight == 0' said.bp | bp-print -f csv -F prediction.click | grep -c .)
ok 'each has its prediction' test "$predicted" -eq 1001

bp-learn -m short --exact 1ms --stats stats taught.bp >/dev/null
like 'what came too late is counted' 'unlearned_too_late[^0-9]* [1-9]' cat stats
like 'counts need no --exact' 'counts forgets exactly' bp-learn -m c -a counts --exact 1h taught.bp
exits 'which is wrong use' 100 bp-learn -m c -a counts --exact 1h taught.bp
done_testing
