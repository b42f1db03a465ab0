#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Two bp-serve at one port: together they spend no more than the budgets; and when each is
told on standard input what the other was told, events find the one that decided, and caps
hold in both."""
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import CHANCE, Program, content, done, ok, records, same, until  # noqa: E402
from serving import Server, write_shop  # noqa: E402


def campaign(name, clicks):
    return {"event": "campaign", "campaign_id": name, "bid_type": "cpc", "bid_micros": 1000000,
            "budget_micros": int(clicks * 1000000)}


write_shop([
    campaign("eleven", 11), campaign("lapses", 4),
    {"event": "creative", "creative_id": "paid", "campaign_id": "eleven", "slot_ids": ["paid"],
     "url": "https://shop.example/"},
    {"event": "creative", "creative_id": "lapse", "campaign_id": "lapses", "slot_ids": ["lapse"],
     "url": "https://shop.example/"},
    {"event": "creative", "creative_id": "once", "slot_ids": ["once"], "cap": {"total": 1}},
    {"event": "creative", "creative_id": "free", "slot_ids": ["free"]}])

# A port that both listen on; this socket keeps it until they do.
keep = socket.socket()
keep.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
keep.bind(("127.0.0.1", 0))
common = keep.getsockname()[1]

TOLD = 'event == "impression" or event == "click"'
pipes = {name: os.pipe() for name in ("a-out", "b-out", "a-in", "b-in")}
servers, links = {}, []
for own, other in (("a", "b"), ("b", "a")):
    servers[own] = Server(
        own, "-p", "uniform", "--unpaced", "--processes", "2", "--wait-impression", "2s",
        "--tick", "10ms", "--listen", f"127.0.0.1:0,127.0.0.1:{common}",
        stdin=pipes[own + "-in"][0], stdout=pipes[own + "-out"][1])
    into = pipes[other + "-in"][1]
    links.append(Program(own + "-to-" + other, "sh", "-c",
                         f"tee {own}.bp | bp-select '{TOLD}' >/dev/fd/{into}",
                         stdin=pipes[own + "-out"][0], pass_fds=[into]))
for ends in pipes.values():
    for fd in ends:
        os.close(fd)
keep.close()
a, b = servers["a"], servers["b"]


def decide(s, slot, user=None):
    user = user or f"u{CHANCE.randrange(1000000)}"
    return s.decide({"user_id": user, "slot_id": slot, "candidates": [
        {"paid": "paid", "lapse": "lapse", "once": "once", "free": "free"}[slot]]})["banners"]


def all_of(s, slot):
    found = []
    while got := decide(s, slot):
        found += got
    return found


# --- One port
both = Server.__new__(Server)
both.port = common
answered = set()
ok(until(lambda: answered.add(decide(both, "free")[0]["decision_id"].split("-")[0])
         or len(answered) == 2), "both answer at the one port", answered)

# --- Budgets
of_a, of_b = all_of(a, "paid"), all_of(b, "paid")
same((len(of_a), len(of_b)), (5, 5), "of eleven clicks each may promise five")
for s, banners in ((b, of_a), (a, of_b)):
    for banner in banners:
        s.ask(banner["impression_url"])
        s.ask(banner["click_url"])
ok(until(lambda: (a.count("clicks_total"), b.count("clicks_total")) == (10, 10)),
   "each hears of the clicks that the other was told", a.says(), b.says())
lapsed = all_of(a, "lapse")
same(len(lapsed), 2, "what is promised and does not come")
ok(until(lambda: decide(a, "lapse")), "is free again after a while")
same((decide(a, "paid"), decide(b, "paid")), ([], []), "what came is spent")

# --- Caps
for teller, hearer, user in ((a, b, "x"), (b, a, "y")):
    shown = decide(teller, "once", user)[0]
    hearer.ask(shown["impression_url"])
    ok(until(lambda: not decide(teller, "once", user)), "who was told elsewhere is known here")
    ok(until(lambda: not decide(hearer, "once", user)), "and there, too")
same((len(decide(a, "once", "z")), len(decide(b, "once", "z"))), (1, 1), "others are others")

# --- It comes to rest
settled = [None]


def quiet():
    now = [(s.count("repeated_total"), s.count("impressions_total")) for s in (a, b)]
    still, settled[0] = now == settled[0], now
    return still


ok(until(quiet), "what goes round comes to an end", settled)
same((a.stop(), b.stop()), (0, 0), "TERM ends them")
same([link.wait() for link in links], [0, 0], "and what was between them")
ids = {}
for name in ("a", "b"):
    for r in records(content(name + ".bp")):
        if r["event"] in ("impression", "click"):
            ids.setdefault(r["event_id"], []).append(name)
same(len(ids), 10 + 10 + 2, "each event has one id in both")
ok(all(set(names) == {"a", "b"} and len(names) <= 4 for names in ids.values()),
   "and is in each at most twice", ids)

for words, reason in [(("--processes", "0"), "--processes"), (("-j", "2000"), "--processes")]:
    s = Server("wrong", "-p", "uniform", *words)
    ok(s.wait() == 100 and reason in s.says(), f"exit 100: {reason}", s.says())
done()
