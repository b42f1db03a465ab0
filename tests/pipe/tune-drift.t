#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What people click changes over night, and again: the candidate that lets weights drift
# becomes champion, not before, and readers of the live file follow it.
. "${0%/*}/lib.sh"
. "$root/tests/pipe/changing.sh"

cat >clicks.spec <<'END'
creative = field creative_id
END
cat >list <<'END'
steady = --spec clicks.spec --noise 0
drift  = --spec clicks.spec --noise {1e-3,1e-2}
END

decisions() {
	bp-select 'event == "experiment_result" and decision != "open" and decision != "final"' "$1" |
	    bp-print --format csv --fields decision,champion,challenger | tail -n +2
}
losses() { # of each candidate
	bp-select 'event == "metric" and dims.scope == "total"' "$1" |
	    bp-print --format csv --fields dims.candidate,log_loss | tail -n +2
}

outcomes 40000 40000 7 | bp-parse --format json >same.bp
outcomes 120000 20000 7 | bp-parse --format json >changes.bp

bp-tune --candidates list --model same --warm-up 1000 same.bp >same.out
report $? 'candidates with a specification learn from records without features'
same 'while nothing changes nobody is promoted' '' decisions same.out

bp-tune --candidates list --model champion --live live --warm-up 1000 changes.bp >changes.out
report $? 'a stream that changes'
like 'the one that drifts is promoted' '^promoted,steady,drift/' decisions changes.out
decisions changes.out | grep -q ',steady$'
report "$((! $?))" 'and steady never again'
losses changes.out >losses
ok 'it has the lower loss' awk -F , '
	{ loss[$1] = $2 }
	END { exit !(loss["drift/1e-3"] < loss["steady"] && loss["drift/1e-2"] < loss["steady"]) }' \
    losses
bp-feature --spec clicks.spec changes.bp >features.bp
like 'its model is the one in the model file' noise \
    bp-learn --model champion --noise 0 features.bp
bp-feature --spec clicks.spec same.bp | bp-score --model champion |
    bp-print --format csv --fields prediction >by-file
bp-feature --spec clicks.spec same.bp | bp-score --model live |
    bp-print --format csv --fields prediction >by-live
ok 'and in the live file' cmp by-file by-live
done_testing
