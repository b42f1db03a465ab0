#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What another policy would have earned after outcomes were taken back, and some of them
restored, is what it would have earned without them, to the last digit of each figure. And
bp-sample takes back what it has let through, and nothing else."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import CHANCE, done, ok, same  # noqa: E402


def pipe(rows, command):
    text = "".join(json.dumps(r) + "\n" for r in rows)
    out = subprocess.run(f"bp-parse -f json | {command} | bp-print -f json", shell=True,
                         input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def outcome(i):
    return {"event": "outcome", "event_id": f"d{i}.0", "timestamp": 1700000000000000 + i,
            "decision_id": f"d{i}", "user_id": f"u{CHANCE.randrange(40)}",
            "position": CHANCE.randrange(3), "creative_id": CHANCE.choice("abcd"),
            "candidates": list("abcd"), "probability": CHANCE.choice([0.1, 0.25, 0.4]),
            "weight": CHANCE.choice([1, 1, 2, 1 / 0.3]),
            "rewards": {"click": CHANCE.choice([0, 0, 1]), "conversion": 0}}


def turned(e, version):
    out = version % 2 == 1
    return {**e, "weight": -e["weight"] if out else e["weight"],
            "verdict": {"version": version, "score": 3 if out else -3}}


log = [outcome(i) for i in range(6000)]
bots = [e for e in log if CHANCE.random() < 0.2]
restored = [e for e in bots if CHANCE.random() < 0.3]
taken = {e["event_id"] for e in bots} - {e["event_id"] for e in restored}
left = [e for e in log if e["event_id"] not in taken]
all_of_it = log + [turned(e, 1) for e in bots] + [turned(e, 2) for e in restored]


def figures(rows, options):
    """Without when the first and the last came, and by which the groups are ordered."""
    times = ["timestamp", "window_start", "window_end"]
    found = [{k: v for k, v in r.items() if k not in times}
             for r in pipe(rows, f"bp-evaluate --policy uniform --reward click {options}")]
    return sorted(found, key=lambda r: str(r["dims"]))


for options in ["", "--by position", "--by creative_id,position --clip 2 --weight-max 4"]:
    wanted = figures(left, options)
    same(figures(all_of_it, options), wanted, f"estimates are the same: {options or 'all'}")
    ok(all(r["n"] > 0 for r in wanted), f"there are {len(wanted)}")

# --- bp-sample
for options in ["--share 0.3", "--share 0.3 --key user_id", "--share 0.7 --where 'position > 0'"]:
    got = pipe(all_of_it, f"bp-sample {options}")
    net = {}
    for r in got:
        net[r["event_id"]] = net.get(r["event_id"], 0) + r["weight"]
    wanted = {r["event_id"]: r["weight"] for r in pipe(left, f"bp-sample {options}")}
    same({k: v for k, v in net.items() if v != 0}, wanted, f"a sample of what is left: {options}")
    ok(len({r["event_id"] for r in got}) < len(log), "there is less of it")
judgements = [{"event": "verdict", "event_id": e["event_id"], "timestamp": e["timestamp"],
               "version": 1, "score": 2} for e in bots] + \
    [{"event": "retract", "event_id": e["event_id"], "timestamp": e["timestamp"]} for e in bots]
got = pipe(log + judgements, "bp-sample --share 0.3")
kept = {r["event_id"] for r in got if r["event"] == "outcome"}
same({r["event_id"] for r in got if r["event"] != "outcome"},
     kept & {e["event_id"] for e in bots}, "of verdicts those of what was let through")
same([r for r in got if r["event"] != "outcome" and "weight" in r], [],
     "which have no weight, as they count for nothing")
done()
