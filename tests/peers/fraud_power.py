# SPDX-License-Identifier: MIT
#
# fraud_power.py TRUTH VERDICTS: how many events of each kind of visitor were found invalid.
# Both are JSON lines: the truth of bp-simulate (event_id, visitor, of), and what bp-fraud
# wrote. Of an event the judgement of the highest version counts. One line a kind of visitor
# and event:
#
#	visitor event events share_out share_out_on_arrival
import collections
import json
import sys

JUDGED = ("impression", "click")


def judgements(path):
    last, first = {}, {}
    for line in open(path):
        if '"version"' not in line:
            continue
        r = json.loads(line)
        if r.get("event") not in ("verdict", "retract"):
            continue
        out = r["event"] == "retract" or r["score"] > 0
        if r["version"] >= last.get(r["event_id"], (0, False))[0]:
            last[r["event_id"]] = (r["version"], out)
        if r["version"] == 1:
            first[r["event_id"]] = out
    return {k: out for k, (_, out) in last.items()}, first


def main():
    last, first = judgements(sys.argv[2])
    events = collections.Counter()
    out, early = collections.Counter(), collections.Counter()
    for line in open(sys.argv[1]):
        r = json.loads(line)
        if r.get("of") not in JUDGED:
            continue
        key = r["visitor"], r["of"]
        events[key] += 1
        out[key] += last.get(r["event_id"], False)
        early[key] += first.get(r["event_id"], False)
    for key in sorted(events):
        n = events[key]
        print(*key, n, "%.4f %.4f" % (out[key] / n, early[key] / n))


main()
