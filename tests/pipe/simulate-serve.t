#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-simulate before a bp-serve: what the server says it was asked and told is what the
shop did; broken connections and other servers; and a policy that learns in the loop."""
import http.server
import json
import os
import re
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import CHANCE, Program, content, done, ok, records, same, until  # noqa: E402
from serving import Server, of  # noqa: E402

with open("three.csv", "w") as f:
    f.write("creative_id,campaign_id,rate\nbad,c,0.02\npoor,c,0.04\ngood,c,0.3\n")
with open("key", "w") as f:
    f.write("0123456789abcdef\n")
SHOP = ("--rates", "three.csv", "--rate", "600", "--visitors", "200", "--seed",
        str(CHANCE.randrange(1 << 31)))
with open("shop.bp", "wb") as f:
    subprocess.run(("bp-simulate", "--catalogue") + SHOP, stdout=f, check=True)
with open("shop.json", "w") as f:
    f.writelines(json.dumps(r) + "\n" for r in records(content("shop.bp")))


def simulate(name, port, *words):
    return Program(name, "bp-simulate", "--serve", f"http://127.0.0.1:{port}", *SHOP, *words)


def metrics(name, window="total", group=None):
    return [r for r in of(name, "metric")
            if r["dims"]["window"] == window and r["dims"].get("group") == group]


# --- What the server writes is what has happened
s = Server("serve", "-p", "uniform")
p = simulate("shop", s.port, "--truth", "truth", "--conversion", "0.5", "--attack",
             "crawler:0.05,scraper:0.02,prefetch:0.05,farm:0.05,device_farm:0.02,slow:0.02,"
             "rotation:0.02,stuffing:0.02,spraying:0.02,takeover:0.02,stolen_card:0.02,friendly:0.1")
same(p.wait(), 0, "the shop closes after its last day", p.says())
same(p.says(), "", "and has nothing to complain of")
same(s.stop(), 0, "TERM ends the server")
told = {r["decision_id"]: r for r in records(content("truth")) if r["of"] == "impression"}
seen = {r["decision_id"]: r for r in of("serve", "impression")}
ok(len(told) > 3000, "banners were shown", len(told))
same(set(seen), set(told), "each was seen by the server too")
ok(all(seen[d][k] == told[d][k] for d in told for k in ("creative_id", "position")),
   "as the same banner, at the same position")
clicks = {r["decision_id"] for r in of("serve", "click")}
clicked = {d for d in told if told[d]["clicked"]}
ok(clicks <= clicked and len(clicks) >= len(clicked) - 5,
   "and clicked, but for what the end cut off", len(clicks), len(clicked))
total = metrics("shop")[0]
humans = [r for r in told.values() if r["visitor"] == "human"]
same(total["impressions"], len(humans), "what was earned is of humans")
same(total["clicks"], sum(r["clicked"] for r in humans), "of all their clicks")
ok(total["ctr_low"] < total["ctr"] < total["ctr_high"], "with an interval")
ok(0 < total["latency_p50_us"] <= total["latency_p99_us"] and total["wall_us"] > 0,
   "and with how fast the server was")
same({r["event"] for r in records(p.out())}, {"chargeback", "metric"},
     "but for what a bank says no other record leaves")
anonymous = [r for r in of("serve", "request") if "user_id" not in r]
ok(anonymous and all(r["consent"] == {"personalization": False} for r in anonymous),
   "who has not consented is sent so")
orders = [r for r in of("serve", "purchase") if "decision_id" in r]
ok(len(orders) > 20 and all(r["decision_id"] in clicks for r in orders),
   "orders name the banner that led to them", len(orders))

# --- A control group
s = Server("uniform", "-p", "uniform")
p = simulate("groups", s.port, "--control", "0.4", "--truth", "truth", "--report", "6h")
same(p.wait(), 0, "a shop with a control group closes", p.says())
s.stop()
shown = {r["decision_id"] for r in of("uniform", "decision")}
policy, control = metrics("groups", group="policy")[0], metrics("groups", group="control")[0]
hidden = [r for r in records(content("truth"))
          if r["of"] == "impression" and r["decision_id"] not in shown]
same(len(hidden), control["impressions"], "the server hears nothing of it")
same(sum(r["impressions"] for r in metrics("groups", "part", "policy")),
     policy["impressions"], "parts add up")
same(len(metrics("groups", "part", "policy")), 4, "there are as many as --report says")

# --- A server that goes away and comes back; at a speed
s = Server("first", "-p", "uniform", "--drain", "0")
port = s.port
p = simulate("patient", port, "--speed", "20000x")
until(lambda: s.count("impressions_total") > 100)
same(s.stop(), 0, "a server may be stopped")
until(lambda: "trying again" in p.says())
s = Server("second", "-p", "uniform", "--listen", f"127.0.0.1:{port}")
same(p.wait(), 0, "the shop goes on with the next one", p.says())
s.stop()
ok(of("second", "impression"), "which sees its banners")
same(len(re.findall("trying again", p.says())), 1, "and that is said once", p.says())

# --- What is no such server
p = simulate("nobody", port, "--timeout", "300ms")
same(p.wait(), 111, "without a server it fails")
ok("does the server run, and listen there?" in p.says(), "and says what to look at", p.says())
web = http.server.ThreadingHTTPServer(
    ("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
web.RequestHandlerClass.log_message = lambda *_: None
web.handle_error = lambda *_: None
web.RequestHandlerClass.do_POST = lambda self: self.send_error(404)
threading.Thread(target=web.serve_forever, daemon=True).start()
p = simulate("web", web.server_port)
same(p.wait(), 111, "before another web server it fails")
ok("404" in p.says() and "is that bp-serve" in p.says(), "and says so", p.says())
web.shutdown()
with open("shop.json", "w") as f:
    f.write('{"event": "creative", "creative_id": "other", "timestamp": 1}\n')
s = Server("other", "-p", "uniform")
p = simulate("strange", s.port)
same(p.wait(), 0, "a server without its banners leaves pages empty")
ok("--catalogue" in p.says(), "and it is said what it needs", p.says())
same(metrics("strange")[0]["impressions"], 0, "nothing is shown")
before = s.count("events_total")
p = simulate("stopped", s.port, "--speed", "1000x")
ok(until(lambda: s.count("events_total") > before), "visitors come")
same(p.stop(), 0, "TERM ends the shop")
same(len(metrics("stopped")), 1, "and it says what was earned so far")
s.stop()

# --- A policy that learns. All three banners are on each page, so what can be learned is
# where each should stand. Some 7000 impressions and 700 clicks a day: where the good one
# stands is known within the first, and by chance the share of a day is 0 +- 0.03.
with open("shop.json", "w") as f:
    f.writelines(json.dumps(r) + "\n" for r in records(content("shop.bp")))
with open("spec", "w") as f:
    f.write("creative = field creative_id\nposition = field position\n")
os.mkfifo("feed")
learner = Program("learner", "sh", "-c", "bp-join --click-window 300ms --view-window 300ms"
                  " feed | bp-learn --model model --live near")
feed = os.open("feed", os.O_WRONLY)
until(lambda: subprocess.run(["bp-model", "show", "near"], capture_output=True)
      .returncode == 0)
s = Server("loop", "-m", "near", "-s", "spec", "--tick", "10ms", stdout=feed)
os.close(feed)
p = simulate("learning", s.port, "--days", "4", "--attack", "crawler:0.02", "--fatigue", "0",
             "--taste", "0", "--speed", "60000x")
same(p.wait(), 0, "a shop in a loop closes", p.says())
same(s.stop(), 0, "TERM ends the loop")
same(learner.wait(), 0, "and then the learner")
days = metrics("learning", "day")
ok(len(days) == 4 and days[3]["share"] > 0.5, "most of the way to the oracle is gone",
   [d["share"] for d in days])
done()
