#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The loop is closed: what bp-serve shows and what comes of it is joined and learned, and
the live model says so in its decisions. And by a model file, with counters of a
specification, bp-rank decides the same of its requests, byte for byte."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import CHANCE, Program, content, done, ok, same, until  # noqa: E402
from serving import Server, of, write_shop  # noqa: E402

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
    "learner", "sh", "-c", "bp-join --click-window 300ms --view-window 300ms feed |"
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
ok(version("model") >= asked, "which has learned of all", version("model"), asked)

# --- By a file, and again by bp-rank
s = Server("file", "-m", "model", "-s", "ctr.spec", "--seed", "7", "-f", "0.05")
for _ in range(150):
    user = f"u{CHANCE.randrange(9)}"
    got = s.decide({"user_id": user, "slot_id": "top", "k": CHANCE.randrange(1, 5)})["banners"]
    if CHANCE.random() < 0.4:
        s.ask(CHANCE.choice(got)["click_url"])
    if CHANCE.random() < 0.4:
        s.ask("/v1/events", {"event": "view_item", "user_id": user})
same(s.stop(), 0, "TERM ends the other server")
subprocess.run(
    "{ bp-parse -f json shop.json; bp-select 'event != \"decision\"' file.out; } |"
    " bp-rank -m model -s ctr.spec --seed 7 -f 0.05 | bp-select 'event == \"decision\"' |"
    " bp-print -f json | grep -v '\"$ext\"' >again;"
    " bp-select 'event == \"decision\"' file.out | bp-print -f json |"
    " grep -v '\"$ext\"' >first", shell=True, check=True)
ok(content("first").count(b"\n") >= 150, "there are decisions")
ok(len({d["probability"] for d in of("file", "decision")}) > 20, "of many probabilities")
ok(content("first") == content("again"), "and bp-rank makes the same ones")
done()
