# SPDX-License-Identifier: MIT
"""bp-join beside a reference that computes every outcome from all events, afresh for
every instant, on random streams. It prints its seed; SEED repeats it.

	join_reference.py PROGRAM [ROUNDS]
"""
import itertools
import math
import os
import random
import struct
import subprocess
import sys
import tempfile

MINUTE, HOUR, DAY = 60 * 10**6, 3600 * 10**6, 86400 * 10**6
START = 1_700_000_000_000_000


def pack(v):
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        return b"\xd3" + struct.pack(">q", v)
    if isinstance(v, float):
        return b"\xcb" + struct.pack(">d", v)
    if isinstance(v, str):
        return b"\xd9" + bytes([len(v.encode())]) + v.encode()
    if isinstance(v, list):
        return b"\xdc" + struct.pack(">H", len(v)) + b"".join(map(pack, v))
    return b"\xde" + struct.pack(">H", len(v)) + b"".join(
        pack(k) + pack(x) for k, x in v.items())


def unpack(b, i):
    c = b[i]
    i += 1
    if c < 0x80:
        return c, i
    if c >= 0xe0:
        return c - 256, i
    if c < 0x90 or c in (0xde, 0xdf):
        n = c & 15
        if c == 0xde:
            n, i = struct.unpack(">H", b[i:i + 2])[0], i + 2
        m = {}
        for _ in range(n):
            k, i = unpack(b, i)
            m[k], i = unpack(b, i)
        return m, i
    if c < 0xa0 or c == 0xdc:
        n = c & 15
        if c == 0xdc:
            n, i = struct.unpack(">H", b[i:i + 2])[0], i + 2
        a = []
        for _ in range(n):
            v, i = unpack(b, i)
            a.append(v)
        return a, i
    if c < 0xc0 or c in (0xd9, 0xda):
        n = c & 31
        if c == 0xd9:
            n, i = b[i], i + 1
        elif c == 0xda:
            n, i = struct.unpack(">H", b[i:i + 2])[0], i + 2
        return b[i:i + n].decode(), i + n
    if c == 0xc0:
        return None, i
    if c in (0xc2, 0xc3):
        return c == 0xc3, i
    form = {0xcb: ">d", 0xca: ">f", 0xcc: ">B", 0xcd: ">H", 0xce: ">I", 0xcf: ">Q",
            0xd0: ">b", 0xd1: ">h", 0xd2: ">i", 0xd3: ">q"}[c]
    n = struct.calcsize(form)
    return struct.unpack(form, b[i:i + n])[0], i + n


def unpack_all(b):
    i, out = 0, []
    while i < len(b):
        v, i = unpack(b, i)
        out.append(v)
    return out


class Rules:
    def __init__(self, rng):
        self.click = rng.choice([5, 30]) * MINUTE
        self.view = rng.choice([0, 1, 24]) * HOUR
        self.purchase = rng.choice([1, 24, 7 * 24]) * HOUR
        self.half_life = rng.choice([1, 24]) * HOUR
        self.model = rng.choice(["last", "first", "linear", "time-decay", "position"])
        self.item = rng.random() < 0.3
        self.by_impression = rng.random() < 0.3
        self.final = rng.random() < 0.2
        self.wait = rng.choice([0, 0, 1, 4]) * MINUTE
        self.undo = rng.random() < 0.6
        # What is given is as of its own instant, however late it is given.
        self.lateness = 0 if self.undo else rng.choice([0, 1, 5]) * HOUR

    def options(self):
        o = ["--click-window", f"{self.click}us", "--view-window", f"{self.view}us",
             "--purchase-window", f"{self.purchase}us", "--half-life",
             f"{self.half_life}us", "--attribution", self.model, "--max-future", "90d",
             "--lateness", f"{self.lateness}us"]
        if self.item:
            o += ["--item", "item_id"]
        if self.by_impression:
            o += ["--shown-by", "impression"]
        if self.final:
            o += ["--final"]
        if self.wait:
            o += ["--wait", f"{self.wait}us"]
        if self.undo:
            o += ["--keep", "60d"]
        return o


class Judge:
    """What is found of events, in every form that bp-join takes, and when it is known."""

    def __init__(self, rng, events):
        self.rng, self.events, self.version, self.out = rng, events, {}, {}
        self.reason = {}

    def judge(self, e, at, found):
        i, rng = e["event_id"], self.rng
        was, out = self.out.get(i, False), rng.random() < 0.6
        form = rng.choice(["record", "again", "weight"])
        if form == "weight" and e["event"] == "click" and "decision_id" not in e:
            form = "again"  # what it belonged to may not be told any more
        if form == "weight":
            out = not was
        version = self.version.get(i, -1) + rng.choice([1, 1, 3])
        reasons = rng.choice([["farm"], ["agent", "farm"], ["speed"], []])
        if form == "record" and i in self.version and rng.random() < 0.2:
            # No higher version: it changes nothing.
            self.events.append({"event": "verdict", "event_id": i, "timestamp": at,
                                "version": rng.randrange(self.version[i] + 1),
                                "score": -1.0 if was else 1.0})
            return
        if form == "record":
            kind = "retract" if out and rng.random() < 0.5 else "verdict"
            r = {"event": kind, "event_id": i, "timestamp": at, "version": version,
                 "reasons": reasons}
            if kind == "verdict":
                r["score"] = 1.5 if out else -0.5
            self.events.append(r)
        else:
            # Known as of the latest event: one at which nothing else happens.
            self.events.append({"event": "page_view", "event_id": "v%d" % at,
                                "timestamp": at})
            again = dict(e)
            again["weight"] = -e.get("weight", 1) if out else e.get("weight", 1)
            if form == "again":
                again["verdict"] = {"version": version, "score": 2.0 if out else -2.0,
                                    "reasons": reasons}
            else:
                reasons = []
            self.events.append(again | {"again": True})
        if form != "weight":
            self.version[i] = version
        if out and not was:
            self.reason[i] = reasons[0] if reasons else "unstated"
        self.out[i] = out
        found.setdefault(i, []).append((at, out, self.reason.get(i)))


def stream(rng, rules, n):
    """Events in the order of time, no two at one instant; {id: [(when, out, why)]}."""
    events, found, at = [], {}, START
    judge = Judge(rng, events)
    users = ["u%d" % i for i in range(rng.choice([1, 3, 12]))]
    items = ["i%d" % i for i in range(3)]
    shown, done = [], []
    for i in range(n):
        at += int(rng.choice([1, 60, 600, 7200]) * rng.random() + 1) * 10**6
        kind = rng.choice(["show", "show", "show", "click", "click", "purchase",
                           "judge", "judge", "refund"])
        e = {"event_id": "e%d" % i, "timestamp": at}
        if kind == "show":
            e |= {"decision_id": "d%d" % i, "user_id": rng.choice(users),
                  "creative_id": rng.choice("rb"),
                  "item_id": rng.choice(items), "extra": [1, {"a": "b"}]}
            if rng.random() < 0.2:
                del e["user_id"]
            if rng.random() < 0.2:
                e["weight"] = rng.choice([2, 0.5, -1])
            form = rng.choice(["decision", "impression", "both", "nameless"])
            e["event"] = "decision" if form in ("decision", "both") else "impression"
            if form == "nameless":
                # Of another key than decisions, whose impression it would be.
                e["creative_id"] = rng.choice("xy")
                del e["decision_id"]
            if form in ("impression", "nameless") and rng.random() < 0.3:
                e["viewable"] = rng.random() < 0.5
            events.append(e)
            shown.append(e)
            done.append(e)
            if form == "both":
                f = {"event": "impression", "event_id": "f%d" % i, "timestamp": at + 1,
                     "decision_id": "d%d" % i, "viewable": rng.random() < 0.8,
                     "added": i}
                if "weight" in e:
                    f["weight"] = e["weight"]
                events.append(f)
                done.append(f)
        elif kind == "click" and shown:
            of = rng.choice(shown[-6:])
            e["event"] = "click"
            # What was not shown is forgotten, with clicks that others may have.
            if "decision_id" in of and (rules.by_impression or rng.random() < 0.8):
                e["decision_id"] = of["decision_id"]
            else:
                e |= {k: of[k] for k in ("user_id", "creative_id") if k in of}
            events.append(e)
            done.append(e)
        elif kind == "purchase":
            e |= {"event": "purchase", "user_id": rng.choice(users),
                  "transaction_id": "t%d" % i, "value_micros": rng.randrange(10**8),
                  "items": [{"item_id": rng.choice(items)}]}
            events.append(e)
            done.append(e)
        elif kind == "judge" and rules.undo and done:
            judge.judge(rng.choice(done[-20:]), at, found)
        elif kind == "refund" and rules.undo and done:
            p = [x for x in events if x["event"] == "purchase" and "again" not in x]
            if p:
                p = rng.choice(p[-3:])
                e |= {"event": "refund", "transaction_id": p["transaction_id"]}
                if rng.random() < 0.7:
                    e["value_micros"] = rng.randrange(p["value_micros"] + 1)
                events.append(e)
                done.append(e)
    # The end: an event that belongs to nothing.
    events.append({"event": "click", "event_id": "end", "timestamp": at + 10**6,
                   "decision_id": "nobody"})
    return events, found


class Reference:
    """What would be said at each instant, from the events that are not out then; and, as
    void, what the others would add."""

    def __init__(self, rules, events, found):
        self.rules, self.found = rules, found
        self.events = events = [e for e in events if "again" not in e]
        self.banners, self.clicks, self.purchases, self.refunds = {}, [], [], []
        for rank, e in enumerate(events):
            if e["event"] in ("decision", "impression"):
                name = e.get("decision_id", e["event_id"])
                b = self.banners.setdefault(name, {
                    "rank": rank, "ids": [], "impression": False, "seen": True,
                    "pairs": {}, "user": None, "item": None, "id": name,
                    "key": (e.get("user_id"), e.get("creative_id"))})
                b["ids"].append(e["event_id"])
                b["shown"] = e["timestamp"]
                b["weight"] = e.get("weight", 1)
                b["user"] = b["user"] or e.get("user_id")
                b["item"] = b["item"] or e.get("item_id")
                for k, v in e.items():
                    if k not in ("event", "event_id", "timestamp", "weight"):
                        b["pairs"].setdefault(k, v)
                if e["event"] == "impression":
                    b["impression"] = True
                    b["seen"] = e.get("viewable", True)
            elif e["event"] == "click":
                c = e | {"rank": rank}
                b = self.home(c, e["timestamp"])
                if b and e["timestamp"] - b["shown"] <= self.rules.click:
                    self.clicks.append(c)
            elif e["event"] == "purchase":
                self.purchases.append(e)
            elif e["event"] == "refund":
                self.refunds.append(e)

    def standing(self, event_id, t):
        now = [x for x in self.found.get(event_id, []) if x[0] <= t]
        return (now[-1][1], now[-1][2]) if now else (False, None)

    def gone(self, event_id, t):
        return self.standing(event_id, t)[0]

    def is_gone(self, b, t):
        return any(self.gone(i, t) for i in b["ids"])

    def home(self, c, known):
        """The banner that a click belongs to."""
        if "decision_id" in c:
            return self.banners.get(c["decision_id"])
        last = None
        for b in sorted((b for b in self.banners.values() if b["rank"] < c["rank"] and
                         b["key"] == (c.get("user_id"), c.get("creative_id"))),
                        key=lambda b: -b["rank"]):
            if not self.is_gone(b, known):
                near = c["timestamp"] - b["shown"] <= self.rules.click
                return b if last is None or near else last
            last = last or b
        return last

    def clicks_of(self, b, t, known, gross=False):
        return [c for c in self.homes.get(b["id"], []) if c["timestamp"] <= t and
                (gross or not self.gone(c["event_id"], known))]

    def touches(self, p, clicked, known, gross):
        out, at = [], p["timestamp"]
        for b in self.banners.values():
            if b["user"] != p["user_id"] or b["shown"] > at:
                continue
            if not gross and self.is_gone(b, known):
                continue
            if self.rules.by_impression and not b["impression"]:
                continue
            if self.rules.item and b["item"] not in [i["item_id"] for i in p["items"]]:
                continue
            if clicked:
                c = self.clicks_of(b, at, known, gross)
                if c and at - c[-1]["timestamp"] <= self.rules.purchase:
                    out.append((c[-1]["timestamp"], b["rank"], b))
            elif b["seen"] and self.rules.view and at - b["shown"] <= self.rules.view:
                out.append((b["shown"], b["rank"], b))
        return sorted(out, key=lambda x: x[:2])

    def fractions(self, touches):
        n, m = len(touches), self.rules.model
        if m == "last":
            return [0.0] * (n - 1) + [1.0]
        if m == "first":
            return [1.0] + [0.0] * (n - 1)
        if m == "linear":
            return [1.0 / n] * n
        if m == "position":
            return [1.0 / n] * n if n < 3 else [0.4] + [0.2 / (n - 2)] * (n - 2) + [0.4]
        w = [2.0 ** ((t[0] - touches[-1][0]) / self.rules.half_life) for t in touches]
        return [x / sum(w) for x in w]

    def left(self, p, known, gross):
        refunds = [r for r in self.refunds
                   if r["transaction_id"] == p["transaction_id"]
                   and r["timestamp"] <= known
                   and (gross or not self.gone(r["event_id"], known))]
        left = p["value_micros"] - sum(
            r.get("value_micros", p["value_micros"]) for r in refunds)
        return max(left, 0), not refunds or left > 0

    def credits(self, p, known):
        """Of a purchase: (banner, fraction, net, gross, clicked, lost), net and gross
        being (value, counts)."""
        for gross, clicked in ((0, True), (0, False), (1, True), (1, False)):
            touches = self.touches(p, clicked, known, gross)
            if touches:
                break
        else:
            return []
        lost = gross or self.gone(p["event_id"], known)
        net, all_ = self.left(p, known, False), self.left(p, known, True)
        sofar, out, done = 0.0, [], [0, 0]
        for t, f in reversed(list(zip(touches, self.fractions(touches)))):
            if f > 0:
                sofar += f
                now = [math.floor(v * sofar + 0.5) for v in (net[0], all_[0])]
                out.append((t[2], f, (now[0] - done[0], net[1]),
                            (now[1] - done[1], all_[1]), clicked, lost))
                done = now
        return out

    def prepare(self, known):
        self.known = known
        self.of, self.homes = {}, {}
        for c in self.clicks:
            if c["timestamp"] <= known:
                self.homes.setdefault(self.home(c, known)["id"], []).append(c)
        for p in self.purchases:
            if p["timestamp"] <= known:
                for b, *credit in self.credits(p, known):
                    self.of.setdefault(b["id"], []).append((p, *credit))

    def void(self, b, s):
        t, w, why = self.known, b["weight"], {}
        v = {"impression": 0, "conversion": 0, "value_micros": 0}
        gone = [self.standing(i, t) for i in reversed(b["ids"]) if self.gone(i, t)]
        if gone:
            v["impression"] = w
            why[gone[0][1]] = w
        v["click"] = w * ((1 if self.clicks_of(b, t, t, True) else 0) - s["click"])
        for c in self.clicks_of(b, t, t, True):
            out, reason = self.standing(c["event_id"], t)
            if out:
                why[reason] = why.get(reason, 0) + w
        for p, f, net, gross, clicked, lost in self.of.get(b["id"], []):
            amount = f * gross[1] - (0 if lost else f * net[1])
            v["conversion"] += w * amount
            v["value_micros"] += w * (gross[0] - (0 if lost else net[0]))
            out, reason = self.standing(p["event_id"], t)
            if out:
                why[reason] = why.get(reason, 0) + w * amount
        why = {k: n for k, n in why.items() if abs(n) > 1e-12}
        if not why and not any(abs(x) > 1e-12 for x in v.values()):
            return None
        return v | {"reasons": why}

    def said(self, b, complete):
        t, gone = self.known, self.is_gone(b, self.known)
        clicks = [] if gone else self.clicks_of(b, t, t)
        credits = [c for c in self.of.get(b["id"], []) if not c[5]]
        s = {"weight": 0 if gone else b["weight"], "click": 1 if clicks else 0,
             "conversion": sum(f for _, f, net, *_ in credits if net[1]),
             "credit": sum(f for _, f, *_ in credits),
             "value_micros": sum(net[0] for _, _, net, *_ in credits),
             "conversions": len(credits), "complete": complete,
             "touch": "click" if any(c[4] for c in credits) else "view"}
        if clicks:
            s["delay_us"] = max(0, clicks[0]["timestamp"] - b["shown"])
        elif credits:
            s["delay_us"] = max(0, min(c[0]["timestamp"] for c in credits) - b["shown"])
        s["void"] = self.void(b, s)
        return s

    def complete_at(self, b, t):
        at = b["shown"] + self.rules.click
        if b["user"] is None:
            return at
        if b["seen"]:
            at = max(at, b["shown"] + self.rules.view)
        for c in self.clicks_of(b, t, t):
            at = max(at, c["timestamp"] + self.rules.purchase)
        return at

    def run(self):
        """{decision: [(instant, what is said or None when it is taken back)]}"""
        latest = max(e["timestamp"] for e in self.events)
        times = {e["timestamp"] for e in self.events}
        times |= {c["timestamp"] + self.rules.purchase for c in self.clicks}
        for b in self.banners.values():
            times.add(b["shown"] + self.rules.click)
            times.add(b["shown"] + self.rules.wait)
            times.add(b["shown"] + self.rules.view)
        out = {i: [] for i in self.banners}
        state = {i: {"given": False, "complete": False} for i in self.banners}
        for t in sorted(x for x in times if x <= latest) + [None]:
            end = t is None
            t = latest if end else t
            self.prepare(t)
            for i, b in self.banners.items():
                s = state[i]
                if b["shown"] > t or (
                        self.rules.by_impression and not b["impression"]):
                    continue
                full = self.complete_at(b, t)
                due = full if self.rules.final else b["shown"] + (
                    self.rules.wait or self.rules.click)
                if not s["given"] and due > t and not end:
                    continue
                s["given"] = True
                s["complete"] = s["complete"] or (full <= t and not end)
                now = self.said(b, s["complete"])
                if not out[i] or out[i][-1][1] != now:
                    out[i].append((t, now))
        return out


def read_said(o):
    a = o.get("attribution", {})
    s = {"weight": o["weight"], "click": o["rewards"]["click"],
         "conversion": o["rewards"]["conversion"],
         "value_micros": o["rewards"]["value_micros"],
         "conversions": a.get("conversions", 0), "complete": o["complete"],
         "credit": a.get("credit", 0),
         "touch": a.get("touch", "view"), "void": o.get("void")}
    if "delay_us" in o:
        s["delay_us"] = o["delay_us"]
    return s


def negative(v):
    """What is void, in a record that takes it back."""
    return v and {k: negative(x) if k == "reasons" else -x for k, x in v.items()}


def close(a, b):
    if not isinstance(a, dict) or not isinstance(b, dict):
        return a is b
    return a.keys() == b.keys() and all(
        close(a[k], b[k]) if k in ("void", "reasons") else
        abs(a[k] - b[k]) <= 1 if k == "value_micros" else
        a[k] == b[k] if isinstance(a[k], str) else
        abs(a[k] - b[k]) < 1e-9 for k in a)


def check(outcomes, reference, wanted):
    got, last, names = {i: [] for i in wanted}, 0, set()
    names_of = {b["shown"]: i for i, b in reference.banners.items()}
    for o in outcomes:
        assert o["event_id"] not in names, f"{o['event_id']} twice"
        names.add(o["event_id"])
        assert o["timestamp"] >= last, "outcomes out of the order of time"
        last = o["timestamp"]
        name = names_of[o["shown_at"]] if "decision_id" not in o else o["decision_id"]
        b = reference.banners[name]
        assert o["shown_at"] == b["shown"], f"{o} {b}"
        for k, v in b["pairs"].items():
            assert o[k] == v, f"{k} was not carried: {o}"
        log = got[name]
        standing = log[-1][1] if log else None
        if o["event_id"].endswith("-"):
            back = read_said(o)
            back["weight"] = -back["weight"]
            back["void"] = negative(back["void"])
            assert back == standing, f"taken back {back}, given {standing}"
            log.append((o["timestamp"], None))
        else:
            assert standing is None, f"{o['event_id']} was not taken back"
            said = read_said(o)
            if len(log) > 1 and log[-2][1]["click"] != said["click"]:
                assert o["cause"] in ("click", "retract", "restore"), f"of a click: {o}"
            elif len(log) > 1 and log[-2][1]["conversion"] != said["conversion"]:
                assert o["cause"] != "window", f"of a conversion: {o}"
            log.append((o["timestamp"], said))
    for i, log in got.items():
        # A take-back at the instant of what follows it is one revision.
        log = [x for x, y in zip(log, log[1:] + [(None, None)])
               if not (x[1] is None and y[0] is not None and y[0] == x[0])]
        want = wanted[i]
        for n, (x, y) in enumerate(itertools.zip_longest(log, want)):
            assert x and y and x[0] == y[0] and close(x[1], y[1]), \
                f"{i}, {n}:\n before {log[n - 1:n]}\n got    {x}\n wanted {y}"


def in_pieces(program, options, parts):
    """What runs on the parts give that go on from one another's state."""
    with tempfile.TemporaryDirectory() as folder:
        out = b""
        for part in parts:
            done = subprocess.run([program, "--state", folder] + options, input=part,
                                  capture_output=True)
            assert done.returncode == 0, done.stderr.decode()
            out += done.stdout
        return out


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    print(f"# SEED={seed}")
    total = 0
    for i in range(rounds):
        rng = random.Random(seed + i)
        rules = Rules(rng)
        events, found = stream(rng, rules, rng.choice([10, 60, 150]))
        if not events:
            continue
        reference = Reference(rules, events, found)
        events = [{k: v for k, v in e.items() if k != "again"} for e in events]
        data = b"".join(map(pack, events))
        done = subprocess.run([program] + rules.options(), input=data,
                              capture_output=True)
        assert done.returncode == 0, done.stderr.decode()
        out = [o for o in unpack_all(done.stdout) if o["event"] == "outcome"]
        try:
            check(out, reference, reference.run())
            if i % 5 == 0:
                cut = rng.randrange(len(events))
                parts = [b"".join(map(pack, events[:cut])),
                         b"".join(map(pack, events[cut:]))]
                assert in_pieces(program, rules.options(), parts) == \
                    in_pieces(program, rules.options(), [data]), \
                    f"stopped after {cut} events, it went on otherwise"
        except AssertionError as e:
            print(f"not ok 1 - bp-join agrees with the reference (SEED={seed + i})")
            print("#", " ".join(rules.options()))
            for line in str(e).split("\n"):
                print("#", line)
            sys.exit(1)
        total += len(out)
    print(f"ok 1 - bp-join agrees with the reference ({total} outcomes)")
    print("1..1")


if __name__ == "__main__":
    main()
