#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bp-serve is told was no visitor, as bp-retract has it, by its standard input: caps and
budgets get back what it took, once, and count again what an appeal has restored."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import done, ok, records, same, until  # noqa: E402
from serving import Server, of, pack, write_shop  # noqa: E402

write_shop([
    {"event": "campaign", "campaign_id": "c", "bid_type": "cpc", "bid_micros": 1000000,
     "budget_micros": 1000000},
    {"event": "campaign", "campaign_id": "p", "bid_type": "cpa", "bid_micros": 1000000,
     "budget_micros": 1000000},
    {"event": "creative", "creative_id": "once", "timestamp": 1, "slot_ids": ["once"],
     "cap": {"total": 1, "window": 1, "window_us": 3600000000}},
    {"event": "creative", "creative_id": "paid", "timestamp": 1, "campaign_id": "c",
     "slot_ids": ["paid"], "url": "https://shop.example/paid"},
    {"event": "creative", "creative_id": "sold", "timestamp": 1, "campaign_id": "p",
     "slot_ids": ["sold"], "url": "https://shop.example/sold"},
])
out, into = os.pipe()
s = Server("one", "-p", "uniform", "--unpaced", "--rejects", "rejects", stdin=out)
os.close(out)


def shown(slot, user="u"):
    return s.decide({"user_id": user, "slot_id": slot})["banners"]


def written(event, decision):
    """The records of it, when it has come out."""
    found = []

    def look():
        found[:] = [r for r in of("one", event) if r.get("decision_id") == decision]
        return found
    until(look)
    return found


def turned(record, version, out):
    return {**record, "weight": -1 if out else 1,
            "verdict": {"version": version, "score": 3 if out else -3, "reasons": ["velocity"]}}


told = itertools.count()


def tell(*rows):
    """And wait until they are taken: an event of the shop follows them."""
    last = {"event": "login", "event_id": f"l{next(told)}"}
    os.write(into, pack(*rows, last))
    if not until(lambda: of("one", "login")[-1:] and
                 of("one", "login")[-1]["event_id"] == last["event_id"]):
        raise SystemExit(f"bp-serve did not take {rows}: {s.says()}")


# --- Caps
once = shown("once")[0]
s.ask(once["impression_url"])
same(shown("once"), [], "an impression fills its caps")
seen = written("impression", once["decision_id"])[0]
tell(turned(seen, 1, True))
same(len(shown("once")), 1, "taken back it makes room, in all and in the window")
tell(turned(seen, 1, True), turned(seen, 2, True))
tell(turned(seen, 3, False))
same(shown("once"), [], "on appeal it counts again, once, however often it was taken back")
tell(turned(seen, 3, False), turned(seen, 4, True))
same(len(shown("once")), 1, "and is taken back again")
same(s.count("returned_total"), 2, "what is said twice is not counted")
same(s.count("repeated_total"), 3, "but as repeated")
elsewhere = {"event": "impression", "event_id": "x-1", "decision_id": "x", "user_id": "w",
             "creative_id": "once", "slot_id": "once", "timestamp": seen["timestamp"]}
tell(elsewhere)
same(shown("once", "w"), [], "so does one that was decided elsewhere")
tell(turned(elsewhere, 1, True))
same(len(shown("once", "w")), 1, "and gives back likewise")
tell(turned(elsewhere, 1, True))
tell({**elsewhere, "event_id": "z-1", "decision_id": "z"})
same(shown("once", "w"), [], "once: the next one counts")

# --- Budgets
paid = shown("paid")[0]
same(shown("paid"), [], "a budget of one click is held by one decision")
s.ask(paid["click_url"])
click = written("click", paid["decision_id"])[0]
same(shown("paid"), [], "and paid by its click")
tell(turned(click, 1, True), turned(click, 1, True))
paid = shown("paid")
same(len(paid), 1, "taken back there is budget for one more, and for no more")
same(shown("paid"), [], "which holds it")
tell(turned(click, 2, False))
s.ask(paid[0]["click_url"])
again = written("click", paid[0]["decision_id"])[0]
tell(turned(again, 1, True))
same(shown("paid"), [], "what was restored is paid again")
tell(turned(click, 3, True))
same(len(shown("paid")), 1, "until it is taken back for good")

# --- A decision holds nothing any more, and a conversion that was bought is given back
sold = shown("sold")[0]
same(shown("sold"), [], "a conversion that may come holds its price")
tell(turned(written("decision", sold["decision_id"])[0], 1, True))
sold = shown("sold")
same(len(sold), 1, "unless the decision is taken back")
s.ask(sold[0]["click_url"])
buys = {"event": "purchase", "event_id": "p1", "user_id": "u", "value_micros": 5,
        "decision_id": sold[0]["decision_id"]}
tell(buys)
same(shown("sold"), [], "a purchase pays")
tell(turned(buys, 1, True))
same(len(shown("sold")), 1, "and gives back")

# --- Who it was
NO = {"personalization": False}
tell({"event": "view_item", "event_id": "n1", "user_id": "nobody", "consent": NO, "weight": -1,
      "verdict": {"version": 1, "score": 2}, "timestamp": seen["timestamp"]})
s.ask("/v1/events", {"event": "view_item", "user_id": "u", "verdict": {"version": 9, "score": 9},
                     "weight": -1, "void": 1})
os.close(into)
same(s.stop(), 0, "TERM")
got = records(s.out())
nobody = [r for r in got if r["event_id"] == "n1"]
same([(r["weight"], r["verdict"]["version"], "user_id" in r) for r in nobody], [(-1, 1, False)],
     "of nobody the weight stays, not the name")
same([r for r in got if r["event"] == "user"], [], "and nobody is forgotten for it")
views = [r for r in got if r["event"] == "view_item" and r["event_id"] != "n1"]
same([("weight" in r, "verdict" in r, "void" in r) for r in views], [(False, False, False)],
     "no visitor says it himself")
times = [r["timestamp"] for r in got]
same(times, sorted(times), "all goes out in the order of the server's time")
back = [r for r in got if r["event_id"] == seen["event_id"] and r.get("weight") == -1]
same({r["occurred_at"] for r in back}, {seen["timestamp"]}, "and says when it was")
done()
