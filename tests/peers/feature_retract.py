# SPDX-License-Identifier: MIT
"""What bp-feature says of the present after events were taken back, beside what it says
when they never came: the same, byte by byte, for every feature that bp-features(5) calls
exact; and beside the reference of feature_reference.py, which is told only what is left.
It prints its seed; SEED repeats it.

	feature_retract.py FOLDER-OF-PROGRAMS [ROUNDS]
"""
import os
import random
import sys
import tempfile

import feature_reference as peer
from feature_reference import HOUR, MINUTE, SECOND, START

USERS = ["u%d" % i for i in range(12)]
LAST, KEPT = 3, 2      # last 3; two times of each value are kept, 2 * 3 in all
SINCE = SESSION = 4    # events that since and session tell apart

SPEC = """
ctr   = rate click by creative_id,position > creative_id > * in 2h prior 5 as number
asked = ratio click / impression by slot_id in 2h as number
views = count view_item by user_id in 1h as number
spent = sum value_micros of purchase,add_to_cart by user_id in 6h as number
paid  = sum price of purchase by user_id session 30m as number
price = sum price of purchase by * in 6h as number
visit = count view_item by user_id session 10m as number
since = since purchase by user_id as number
kinds = distinct items.category of view_item by user_id in 2h as number
seen  = last 3 items.item_id of view_item by user_id in 1h
path  = last 3 items.item_id of view_item by user_id session 10m
faded = count view_item by user_id fading 30m as number
quick = rate click by creative_id fading 1h prior 3
"""


def event(rng, at, i):
    e = {"event_id": "e%d" % i, "timestamp": at, "user_id": rng.choice(USERS),
         "weight": rng.choice([1, 1, 1, 2, 1 / 0.3])}
    kind = e["event"] = rng.choice(["view_item", "view_item", "purchase", "add_to_cart",
                                    "impression", "click", "outcome"])
    if kind == "view_item":
        e["items"] = [{"item_id": "i%d" % rng.randrange(5),
                       "category": "c%d" % rng.randrange(3)}]
    elif kind in ("purchase", "add_to_cart"):
        e["value_micros"] = rng.randrange(1, 9) * 1000000
        e["price"] = rng.randrange(1, 10000) / 100
    else:
        e.update(creative_id=rng.choice("xyz"), position=rng.randrange(2),
                 slot_id=rng.choice("st"))
    if kind == "outcome":
        e.update(shown_at=at - rng.randrange(20 * MINUTE), revision=0,
                 event_id="b%d.0" % i, rewards={"click": rng.choice([0, 1, 1 / 3])})
    return e


def judged(e, version, out):
    return dict(e, weight=-e["weight"] if out else e["weight"],
                verdict={"version": version, "score": 3.5 if out else -3.5,
                         "reasons": ["velocity"]})


def streams(rng):
    """All that comes; what is left of it; and when each was taken back, by event_id."""
    at, log = START, []
    for i in range(rng.randrange(30, 200)):
        at += rng.choice([0, SECOND, rng.randrange(MINUTE), rng.randrange(5 * MINUTE)])
        log.append(event(rng, at, i))
    log.sort(key=lambda e: e["timestamp"])
    share = rng.choice([0.05, 0.2, 0.5])
    bots = [e for e in log if rng.random() < share]
    restored = [e for e in bots if rng.random() < 0.3]
    all_of_it, left = list(log), [e for e in log if e not in bots or e in restored]
    for e in bots:
        place = all_of_it.index(e)
        turns = [judged(e, 1, True)] + ([judged(e, 2, False)] if e in restored else [])
        for turn in turns:
            place = rng.randrange(place + 1, len(all_of_it) + 1)
            all_of_it.insert(place, turn)
    probes = [dict(event="decision", event_id="p%d.%s" % (i, u), user_id=u,
                   timestamp=at + i * 7 * MINUTE, creative_id=rng.choice("xyz"),
                   position=rng.randrange(2), slot_id=rng.choice("st"))
              for i in range(6) for u in USERS]
    return all_of_it, left, probes


def overflown(log):
    """The users of whom more was kept than there is room for, by the words of the page."""
    often = set()
    for u in USERS:
        own = [e for e in log if e["user_id"] == u]
        for kind, room in (("view_item", SESSION), ("purchase", SINCE)):
            moments = {e["timestamp"] for e in own if e["event"] == kind}
            if len(moments) > room:
                often.add((u, kind))
        seen = {(e["items"][0]["item_id"], e["timestamp"]) for e in own
                if e["event"] == "view_item"}
        by_value = [sum(v == w for w, _ in seen) for v, _ in seen]
        if len(seen) > KEPT * LAST or max(by_value, default=0) > KEPT:
            often.add((u, "last"))
    return often


def of_name(key):
    return key.split("=")[0]


def skipped(user, often):
    """Features that the page does not call exact for him."""
    names = {"faded", "quick"}
    if (user, "view_item") in often:
        names.add("visit")
    if (user, "purchase") in often:
        names |= {"since", "paid"}
    if (user, "last") in often:
        names |= {"seen", "path"}
    return names


def expected(left, probe):
    """By the reference, where it knows the feature."""
    r = peer.Reference()
    r.told = [(e["timestamp"], e.get("shown_at", e["timestamp"]), e["weight"], e)
              for e in left]
    now, f = probe["timestamp"], {}
    own = [e for e in left if e["user_id"] == probe["user_id"]]
    views = r.events({"view_item"}, now, ["user_id"], probe)
    spent = r.events({"purchase", "add_to_cart"}, now, ["user_id"], probe,
                     lambda e: e["value_micros"])
    price = r.events({"purchase"}, now, [], probe, lambda e: e["price"])
    f["views"] = peer.logarithm(peer.sliding(HOUR, views, now))
    f["spent"] = peer.logarithm(peer.sliding(6 * HOUR, spent, now))
    f["price"] = peer.logarithm(peer.sliding(6 * HOUR, price, now))
    f["visit"] = peer.logarithm(peer.session(10 * MINUTE, views, now))
    f["faded"] = peer.logarithm(peer.fading(HOUR / 2, views, now))
    bought = [e["timestamp"] for e in own if e["event"] == "purchase"]
    if bought:
        f["since"] = peer.logarithm((now - max(bought)) / SECOND)
    width = -(-2 * HOUR // 6)
    f["kinds"] = peer.logarithm(len({v for at, v in r.items(probe, now, "category")
                                     if at // width > now // width - 6}))
    for at, value in r.last(probe, now, LAST):
        if now - at <= HOUR:
            f["seen=" + value] = 1
    return {k: v for k, v in f.items() if v != 0}


def compare(all_of_it, left, probes, got, without):
    """The first thing that is wrong, or how many features were compared, exactly."""
    often, n = overflown(all_of_it), 0
    for probe, a, b in zip(probes, got, without):
        no = skipped(probe["user_id"], often)
        for k in a.keys() | b.keys():
            if of_name(k) in no - {"faded", "quick"}:
                continue
            if of_name(k) in no:
                if abs(a.get(k, 0) - b.get(k, 0)) > 1e-6:
                    return "%s of %s: %r, and %r without" % (k, probe, a.get(k), b.get(k))
                continue
            n += 1
            if a.get(k) != b.get(k):
                return "%s of %s: %r, and %r without" % (k, probe, a.get(k), b.get(k))
        wanted = expected(left, probe)
        known = {"views", "spent", "price", "visit", "faded", "since", "kinds", "seen"} - \
            (no - {"faded"})
        for k in wanted.keys() | {k for k in a if of_name(k) in known}:
            if of_name(k) in known and \
                    abs(wanted.get(k, 0) - a.get(k, 0)) > 1e-5 * (1 + abs(wanted.get(k, 0))):
                return "%s of %s: %r, not %r" % (k, probe, a.get(k), wanted.get(k))
    return n


def probed(programs, records, probes, folder):
    got, named = peer.run(programs, records + probes, folder, SPEC)
    return [peer.decode(r, named) for r in got[len(records):]]


def main():
    programs, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
    print("# SEED=%d" % seed)
    compared = 0
    with tempfile.TemporaryDirectory() as folder:
        for n in range(rounds):
            all_of_it, left, probes = streams(random.Random(seed + n))
            found = compare(all_of_it, left, probes,
                            probed(programs, all_of_it, probes, folder),
                            probed(programs, left, probes, folder))
            if isinstance(found, str):
                print("not ok 1 - what is taken back leaves nothing")
                print("# SEED=%d: %s" % (seed + n, found))
                print("1..1")
                return 1
            compared += found
    print("ok 1 - what is taken back leaves nothing (%d features of %d streams)"
          % (compared, rounds))
    print("1..1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
