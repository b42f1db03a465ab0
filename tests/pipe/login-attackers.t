#!/bin/sh
# SPDX-License-Identifier: MIT
# once: it is about what is found, not about a build
#
# How many attackers bp-login finds in a population whose distributions are known
# (tests/peers/login_population.py): with the right password from anywhere, from the victim's
# country, from his provider with his browser; and trying many users. There are 450 of each of
# the former and 80 of the latter: a share of 90 % has a standard error of 1.4 %, and 3.4 %.
# The bounds lie about five of them below the mean of five seeds.
. "${0%/*}/lib.sh"

population=$root/tests/peers/login_population.py
python3 "$population" --users 1500 --seed "${SEED:-1}" | bp-parse --format json >logins.bp
bp-login logins.bp | bp-print --format json >answered.json
python3 "$population" --score answered.json >scores
echo '# of whom    logins  over the score of 1 %, 0.1 % of the honest; not allowed'
sed 's/^/# /' scores

# at_least KIND COLUMN PERCENT
at_least() { awk -v k="$1" -v c="$2" -v p="$3" '$1 == k { exit !($c >= p) }' scores; }
at_most() { awk -v k="$1" -v c="$2" -v p="$3" '$1 == k { exit !($c <= p) }' scores; }
ok 'at 1 % false alarms, naive attackers are found' at_least naive 3 97
ok 'so are most from the country of the victim' at_least vpn 3 80
ok 'and more of those from his provider with his browser than of the honest' \
    at_least targeted 3 3
ok 'at 0.1 % false alarms, most naive attackers' at_least naive 4 75
ok 'who tries passwords from one address is found where he succeeds' at_least stuffing 4 92
ok 'who tries them from many addresses of two networks, too' at_least spraying 4 90
ok 'as preset, one in 500 of the honest is not allowed, at most' at_most honest 5 0.2
ok 'and two thirds of naive attackers are not' at_least naive 5 66

# A rate is kept, from where there are enough scores; those before are not the honest only.
bp-login --challenge 1% logins.bp | bp-print --format json | tail -n +5000 |
    grep '"login_risk"' >rated.json
share() { awk '/"challenge"/ { n++ } END { exit !(n / NR > 0.002 && n / NR < 0.013) }' rated.json; }
ok 'a challenge of 1 % is one of about 1 %' share
done_testing
