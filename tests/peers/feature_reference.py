# SPDX-License-Identifier: MIT
"""bp-feature beside a reference that makes the features of every record afresh from all
records before it, by the words of bp-features(5), on random streams. It prints its seed;
SEED repeats it.

	feature_reference.py FOLDER-OF-PROGRAMS [ROUNDS]
"""
import base64
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile

SECOND, MINUTE, HOUR = 10**6, 60 * 10**6, 3600 * 10**6
START = 1_700_000_000_000_000
SLICES = 12

SPEC = """
creative = field creative_id
ctr   = rate click by creative_id,position > creative_id > * in 2h prior 5
faded = rate click by creative_id fading 1h prior 3
cvr   = rate conversion by slot_id in 1h prior 10
views = count view_item by user_id in 1h
carts = count add_to_cart by user_id fading 30m as number
spent = sum value_micros of purchase,add_to_cart by user_id in 6h as number
big   = count purchase by * in 3h where value_micros > 3000000
visit = count view_item by user_id session 10m
since = since purchase by user_id as number
kinds = distinct items.category of view_item by user_id in 2h
seen  = last 3 items.item_id of view_item by user_id in 1h
path  = last 4 items.item_id of view_item by user_id session 10m
asked = ratio click / impression by slot_id in 2h
place = cross creative views
"""


def slices(length):
    width = -(-length // SLICES)
    return lambda at: at // width


def sliding(length, events, now):
    number = slices(length)
    last = number(now)
    return sum(x for at, x in events if last - SLICES < number(at) <= last)


def fading(length, events, now):
    return sum(x * 2.0 ** (-(now - at) / length) for at, x in events)


def session(pause, events, now):
    """Events in the order of their coming, which is that of time here."""
    total, last = 0.0, None
    for at, x in events:
        total = x if last is None or at - last > pause else total + x
        last = at
    return 0 if last is None or now - last > pause else total


def power(v):
    return "0" if v == 0 else "2^%d" % math.floor(math.log2(v) + 1e-9)


def logarithm(v):
    return math.copysign(math.log1p(abs(v)), v)


class Reference:
    """What was told so far, as (known, shown, weight, record), by the order of coming."""

    def __init__(self):
        self.told = []
        self.first = {}
        self.applied = -math.inf
        self.newest = -math.inf

    def events(self, kinds, now, by, of, amount=lambda r: 1.0, where=lambda r: True):
        """(shown, weight times amount) of those known by now that have the same key."""
        key = [of.get(k) for k in by]
        if None in key:
            return None
        return [(shown, weight * amount(r)) for known, shown, weight, r in self.told
                if r["event"] in kinds and known <= now and where(r)
                and [r.get(k) for k in by] == key]

    def rate(self, of, now, levels, prior, window, above, below):
        p = 0.5
        for by in reversed(levels):
            over = self.events(*above[:1], now, by, of, *above[1:])
            under = self.events(*below[:1], now, by, of, *below[1:])
            if over is None:
                continue
            n = max(window(under, now), 0.0)
            s = min(max(window(over, now), 0.0), n)
            p = (s + 0.5) / (n + 1) if by == [] else (s + prior * p) / (n + prior)
        p = min(max(p, 1e-6), 1 - 1e-6)
        return math.log(p / (1 - p))

    def items(self, r, now, key):
        """(shown, value) of what the user viewed."""
        if "user_id" not in r:
            return []
        return [(shown, i[key]) for known, shown, _, e in self.told
                if e["event"] == "view_item" and known <= now
                and e.get("user_id") == r["user_id"] for i in e["items"]]

    def last(self, r, now, n):
        latest = []
        for at, value in self.items(r, now, "item_id"):
            latest = [x for x in latest if x[1] != value]
            latest.insert(0, (at, value))
            latest = latest[:n]
        return latest

    def histories(self, r, now, f):
        def reward(name):
            return ({"outcome"}, lambda e: float(e["rewards"][name])), ({"outcome"},)

        def window(kind, length):
            return lambda events, at: kind(length, events, at)

        def value(e):
            return e["value_micros"]

        f["ctr"] = self.rate(r, now, [["creative_id", "position"], ["creative_id"], []],
                             5, window(sliding, 2 * HOUR), *reward("click"))
        f["faded"] = self.rate(r, now, [["creative_id"], []], 3, window(fading, HOUR),
                               *reward("click"))
        f["cvr"] = self.rate(r, now, [["slot_id"], []], 10, window(sliding, HOUR),
                             *reward("conversion"))
        f["asked"] = self.rate(r, now, [["slot_id"], []], 20, window(sliding, 2 * HOUR),
                               ({"click"},), ({"impression"},))
        big = self.events({"purchase"}, now, [], r, where=lambda e: value(e) > 3000000)
        f["big=" + power(sliding(3 * HOUR, big, now))] = 1
        if "user_id" not in r:
            return
        user = ["user_id"]
        views = self.events({"view_item"}, now, user, r)
        f["views=" + power(sliding(HOUR, views, now))] = 1
        f["place=%s*%s" % (r["creative_id"], power(sliding(HOUR, views, now)))] = 1
        f["visit=" + power(session(10 * MINUTE, views, now))] = 1
        carts = self.events({"add_to_cart"}, now, user, r)
        f["carts"] = logarithm(fading(HOUR / 2, carts, now))
        spent = self.events({"purchase", "add_to_cart"}, now, user, r, value)
        f["spent"] = logarithm(sliding(6 * HOUR, spent, now))
        bought = [at for at, x in self.events({"purchase"}, now, user, r) if x > 0]
        if bought:
            f["since"] = logarithm((now - max(bought)) / SECOND)
        width = -(-2 * HOUR // 6)
        kinds = {v for at, v in self.items(r, now, "category")
                 if at // width > now // width - 6}
        f["kinds=" + power(len(kinds))] = 1
        for at, value in self.last(r, now, 3):
            if now - at <= HOUR:
                f["seen=" + value] = 1
        until = now
        for at, value in self.last(r, now, 4):
            if until - at > 10 * MINUTE:
                break
            f["path=" + value] = 1
            until = at

    def features(self, r):
        known, weight = r["timestamp"], r.get("weight", 1)
        now = r.get("shown_at", known)
        name = r["event_id"].rsplit(".", 1)[0]
        if r["event"] == "outcome" and (r["revision"] > 0 or weight < 0):
            return self.first[name]
        f = {"creative=" + r["creative_id"]: 1}
        if now >= self.applied:  # else it is behind what was read already
            self.histories(r, now, f)
            self.applied = max([self.applied] + [k for k, *_ in self.told if k <= now])
        f = {k: v for k, v in f.items() if v != 0}
        self.first[name] = f
        return f

    def tell(self, r):
        always = r["event"] in ("click", "impression", "outcome")
        by_user = r["event"] in ("view_item", "add_to_cart", "purchase") and "user_id" in r
        if always or by_user or r["event"] == "purchase" and r["value_micros"] > 3000000:
            self.newest = max(self.newest, r["timestamp"])
            self.told.append((self.newest, r.get("shown_at", r["timestamp"]),
                              r.get("weight", 1), r))


def shop(rng, at):
    e = {"event": rng.choice(["view_item", "view_item", "add_to_cart", "purchase"]),
         "timestamp": at}
    if rng.random() < 0.9:
        e["user_id"] = rng.choice("abc")
    if e["event"] == "view_item":
        e["items"] = [{"item_id": "i%d" % rng.randrange(6),
                       "category": "c%d" % rng.randrange(3)}
                      for _ in range(rng.randrange(1, 3))]
    else:
        e["value_micros"] = rng.randrange(1, 9) * 1000000
    out = [e]
    if e["event"] == "add_to_cart" and rng.random() < 0.3:
        out.append(dict(e, weight=-1))  # comes when the stream is further
    return out


def banner(rng, at, name, outcomes):
    b = {"timestamp": at, "creative_id": rng.choice("xyz"), "position": rng.randrange(2),
         "slot_id": rng.choice("st")}
    if rng.random() < 0.8:
        b["user_id"] = rng.choice("abc")
    if not outcomes:
        out = [dict(b, event="decision"), dict(b, event="impression")]
        if rng.random() < 0.3:
            out.append(dict(b, event="click", timestamp=at + rng.randrange(5 * MINUTE)))
        return out
    known = at + rng.choice([30 * MINUTE, 30 * MINUTE, 0, rng.randrange(HOUR)])

    def outcome(when, revision, weight, click, conversion):
        return dict(b, event="outcome", timestamp=when, shown_at=at, revision=revision,
                    weight=weight, event_id="%s.%d%s" % (name, revision, "-" * (weight < 0)),
                    rewards={"click": click, "conversion": conversion})

    weight = rng.choice([1, 1, 2])
    click, conversion = rng.randrange(2), 0
    out = [outcome(known, 0, weight, click, 0)]
    for revision in range(1, rng.choice([1, 1, 2, 3])):
        known += rng.randrange(2 * HOUR)
        out.append(outcome(known, revision - 1, -weight, click, conversion))
        conversion = 1 - conversion
        out.append(outcome(known, revision, weight, click, conversion))
    return out


def stream(rng, outcomes, decisions):
    records, at = [], START
    for i in range(rng.randrange(20, 150)):
        at += rng.choice([0, SECOND, rng.randrange(MINUTE), rng.randrange(20 * MINUTE)])
        if rng.random() < 0.5:
            records += shop(rng, at)
        else:
            records += banner(rng, at, "b%d" % i, outcomes and
                              not (decisions and rng.random() < 0.3))
    records.sort(key=lambda r: r["timestamp"])
    late = [r for r in records if r["event"] == "add_to_cart" and r.get("weight") == -1]
    for r in late:  # a take-back has the time of what it takes back
        i = records.index(r)
        records.insert(min(i + rng.randrange(20), len(records) - 1), records.pop(i))
    for i, r in enumerate(records):
        r.setdefault("event_id", "e%d" % i)
    return records


def run(programs, records, folder, text=SPEC):
    spec, names = os.path.join(folder, "spec"), os.path.join(folder, "names")
    with open(spec, "w") as f:
        f.write(text)
    text = "".join(json.dumps(r) + "\n" for r in records)
    out = subprocess.run(
        ["sh", "-c", "bp-parse --format json | bp-feature --spec %s --names %s |"
         "bp-print --format json; bp-print --format json %s" % (spec, names, names)],
        input=text, capture_output=True, text=True,
        env=dict(os.environ, PATH=programs + ":" + os.environ["PATH"]))
    got = [json.loads(line) for line in out.stdout.splitlines()]
    named = {r["key"]: r["name"] for r in got if r["event"] == "feature_name"}
    got = [r for r in got if r["event"] != "feature_name"]
    assert len(got) == len(records), out.stderr
    return got, named


def decode(r, named):
    keys = base64.b64decode(r["features"]["$binary"])
    n = len(keys) // 8
    values = base64.b64decode(r["feature_values"]["$binary"]) \
        if "feature_values" in r else struct.pack("<%df" % n, *[1.0] * n)
    f = {}
    for key, value in zip(struct.unpack("<%dQ" % n, keys), struct.unpack("<%df" % n, values)):
        assert named[key] not in f, "twice: " + named[key]
        f[named[key]] = value
    return f


def differences(wanted, got):
    return [k for k in wanted.keys() | got.keys()
            if abs(wanted.get(k, 0) - got.get(k, 0)) > 1e-4 * (1 + abs(wanted.get(k, 0)))]


def main():
    programs, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
    print("# SEED=%d" % seed)
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for n in range(rounds):
            rng = random.Random(seed + n)
            records = stream(rng, n % 3 != 0, n % 3 == 2)
            got, named = run(programs, records, folder)
            reference = Reference()
            for i, (r, g) in enumerate(zip(records, got)):
                if r["event"] in ("decision", "outcome"):
                    wanted, found = reference.features(r), decode(g, named)
                    wrong = differences(wanted, found)
                    if wrong:
                        print("not ok 1 - features are those of the reference")
                        print("# SEED=%d: record %d: %s" % (seed + n, i, json.dumps(r)))
                        for k in sorted(wrong):
                            print("# %s: %r, not %r" % (k, found.get(k), wanted.get(k)))
                        print("1..1")
                        return 1
                    compared += len(wanted)
                reference.tell(r)
    print("ok 1 - features are those of the reference (%d in %d streams)" % (compared, rounds))
    print("1..1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
