#!/bin/bash
# SPDX-License-Identifier: MIT
# once: it is about the whole, and by the clock; its programs have tests of their own
#
# make demo, for some seconds: what it says, without a terminal and on one; that it takes
# another port when its own is taken; that nothing is left of it, however it ends.
. "${0%/*}/lib.sh"
export BUILD=$build TMPDIR=$dir/tmp DEMO_SECONDS=10 DEMO_PORT=$((20000 + RANDOM % 10000))
mkdir tmp
left() { # what it left: its folder, its processes
	ls tmp
	pgrep -f "$dir/tmp"
}

"$root/pipelines/demo.sh" >said 2>errors
report $? 'it ends well' "$(cat errors)"
same 'and complains of nothing' '' cat errors
like 'it tells where to click' 'in a shop: http://127.0.0.1:[0-9]*/$' cat said
like 'and how it goes, in a line now and then' \
    '^ *1[0-9] s  learnt [0-9.]* % .* chance [0-9.]* % .* oracle 5[.]46 % .* old$' cat said
like 'in the end what was learned' '^  learnt *[1-9][0-9.]* % *[0-9.]* [.][.] [0-9.]* %' cat said
like 'beside a control group' '^  by chance *[0-9][0-9.]* %' cat said
like 'and the oracle, by the real rates' '^  oracle *5[.]46 %' cat said
like 'the lift, with its interval' '^  lift *[-+][0-9]* % .*95 %: [-+][0-9]* [.][.] [-+][0-9]* %' cat said
like 'and the regret' '^  regret *[0-9,]* clicks lost' cat said
same 'no more than a screen' yes sh -c '[ "$(wc -l <said)" -le 24 ] && echo yes'
same 'every impression and click is in the log' 2 grep -c '^  kept  *[1-9][0-9,]* ' said
same 'nothing is left' '' left

# A terminal, another on the port, and Ctrl-C.
perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1",
    LocalPort => 0, Listen => 1) or die; print $s->sockport, "\n"; sleep 300' >taken &
other=$!
until_true test -s taken
DEMO_PORT=$(cat taken)
DEMO_SECONDS=300 env --default-signal=INT script -qec "$root/pipelines/demo.sh" /dev/null \
    >screen 2>&1 </dev/null &
terminal=$!
ok 'it moves on a terminal' until_true grep -q "$(printf '\033\\[[0-9]*A')" screen
port=$(sed -n 's/.*in a shop: .*:\([0-9]*\)\/.*/\1/p' screen)
ok 'it takes another port when one is taken' test "$port" -gt "$DEMO_PORT"
page() {
	exec 3<>/dev/tcp/127.0.0.1/$port &&
	    printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3 && cat <&3
}
like 'there is a shop' 'data-banner="hero"' page /
like 'with a style' 'HTTP/1.1 200' page /shop.css
like 'and a script' 'banner-ask' page /shop.js
like 'and its banners, with what the model thinks of each' \
    '"probabilities":\[[0-9.e,-]*\],"model_version"' page '/v1/decide?slot_id=hero&user_id=me'
for picture in "$root"/pipelines/shop/*.svg; do
	page "/${picture##*/}" | grep -q '<svg' || echo "no $picture"
done >missing
same 'no picture is missing' '' cat missing
kill -INT "$(pgrep -P "$terminal")"
wait "$terminal"
same 'Ctrl-C ends it' 130 echo $?
same 'and leaves nothing' '' left

DEMO_SECONDS=300 "$root/pipelines/demo.sh" >said 2>errors &
demo=$!
ok 'it starts again' until_true grep -q 'in a shop' said
kill -KILL "$(pgrep -P "$demo" bp-simulate)"
wait "$demo"
same 'when the visitors go it fails' 111 echo $?
like 'and says so' 'demo.sh: the visitors have gone' cat errors
same 'and leaves nothing either' '' left
kill "$other"
done_testing
