#!/bin/sh
# SPDX-License-Identifier: MIT
#
# How a stage begins and ends: what it refuses, what it takes for a crash, planned stops,
# and that it does not outlive its runner.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/barrier.sh"

is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
gen_log 20000 7 >log 2>/dev/null
bp-parse --format combined log 2>/dev/null >plain.bp
records=$(bp-print --format json plain.bp | wc -l)

# --- refusals
epochs begin "$state" 50 >restored
export BP_DIR="$state"
like 'a file that is not opened to append is refused' 'write >> FILE, not > FILE' \
	sh -c 'bp-select true plain.bp >out.bp'
exits 'with status 100' 100 sh -c 'bp-select true plain.bp >out.bp'
like 'the runner is told why' '^bp-select: standard output is a file that would' \
	head -1 "$state/refused"
like '--state is refused' 'bp-run keeps the states' \
	sh -c 'bp-select --state s true plain.bp >>out.bp'
like 'a wrong name is refused' 'a name has letters' \
	sh -c 'bp-select --stage a/b true plain.bp >>out.bp'
BP_DIR=$dir exits 'a folder without a pipeline is refused' 100 \
	sh -c 'bp-select true plain.bp >>out.bp'
like 'a pipe that ends before it begins is a crash' 'ended before it began' \
	sh -c ': | bp-select true >>out.bp'
exits 'with status 111' 111 sh -c ': | bp-select true >>out.bp'
unset BP_DIR

# --- names
rm -rf "$state" && mkdir "$state"
start 0 'tee <log >(bp-parse --format combined >>a.bp) |
    bp-parse --format combined >>b.bp'
until_true test -e "$state/refused"
pkill -KILL -g "$group"
until_true free
ok 'of two stages of one name one is refused, with advice' \
	is_refused 'called parse: give one of them a name of its own with --stage'

rm -rf "$state" a.bp b.bp && mkdir "$state"
start 4 'bp-parse --format combined log | bp-select true | bp-select true |
    bp-select --stage tail true >>a.bp'
finish
ok 'stages of one name in one stream get numbers' \
	is "$(echo $(ls "$state/stage"))" 'parse select select-2 tail'
ok 'and the file has no barriers' cmp a.bp plain.bp

# --- ends without END
rm -rf "$state" a.bp && mkdir "$state"
start 2 'bp-parse --format combined <(cat log; sleep 300) 2>/dev/null | bp-select true >>a.bp'
# Killed while it writes it could leave a part of a record, which is told otherwise.
until_true cmp -s a.bp plain.bp
kill -KILL "$(pid_of parse)"
finish
ok 'the end of a stream without END is a failure' is $? 111
ok 'which says so' grep -q 'parse has gone before the END of its stream' err
pkill -g "$group" sleep
until_true free

# --- planned stops
rm -rf "$state" a.bp && mkdir "$state"
paced='bp-parse --format combined --rejects rejects <(cat log; sleep 300) |
    bp-sort | bp-select true >>a.bp'
bash -c 'bp-parse --format combined log | bp-sort | bp-select true' >plain-sorted.bp 2>err
start 3 "$paced"
until_true commits
kill -TERM "$(pid_of select)"
kill -INT "$(pid_of sort)"
until_true commits
ok 'TERM and INT are nothing to an inner stage' kill -0 "$(pid_of select)" "$(pid_of sort)"
kill -TERM "$(pid_of parse)"
finish
ok 'TERM of the source is a planned stop' is $? 0
ok 'of which no stage thinks that it is the end' test ! -e "$state/stage/select/done"
pkill -g "$group" sleep
until_true free
ok 'what was held is held still' test "$(wc -c <a.bp)" -lt "$(wc -c <plain-sorted.bp)"
start 3 "bp-parse --format combined --rejects rejects <(cat log) | bp-sort |
    bp-select true >>a.bp"
finish
ok 'and comes out after the next start' cmp a.bp plain-sorted.bp
ok 'the end is told' epochs done "$state"

# --- the lifeline
rm -rf "$state" a.bp && mkdir "$state"
epochs begin "$state" 50 >restored
cat >runner.sh <<'S'
export BP_RUNNER=$$ BP_DIR=$1
bash -c 'bp-parse --format combined <(cat log; sleep 300) 2>/dev/null | bp-select true >>a.bp' &
wait
S
setsid bash runner.sh "$state" &
group=$!
epochs gather "$state" 2
until_true commits
parse=$(pid_of parse) select=$(pid_of select)
kill -KILL "$group"
wait "$group" 2>/dev/null
pkill -KILL -g "$group" bash
ok 'stages end when runner and shell have gone' until_true free
pkill -g "$group" sleep
done_testing
