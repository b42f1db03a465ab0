#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-replay: a replay has the same bytes as what came live, from every kind of input; it
# goes on where it was; damage is a gap.
. "${0%/*}/lib.sh"

gen_log 20000 7 >text.log 2>/dev/null
bp-parse --format combined text.log >all.bp 2>/dev/null
bp-log --segment-size 100K log <all.bp
zstd -q -k all.bp text.log

for input in log all.bp all.bp.zst text.log text.log.zst; do
	ok "$input comes as it came live" sh -c "bp-replay $input 2>/dev/null | cmp - all.bp"
done
ok 'from standard input too' sh -c 'bp-replay <all.bp | cmp - all.bp'

# Logs split and merged again: the order within equal times is that of the inputs.
bp-select 'status == 302' --rest rest.bp all.bp >click.bp
bp-log a <click.bp
bp-log b <rest.bp
bp-print --format json all.bp | sort >sorted
ok 'two logs merged have all records' sh -c \
	'bp-replay a b | bp-print --format json | sort | cmp - sorted'
ok 'and are in order' sh -c \
	"bp-replay a b | bp-print --format json | grep -o '\"timestamp\":[0-9]*' | sort -c -t: -k2n"

# Times.
from=2024-05-01T00:02:00Z to=2024-05-01T00:03:00Z
bp-select "timestamp in $from..$to" all.bp >minute.bp
ok 'a minute of it' test "$(wc -c <minute.bp)" -gt 10000
for input in log all.bp text.log; do
	ok "--from and --to of $input" sh -c \
		"bp-replay --from $from --to $to $input 2>/dev/null | cmp - minute.bp"
done
if strace -o /dev/null true 2>/dev/null; then
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=read -o reads bp-replay --no-sandbox --from "$from" --to "$to" log \
		>/dev/null
	bytes=$(sed -n 's/.*= \([0-9]*\)$/\1/p' reads | awk '{ n += $1 } END { print n }')
	whole=$(cat log/*.bplog | wc -c)
	ok "what lies outside is not read ($bytes of $whole bytes)" \
		test "$bytes" -lt $((whole / 2))
fi
ok '--where is the condition of bp-select' sh -c \
	"bp-replay --where 'status == 302' log | cmp - click.bp"

# Damage.
cp -r log bad
first=$(find bad -name '*.bplog' | sort | head -n 1)
chmod u+w "$first"
printf '\377' | dd of="$first" bs=1 seek=300 conv=notrunc 2>/dev/null
exits 'damage stops a replay' 111 bp-replay bad
like 'it says where' 'bytes 0 to [0-9]* of segment 0: the records of a batch are damaged' \
	bp-replay bad
like '--on-gap continue goes on behind it' 'gap: bad' \
	sh -c 'bp-replay --on-gap continue bad >after.bp'
ok 'and has the rest' sh -c 'tail -c 100000 all.bp >x; tail -c 100000 after.bp | cmp - x'

# A live log is followed, by who may come before its writer.
mkdir follow
same 'an empty folder has no records' '' bp-replay follow
bp-replay --follow follow >followed.bp &
reader=$!
until_true grep -qs bp-replay "/proc/$reader/comm"
mkfifo live
bp-log --sync 1ms follow <live &
exec 5>live
head -c 300000 all.bp >&5
until_true sh -c 'test -s followed.bp'
tail -c +300001 all.bp >&5
exec 5>&-
until_true cmp -s followed.bp all.bp
report $? 'a followed log comes whole'
kill "$reader"
wait

# Stopped and gone on.
bp-replay --state state --speed 120x log >first.bp &
reader=$!
until_true test -s first.bp
kill "$reader"
wait "$reader"
bp-replay --state state log >second.bp
ok 'a stopped replay goes on where it was' sh -c 'cat first.bp second.bp | cmp - all.bp'

exits 'a speed that is none' 100 bp-replay --speed fast log
exits 'a time that is none' 100 bp-replay --from noon log
exits 'a missing log' 111 bp-replay none
done_testing
