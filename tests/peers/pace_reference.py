#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-pace --unpaced beside a reference that goes through all decisions of the past for
every question, on random streams. It prints its seed; SEED repeats it.

	pace_reference.py BIN-FOLDER [ROUNDS]
"""
import json
import os
import random
import subprocess
import sys
import tempfile

SECOND = 10**6
DAY = 86400 * SECOND
START = 1700000000 * SECOND
STAGES = ["impression", "click", "purchase"]
PAYS = {"cpm": 0, "cpc": 1, "cpa": 2}
WAIT = [300 * SECOND, 1800 * SECOND, DAY]


def catalogue(r):
    rows = []
    for i in range(6):
        k = {"event": "campaign", "campaign_id": "k%d" % i}
        if r.random() < 0.9:
            k["bid_type"] = r.choice(list(PAYS))
            k["bid_micros"] = r.choice([700, 1000, 3333]) * (1000 if
                                                            k["bid_type"] == "cpm" else 1)
        if r.random() < 0.6:
            k["budget_micros"] = r.randint(3000, 40000)
        if r.random() < 0.6:
            k["daily_budget_micros"] = r.randint(1000, 9000)
        rows.append(k)
    for i in range(12):
        c = {"event": "creative", "creative_id": "c%d" % i}
        if i > 0:
            c["campaign_id"] = "k%d" % r.randint(0, 6)
        rows.append(c)
    return rows


def turned(r, e, when):
    """What is said of an event, or how bp-retract has it once more: taken back, or again."""
    version, score = r.randint(0, 3), r.choice([2.5, -2.5])
    kind = r.random()
    if kind < 0.2:
        return {"event": "retract", "event_id": e["event_id"], "timestamp": when}
    if kind < 0.5:
        return {"event": "verdict", "event_id": e["event_id"], "timestamp": when,
                "version": version, "score": score}
    if e["event"] not in STAGES:
        return None
    return {**e, "weight": -1 if score > 0 else 1,
            "verdict": {"version": version, "score": score}}


def stream(r, n):
    events, when, decisions = [], START, []
    for i in range(n):
        when += r.choice([1, SECOND, 60 * SECOND, 1000 * SECOND])
        e = {"event_id": "e%d" % i, "timestamp": when}
        kind = r.random()
        if kind < 0.25:
            e.update(event="request", request_id="r%d" % i)
            if r.random() < 0.5:
                e["candidates"] = ["c%d" % r.randint(0, 14) for _ in range(6)]
                if r.random() < 0.5:
                    e["candidate_values"] = [r.choice([None, 2, 3.5]) for _ in range(6)]
                    e["candidate_groups"] = [[j] for j in range(6)]
        elif kind < 0.55:
            decisions.append(("d%d" % i, "c%d" % r.randint(0, 14)))
            e.update(event="decision", decision_id="d%d" % i, creative_id=decisions[-1][1])
        elif kind < 0.8 and decisions:
            d, c = r.choice(decisions[-12:])
            e.update(event=r.choice(STAGES), decision_id=d)
            if r.random() < 0.05:
                e["decision_id"] = "unseen%d" % r.randint(0, 3)
            if r.random() < 0.5:
                e["creative_id"] = c
        elif events:
            paying = [x for x in events[-80:] if x["event"] in STAGES]
            e = turned(r, r.choice(paying or events), when)
            if e is None:
                continue
        else:
            continue
        if e["event"] in ("decision", *STAGES) and "weight" not in e and r.random() < 0.4:
            e.update(bid_type=r.choice(list(PAYS)), price_micros=r.randint(1, 4000))
        events.append(e)
    return events


class Reference:
    def __init__(self, rows, mark):
        self.campaigns = {x["campaign_id"]: x for x in rows if x["event"] == "campaign"}
        self.creatives = {x["creative_id"]: x for x in rows if x["event"] == "creative"}
        self.mark = mark
        self.clock = 0       # what flows again is older
        self.known = {}      # of each decision
        self.came = {}       # of each event that came to pay: its decision, out, version
        self.days = {}       # the latest day of each campaign
        self.said = {}       # alerts of each campaign

    # Thousandths of a micro; None: it costs nothing. A record may say that it costs less.
    def price(self, key, e={}):
        k = self.campaigns.get(key, {})
        if not k.get("bid_micros"):
            return None
        said = e.get("price_micros") if e.get("bid_type") == k["bid_type"] else None
        micros = k["bid_micros"] if said is None else min(said, k["bid_micros"])
        return micros * (1 if k["bid_type"] == "cpm" else 1000)

    def campaign(self, e):
        key = self.creatives.get(e.get("creative_id"), {}).get("campaign_id")
        return key if key in self.campaigns and self.price(key) else None

    def touch(self, key, when):
        if when // DAY > self.days.get(key, -1):
            self.days[key] = when // DAY
            self.said[key] = {s for s in self.said.get(key, ()) if s[1] == "budget"}

    # What is spent, and what is spent or held, in all or of the day.
    def sums(self, key, when, daily):
        of = [d for d in self.known.values() if d["campaign"] == key and
              (not daily or d["day"] == self.days[key])]
        spent = sum(d["price"] for d in of if d["paid"])
        return spent, spent + sum(d["price"] for d in of
                                  if not d["paid"] and d["held"] and d["until"] >= when)

    def short(self, key, when, e={}):
        self.touch(key, when)
        k, price = self.campaigns[key], self.price(key, e)
        for name, limit, daily in (("total", "budget_micros", False),
                                   ("day", "daily_budget_micros", True)):
            if limit in k and self.sums(key, when, daily)[1] + price > k[limit] * 1000:
                return name
        return None

    def alerts(self, d, when):
        key = d["campaign"]
        k = self.campaigns[key]
        for reason, limit, daily in (("budget of the day", "daily_budget_micros", True),
                                     ("budget", "budget_micros", False)):
            if limit not in k or (daily and d["day"] != self.days[key]):
                continue
            spent, most = self.sums(key, when, daily)[0], k[limit] * 1000
            said = self.said.setdefault(key, set())
            if most - spent >= d["price"]:
                said.discard(("spend", reason))
                said.discard(("overspend", reason))
                continue
            kind = "overspend" if spent > most else "spend"
            if (kind, reason) not in said:
                said.add((kind, reason))
                yield {"event": "alert", "timestamp": when, "kind": kind, "subject": key,
                       "score": spent / most, "reason": reason}

    def pay(self, e):
        d, when = self.known.get(e.get("decision_id")), e["timestamp"]
        stage = STAGES.index(e["event"])
        if d is None:
            key = self.campaign(e)
            if key is None or PAYS[self.campaigns[key]["bid_type"]] != stage:
                return
            self.touch(key, when)
            d = self.known[e["decision_id"]] = {
                "campaign": key, "price": self.price(key, e), "day": self.days[key],
                "held": False, "paid": 0, "until": 0}
        in_force = d["held"] and d["until"] >= self.clock
        pays = PAYS[self.campaigns[d["campaign"]]["bid_type"]]
        if stage == pays:
            d["held"] = False
            self.came[e["event_id"]] = {"of": d, "out": True, "version": -1}
            yield from self.turn(e["event_id"], False, when)
        elif stage < pays and in_force:
            d["until"] = when + WAIT[stage + 1]

    # It counts no more, or again: a decision is paid while an event of it counts.
    def turn(self, event_id, out, when):
        c = self.came.get(event_id)
        if c is None or c["out"] == out:
            return
        c["out"] = out
        c["of"]["paid"] += -1 if out else 1
        if not out and c["of"]["paid"] == 1:
            yield from self.alerts(c["of"], when)

    def judge(self, e, when):
        c, version = self.came.get(e["event_id"]), e.get("version", 0)
        if c is not None and version > c["version"]:
            c["version"] = version
            yield from self.turn(e["event_id"], e["event"] == "retract" or e["score"] > 0,
                                 when)

    def each(self, e):
        kind, when = e["event"], e["timestamp"]
        self.clock = max(self.clock, when)
        if kind == "request":
            named = e.get("candidates")
            all_of = [c for c, x in self.creatives.items()
                      if "campaign_id" not in x or x["campaign_id"] in self.campaigns]
            left, places = [], []
            for place, c in enumerate(all_of if named is None else named):
                x = self.creatives.get(c)
                key = self.campaign({"creative_id": c})
                if x is not None and c not in all_of:
                    continue
                if key is None or not self.short(key, when):
                    left.append(c)
                    places.append(place)
            if named is None or left != named:
                lists = [k for k in ("candidate_values", "candidate_groups") if k in e]
                e = {**{k: v for k, v in e.items() if k not in lists + ["candidates"]},
                     "candidates": left, **{k: [e[k][i] for i in places] for k in lists}}
            if named is None:
                bids = [self.campaigns.get(self.creatives[c].get("campaign_id"), {})
                        for c in left]
                for name, key in [("values", "bid_micros"), ("bid_types", "bid_type")]:
                    if any(key in x for x in bids):
                        e["candidate_" + name] = [x.get(key) for x in bids]
        elif kind == "decision":
            key = self.campaign(e)
            if key is not None and e["decision_id"] not in self.known:
                why = self.short(key, when, e)
                if why is None:
                    self.known[e["decision_id"]] = {
                        "campaign": key, "price": self.price(key, e), "day": self.days[key],
                        "held": True, "paid": 0, "until": when + WAIT[0]}
                elif not self.mark:
                    return
                else:
                    e = {**e, "unfunded": why}
        elif kind in ("retract", "verdict"):
            yield from self.judge(e, when)
        elif e.get("weight", 1) < 0 or e["event_id"] in self.came:
            c, version = self.came.get(e["event_id"]), e.get("verdict", {}).get("version", -1)
            if c is not None:
                c["version"] = max(c["version"], version)
            yield from self.turn(e["event_id"], e.get("weight", 1) < 0, when)
        else:
            yield from self.pay(e)
        yield e


def lines(rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


def run(bin_folder, folder, rows, events, mark):
    with open(folder + "/shop.json", "w") as f:
        f.write(lines(rows))
    env = {**os.environ, "PATH": bin_folder + ":" + os.environ["PATH"]}
    command = "bp-parse --format json | bp-pace --unpaced --catalogue shop.json %s | " \
              "bp-print --format json" % ("--over mark" if mark else "")
    out = subprocess.run(["sh", "-c", command], input=lines(events), text=True,
                         stdout=subprocess.PIPE, cwd=folder, env=env, check=True).stdout
    got = [json.loads(x) for x in out.splitlines()]
    for e in got:
        if e["event"] == "alert":
            del e["event_id"]
    return got


def main():
    bin_folder = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
    print("# SEED=%d" % seed)
    for i in range(rounds):
        r = random.Random(seed + i)
        rows, events = catalogue(r), stream(r, 500)
        reference = Reference(rows, i % 2)
        wanted = [x for e in events for x in reference.each(e)]
        with tempfile.TemporaryDirectory() as folder:
            got = run(bin_folder, folder, rows, events, i % 2)
        bad = next((k for k, (a, b) in enumerate(zip(got, wanted)) if a != b),
                   None if len(got) == len(wanted) else min(len(got), len(wanted)))
        print("%sok %d - round %d of seed %d" % ("" if bad is None else "not ", i + 1, i,
                                                 seed))
        if bad is not None:
            print("# at %d:\n# got    %s\n# wanted %s" % (bad, got[bad:bad + 1],
                                                          wanted[bad:bad + 1]))
    print("1..%d" % rounds)


main()
