#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Single records of a pipeline: those that crash a stage are quarantined, and an audit makes
# all of them again and compares.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
in_hand() { od -An -tu8 -N8 "$state/stage/probe/current" | tr -d ' '; }

# --- quarantine
for i in $(seq 1 500); do echo "{\"n\": $i}"; done >good
{ head -300 good && echo '{"n": "crash"}' && tail -200 good; } >poisoned
command='bp-parse --format json poisoned | probe --rejects rejects --max-rejects 100% |
    bp-print --format json >>out'
bp-parse --format json good | probe | bp-print --format json >plain
start 3 "$command"
finish
ok 'a stage crashes' test $? -ne 0
head -c 8 /dev/zero >"$state/stage/probe/current"
start 3 "$command"
finish
ok 'the number of the record that did it is there' is "$(in_hand)" 301
epochs quarantine "$state" probe 301
start 3 "$command"
finish
ok 'in quarantine it does no harm' epochs done "$state"
ok 'all others have come through' cmp out plain
ok 'nothing is in hand' is "$(in_hand)" 0
same 'the dead are kept' '{"n":"crash"}' sh -c \
	'bp-print --format raw state/stage/probe/dead | bp-print --format json'
ok 'as the rejects are' cmp rejects "$state/stage/probe/dead"

# --- audits
rm -rf "$state" && mkdir "$state"
gen_log 30000 3 >log 2>/dev/null
command='bp-parse --format combined --rejects rejects.bp log --max-rejects 100% |
    bp-dedupe --memory 64M | bp-select --compress true >>out.zst'
echo 'what was there before' | zstd -q >out.zst
start 3 "$command"
finish
ok 'a pipeline ran' epochs done "$state"
cp out.zst kept.zst

audit() { # make a folder for an audit of $state
	rm -rf audit && mkdir audit
	cp "$state/topology" audit
	for id in parse dedupe select; do
		mkdir -p "audit/stage/$id"
		cp "$state/stage/$id/origin.snap" "audit/stage/$id/0000000000000000.snap"
	done
	epochs begin audit 20 audit >/dev/null
}
run_audit() { BP_DIR=$dir/audit bash -o pipefail -c "$command" 2>errors; }

audit
ok 'an audit of it finds nothing' run_audit
ok 'and reaches the end' epochs done audit
ok 'and changes nothing' cmp out.zst kept.zst
audit
epochs put audit/stage/parse/until 'in 12345
'
ok 'an audit can stop before' run_audit
ok 'which is not the end' grep -q 'rejects.bp differs .*: it has more' audit/stage/parse/compared
cp rejects.bp kept.bp
size=$(wc -c <rejects.bp)
printf '\1' | dd of=rejects.bp bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
audit
run_audit
ok 'a difference is found' grep -q "rejects.bp differs from what is made again, at byte $((size / 2))\$" audit/stage/parse/compared
cp kept.bp rejects.bp
{ head -c -500 kept.bp; } >rejects.bp
audit
run_audit
ok 'what is missing is found' grep -q "rejects.bp differs .* at byte $((size - 500)): it ends there" audit/stage/parse/compared
cp kept.bp rejects.bp
{ zstdcat kept.zst | tr 'G' 'H'; } | zstd -q >out.zst
audit
run_audit
ok 'a difference within compressed bytes is found' grep -q 'standard output.* after decompression\|other bytes' audit/refused audit/stage/select/compared
ok 'nothing of all this has changed a file' cmp rejects.bp kept.bp
done_testing
