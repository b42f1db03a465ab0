#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What every filter inherits from the runtime: signals, snapshots, rejects, counters, the
# sandbox, readiness. The filter is tests/tools/probe.c.
. "${0%/*}/lib.sh"

# {"n": 7} and {"n": "bad"} as msgpack; what probe makes of the first: {"n": 7, "total": 1}
seven='\201\241n\007'
bad='\201\241n\243bad'
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
hex() { od -An -v -tx1 | tr -d ' \n'; }
counter() { sed -n "s/^bannerpipe_$1{.*} //p" "$2"; }
# Start probe in the background on a pipe that stays open as descriptor 9.
start_probe() {
	rm -f in && mkfifo in
	probe "$@" <in >out 2>err &
	pid=$!
	exec 9>in
}

# --- verdicts, rejects, counters
printf "$seven$bad$seven" >input
ok 'records pass with what was added' is \
	"$(printf "$seven$seven" | probe | hex)" \
	82a16e07a5746f74616c0182a16e07a5746f74616c02
exits 'one reject is one too many by default' 1 sh -c 'probe <input >out'
exits '--max-rejects 1 allows one' 0 sh -c 'probe --max-rejects 1 <input >out'
exits '--max-rejects 33% does not allow one of three' 1 \
	sh -c 'probe --max-rejects 33% <input >out'
exits '--max-rejects 34% does' 0 sh -c 'probe --max-rejects 34% <input >out'
like 'a reject is shown with its place and reason' \
	'^probe\|^bp-probe: standard input: record 2 at byte 4: it says that it is bad$' \
	sh -c 'probe <input >out'
probe --rejects rejects --stats stats <input >out 2>err
ok 'a reject keeps the bytes' grep -aq "$(printf "$bad")" rejects
ok 'counters: in' is "$(counter in_total stats)" 3
ok 'counters: out' is "$(counter out_total stats)" 2
ok 'counters: rejected' is "$(counter rejected_total stats)" 1
ok "counters: the filter's own" is "$(counter probe_count_total stats)" 2
exits '--rejects - is refused' 100 sh -c 'probe --rejects - <input >out'
exits 'a wrong --max-rejects is wrong use' 100 sh -c 'probe --max-rejects 5x <input >out'
exits 'too little memory is wrong use' 100 sh -c 'probe --memory 1M <input >out'

# --- state
printf "$seven" >one
ok 'the first run starts from nothing' is "$(probe --state s <one | hex)" \
	82a16e07a5746f74616c01
ok 'the next goes on' is "$(probe --state s <one | hex)" 82a16e07a5746f74616c02
like 'another --step is refused by name' 'was made with --step 1, this run has --step 2' \
	sh -c 'probe --state s --step 2 <one >out'
exits 'with status 100' 100 sh -c 'probe --state s --step 2 <one >out'
printf 'x' | dd of=s/probe.snap bs=1 seek=20 conv=notrunc 2>/dev/null
like 'a damaged snapshot is refused' 'damaged before byte' sh -c 'probe --state s <one >out'

# --- signals
start_probe --state t --stats live
printf "$seven" >&9
ok 'a record comes out while the input is open' until_true test -s out
kill -USR1 $pid
ok 'USR1 writes the counters' until_true test -s live
ok 'which are right' is "$(counter in_total live)" 1
kill -HUP $pid
ok 'HUP reloads' until_true grep -q '^bp-probe: reloaded$' err
kill -TERM $pid
wait $pid
ok 'TERM exits 0' is $? 0
exec 9>&-
ok 'and saved' is "$(probe --state t <one | hex)" 82a16e07a5746f74616c02

start_probe --state u --checkpoint-every 20ms
printf "$seven" >&9
ok 'a checkpoint comes by itself' until_true test -s u/probe.snap
kill -KILL $pid
wait $pid 2>/dev/null
exec 9>&-
ok 'and outlives kill -9' is "$(probe --state u <one | hex)" 82a16e07a5746f74616c02

# --- sandbox
start_probe
printf "$seven" >&9
until_true test -s out
sandboxed() { grep -q '^Seccomp:[[:space:]]*2$' "/proc/$1/status"; }
if nm -D "$(command -v probe)" | grep -q __asan_init; then
	plain=yes # the sanitizer needs calls and memory that the sandbox denies
fi
if [ "${plain-}" ]; then
	ok 'under a sanitizer there is no sandbox' sh -c "! grep -q '^Seccomp:.*2' /proc/$pid/status"
else
	ok 'system calls are limited' sandboxed $pid
	ok 'memory is limited' is \
		"$(awk '/^Max address space/ { print $4 }' /proc/$pid/limits)" $((448 << 20))
fi
exec 9>&-
wait $pid
start_probe --no-sandbox
printf "$seven" >&9
until_true test -s out
ok '--no-sandbox lifts the limit of memory' is \
	"$(awk '/^Max address space/ { print $4 }' /proc/$pid/limits)" unlimited
exec 9>&-
wait $pid

# --- ends
exits 'a reader that goes away is no error' 0 sh -c \
	'{ { i=0; while [ $i -lt 20000 ]; do printf "$1"; i=$((i+1)); done; } | { probe; echo $? >code; } | head -c 1 >out; }; exit $(cat code)' - "$seven"
like 'a full disk is told' 'cannot write standard output: No space left on device' \
	sh -c 'probe <one >/dev/full'
exits 'with status 111' 111 sh -c 'probe <one >/dev/full'
printf '\201\241a\335\017\377\377\377' >hostile
exits 'a huge claim costs nothing and is told' 111 sh -c 'probe <hostile >out'

# --- readiness and watchdog
cat >supervisor.pl <<'P'
use strict;
use warnings;
use Cwd;
use IO::Socket::UNIX;
my $path = getcwd() . '/notify';
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
$ENV{NOTIFY_SOCKET} = $path;
$ENV{WATCHDOG_USEC} = 40000;
alarm 120;
open my $probe, '|-', 'probe >/dev/null' or die "probe: $!";
my @seen;
until (@seen && $seen[-1] eq 'STOPPING=1') {
	$socket->recv(my $note, 100);
	push @seen, $note;
	close $probe if @seen == 2;
}
print "$seen[0] $seen[1] $seen[-1]\n";
P
same 'the supervisor is told' 'READY=1 WATCHDOG=1 STOPPING=1' perl supervisor.pl
done_testing
