#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-serve by its clients: what is decided, what came of it, what is refused; and its
records, which bp-rank decides again, byte for byte."""
import json
import os
import re
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import content, done, ok, records, same, until  # noqa: E402
from serving import Server, of, write_shop  # noqa: E402

SHOP = [
    {"event": "campaign", "campaign_id": "c", "bid_type": "cpc", "bid_micros": 1000000,
     "budget_micros": 1000000},
    {"event": "creative", "creative_id": "a", "timestamp": 1, "colour": "red",
     "url": "https://shop.example/a?x=1&y=2", "width": 300, "height": 250,
     "parts": {"headline": "<b>Größe</b> & \"more\"\u2028"}},
    {"event": "creative", "creative_id": "b", "timestamp": 1, "colour": "blue",
     "url": "javascript:alert(1)"},
    {"event": "creative", "creative_id": "de", "timestamp": 1, "colour": "blue",
     "targeting": {"country": ["DE"]}},
    {"event": "creative", "creative_id": "paid", "timestamp": 1, "campaign_id": "c",
     "url": "http://shop.example/paid", "slot_ids": ["paid"]},
    {"event": "creative", "creative_id": "once", "timestamp": 1, "slot_ids": ["once"],
     "cap": {"total": 1}},
]

write_shop(SHOP)

# --- Decisions
s = Server("one", "-p", "uniform", "--base-url", "https://ads.example", "--origins", "*")
same(s.ask("/healthz"), (200, b"ok\n"), "it lives")
same(s.ask("/readyz"), (200, b"ready\n"), "it is ready")
got = s.decide({"user_id": "u1", "slot_id": "top", "k": 9, "context": {"country": "DE"}})
same(sorted(b["creative_id"] for b in got["banners"]), ["a", "b", "de"],
     "whoever is eligible gets a position")
same([b["position"] for b in got["banners"]], [0, 1, 2], "in their order")
a = next(b for b in got["banners"] if b["creative_id"] == "a")
same(a["parts"], SHOP[1]["parts"], "parts come as they are")
same((a["width"], a["height"], a["slot_id"]), (300, 250, "top"), "with size and slot")
ok(a["click_url"].startswith("https://ads.example/v1/click?"), "links begin with the base")
ok("click_url" not in next(b for b in got["banners"] if b["creative_id"] == "b"),
   "no click leads to a script")
same([b["creative_id"] for b in s.decide({"candidates": ["b", "de", "none"]})["banners"]],
     ["b"], "of the candidates that are named only those that are eligible")
same(s.decide({"candidates": []})["banners"], [], "nothing to show is no error")
status, data = s.ask("/v1/decide?slot_id=top&context.country=DE&k=9&candidates=de,zz")
same((status, [b["creative_id"] for b in json.loads(data)["banners"]]), (200, ["de"]),
     "a query asks the same")
got = s.decide({"slots": [{"slot_id": "x"}, {"slot_id": "y", "k": 2}], "user_id": "u1"})
same([(b["slot_id"], b["position"]) for b in got["banners"]],
     [("x", 0), ("y", 0), ("y", 1)], "several slots at once")
packed = b"\x82\xa7slot_id\xa3top\xa7user_id\xa2u2"
status, data = s.ask("/v1/decide", packed, Content_Type="application/msgpack")
same((status, s.headers["Content-Type"]), (200, "application/msgpack"), "msgpack as well")
same(len(records(data.replace(b"\x82\xa7banners", b"\x83\xa5event\xa1x\xa7banners", 1))
         [0]["banners"]), 1, "is answered with msgpack")

# --- What is wrong
for body, reason in [
        ("", "there is no body"), ("{", "no JSON object"), ("[]", "no JSON object"),
        ('{"a":1,"a":2}', "no JSON object"), (b'{"a":"\xff"}', "no JSON object"),
        ({"k": 0}, "k is no number from 1 to 16"), ({"k": 17}, "k is no number"),
        ({"k": "x"}, "k is no number"), ({"candidates": 3}, "candidates is no list"),
        ({"candidates": [[]]}, "candidates has what is no id"),
        ({"slots": []}, "slots is no list"), ({"slots": [1]}, "slots has what is no map"),
        ({str(i): i for i in range(65)}, "more than 64 pairs")]:
    status, data = s.ask("/v1/decide", body)
    ok(status == 400 and reason in json.loads(data)["error"], f"400: {reason}", status, data)
status, data = s.ask("/v1/decide", b"\x81\xa1a\xa1\xff", Content_Type="application/msgpack")
same((status, json.loads(data)), (400, {"error": "a text that is not UTF-8"}), "nor in msgpack")
status, data = s.ask("/v1/decide", b"\xdf\x0f\xff\xff\xff", Content_Type="application/msgpack")
same(status, 400, "five bytes that claim a map of 2^28 pairs")
same(s.ask("/nothing")[0], 404, "what is not there")
same(s.ask("/v1/events")[0], 405, "by another method")

# --- Links
def path(url):
    return url[len("https://ads.example"):]


same(s.ask(path(a["impression_url"]))[1][:6], b"GIF89a", "an impression is a pixel")
same(s.ask(path(a["impression_url"]), b"")[0], 204, "or a beacon")
same(s.ask(path(a["click_url"]), method="HEAD")[0], 302, "a look at a click is none")
for _ in range(3):
    same(s.ask(path(a["click_url"]))[0], 302, "a click leads")
    same(s.headers["Location"], SHOP[1]["url"], "where it should")
parts = urllib.parse.urlsplit(path(a["click_url"]))
query = dict(urllib.parse.parse_qsl(parts.query))
for name, value in [("u", "https://evil.example/"), ("d", "x" + query["d"]),
                    ("e", str(int(query["e"]) + 1)), ("m", query["m"][::-1]),
                    ("m", ""), ("u", ""), ("e", "")]:
    forged = urllib.parse.urlencode({**query, name: value})
    same(s.ask(f"/v1/click?{forged}")[0], 403, f"no forged {name}: {value[:9]}")
same(s.ask(path(a["click_url"]).replace("/click", "/impression"))[0], 403,
     "a click is no impression")
same(s.ask("/v1/impression?" + parts.query.split("&u=")[0] + "&m=" + query["m"])[0], 403,
     "not without its target either")

# --- Events
same(s.ask("/v1/events", {"event": "view_item", "event_id": "7", "user_id": "u1",
                          "items": [{"item_id": "i"}], "weight": -1})[0], 200, "an event")
status, data = s.ask("/v1/events", {"events": [
    {"event": "add_to_cart", "user_id": "u1"}, {"event": "click", "decision_id": "x"}, 7,
    {"event": "purchase", "decision_id": a["decision_id"], **{f"x{i}": i for i in range(254)}},
    {"event": "purchase", "decision_id": a["decision_id"], "user_id": "u1"},
    {"event": "purchase", "decision_id": a["decision_id"][:-1] + "9"}]})
same((status, json.loads(data)),
     (200, {"refused": [{"index": 1, "error": "its event is none of a shop's"},
                        {"index": 2, "error": "it is no map"},
                        {"index": 3, "error": "it has more than 64 pairs"}], "taken": 3}),
     "the good of a batch are taken, the others told")
same(s.ask("/v1/events", {"events": [{"event": "retract"}]})[0], 400, "400 when none was")

# --- Consent
got = s.decide({"user_id": "nobody-u", "session_id": "nobody-s", "slot_id": "top", "email": "nobody-e",
                "consent": {"personalization": False}, "context": {"page": "home"}})
same(got["personalized"], False, "without consent it says so")
got = s.decide({"user_id": "nobody-u", "slot_id": "top"}, Sec_GPC="1")
same(got["personalized"], False, "as for who asks not to be followed")
s.ask("/v1/events", {"event": "search", "user_id": "nobody-u", "query": "nobody-e"}, Sec_GPC="1")

# --- Caps and budgets
got = [len(s.decide({"user_id": "u1", "candidates": ["paid"], "slot_id": "paid"})["banners"])
       for _ in range(3)]
same(got, [1, 0, 0], "a budget of one click is one decision at a time")
once = s.decide({"user_id": "u1", "candidates": ["once"], "slot_id": "once"})["banners"]
s.ask(path(once[0]["impression_url"]))
same(len(s.decide({"user_id": "u1", "candidates": ["once"], "slot_id": "once"})["banners"]),
     0, "a cap of one is one impression")
same(len(s.decide({"user_id": "u2", "candidates": ["once"], "slot_id": "once"})["banners"]),
     1, "for each user")

# --- The catalogue is read again
with open("shop.json", "a") as f:
    f.write(json.dumps({"event": "creative", "creative_id": "new", "timestamp": 1}) + "\n")
s.process.send_signal(1)
ok(until(lambda: "read again" in s.says()), "HUP")
same(len(s.decide({"candidates": ["new"]})["banners"]), 1, "there is a new creative")
status, data = s.ask("/metrics")
ok(b"bannerpipe_serve_clicks_total 1\n" in data, "metrics", data)
same((s.ask("/")[0], s.ask("/v1/decide?slot_id=top")[1].count(b"scores")), (404, 0),
     "no pages and no scores, when nobody wants them")
status, data = s.ask("/v1/banner.js", method="GET", Origin="https://shop.example")
ok(status == 200 and b"textContent" in data and b"innerHTML" not in data, "a script")
same(s.headers["Access-Control-Allow-Origin"], "*", "for the pages of others")
same(s.stop(), 0, "TERM ends it")

# --- Pages, and what was thought of candidates
os.mkdir("pages")
with open("pages/index.html", "w") as f:
    f.write("<!doctype html><p>a shop")
with open("pages/shop.css", "w") as f:
    f.write("p { color: red }")
os.mkdir("pages/inner")
p = Server("pages", "-p", "uniform", "--pages", "pages", "--explain")
same((p.ask("/"), p.headers["Content-Type"]),
     ((200, b"<!doctype html><p>a shop"), "text/html; charset=utf-8"), "a page")
ok("default-src 'self'" in p.headers["Content-Security-Policy"], "which runs nothing inline")
same((p.ask("/shop.css")[1], p.headers["Content-Type"]),
     (b"p { color: red }", "text/css; charset=utf-8"), "and what belongs to it")
same([p.ask(path)[0] for path in ("/inner", "/../key", "/pages/shop.css", "//shop.css",
                                  "/%2e%2e/key", "/shop.css/")], [404] * 6,
     "nothing else is a page")
same([p.ask("/", b"")[0], p.ask("/", method="HEAD")], [404, (200, b"")],
     "pages are got, not posted")
got = p.decide({"slot_id": "top", "k": 2, "context": {"country": "DE"}})["banners"]
same(sorted(got[0]["candidates"]), ["a", "b", "de", "new"], "the candidates are told")
same(got[0]["probabilities"], [0.25] * 4, "and their chances")
ok("candidates" not in got[1], "once for a slot")
with open("pages/shop.css", "w") as f:
    f.write("p { color: blue }")
p.process.send_signal(1)
ok(until(lambda: p.ask("/shop.css")[1] == b"p { color: blue }"), "HUP reads them again")
with open("pages/odd.exe", "w") as f:
    f.write("x")
p.process.send_signal(1)
ok(until(lambda: "going on with the pages of before" in p.says()), "if they can be served")
same(p.stop(), 0, "TERM ends it")
for name, size, why in [("odd.exe", 1, "no known type"), ("big.js", 300000, "more than 256 KiB")]:
    os.remove("pages/odd.exe") if os.path.exists("pages/odd.exe") else None
    with open("pages/" + name, "w") as f:
        f.write("x" * size)
    p = Server("wrong", "-p", "uniform", "--pages", "pages")
    ok(p.wait() == 100 and why in p.says(), f"{name} is refused", p.says())
    os.remove("pages/" + name)

# --- Its records
requests, decisions = of("one", "request"), of("one", "decision")
same(len({r["request_id"] for r in requests}), len(requests), "a request has its own id")
same(len({d["decision_id"] for d in decisions}), len(decisions), "and so has a decision")
same([(r["event_id"], r["creative_id"]) for r in of("one", "click")],
     [(a["decision_id"] + "-click", "a")], "a click counts once")
same(len([r for r in of("one", "impression") if r["decision_id"] == a["decision_id"]]), 1,
     "and so does an impression")
view = of("one", "view_item")[0]
same((view["event_id"], "weight" in view), ("e:7", False), "no weights from outside")
same([("decision_id" in r) for r in of("one", "purchase")], [True, False],
     "a purchase is of a banner that was clicked, and one that was refused has not used it up")
silent = [r for r in records(s.out()) if "consent" in r]
same(len(silent), 2 + 2 + 1, "requests, decisions and events without consent")
ok(all(r["consent"]["personalization"] is False for r in silent), "say so")
ok(not any(word in content("one.out") for word in (b"nobody-u", b"nobody-s", b"nobody-e")),
   "and nothing else of whom they are")
times = [r["timestamp"] for r in records(s.out())]
same(times, sorted(times), "in the order of time")


# --- Another run goes on
def visit(server):
    got = server.decide({"user_id": "u1", "candidates": ["once"], "slot_id": "once"})
    return got["banners"]


s = Server("before", "-p", "uniform", "--state", "state")
shown = visit(s)[0]
s.ask(shown["impression_url"])
with_click = s.decide({"user_id": "u1", "candidates": ["a"]})["banners"][0]
same(s.stop(), 0, "TERM saves the state")
s = Server("after", "-p", "uniform", "--state", "state")
same(len(visit(s)), 0, "caps go on in the next run")
same(s.ask(shown["impression_url"], b"")[0], 204, "what was told is known")
same(s.ask(with_click["click_url"])[0], 302, "links hold over a restart")
same(s.stop(), 0, "TERM ends it")
same([(r["creative_id"], r["user_id"]) for r in of("after", "click")], [("a", "u1")],
     "and so does what is known of a decision")
same(of("after", "impression"), [], "an impression still counts once")

# --- Wrong use
for words, reason in [(("-p", "greedy"), "--model FILE is missing"),
                      (("-p", "uniform", "-k", "none"), "--key-file"),
                      (("-p", "uniform", "-k", "short"), "16 bytes at least"),
                      (("-p", "uniform", "-k", "long"), "--key-file: long is longer than"),
                      (("-p", "uniform", "--cap-slot", "x"), "x"),
                      (("-p", "uniform", "--ttl", "0s"), "--ttl"),
                      (("-p", "uniform", "-c", "none"), "--catalogue")]:
    with open("short", "w") as f:
        f.write("fifteen bytes..\n")
    with open("long", "w") as f:
        f.write("k" * 100000)
    s = Server("wrong", *words)
    ok(s.wait() == 100 and reason in s.says(), f"exit 100: {reason}", s.says())


# --- Replay
def replay(name, *words):
    creatives = subprocess.run(
        "bp-parse -f json shop.json | bp-select 'event == \"creative\"'", shell=True,
        stdout=subprocess.PIPE, check=True).stdout
    rest = subprocess.run(["bp-select", "event != \"decision\""], input=content(name + ".out"),
                          stdout=subprocess.PIPE, check=True).stdout
    with open("in.bp", "wb") as f:
        f.write(creatives + rest)
    return subprocess.run(
        ["sh", "-c", 'bp-rank "$@" in.bp | bp-select "event == \\"decision\\""', "sh",
         *words], stdout=subprocess.PIPE, check=True).stdout


def decided(name):
    return subprocess.run(["bp-select", "event == \"decision\""], input=content(name + ".out"),
                          stdout=subprocess.PIPE, check=True).stdout


def lone(data):  # without the watermarks, which bp-select lets pass
    return re.sub(rb"\xc7\x17B\x03.{22}", b"", data, flags=re.S)


ok(len(lone(decided("one"))) > 1000 and lone(replay("one", "-p", "uniform")) == lone(decided("one")),
   "bp-rank decides the same of the requests")
done()
