#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Who may answer a request, and what is over a cap, a second time: by looking at every
# creative, and at every impression of the past. Random catalogues and streams, JSON in and
# out; the stream changes the catalogue too.
#
#	cap_reference.py BIN-FOLDER ROUNDS
import json
import os
import random
import subprocess
import sys
import tempfile

HOUR = 3600 * 10**6
SLICES = 12
MODES = [[], ["--banner", "3/2h,4/session"], ["--slot", "6", "--campaign", "4/50m"],
         ["--over", "mark", "--banner", "2/1h"], ["--count", "decisions", "--banner", "2"]]


def some(r, values, most):
    return r.sample(values, r.randint(1, most))


def any_cap(r):
    cap = {}
    if r.random() < 0.5:
        cap["total"] = r.randint(0, 6)
    if r.random() < 0.3:
        cap["session"] = r.randint(1, 3)
    if r.random() < 0.4:
        cap["window"] = r.randint(1, 4)
        cap["window_us"] = r.choice([HOUR, 3 * HOUR + 7, 100 * 10**6])
    return cap


def any_targeting(r):
    if r.random() < 0.25:
        return r.choice(["age >= 30", 'country == "DE" or age < 20', "exists(age)",
                         'context.country in ["AT", "DE"]'])
    t = {}
    if r.random() < 0.6:
        t["country"] = some(r, ["DE", "AT", "CH", "FR"], 3)
    if r.random() < 0.3:
        t["segments"] = some(r, ["a", "b", "c", 7, True], 2)
    if r.random() < 0.3:
        t["hour"] = some(r, list(range(24)), 20)
    if r.random() < 0.3:
        t["weekday"] = some(r, list(range(7)), 6)
    if r.random() < 0.2:
        t["slot_id"] = r.choice(["top", ["top", "side"]])
    return t


def campaign(r, i):
    k = {"event": "campaign", "campaign_id": "k%d" % i}
    if r.random() < 0.7:
        k["targeting"] = any_targeting(r)
    if r.random() < 0.4:
        k["cap"] = any_cap(r)
    if r.random() < 0.1:
        k["paused"] = True
    if r.random() < 0.2:
        k["starts_at"] = START + r.randint(0, 20) * HOUR
    if r.random() < 0.2:
        k["ends_at"] = START + r.randint(21, 60) * HOUR
    return k


def creative(r, i):
    c = {"event": "creative", "creative_id": "c%d" % i}
    if r.random() < 0.9:
        c["campaign_id"] = "k%d" % r.randint(0, 12)
    if r.random() < 0.5:
        c["width"], c["height"] = r.choice([(300, 250), (728, 90)])
    if r.random() < 0.2:
        c["slot_ids"] = some(r, ["top", "side", "foot"], 2)
    elif r.random() < 0.2:
        c["targeting"] = any_targeting(r)
    if r.random() < 0.3:
        c["cap"] = any_cap(r)
    if r.random() < 0.3:
        c["item_ids"] = some(r, ["i%d" % n for n in range(5)], 3)
    return c


def item(r, i):
    return {"event": "item", "item_id": "i%d" % i, "stock": r.randint(0, 3)}


def any_row(r):
    kind = r.random()
    if kind < 0.2:
        row = campaign(r, r.randint(0, 10))
    elif kind < 0.7:
        row = creative(r, r.randint(0, 39))
    else:
        row = item(r, r.randint(0, 4))
    if r.random() < 0.2:
        row = {k: v for k, v in row.items() if k == "event" or k.endswith("_id")}
        row["deleted"] = True
    return row


START = 1700000000 * 10**6


def turned(r, e, when):
    """What is said of an event, or how bp-retract has it once more: taken back, or again."""
    version, score = r.randint(0, 3), r.choice([2.5, -2.5])
    kind = r.random()
    said = {"event_id": e["event_id"], "timestamp": when, "version": version}
    if kind < 0.2:
        return {"event": "retract", **said}
    if kind < 0.5 or e["event"] not in ("impression", "decision"):
        return {"event": "verdict", **said, "score": score}
    return {**e, "weight": -1 if score > 0 else 1,
            "verdict": {"version": version, "score": score}}


def stream(r, n):
    rows = [campaign(r, i) for i in range(10)] + [creative(r, i) for i in range(40)]
    rows += [item(r, i) for i in range(5)]
    r.shuffle(rows)
    events, when = [], START
    for i in range(n):
        when += r.choice([1, 10**6, 60 * 10**6, 20 * 60 * 10**6])
        e = {"event_id": "e%d" % i, "timestamp": when - r.choice([0, 0, 5 * 10**6])}
        if r.random() < 0.08:
            row = any_row(r)
            events.append({"event": row.pop("event"), **e, **row})
            continue
        if r.random() < 0.1 and events:
            events.append(turned(r, r.choice(events), when))
            continue
        if r.random() < 0.9:
            e["user_id"] = "u%d" % r.randint(0, 3)
        if r.random() < 0.5:
            e["session_id"] = "s%d" % r.randint(0, 3)
        if r.random() < 0.2:
            e["consent"] = {"personalization": r.random() < 0.5}
        if r.random() < 0.8:
            e["slot_id"] = r.choice(["top", "side", "foot"])
        if r.random() < 0.5:
            e["event"] = "request"
            context = {"country": r.choice(["DE", "AT", "CH", "FR"])}
            if r.random() < 0.5:
                context["width"], context["height"] = r.choice([(300, 250), (728, 90)])
            (e if r.random() < 0.2 else e.setdefault("context", {})).update(context)
            if r.random() < 0.7:
                e["age"] = r.randint(10, 50)
            if r.random() < 0.5:
                e["user"] = {"segments": some(r, ["a", "b", "c", 7, True], 2)}
            if r.random() < 0.3:
                e["candidates"] = ["c%d" % r.randint(0, 45) for _ in range(8)]
        else:
            e["event"] = r.choice(["impression", "impression", "decision"])
            e["creative_id"] = "c%d" % r.randint(0, 45)
        events.append(e)
    return rows, events


# --- The second implementation ---------------------------------------------------------

class Reference:
    def __init__(self, rows, args):
        o = dict(zip(args[::2], args[1::2]))
        self.over = o.get("--over", "drop")
        self.counts = o.get("--count", "impressions")[:-1]
        self.presets = {s: self.parse(o.get("--" + s, ""))
                        for s in ("banner", "campaign", "slot")}
        self.rows = {"campaign": {}, "creative": {}, "item": {}}
        self.places = []          # of creatives: the lowest free one is taken
        self.past = []            # (event_id, who, subject, id, kinds of limit, when)
        self.known = {}           # of each event that counted: what it added, out, version
        self.sessions = {}        # (key) -> first, last
        for row in rows:
            self.take(row)

    @staticmethod
    def parse(text):
        cap = {}
        for part in filter(None, text.split(",")):
            n, _, per = part.partition("/")
            if per == "session":
                cap["session"] = int(n)
            elif per:
                cap["window"] = int(n)
                cap["window_us"] = int(per[:-1]) * {"h": HOUR, "m": HOUR // 60}[per[-1]]
            else:
                cap["total"] = int(n)
        return cap

    def take(self, row):
        kind = row["event"]
        key, rows = row[kind + "_id"], self.rows[kind]
        if row.get("deleted"):
            rows.pop(key, None)
            if kind == "creative" and key in self.places:
                self.places[self.places.index(key)] = None
        else:
            if kind == "creative" and key not in rows:
                if None in self.places:
                    self.places[self.places.index(None)] = key
                else:
                    self.places.append(key)
            rows[key] = row

    @staticmethod
    def same(a, b):
        return type(a) is type(b) and a == b

    def wants(self, targeting, e):
        context, user, age = e.get("context", {}), e.get("user", {}), e.get("age")
        if targeting == "age >= 30":
            return age is not None and age >= 30
        if targeting == 'country == "DE" or age < 20':
            return e.get("country") == "DE" or (age is not None and age < 20)
        if targeting == "exists(age)":
            return age is not None
        if targeting == 'context.country in ["AT", "DE"]':
            return context.get("country") in ("AT", "DE")
        hours = e["timestamp"] // HOUR
        for key, values in targeting.items():
            has = e.get(key, context.get(key, user.get(key, [])))
            if key == "hour":
                has = hours % 24
            if key == "weekday":
                has = (hours // 24 + 3) % 7
            has = has if isinstance(has, list) else [has]
            values = values if isinstance(values, list) else [values]
            if not any(self.same(h, v) for h in has for v in values):
                return False
        return True

    def eligible(self, e):
        size = {**e.get("context", {}), **e}
        for key in filter(None, self.places):
            c = self.rows["creative"][key]
            k = self.rows["campaign"].get(c.get("campaign_id"), None)
            if "campaign_id" in c and (k is None or k.get("paused") or
                                       not k.get("starts_at", 0) <= e["timestamp"] <
                                       k.get("ends_at", 2**62) or
                                       not self.wants(k.get("targeting", {}), e)):
                continue
            if not self.wants(c.get("targeting", {}), e):
                continue
            if "slot_ids" in c and e.get("slot_id") not in c["slot_ids"]:
                continue
            if "width" in c and "width" in size and \
               (c["width"], c["height"]) != (size["width"], size["height"]):
                continue
            if any(self.rows["item"].get(i, {"stock": 1})["stock"] <= 0
                   for i in c.get("item_ids", [])):
                continue
            yield key

    def who(self, e):
        if "consent" in e and not e["consent"]["personalization"]:
            return None
        return (e["user_id"], e.get("session_id")) if "user_id" in e else None

    def subjects(self, e, key):
        c = self.rows["creative"].get(key, {})
        k = self.rows["campaign"].get(c.get("campaign_id"), {})
        yield "banner", key, c.get("cap") or self.presets["banner"]
        if "campaign_id" in c:
            yield "campaign", c["campaign_id"], k.get("cap") or self.presets["campaign"]
        if "slot_id" in e:
            yield "slot", e["slot_id"], self.presets["slot"]

    @staticmethod
    def limits(cap):
        if "window_us" in cap and "window" not in cap:
            return {"window": cap["total"]}
        return {n: cap[n] for n in ("total", "session", "window") if n in cap}

    # Everything that was counted under that limit and still counts.
    def count(self, who, subject, key, limit, cap, when):
        n = 0
        if who is None:
            return 0
        for _, w, s, k, at, kinds in self.past:
            if (s, k) != (subject, key) or w[0] != who[0]:
                continue
            if limit == "total" and "total" in kinds:
                n += 1
            if limit == "window" and kinds.get("window") == cap["window_us"]:
                width = -(-cap["window_us"] // SLICES)
                n += when // width - SLICES <= at // width <= when // width
        if limit == "session":
            n = self.in_session(who, subject, key, when)
        return n

    # Sessions as the window module has them; what is taken back stays in its place.
    def in_session(self, who, subject, key, when, amount=0):
        pause = 30 * 24 * HOUR if who[1] else HOUR // 2
        s = self.sessions.get((who, subject, key))
        if amount == 0:
            return s["sum"] if s and when - s["last"] <= pause else 0
        if s is None or when - s["last"] > pause:
            self.sessions[who, subject, key] = {"first": when, "last": when, "sum": amount}
        elif s["first"] - when <= pause:
            s["first"], s["last"] = min(s["first"], when), max(s["last"], when)
            s["sum"] += amount
        return 0

    def exceeded(self, e, key):
        for subject, sid, cap in self.subjects(e, key):
            for limit, most in self.limits(cap).items():
                if self.count(self.who(e), subject, sid, limit, cap,
                              e["timestamp"]) >= most:
                    return subject + " " + limit
        return None

    def add(self, e):
        for subject, sid, cap in self.subjects(e, e["creative_id"]):
            limits = self.limits(cap)
            kinds = {n: cap.get("window_us") for n in limits}
            self.known.setdefault(e["event_id"], {"added": [], "out": True, "version": -1})[
                "added"].append((e["event_id"], self.who(e), subject, sid, e["timestamp"],
                                 kinds))
        self.turn(e["event_id"], False)

    # It counts no more, or again.
    def turn(self, event_id, out):
        known = self.known.get(event_id)
        if known is None or known["out"] == out:
            return
        known["out"] = out
        for i, w, s, k, at, kinds in known["added"]:
            if "session" in kinds:
                self.in_session(w, s, k, at, -1 if out else 1)
        self.past = [p for p in self.past if p[0] != event_id] + \
            ([] if out else known["added"])

    def judge(self, e):
        known = self.known.get(e["event_id"])
        if known is not None and e["version"] > known["version"]:
            known["version"] = e["version"]
            self.turn(e["event_id"], e["event"] == "retract" or e["score"] > 0)

    # An event that flows again says by which version.
    def note(self, e):
        known = self.known.get(e["event_id"])
        if known is not None and "verdict" in e:
            known["version"] = max(known["version"], e["verdict"]["version"])

    def each(self, e):
        kind = e["event"]
        if kind in self.rows:
            self.take(e)
        elif kind in ("retract", "verdict"):
            self.judge(e)
        elif e.get("weight", 1) < 0:
            if kind == self.counts:
                self.note(e)
                self.turn(e["event_id"], True)
        elif "verdict" in e:
            if kind == self.counts and e["event_id"] in self.known:
                self.note(e)
                self.turn(e["event_id"], False)
            elif kind == self.counts and self.who(e):
                self.add(e)
        elif kind == "request":
            named = e.get("candidates")
            if named is None and not self.rows["creative"]:
                return e
            known = named if named is not None else list(self.eligible(e))
            left = [c for c in known if not self.exceeded(e, c)]
            if named is None or len(left) < len(known):
                e = {**{k: v for k, v in e.items() if k != "candidates"},
                     "candidates": left}
        elif kind in ("decision", "impression"):
            if kind == "impression" and self.counts == "decision":
                return e
            why = self.exceeded(e, e["creative_id"])
            if why and self.over == "drop":
                return None
            if kind == self.counts and self.who(e):
                self.add(e)
            if why:
                e = {**e, "capped": why}
        return e


def lines(rows):
    return "".join(json.dumps(r) + "\n" for r in rows)


def run(bin_folder, folder, rows, events, args):
    with open(folder + "/shop.json", "w") as f:
        f.write(lines(rows))
    env = {**os.environ, "PATH": bin_folder + ":" + os.environ["PATH"]}
    command = "bp-parse --format json | bp-cap --catalogue shop.json %s | " \
              "bp-print --format json" % " ".join(args)
    return subprocess.run(["sh", "-c", command], input=lines(events), text=True,
                          stdout=subprocess.PIPE, cwd=folder, env=env, check=True).stdout


def main():
    bin_folder, rounds = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
    print("# SEED=%d" % seed)
    for i in range(rounds):
        r = random.Random(seed + i)
        rows, events = stream(r, 400)
        args = MODES[i % len(MODES)]
        reference = Reference(rows, args)
        wanted = [x for x in map(reference.each, events) if x is not None]
        with tempfile.TemporaryDirectory() as folder:
            got = [json.loads(x) for x in
                   run(bin_folder, folder, rows, events, args).splitlines()]
        bad = next((k for k, (a, b) in enumerate(zip(got, wanted)) if a != b),
                   None if len(got) == len(wanted) else min(len(got), len(wanted)))
        print("%sok %d - round %d of seed %d, %s" % ("" if bad is None else "not ", i + 1, i,
              seed, " ".join(args) or "no options"))
        if bad is not None:
            print("# at %d:\n# got    %s\n# wanted %s" % (bad, got[bad:bad + 1],
                  wanted[bad:bad + 1]))
    print("1..%d" % rounds)


main()
