#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-parse --follow: copytruncate and files that are gone may lose lines. That is a
# failure, or with --allow-truncate a gap that is counted and said.
. "${0%/*}/lib.sh"

lines() { # lines FROM TO
	for i in $(seq "$1" "$2"); do
		printf '{"event":"click","event_id":"%s"}\n' "$i"
	done
}
# What came out so far: the event_ids, and G for a gap.
came() {
	bp-print --format json out.mp 2>/dev/null |
	    sed -n 's/.*"event_id":"\([^"]*\)".*/\1/p; s/.*"\$ext":\[66,"BQ.*/G/p' | tr '\n' ' '
}
seen() { came | grep -q "\\b$1 "; }
start() {
	bp-parse --follow --format json --stats stats "$@" log >>out.mp 2>err &
	pid=$!
}
stop() { kill -TERM "$pid"; wait "$pid"; }
# What it has read so far, in bytes, and whether it is more than that.
bytes_read() { sed -n 's/^rchar: //p' "/proc/$pid/io"; }
has_read_on() { [ "$(bytes_read)" -gt "$1" ]; }
gaps() { sed -n 's/^bannerpipe_gaps_total.*} //p' stats; }

# While it runs.
lines 1 20 >log
start --state a
until_true seen 20
cp log log.1 && lines 21 22 >log
wait "$pid"
ok 'a truncated file ends it with the status that asks for a restart' test $? -eq 111
like 'and a message that says what to do' 'was truncated.*--allow-truncate' cat err
same 'nothing of it came out twice' "$(seq -s ' ' 1 20) " came

rm -rf log* out.mp
lines 1 20 >log
start --state b --allow-truncate
until_true seen 20
before=$(bytes_read)
printf '{"unfinished' >>log
until_true has_read_on "$before"
lines 21 40 >log
ok 'with --allow-truncate it goes on' until_true seen 40
stop
same 'after a gap' "$(seq -s ' ' 1 20) G $(seq -s ' ' 21 40) " came
like 'that is said' 'gap: log: truncated' cat err
same 'and counted' 1 gaps

# Between two runs.
rm -rf log* out.mp
lines 1 20 >log
start --state c
until_true seen 20
stop
lines 21 22 >>log
cp log log.1 && : >log && lines 23 24 >>log
exits 'a file that was truncated between two runs is a failure' 111 \
    bp-parse --follow --format json --state c log
like 'that is said' 'was truncated since' bp-parse --follow --format json --state c log
start --state c --allow-truncate
ok 'with --allow-truncate it goes on in the copy' until_true seen 24
stop
same 'after a gap, with what the copy has' "$(seq -s ' ' 1 20) G $(seq -s ' ' 21 24) " came

rm -rf log* out.mp
lines 1 20 >log
start --state d
until_true seen 20
stop
rm log && lines 30 60 >log
exits 'a file that is gone is a failure' 111 bp-parse --follow --format json --state d log
start --state d --allow-truncate
ok 'with --allow-truncate the new one is read' until_true seen 60
stop
same 'from its start' "$(seq -s ' ' 1 20) G $(seq -s ' ' 30 60) " came

exits 'it follows one file' 100 bp-parse --follow --format json log log
exits 'it follows no standard input' 100 bp-parse --follow --format json
exits '--allow-truncate is for --follow' 100 bp-parse --allow-truncate --format json log
done_testing
