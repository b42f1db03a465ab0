#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Creatives of parts in bp-serve: each combination is decided, caps are of the whole, the
answer has the HTML with the signed links in it, and bp-rank decides the same again."""
import html.parser
import json
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import done, ok, same, until  # noqa: E402
from serving import Server, of, write_shop  # noqa: E402

SHOP = [
    {"event": "creative", "creative_id": "c", "timestamp": 1, "url": "https://shop.example/?a=1&b=2",
     "cap": {"total": 2}, "slot_ids": ["top"],
     "parts": {"headline": ["Sale", "\"<b>&"], "colour": ["red", "teal", "x;y:z"], "call_to_action": "Go"}},
    {"event": "creative", "creative_id": "plain", "timestamp": 1, "parts": {"headline": "Plain"},
     "slot_ids": ["plain"]},
    *({"event": "creative", "creative_id": f"large{i}", "timestamp": 1, "slot_ids": ["large"],
       "parts": {"headline": "x" * 9000}} for i in range(8)),
    *({"event": "creative", "creative_id": f"wide{i}", "timestamp": 1, "slot_ids": ["wide"],
       "url": "https://shop.example/?" + "&" * 1500} for i in range(20)),
]
TEMPLATE = ('<div style="color:{{colour}}"><a href="{{click_url}}">{{headline}}</a>'
            '{{#if impression_url}}<img src="{{impression_url}}" alt="">{{/if}}</div>')


class Links(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.text, self.style = {}, "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.links.update({k: v for k, v in attrs if k in ("href", "src")})
        self.style += dict(attrs).get("style", "")

    def handle_data(self, data):
        self.text += data


def write(text):
    with open("box.html", "w") as f:
        f.write(text)


write_shop(SHOP)
write(TEMPLATE)
with open("ctr.spec", "w") as f:
    f.write("headline = field parts.headline\ncolour = field parts.colour\n")

s = Server("one", "-p", "uniform", "-s", "ctr.spec", "--template", "box.html", "--fallback", "c")
seen = {}
for i in range(200):
    b = s.decide({"user_id": f"u{i}", "slot_id": "top"})["banners"][0]
    seen[b["creative_id"]] = b
same(len(seen), 6, "every combination is decided")
same(len({json.dumps(b["parts"], sort_keys=True) for b in seen.values()}), 6, "with parts of its own")
for b in seen.values():
    read = Links(b["html"])
    same((read.links["href"], read.links["src"]), (b["click_url"], b["impression_url"]),
         "its HTML has its links")
    same(read.text, b["parts"]["headline"], "and its headline, whatever is in it")
    same(read.style, "color:" + ("" if ";" in b["parts"]["colour"] else b["parts"]["colour"]),
         "and a colour that is one")
same(s.ask(read.links["src"])[1][:6], b"GIF89a", "the pixel in it counts")
same(s.ask(read.links["href"])[0], 302, "the link in it leads")
same(s.headers["Location"], SHOP[0]["url"], "where the creative does")

# --- Caps, candidates
shown = []
for _ in range(3):
    got = s.decide({"user_id": "capped", "slot_id": "top"})["banners"]
    shown += [b["creative_id"] for b in got]
    for b in got:
        s.ask(b["impression_url"])
same(len(shown), 2, "a cap is of the creative, whatever it is composed of", shown)
got = {b["creative_id"] for _ in range(100)
       for b in s.decide({"slot_id": "top", "candidates": ["c"]})["banners"]}
same(got, set(seen), "named by the whole, all of it may answer")
same(len(s.decide({"slot_id": "top", "k": 3})["banners"]), 1, "an answer has one of a creative at most")
one = sorted(seen)[0]
same([b["creative_id"] for b in s.decide({"slot_id": "top", "candidates": [one, "plain"]})["banners"]],
     [one], "named by its own id, one")
b = s.decide({"slot_id": "plain"})["banners"][0]
same(Links(b["html"]).links, {"href": "", "src": b["impression_url"]}, "one without parts to choose")

# --- An answer is never too large for its HTML
got = s.decide({"slot_id": "large", "k": 8})["banners"]
same((len(got), 0 < len([b for b in got if "html" in b]) < 8), (8, True),
     "what does not fit comes without HTML")

# --- Nor for its banners: all that was decided is in it
before = s.count("decisions_total")
wide = {"slots": [{"slot_id": "wide", "k": 4}] * 16}
got = s.decide(wide)["banners"]
ok(20 < len(got) < 64, "what does not fit is no banner", len(got))
same(s.count("decisions_total") - before, len(got), "and is not decided")

# --- Read again
write("<p>{{headline}}</p>")
s.process.send_signal(signal.SIGHUP)
ok(until(lambda: s.decide({"slot_id": "plain"})["banners"][0]["html"] == "<p>Plain</p>"),
   "HUP reads the template again")
write("<p onclick='{{headline}}'>")
s.process.send_signal(signal.SIGHUP)
ok(until(lambda: "box.html: line 1, column 13: a value cannot be in an event handler" in s.says()),
   "what is wrong with one is said", s.says())
same(s.decide({"slot_id": "plain"})["banners"][0]["html"], "<p>Plain</p>", "the one of before stays")
same(s.stop(), 0, "TERM ends it")

# --- Its records
same({r["composed_of"] for r in of("one", "impression")}, {"c"}, "impressions say what they are of")
again = subprocess.run(
    "bp-parse --format json shop.json | bp-compose >composed.bp;"
    "bp-select 'event != \"decision\"' one.out >asked.bp;"
    "cat composed.bp asked.bp | bp-rank -p uniform -s ctr.spec | bp-select 'event == \"decision\"' >again.bp;"
    "bp-select 'event == \"decision\"' one.out >first.bp; cmp first.bp again.bp && wc -c <first.bp",
    shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
ok(again.returncode == 0 and int(again.stdout) > 100000, "bp-rank decides the same again, byte for byte",
   again.stdout)
done()
