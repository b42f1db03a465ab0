#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-serve as a bidder: hundreds of bid requests by chance, judged by an exchange of our own
making (peers/openrtb_reference.py); the requests of the specification; whose money is spent,
and that it is spent once; what is kept of whom; and bp-rank, which decides the same."""
import json
import os
import re
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "peers")]
from sockets import CHANCE, content, done, ok, records, same, until  # noqa: E402
from serving import Server, of, pack, write_shop  # noqa: E402
from openrtb_reference import Exchange  # noqa: E402

BASE = "https://ads.example"
SHOP = [
    {"event": "campaign", "campaign_id": "c", "bid_type": "cpm", "bid_micros": 2345678},
    {"event": "campaign", "campaign_id": "cheap", "bid_type": "cpm", "bid_micros": 1000000},
    {"event": "creative", "creative_id": "a", "campaign_id": "c", "width": 300, "height": 250,
     "url": "https://www.shop.example/a?x=1&y=2", "cat": ["IAB3-1"], "attr": [2, 13],
     "parts": {"headline": "<b>Gr\u00f6\u00dfe</b> & \"more\"'s ${AUCTION_PRICE}",
               "image_url": "https://cdn.example/a.png?x=1&y=\"'"}},
    {"event": "creative", "creative_id": 7, "campaign_id": "cheap", "width": 728, "height": 90,
     "url": "http://other.example/", "language": "de",
     "parts": {"headline": "Now", "call_to_action": "</a><script>alert(1)</script>"}},
    {"event": "creative", "creative_id": "any", "campaign_id": "cheap", "cat": ["IAB7-39", "IAB1"],
     "adomain": ["deep.op.example"], "parts": {"image_url": "http://cdn.example/any.gif"}},
    {"event": "creative", "creative_id": "mine", "campaign_id": "c", "deal_id": "d1",
     "url": "javascript:alert(1)", "parts": {"headline": "deal"}},
]
write_shop([dict(row, timestamp=1) for row in SHOP])
EXCHANGE = Exchange(SHOP, BASE, "s1", "USD")


def ask(server, body, **headers):
    status, data = server.ask("/openrtb2", body, **headers)
    return status, json.loads(data) if data else None


def bids_of(server, body):
    status, answer = ask(server, body)
    return [b for s in (answer or {}).get("seatbid", []) for b in s["bid"]] if status == 200 else []


def banner(**more):
    """Only one creative of the shop may answer."""
    return {"id": "r", "imp": [{"id": "1", "banner": {"w": 300, "h": 250}}], "bcat": ["IAB7"], **more}


def call(server, url, price="", loss="", least="", method=None, body=None):
    """As an exchange does: macros become what they stand for."""
    for name, value in (("PRICE", price), ("LOSS", loss), ("MIN_TO_WIN", least)):
        url = url.replace("${AUCTION_%s}" % name, str(value))
    return server.ask(url[len(BASE):], body, method=method)[0]


def start(name, *words):
    return Server(name, "-p", "uniform", "-b", BASE, "--seat", "s1", *words)


# --- By chance
s = start("one")
kinds = {200: 0, 204: 0, "nbr": 0}
wrong = []
for number in range(800):
    request = EXCHANGE.request(CHANCE, number)
    status, answer = ask(s, request)
    found = EXCHANGE.check(request, status, answer)
    kinds["nbr" if answer and "nbr" in answer else status] += 1
    if found:
        wrong.append((found, request, answer))
same(wrong, [], "800 requests are answered as an exchange expects")
ok(min(kinds.values()) > 40, "with bids, without, and with a reason", kinds)
same(s.headers["x-openrtb-version"], "2.6", "by the version that it says")

# --- Requests of the shapes in section 6.2
person = "55816b39711f9b5acf3b90e313ed29e51665623f"
site = {"id": "102855", "cat": ["IAB3-1"], "domain": "www.foobar.com",
        "page": "http://www.foobar.com/1234.html",
        "publisher": {"id": "8953", "name": "foobar.com", "cat": ["IAB3-1"], "domain": "foobar.com"}}
simple = {"id": "80ce30c53c16e6ede735f123ef6e32361bfc7b22", "at": 1, "cur": ["USD"],
          "imp": [{"id": "1", "bidfloor": 0.03, "banner": {"h": 250, "w": 300, "pos": 0}}],
          "site": site, "user": {"id": person}}
expandable = {**simple, "id": "123456789316e6ede735f123ef6e32361bfc7b22", "at": 2, "imp": [
    {"id": "1", "bidfloor": 0.03, "iframebuster": ["vendor1.com", "vendor2.com"],
     "banner": {"h": 250, "w": 300, "pos": 0, "battr": [13], "expdir": [2, 4]}}],
    "user": {"id": person, "buyeruid": "545678765467876567898765678987654", "data": [
        {"id": "6", "name": "Data Provider 1", "segment": [{"id": "1", "name": "auto intenders"}]}]}}
mobile = {"id": "IxexyLDIIk", "at": 2, "bcat": ["IAB25", "IAB7-39", "IAB8-18"],
          "badv": ["apple.com", "go-text.me", "heywire.com"],
          "imp": [{"id": "1", "bidfloor": 0.5, "instl": 0, "tagid": "agltb3B1Yi1pbmNyDQsSBFNpdGUY7fD0FAw",
                   "banner": {"w": 728, "h": 90, "pos": 1, "btype": [4], "battr": [14], "api": [3]}}],
          "app": {"id": "agltb3B1Yi1pbmNyDAsSA0FwcBiJkfIUDA", "name": "Weather", "cat": ["IAB15"],
                  "bundle": "12345", "publisher": {"domain": "www.yahoo.com"}},
          "device": {"dnt": 0, "ua": "Mozilla/5.0 (iPhone)", "ip": "123.145.167.189", "language": "en",
                     "os": "iOS", "devicetype": 1}, "user": {"id": "ffffffd5135596709273b3a1a07e466ea2bf4fff"}}
video = {"id": "1234567893", "at": 2, "tmax": 120, "imp": [
    {"id": "1", "bidfloor": 0.03, "video": {"w": 640, "h": 480, "mimes": ["video/mp4"]}}], "site": site}
private = {**simple, "imp": [{"id": "1", "bidfloor": 0.03, "banner": {"h": 250, "w": 300, "pos": 0},
    "pmp": {"private_auction": 1, "deals": [
        {"id": "AB-Agency1-0001", "at": 1, "bidfloor": 2.5, "wseat": ["Agency1"]},
        {"id": "XY-Agency2-0001", "at": 2, "bidfloor": 2, "wseat": ["Agency2"]}]}}]}
for name, request in [("simple banner", simple), ("expandable", expandable), ("mobile", mobile),
                      ("video", video), ("private deals", private)]:
    same(EXCHANGE.check(request, *ask(s, request)), [], f"the specification's example: {name}")
same(ask(s, video), (200, {"id": "1234567893", "nbr": 502}), "a video is none of ours")
same(ask(s, private), (200, {"id": simple["id"], "nbr": 503}), "nor is somebody else's deal")
packed = b"\x82\xa2id\xa1r\xa3imp\x91\x82\xa2id\xa11\xa6banner\x80"
status, data = s.ask("/openrtb2", packed, Content_Type="application/msgpack")
same((status, s.headers["Content-Type"], records(data.replace(b"\x83", b"\x84\xa5event\xa1x", 1))[0]["id"]),
     (200, "application/msgpack", "r"), "msgpack is answered with msgpack")

# --- What is malformed
for body, reason in [
        ("", "there is no body"), ("{", "no JSON object"), ("{}", "id is no text"),
        ({"id": 7, "imp": []}, "id is no text"), ({"id": "x" * 513, "imp": []}, "id is no text"),
        ({"id": "r"}, "imp is no list"), ({"id": "r", "imp": []}, "imp is no list"),
        ({"id": "r", "imp": [1]}, "imp is no list"), ({"id": "r", "imp": [{}]}, "an imp's id"),
        (banner(imp=[{"id": "1"}, {"id": "1"}]), "two imps of one id"),
        (banner(imp=[{"id": "1", "bidfloor": "1"}]), "bidfloor is no price"),
        (banner(imp=[{"id": "1", "bidfloor": -1}]), "bidfloor is no price"),
        (banner(imp=[{"id": "1", "bidfloor": 1e300}]), "bidfloor is no price"),
        (banner(imp=[{"id": "1", "banner": []}]), "banner and pmp"),
        (banner(imp=[{"id": "1", "banner": {"battr": ["1"]}}]), "battr and btype"),
        (banner(imp=[{"id": "1", "banner": {"format": [1]}}]), "a banner's format"),
        (banner(imp=[{"id": "1", "pmp": {"deals": [{}]}}]), "a deal without id"),
        (banner(imp=[{"id": "1", "pmp": {"deals": [{"id": "d", "bidfloor": -1}]}}]), "a deal's bidfloor"),
        (banner(imp=[{"id": "1", "secure": "yes"}]), "secure is no integer"),
        (banner(badv="x"), "badv is no list"), (banner(bcat=[1]), "bcat is no list"),
        (banner(cur="USD"), "cur is no list"), (banner(tmax="9"), "are integers"),
        (banner(user=[]), "user is no object"), (b'{"id":"\xff"}', "no JSON object"),
        (json.dumps(banner(x="y" * 70000)), "")]:
    status, data = s.ask("/openrtb2", body)
    ok(status in (400, 413) and reason.encode() in data, f"400: {reason}", status, data)
same(s.ask("/openrtb2", banner(), Content_Encoding="gzip")[0], 415, "compressed")
same(s.ask("/openrtb2")[0], 405, "by another method")

# --- Rehearsals
written = len(s.out())
requests = s.count("requests_total")
bid = bids_of(s, banner(test=1))[0]
same([call(s, bid[u], 1) for u in ("nurl", "burl", "lurl")], [204] * 3, "notices of a test")
click = re.search(r'href="([^"]*)"', bid["adm"])[1].replace("&amp;", "&")
same(s.ask(click[len(BASE):])[0], 302, "its banner leads where it should")
same((s.count("tests_total"), s.count("requests_total"), s.count("wins_total")), (1, requests, 0),
     "nothing of it counts")

# --- Notices
bid = bids_of(s, banner())[0]
for url in ("nurl", "burl", "lurl"):
    forged = bid[url].replace("&b=", "&b=1")
    same(call(s, forged, 1), 403, f"no forged {url}")
same(call(s, bid["burl"].replace("billing", "win"), 1), 403, "a billing notice is no win notice")
same(call(s, bid["burl"], "AUDIT"), 204, "an audit")
same(s.count("billings_total"), 0, "is no billing")
for _ in range(3):
    same(call(s, bid["nurl"], 1.5, method="POST", body=b""), 204, "a win notice, by POST")
    same(call(s, bid["burl"], 1.5), 204, "a billing notice, by GET")
same((s.count("wins_total"), s.count("billings_total")), (1, 1), "count once")
lost = bids_of(s, banner())[0]
same(call(s, lost["lurl"], 3.25, 102, 2.5), 204, "a loss notice")
over = bids_of(s, banner())[0]
same((call(s, over["burl"], 99), s.count("overpriced_total")), (204, 1), "cleared above the bid")
silent = bids_of(s, banner())[0]
same(call(s, silent["burl"]), 204, "a price that is not told")
pixel = re.findall(r'src="([^"]*)"', over["adm"])[-1].replace("&amp;", "&")
same(s.ask(pixel[len(BASE):])[0], 200, "the pixel of its banner")
metrics = s.ask("/metrics")[1].decode()
counted = dict(re.findall(r'^bannerpipe_serve_no_bids_total\{reason="(\w+)"\} (\d+)$', metrics, re.M))
ok(len(counted) == 8 and int(counted["currency"]) > 0 and int(counted["hurry"]) > 0 and
   counted["busy"] == "0", "impressions without a bid are counted by reason", counted)
same(s.stop(), 0, "TERM ends it")

everything = records(s.out())
bits = [(r["event"], r.get("price_micros"), r.get("reason"), r.get("least_micros")) for r in everything
        if r["event"] in ("win", "billing", "loss")]
same(bits, [("win", 1500, None, None), ("billing", 1500, None, None), ("loss", 3250, 102, 2500),
            ("billing", 2346, None, None), ("billing", 2346, None, None)],
     "their records have the price of an impression")
win = of("one", "win")[0]
same((win["decision_id"], win["event_id"], win["currency"], win["creative_id"]),
     (bid["id"], bid["id"] + "-win", "USD", bid["crid"]), "and say of what they are")
times = [r["timestamp"] for r in everything]
same(times, sorted(times), "in the order of time")
got = [r for r in of("one", "request") if r.get("auction_id") == simple["id"]][0]
same({k: got[k] for k in ("imp_id", "slot_id", "width", "height", "floor_micros", "anonymous_id", "context")},
     {"imp_id": "1", "slot_id": "1", "width": 300, "height": 250, "floor_micros": 30,
      "anonymous_id": person, "context": {
          "channel": "openrtb", "auction": 1, "currency": "USD", "fold": 0,
          "page": "http://www.foobar.com/1234.html", "domain": "www.foobar.com",
          "page_category": ["IAB3-1"]}}, "a request's record says what was offered, in our words")
got = [r for r in of("one", "request") if r.get("auction_id") == "IxexyLDIIk"][0]
same((got["network"], got["slot_id"], got["context"]["app"], got["context"]["domain"]),
     ("123.145.167.0/24", "agltb3B1Yi1pbmNyDQsSBFNpdGUY7fD0FAw", "12345", "www.yahoo.com"),
     "a network instead of an address")
ok(b"123.145.167.1" not in content("one.out") and b"session=77" not in content("one.out"),
   "and a page without its query")


# --- Replay
def decisions(data):
    got = subprocess.run(["bp-select", "event == \"decision\""], input=data, stdout=subprocess.PIPE,
                         check=True).stdout
    return re.sub(rb"\xc7\x17B\x03.{22}", b"", got, flags=re.S)


rest = subprocess.run(["bp-select", "event != \"decision\""], input=content("one.out"),
                      stdout=subprocess.PIPE, check=True).stdout
again = subprocess.run(["bp-rank", "-p", "uniform"], input=rest, stdout=subprocess.PIPE, check=True).stdout
ok(len(decisions(again)) > 100000 and decisions(again) == decisions(content("one.out")),
   "bp-rank decides the same of the requests")

# --- Money: a budget of three impressions
PAID = [{"event": "campaign", "campaign_id": "c", "bid_type": "cpm", "bid_micros": 2000000,
         "budget_micros": 6000},
        {"event": "creative", "creative_id": "a", "campaign_id": "c", "url": "https://a.example/"}]
write_shop(PAID)


def left(server):
    """How many more bids there is money for, which are then lost."""
    made = []
    while bids := bids_of(server, banner()):
        made += bids
    for b in made:
        call(server, b["lurl"], loss=102)
    return len(made)


s = start("money", "--unpaced", "--state", "state", "--wait-impression", "1h")
first = [bids_of(s, banner())[0] for _ in range(3)]
same(bids_of(s, banner()), [], "what is bid is reserved")
same(ask(s, banner(test=1))[0], 204, "in a rehearsal too")
call(s, first[0]["lurl"], loss=102)
call(s, first[0]["lurl"], loss=102)
fourth = bids_of(s, banner())
same((len(fourth), bids_of(s, banner())), (1, []), "what is lost is free again, once")
call(s, first[1]["burl"], 1)
same(bids_of(s, banner()), [], "a half price leaves half a price")
call(s, first[2]["burl"], 1)
same(len(bids_of(s, banner())), 1, "two of them are another bid")
for _ in range(3):
    call(s, first[2]["burl"], 0)
same(bids_of(s, banner()), [], "a repeated notice changes nothing")
same(s.stop(), 0, "TERM saves the state")
s = start("later", "--unpaced", "--state", "state", "--wait-impression", "1h")
same(bids_of(s, banner()), [], "which holds over a restart")
repeated = s.count("repeated_total")
call(s, first[1]["burl"], 1)
call(s, fourth[0]["burl"], 1.5)
same((s.count("repeated_total") - repeated, bids_of(s, banner())), (1, []), "and so does what was told")
call(s, fourth[0]["lurl"], loss=1)
same(bids_of(s, banner()), [], "what is paid cannot be lost")
same(s.stop(), 0, "TERM ends it")
for pays, url, other in (("win", "nurl", "burl"), ("impression", None, "burl")):
    s = start("pays-" + pays, "--unpaced", "--pays", pays)
    made = bids_of(s, banner()) + bids_of(s, banner()) + bids_of(s, banner())
    pixel = re.findall(r'src="([^"]*)"', made[0]["adm"])[-1].replace("&amp;", "&")
    call(s, made[0][other], 1)
    for b in made[1:]:
        call(s, b["lurl"], loss=1)
    same(left(s), 2, f"{pays}: a billing notice does not pay")
    same(call(s, made[0][url], 0.0001) if url else s.ask(pixel[len(BASE):])[0], 204 if url else 200,
         f"{pays}: it pays")
    same(left(s), 2, f"{pays}: what it should")
    same(s.stop(), 0, "TERM ends it")

# --- A rehearsal remembers nobody
s = start("rehearsal")
for test in (1, 0):
    bids_of(s, banner(test=test, user={"buyeruid": "guest"}))
    s.ask("/v1/events", {"event": "login", "user_id": "guest", "consent": {"personalization": False}})
    same(s.count("forgotten_total"), 1 - test, f"test {test}: whom there is to forget")
same(s.stop(), 0, "TERM ends it")

# --- By the word of another process, which exchanges told
out, into = os.pipe()
s = Server("told", "-p", "uniform", "-b", BASE, "--seat", "s1", "--unpaced", stdin=out)
os.close(out)
made = [bids_of(s, banner())[0] for _ in range(3)]
numbers = [re.search(r"[?&]d=([^&]*)", b["lurl"])[1] for b in made]
same(bids_of(s, banner()), [], "what is bid is reserved")


def hear(event, number, **more):
    os.write(into, pack({"event": event, "event_id": f"{number}-{event}", "decision_id": number,
                         "currency": "USD", **more}))


hear("loss", numbers[0], reason=102)
ok(until(lambda: s.count("losses_total") == 1), "a loss is heard of")
same((len(bids_of(s, banner())), bids_of(s, banner())), (1, []), "and releases")
hear("win", numbers[1], price_micros=1000)
hear("billing", numbers[1], price_micros=1000)
hear("billing", numbers[1], price_micros=1000)
hear("billing", "of-another-0", price_micros=1000)
ok(until(lambda: s.count("billings_total") == 2), "so are a win and billings")
same((s.count("wins_total"), s.count("repeated_total"), bids_of(s, banner())), (1, 1, []),
     "each once; a half price leaves half a price")
call(s, made[1]["burl"], 1)
same((s.count("repeated_total"), s.count("overpriced_total")), (2, 0), "and not again by HTTP")
call(s, made[2]["burl"], 1)
same(len(bids_of(s, banner())), 1, "two of them are another bid")
same(s.stop(), 0, "TERM ends it")
told = of("told", "billing")
same([(r["decision_id"], r.get("creative_id")) for r in told],
     [(numbers[1], "a"), ("of-another-0", None), (numbers[2], "a")],
     "they are written with what is known of them")

# --- What pays by the click cannot be bid without a model, and what has no bid never
write_shop([{"event": "campaign", "campaign_id": "c", "bid_type": "cpc", "bid_micros": 2000000},
            {"event": "creative", "creative_id": "a", "campaign_id": "c"},
            {"event": "creative", "creative_id": "b"}])
s = start("worthless")
same(ask(s, banner()), (204, None), "nothing is bid that is not known to be worth it")
same(s.count("decisions_total"), 0, "or decided")
same(s.stop(), 0, "TERM ends it")
s = Server("nowhere", "-p", "uniform")
same(s.ask("/openrtb2", banner())[0], 503, "without a base URL there are no bids")
same(s.stop(), 0, "TERM ends it")
s = Server("plain", "-p", "uniform", "-b", "http://ads.example")
same(ask(s, banner(imp=[{"id": "1", "secure": 1, "banner": {}}])), (200, {"id": "r", "nbr": 504}),
     "nor over HTTP where HTTPS is asked for")
same(s.stop(), 0, "TERM ends it")
for words, reason in [(("--currency", "dollar"), "--currency"), (("--pays", "click"), "--pays"),
                      (("--base-url", "https://" + "a" * 300), "--base-url")]:
    s = Server("wrong", "-p", "uniform", *words)
    ok(s.wait() == 100 and reason in s.says(), f"exit 100: {reason}", s.says())


# --- By a model: what a click is worth, as often as one is to be expected
write_shop([{"event": "campaign", "campaign_id": "c", "bid_type": "cpc", "bid_micros": 2000000},
            {"event": "creative", "creative_id": "good", "campaign_id": "c", "timestamp": 1},
            {"event": "creative", "creative_id": "poor", "campaign_id": "c", "timestamp": 1}])
with open("ctr.spec", "w") as f:
    f.write("creative = field creative_id\n")
with open("outcomes.json", "w") as f:
    for i in range(4000):
        name, rate = CHANCE.choice([("good", 0.2), ("poor", 0.02)])
        f.write(json.dumps({"event": "outcome", "event_id": str(i), "timestamp": i, "creative_id": name,
                            "rewards": {"click": int(CHANCE.random() < rate)}}) + "\n")
subprocess.run("bp-parse -f json outcomes.json | bp-feature --spec ctr.spec | bp-learn --model model >learned",
               shell=True, check=True)
s = start("model", "-p", "uniform", "-m", "model", "-s", "ctr.spec")
made = {}
for _ in range(40):
    made.update({b["id"]: b for b in bids_of(s, banner())})
floored = banner(imp=[{"id": "1", "bidfloor": 100, "banner": {}}])
dear = [bids_of(s, floored) for _ in range(20)]
same(s.stop(), 0, "TERM ends it")
scored = records(subprocess.run("bp-select 'event == \"decision\"' model.out | bp-score --model model", shell=True,
                                stdout=subprocess.PIPE, check=True).stdout)
chances = {r["decision_id"]: r["prediction"]["click"] for r in scored}
same(len({b["crid"] for b in made.values()}), 2, "both get bids")
ok(all(abs(b["price"] - chances[i] * 2000) < 0.01 for i, b in made.items()),
   "a click's bid is one for an impression, by the probability of a click",
   {b["crid"]: (b["price"], chances[i]) for i, b in made.items()})
ok(all(b["crid"] == "good" for bids in dear for b in bids) and any(dear), "and has to reach the floor",
   [b["crid"] for bids in dear for b in bids])


# --- Consent
def tcf(purposes, version=2, size=240):
    """A core string of TCF 2, by its table of bits."""
    bits = f"{version:06b}" + "0" * 146 + "".join("01"[p in purposes] for p in range(1, 25))
    bits = bits.ljust(size, "0")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return "".join(letters[int(bits[i:i + 6], 2)] for i in range(0, size, 6))


write_shop(SHOP)
s = start("consent")
all_of = tcf({1, 2, 3, 4, 7})
CASES = [
    ({}, {}, {}, True), ({"gdpr": 0}, {}, {}, True), ({"gdpr": 1}, {}, {}, False),
    ({"gdpr": 1}, {"consent": all_of}, {}, True),
    ({"ext": {"gdpr": 1}}, {"ext": {"consent": all_of}}, {}, True),
    ({"gdpr": 1}, {"consent": all_of + ".YAAAAAAAAAAA"}, {}, True),
    ({"gdpr": 1}, {"consent": tcf({2, 3, 4})}, {}, False),
    ({"gdpr": 1}, {"consent": tcf({1, 2, 3})}, {}, False),
    ({"gdpr": 1}, {"consent": tcf({1, 3, 4}, version=1)}, {}, False),
    ({"gdpr": 1}, {"consent": all_of[:28]}, {}, False),
    ({"gdpr": 1}, {"consent": all_of[:-1] + "!"}, {}, False),
    ({"gdpr": 1}, {"consent": ""}, {}, False), ({"gdpr": 1}, {"consent": 7}, {}, False),
    ({"gdpr": "1"}, {"consent": all_of}, {}, False), ({}, {"consent": tcf(())}, {}, False),
    ({"coppa": 1}, {}, {}, False), ({"ext": {"gpc": "1"}}, {}, {}, False), ({"gpc": 1}, {}, {}, False),
    ({"us_privacy": "1YNN"}, {}, {}, True), ({"us_privacy": "1---"}, {}, {}, True),
    ({"us_privacy": "1YYN"}, {}, {}, False), ({"us_privacy": "no"}, {}, {}, False),
    ({"ext": {"us_privacy": "1YYN"}}, {}, {}, False),
    ({"gpp": "DBABTA~1YNN", "gpp_sid": [6]}, {}, {}, True),
    ({"gpp": "DBABTA~1YYN", "gpp_sid": [6]}, {}, {}, False),
    ({"gpp": "DBABMA~" + all_of, "gpp_sid": [2]}, {}, {}, True),
    ({"gpp": "DBABMA~" + tcf({1}), "gpp_sid": [2]}, {}, {}, False),
    ({"gpp": "DBABLA~BVQqAAAAAgA", "gpp_sid": [7]}, {}, {}, False),
    ({"gpp": "DBABMA~" + all_of}, {}, {}, False), ({"gpp_sid": [2]}, {}, {}, False),
    ({}, {}, {"lmt": 1}, False), ({}, {}, {"dnt": 1}, False), ({}, {}, {"lmt": 0, "dnt": 0}, True),
]
for i, (regs, user, device, yes) in enumerate(CASES):
    ask(s, {"id": f"consent-{i}", "imp": [{"id": "1", "tagid": "top", "banner": {"w": 300, "h": 250}}],
            "regs": regs, "user": {"id": f"secret-{i}-id", "buyeruid": f"secret-{i}-uid", **user},
            "device": {"ua": f"secret-{i}-ua", "ip": "123.145.167.10", "geo": {"country": "DEU", "city": f"secret-{i}"},
                       **device}, "site": {"domain": "news.example"}})
same(s.stop(), 0, "TERM ends it")
kept = {r["auction_id"]: r for r in of("consent", "request")}
got = [kept[f"consent-{i}"]["consent"]["personalization"] for i in range(len(CASES))]
same(got, [c[3] for c in CASES], "consent is what all of its signals allow")
for i, case in enumerate(CASES):
    if not case[3]:
        ok(f"secret-{i}-".encode() not in content("consent.out") and
           f"secret-{i}\"".encode() not in content("consent.out") and
           {k for k in kept[f"consent-{i}"] if not k.startswith("candidate")} == {"event", "event_id", "request_id", "timestamp", "consent", "auction_id",
                                         "imp_id", "slot_id", "width", "height", "context", "k"} and
           set(kept[f"consent-{i}"]["context"]) == {"channel", "auction", "currency", "domain", "country"},
           f"without it no identifier is stored: {case[:3]}", kept[f"consent-{i}"])
same(kept["consent-3"]["user_id"], "secret-3-uid", "with it our own id is the user's")
done()
