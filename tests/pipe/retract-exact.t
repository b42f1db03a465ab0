#!/bin/bash
# SPDX-License-Identifier: MIT
# once: it compares bytes and kills, whatever the build
#
# What is found invalid leaves no trace: random logs (SEED repeats them) through bp-retract,
# bp-join and bp-metric, beside the same logs without the events that are out in the end; and
# the same bytes when the stages are killed on the way.
. "${0%/*}/lib.sh"

same_rows() {
	python3 "$root/tests/peers/retract_reference.py" "$build/bin" "${ROUNDS:-10}" >checked
	status=$?
	cat checked
	[ $status -eq 0 ] && ! grep -q '^not ok' checked
}
detail=$(same_rows) && report 0 'net rows are those of the log without what is out, to the last digit' ||
	report 1 'net rows are those of the log without what is out, to the last digit' "$detail"
echo "$detail" | grep SEED

python3 "$root/tests/peers/retract_reference.py" --write in.bp 40000
bp-sort --lateness 3h --max-future 30d in.bp >sorted.bp
bp-retract sorted.bp >once.bp 2>once.err
bp-retract once.bp >twice.bp 2>twice.err
ok 'two in a row do what one does' cmp once.bp twice.bp
pipeline() { # OUT
	echo "bp-sort --memory 64M --lateness 3h --max-future 30d in.bp |
	    bp-retract --memory 64M --orphans $1.orphans |
	    tee >(bp-metric --memory 64M --window 2h --by creative_id --count events >>$1.plain) |
	    bp-join --memory 64M --click-window 30m --attribution linear |
	    bp-metric --memory 64M --stage last --window 2h --by creative_id --count outcomes >>$1"
}
bash -o pipefail -c "$(pipeline plain)" 2>plain.err
ok 'the plain pipeline runs' test $? -eq 0
ok 'it has rows that were revised' sh -c "bp-select 'event == \"metric\" and revision > 1 and gross.n > n' plain | grep -q ."

bp-run --dir k --every 20ms -- "$(pipeline killed)" 2>k.err &
runner=$!
epoch() { sed -n 's/^epoch //p' k/committed 2>/dev/null; }
advanced() { ! kill -0 $runner 2>/dev/null || [ "$(epoch)" \> "$1" ]; }
killed() { kill -KILL "$(sed -n 's/^pid //p' "k/stage/$1/member")" 2>/dev/null; }
until_true advanced 0
kills=0
for victim in retract join last metric retract sort join; do
	last=$(epoch)
	killed $victim && kills=$((kills + 1))
	until_true advanced "$last"
done
wait $runner
ok 'the pipeline ends though its stages were killed' test $? -eq 0
ok 'some of them were' test "$kills" -ge 1
echo "# $kills kills"
for output in '' .plain .orphans; do
	ok "killed and resumed, it has written the same bytes (plain$output)" \
		cmp "plain$output" "killed$output"
done
done_testing
