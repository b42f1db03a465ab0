#!/bin/sh
# SPDX-License-Identifier: MIT
# once: figures of an attack, whoever compiled the programs
#
# pipelines/attack.sh: what is found of a simulated attack and taken back. Robots and
# prefetches are on lists; a farm is found by what it does; hardly a visitor is taken for one.
# On the banner that is attacked the net rate is nearer to that of humans than what was counted.
. "${0%/*}/lib.sh"

BUILD=$build "$root/pipelines/attack.sh" --seed 4 --days 2 --rate 6000 \
    --attack crawler:0.02,prefetch:0.02,farm:0.02,device_farm:0.01 >table 2>errors
report $? 'attack.sh succeeds, and no stage lost a record' "$(cat errors)"
same 'and complains of nothing' '' cat errors
ok 'all banners are in the table' test "$(grep -c '^  b[0-9]' table)" -eq 20
ok 'net and gross are nothing but what was found apart' awk '/^  b[0-9]/ { wrong += $6 > $2 || $7 > $3 }
	END { exit wrong > 0 }' table
ok 'of the banner that is attacked nine tenths of the excess are gone' awk '
	/^  b[0-9]/ && $4 - $12 > worst { worst = $4 - $12; left = $8 - $12 }
	END { print "# excess " worst " %, left " left " %"; exit !(worst > 1 && left < worst / 10) }' table
found() { # found KIND LEAST: in percent of its impressions
	awk -v kind="$1" -v least="$2" '$1 == kind { found = $3 >= least } END { exit !found }' table
}
ok 'robots are found' found crawler 100
ok 'prefetches are found' found prefetch 100
ok 'farms are found' found farm 80
ok 'device farms are found' found device_farm 80
ok 'of humans hardly one in a hundred' awk '$1 == "human" { few = $3 < 1 } END { exit !few }' table
done_testing
