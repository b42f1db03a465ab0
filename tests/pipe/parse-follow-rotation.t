#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bp-parse --follow: rotation by renaming loses nothing and doubles nothing, while it
# runs, while it is stopped, and over several rotations at once.
. "${0%/*}/lib.sh"

line() { # line N: a line of JSON
	printf '{"event":"click","event_id":"%s"}\n' "$1"
}
lines() { # lines FROM TO
	for i in $(seq "$1" "$2"); do line "$i"; done
}
# The event_ids that came out so far, in one line.
ids() {
	bp-print --format json out.mp 2>/dev/null |
	    sed -n 's/.*"event_id":"\([^"]*\)".*/\1/p' | tr '\n' ' '
}
seen() { # seen ID: it has come out
	ids | grep -q "\\b$1 "
}
start() {
	bp-parse --follow --format json --state state "$@" log >>out.mp 2>>err &
	pid=$!
}
# It has found its file: a file is not looked for under names that mean nothing.
has_opened() {
	ls -l "/proc/$pid/fd" 2>/dev/null | grep -q "$dir/log\$"
}
stop() {
	kill -TERM "$pid"
	wait "$pid"
}

# A live run: the file grows, is renamed, is written to under its old name, and again.
lines 1 5 >log
start
ok 'what is in the file comes first' until_true seen 5
lines 6 8 >>log
ok 'what is added comes' until_true seen 8
nine=$(lines 9 10) eleven=$(lines 11 12) thirteen=$(lines 13 14)
mv log log.1
echo "$nine" >>log.1
echo "$eleven" >log
echo "$thirteen" >>log.1
ok 'after a rotation the new file comes' until_true seen 12
printf '{"event":"click",' >>log
stop
ok 'TERM ends it well' test $? -eq 0
same 'nothing is lost, nothing comes twice, the old file first' "$(seq -s ' ' 1 10) 13 14 11 12 " ids

# While it is stopped: the unfinished line is finished, then three rotations.
printf '"event_id":"15"}\n' >>log
lines 16 17 >>log
mv log.1 log.2 && mv log log.1 && lines 18 19 >log
mv log.2 log.3 && mv log.1 log.2 && mv log log.1 && lines 20 21 >log
mv log.3 log.4 && mv log.2 log.3 && mv log.1 log.2 && mv log log.1 && lines 22 23 >log
start
ok 'the last file is reached' until_true seen 23
stop
same 'it went on in the rotated file and took the others in order' \
    "$(seq -s ' ' 1 10) 13 14 11 12 $(seq -s ' ' 15 23) " ids

# A new start without anything new writes nothing.
start
lines 24 24 >>log
until_true seen 24
stop
same 'what was read does not come again' \
    "$(seq -s ' ' 1 10) 13 14 11 12 $(seq -s ' ' 15 24) " ids

# A file that ends without a newline and is rotated.
printf '{"event":"click","event_id":"25"}' >>log
start
until_true has_opened
mv log log.old && mv log.old log-20240501 && lines 26 27 >log
ok 'a last line without a newline comes after the rotation' until_true seen 27
stop
same 'as a line of its own' \
    "$(seq -s ' ' 1 10) 13 14 11 12 $(seq -s ' ' 15 27) " ids

# The name may be missing for a while, or at first.
rm -rf state log* out.mp
start
sleep 0.1
lines 1 2 >log
ok 'a file that comes later is read' until_true seen 2
stop
same 'nothing was said that is wrong' '' cat err

# Rejects name the place in their file, also after a stop and a rotation.
rm -rf state log* out.mp
{ lines 1 2; echo wrong; } >log
start
until_true seen 2
stop
{ echo bad; lines 3 3; } >>log
start
until_true seen 3
mv log log.1 && { lines 4 4; echo worse; lines 5 5; } >log
until_true seen 5
stop
same 'rejects name line and byte of their file' 'line 3 at byte 66
line 4 at byte 72
line 2 at byte 33' sed -n 's/.*\(line [0-9]* at byte [0-9]*\).*/\1/p' err
done_testing
