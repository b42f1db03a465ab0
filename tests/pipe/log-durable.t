#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-log: what is acknowledged survives a kill; zstdcat reads it; two writers do not meet;
# damage is a failure; a full disk is waited for.
. "${0%/*}/lib.sh"

gen_log 20000 7 2>/dev/null | bp-parse --format combined >all.bp 2>/dev/null
size=$(wc -c <all.bp)

ok 'a log of several files' bp-log --segment-size 100K --ack-fd 3 log <all.bp 3>acks
ok 'zstdcat gives the records back' sh -c 'zstdcat log/*.bplog | cmp - all.bp'
ok 'files before the last are read-only' sh -c '
	[ "$(find log -name "*.bplog" -perm 0444 | wc -l)" -ge 3 ]'
same 'the last acknowledgement counts all records' \
	"$(bp-print --format json all.bp | wc -l)" \
	tail -n 1 acks

# A killed writer: what it had acknowledged is there, and what is there is a beginning.
mkfifo slow
bp-log --sync 1ms --ack-fd 3 killed <slow 3>acks.killed &
writer=$!
exec 4>slow
head -c $((size / 2)) all.bp >&4
until_true test -s acks.killed
kill -9 "$writer"
wait "$writer" 2>/dev/null
exec 4>&-
ok 'the killed log opens again' bp-log killed </dev/null
acked=$(tail -n 1 acks.killed)
zstdcat killed/*.bplog >got.bp
there=$(bp-print --format json got.bp | wc -l)
ok "what was acknowledged ($acked) is there ($there)" test "$there" -ge "$acked"
ok 'what is there is how the input begins' cmp -n "$(wc -c <got.bp)" got.bp all.bp

# Torn and damaged ends.
cp -r log torn
last=$(find torn -name '*.bplog' | sort | tail -n 1)
printf 'torn' >>"$last"
like 'a torn tail is cut off, and said' 'torn tail: 4 bytes' bp-log torn </dev/null
bp-log --sync 0 bad <all.bp
first=$(find bad -name '*.bplog' | sort | tail -n 1)
printf '\377' | dd of="$first" bs=1 seek=60 conv=notrunc 2>/dev/null
like 'damage is a failure that names the byte' 'is damaged at byte 0' bp-log bad </dev/null

# Two writers.
mkfifo open
bp-log two <open &
exec 5>open
until_true test -e two/lock
until_true sh -c 'bp-log two </dev/null 2>&1 | grep -q "another process"'
report $? 'a second writer is refused'
exec 5>&-
wait

# A clean stop writes what was read.
mkfifo stopped
bp-log --sync 1h term <stopped &
writer=$!
exec 6>stopped
head -c 60000 all.bp >&6
until_true test -e term/lock
kill "$writer"
wait "$writer"
report $? 'TERM ends it with status 0'
exec 6>&-
zstdcat term/*.bplog >got.bp
ok 'what was read before TERM is in the log' cmp -n "$(wc -c <got.bp)" got.bp all.bp

# Removal is said.
like 'retention names what it removes' 'removed 00000000000000000000.bplog' \
	bp-log --keep-size 150K --segment-size 50K log </dev/null
same 'a missing folder above is an error that names it' \
	'bp-log: cannot create none/log: No such file or directory' \
	sh -c 'bp-log none/log </dev/null 2>&1'
like 'an --ack-fd that is not open is wrong use' 'no such descriptor' \
	bp-log --ack-fd 77 log </dev/null

# A full disk, on a small file system of its own: only root can mount one.
if [ "$(id -u)" = 0 ] && mkdir small && mount -t tmpfs -o size=600k none small 2>/dev/null
then
	trap 'umount small; rm -rf "$dir"' EXIT
	head -c 400000 /dev/zero >small/ballast
	bp-log --segment-size 100K small/log <all.bp 2>err &
	writer=$!
	until_true grep -q 'the disk is full: waiting' err
	report $? 'a full disk is said'
	rm small/ballast
	mount -o remount,size=100m small
	wait "$writer"
	report $? 'it goes on when there is room'
	ok 'that is said too' grep -q 'has room again' err
	ok 'nothing is lost' sh -c 'zstdcat small/log/*.bplog | cmp - all.bp'
	umount small
	mount -t tmpfs -o size=300k none small
	exits '--on-full fail fails' 111 bp-log --on-full fail small/fail <all.bp
	umount small
	trap 'rm -rf "$dir"' EXIT
fi
done_testing
