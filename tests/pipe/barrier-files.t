#!/bin/sh
# SPDX-License-Identifier: MIT
# once: it kills and compares, whatever the build
#
# The files of a pipeline that is killed and started again: those it reads, by name, as
# standard input, compressed, through a pipe; and those it writes, plain and compressed.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

gen_log 60000 11 >one 2>/dev/null
gen_log 40000 12 >two 2>/dev/null
gen_log 50000 13 >three 2>/dev/null
zstd -q two
cat one two three | zstd -q >all.zst
bp-parse --format combined --max-rejects 100% one two three >plain.bp 2>/dev/null
cat one two three >all
bp-parse --format combined --max-rejects 100% all >plain-all.bp 2>/dev/null
cat plain.bp plain.bp | zstd -q >twice.bp.zst

# Run a pipeline of $1 stages that is killed at its first commits, until it ends.
survive() {
	rm -rf "$state" out.* && mkdir "$state"
	printf 'before\n' >out.bp
	kills=0
	while start "$1" "$2" && [ $kills -lt 6 ] && until_true stepped; do
		epochs done "$state" && break
		crash "$(ls "$state/stage" | sed -n "$((kills % $1 + 1))p")"
		kills=$((kills + 1))
	done
	finish
}
stepped() { commits || epochs done "$state"; }
out() { tail -c +8 out.bp; }
survives() { # NAME STAGES COMMAND EXPECTED
	survive "$2" "$3"
	out >got
	cmp got "$4" >difference && [ $kills -gt 0 ]
	report $? "$1" "$kills kills; $(cat difference); $(tail -3 err)"
}
parse='bp-parse --format combined --max-rejects 100%'

survives 'several files, one compressed' 2 \
	"$parse one two.zst three | bp-select true >>out.bp" plain.bp
survives 'a file as standard input' 2 "$parse <all | bp-select true >>out.bp" plain-all.bp
survives 'a compressed file as standard input' 2 \
	"$parse <all.zst | bp-select true >>out.bp" plain-all.bp
survives 'a pipe that repeats itself' 2 "cat all | $parse | bp-select true >>out.bp" \
	plain-all.bp
survives 'a compressed pipe' 2 "cat all.zst | $parse | bp-select true >>out.bp" plain-all.bp
cat plain.bp plain.bp >twice.bp
survives 'records from a file' 1 'bp-select true <twice.bp >>out.bp' twice.bp
survives 'records from a pipe, over programs that know nothing' 2 \
	'zstdcat twice.bp.zst | bp-select true | tee seen | cat | bp-select true >>out.bp' \
	twice.bp
survives 'records in a compressed stream' 2 \
	'bp-select --compress true twice.bp.zst | bp-select true >>out.bp' twice.bp

# --- compressed outputs
survive 2 "$parse --rejects out.rejects.zst one two.zst three |
    bp-select --compress true >>out.zst"
zstdcat out.zst >got
ok 'a compressed output decompresses to the same' cmp got plain.bp
$parse --rejects rejects one two.zst three >again.bp 2>/dev/null
zstdcat out.rejects.zst >got
ok 'so do compressed rejects' cmp got rejects

# --- rejects into another stage
survive 3 "$parse --rejects >(bp-print --format json >>out.rejects) one two.zst three |
    bp-select true >>out.bp"
bp-print --format json rejects >got
ok 'a second output can be a stream of its own' cmp got out.rejects

# --- what is not as it was
rm -rf "$state" out.* && mkdir "$state"
start 2 "$parse <(cat all; sleep 300) | bp-select true >>out.bp"
until_true commits
kill -TERM "$(pid_of parse)"
finish
pkill -g "$group" sleep
until_true free
cp out.bp kept
printf x | dd of=out.bp bs=1 seek=$(($(wc -c <kept) - 5)) conv=notrunc 2>/dev/null
start 0 "$parse <(cat all) | bp-select true >>out.bp"
finish
ok 'an output with other bytes is refused' is_refused 'other bytes before byte'
head -c 1000 kept >out.bp
start 0 "$parse <(cat all) | bp-select true >>out.bp"
finish
ok 'an output that became shorter is refused' is_refused 'were committed'
cp kept out.bp
start 0 "$parse <(tac all) | bp-select true >>out.bp"
finish
ok 'a pipe that does not repeat itself is refused' is_refused 'not the input of before'
start 0 "$parse <(head -1 all) | bp-select true >>out.bp"
finish
ok 'so is one that ends earlier' is_refused 'it ends at byte'
start 0 "$parse one | bp-select true >>out.bp"
finish
ok 'so is another file' is_refused 'stands in its place'
start 0 "$parse --rejects new <(cat all) | bp-select true >>out.bp"
finish
ok 'so is a new output' is_refused 'new is a new output'
start 0 "$parse <(cat all) | bp-select --stage other true >>out.bp"
finish
ok 'so is a changed pipeline' is_refused 'the pipeline has no stage other'
start 2 "$parse <(cat all; sleep 300) | bp-select true >>out.bp"
until_true commits
echo 'by another hand' >>out.bp
until_true test -e "$state/refused"
pkill -KILL -g "$group"
ok 'a file that others write to is refused' is_refused 'another process writes to it'
done_testing
