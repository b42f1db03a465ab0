#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The loop is closed: what bp-serve shows and what comes of it is joined and learned, and
the live model says so in its decisions. And by a model file, with counters of a
specification, bp-rank decides the same of its requests, byte for byte."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import CHANCE, Program, content, done, ok, records, same, until  # noqa: E402
from serving import Server, of, pack, write_shop  # noqa: E402

SPEC = """creative = field creative_id
colour = field colour
place = field position
pair = cross colour place
views = count view_item by user_id fading 1h
clicks = count click by creative_id in 1h as number
shown = count decision by creative_id in 1h as number
"""
write_shop([{"event": "creative", "creative_id": name, "timestamp": 1, "colour": colour,
             "url": "https://shop.example/" + name}
            for name, colour in [("dull", "grey"), ("good", "red"), ("poor", "grey")]])
with open("ctr.spec", "w") as f:
    f.write(SPEC)


def version(path):
    p = subprocess.run(["bp-model", "show", path], stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL)
    found = re.search(rb"^version +(\d+)$", p.stdout, re.M)
    return int(found[1]) if found else -1


os.mkfifo("feed")
learner = Program(
    "learner", "sh", "-c", "tee told <feed | bp-join --click-window 300ms --view-window 300ms |"
    " bp-learn --model model --live near")
feed = os.open("feed", os.O_WRONLY)
until(lambda: version("near") == 0)
s = Server("loop", "-m", "near", "-s", "ctr.spec", "--tick", "10ms", stdout=feed)
os.close(feed)


def visit():
    """Somebody sees a banner, and clicks on the good one only. Which it was."""
    banner = s.decide({"user_id": f"u{CHANCE.randrange(20)}", "slot_id": "top"})["banners"][0]
    s.ask(banner["impression_url"])
    if banner["creative_id"] == "good":
        s.ask(banner["click_url"])
    return banner["creative_id"]


rounds, asked, share = 0, 0, 0
while rounds < 40 and share < 0.8:
    shown = [visit() for _ in range(50)]
    asked += len(shown)
    share = shown.count("good") / len(shown)
    rounds += 1
    until(lambda: version("near") >= asked)
ok(share >= 0.8, "the live model shows what is clicked on", f"{share} after {asked}")
same(s.stop(), 0, "TERM ends the server")
same(learner.wait(), 0, "and then the learner")
loop = [r for r in records(content("told")) if r["event"] == "decision"]
ok(version("model") >= asked, "which has learned of all", version("model"), asked)

# --- By a file, with a stream on standard input, and again by bp-rank
HISTORY = SPEC + """items = field item_ids
seen = last 3 items.item_id of view_item by user_id
like = cross seen items
again = count view_item by user_id,items.item_id in 1h
visit = since view_item,login by user_id
today = count view_item by user_id in 24h
basket = count add_to_cart by session_id session 30m
rate = rate click by creative_id in 1h prior 5
"""
with open("history.spec", "w") as f:
    f.write(HISTORY)
out, into = os.pipe()
s = Server("file", "-m", "model", "-s", "history.spec", "--seed", "7", "-f", "0.05", stdin=out)
os.close(out)


def user():
    return f"u{CHANCE.randrange(9)}"


def happen(n):
    """Something comes by the stream."""
    now = time.time_ns() // 1000
    item = f"i{CHANCE.randrange(4)}"
    return CHANCE.choice([
        {"event": "creative", "creative_id": CHANCE.choice(["dull", "good", f"new{n}"]),
         "colour": CHANCE.choice(["red", "grey", "blue"]), "item_ids": [item],
         "url": "https://shop.example/"},
        {"event": "creative", "creative_id": f"new{n - 20}", "deleted": True},
        {"event": "item", "item_id": item, "stock": CHANCE.choice([0, 5])},
        {"event": "view_item", "event_id": f"v{n}", "user_id": user(), "timestamp": now - 5000000,
         "items": [{"item_id": item}, {"item_id": "i9"}]},
        {"event": "view_item", "event_id": f"w{n}", "user_id": user(), "timestamp": now + 9000000,
         "items": [{"item_id": item}]},
        {"event": "add_to_cart", "event_id": f"c{n}", "user_id": user(), "session_id": "s"},
        {"event": "outcome", "event_id": f"o{n}", "decision_id": "x", "creative_id": "good",
         "shown_at": now - 1000000, "rewards": {"click": CHANCE.random() < 0.5}},
        {"event": "user", "event_id": f"f{n}", "user_id": user(),
         "consent": {"personalization": False}},
        {"event": "click", "event_id": f"k{n}", "decision_id": f"else-{n}", "user_id": user(),
         "creative_id": "good"}])


for n in range(200):
    if CHANCE.random() < 0.6:
        os.write(into, pack(happen(n)))
    got = s.decide({"user_id": user(), "slot_id": "top", "k": CHANCE.randrange(1, 5)})["banners"]
    if got and CHANCE.random() < 0.4:
        s.ask(CHANCE.choice(got)["click_url"])
    if CHANCE.random() < 0.4:
        s.ask("/v1/events", {"event": "view_item", "user_id": user(),
                             "items": [{"item_id": f"i{CHANCE.randrange(4)}"}]})
    if CHANCE.random() < 0.05:
        s.ask("/v1/events", {"event": "user", "user_id": user(),
                             "consent": {"personalization": False}})
    if CHANCE.random() < 0.1:
        s.decide({"user_id": user(), "slot_id": "top", "consent": {"personalization": False}})
age = re.search(rb"model_age_seconds ([0-9.]+)\n", s.ask("/metrics")[1])
same(s.stop(), 0, "TERM ends the other server")
subprocess.run(
    "{ bp-parse -f json shop.json; bp-select 'event != \"decision\"' file.out; } |"
    " bp-rank -m model -s history.spec --seed 7 -f 0.05 |"
    " bp-select 'event == \"decision\"' | bp-print -f json | grep -v '\"$ext\"' >again;"
    " bp-select 'event == \"decision\"' file.out | bp-print -f json |"
    " grep -v '\"$ext\"' >first", shell=True, check=True)
ok(content("first").count(b"\n") >= 150, "there are decisions")
decisions = of("file", "decision")
ok(len({d["probability"] for d in decisions}) > 20, "of many probabilities")
ok(len(of("file", "user")) > 5 and len(of("file", "view_item")) > 30 and
   len(of("file", "creative")) > 10, "while much happened")
ok(content("first") == content("again"), "and bp-rank makes the same ones, byte for byte")

# --- How old the model is
written = os.stat("model").st_mtime_ns // 1000
same({d["model_age_us"] - (d["timestamp"] - written) for d in decisions}, {0},
     "each decision says how old the model is")
ok(age is not None and 0 < float(age[1]) < 3600, "and so do the metrics", age)
since = {}
for d in loop:
    since.setdefault(d["model_version"], set()).add(d["timestamp"] - d["model_age_us"])
ok(len(since) > 1 and all(max(s) - min(s) < 100000 for s in since.values()) and
   max(since[max(since)]) > max(since[min(since)]),
   "a live model is as old as its last change", since)
done()
