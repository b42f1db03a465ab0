#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bp-serve tells of who asks, so that bp-givt can follow it: nothing unless it is asked
for; of who does not consent never more than his network; and no address but of the proxies
that are said to be there. What is fetched ahead of time counts when somebody acts on it."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import content, done, ok, records, same  # noqa: E402
from serving import Server, write_shop  # noqa: E402

write_shop([{"event": "creative", "creative_id": "a", "timestamp": 1, "slot_ids": ["top"],
             "url": "https://shop.example/a", "cap": {"total": 1}}])
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " \
         "Chrome/126.0.0.0 Safari/537.36"
BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
NO = {"personalization": False}
KEYS = ["user_agent", "ip", "sec_purpose"]


def visit(s, user, consent=None, body=None, **headers):
    """Asks, sees, clicks, buys."""
    ask = {"user_id": user, "slot_id": "top", **(body or {}),
           **({"consent": consent} if consent else {})}
    for b in s.decide(ask, **headers)["banners"]:
        s.ask(b["impression_url"], **headers)
        s.ask(b["click_url"], **headers)
    s.ask("/v1/events", {"event": "view_item", **ask}, **headers)


def told(s, name):
    """What the records of each kind say of it; the server ends."""
    s.stop()
    return {r["event"]: [r.get(k) for k in KEYS] for r in records(content(name + ".out"))}


def all_of(value):
    return {k: value for k in ["request", "decision", "impression", "click", "view_item"]}


# --- Levels
HEADERS = {"User_Agent": CHROME, "X_Forwarded_For": "192.0.2.77"}
for level, who, nobody in [
        ("nothing", [None, None, None], [None, None, None]),
        ("agent", [CHROME, None, None], [CHROME, None, None]),
        ("network", [CHROME, "192.0.2.0", None], [CHROME, "192.0.2.0", None]),
        ("address", [CHROME, "192.0.2.77", None], [CHROME, "192.0.2.0", None])]:
    for consent, wanted in [({"personalization": True}, who), (NO, nobody)]:
        name = level + str(consent["personalization"])
        s = Server(name, "-p", "uniform", "--client", level, "--proxies", "1")
        visit(s, "u", consent, **HEADERS)
        same(told(s, name), all_of(wanted), f"{level}, {consent}")
s = Server("preset", "-p", "uniform", "--proxies", "1")
visit(s, "u", Sec_Purpose="prefetch", **HEADERS)
got = told(s, "preset")
same(got["request"], [None, None, "prefetch"], "without the option only what says nothing of him")

# --- Addresses
for proxies, header, wanted, name in [
        (0, "198.51.100.1", "127.0.0.1", "without proxies nobody is believed"),
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9", "what the client wrote before is not"),
        (2, "198.51.100.1, 203.0.113.9, 192.0.2.1", "203.0.113.9", "two hops"),
        (2, "198.51.100.1", "127.0.0.1", "a hop too few: it came past a proxy"),
        (1, "198.51.100.1, nonsense", "127.0.0.1", "what is no address is none"),
        (1, "1" * 300, "127.0.0.1", "nor is what is long"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6", "six"),
        (1, "::ffff:192.0.2.9", "192.0.2.9", "four in six"),
        (1, None, "127.0.0.1", "no header at all")]:
    s = Server("hop", "-p", "uniform", "--client", "address", "--proxies", str(proxies))
    visit(s, "u", **({"X_Forwarded_For": header} if header else {}))
    same(told(s, "hop")["click"][1], wanted, name)
s = Server("six", "-p", "uniform", "--client", "address", "--proxies", "1")
visit(s, "u", NO, X_Forwarded_For="2001:db8:1:2:3:4:5:6")
same(told(s, "six")["decision"][1], "2001:db8:1::", "the network of an IPv6 address")
same(subprocess.run(["bp-serve", "--proxies", "17"], stderr=subprocess.DEVNULL).returncode, 100,
     "no more than 16 proxies")

# --- Agents
s = Server("agent", "-p", "uniform", "--client", "agent")
visit(s, "u", User_Agent="x" * 3000)
visit(s, "w", User_Agent="caf\xe9")
visit(s, "v")
visit(s, "t", body={"user_agent": BOT, "sec_purpose": "prefetch"}, User_Agent="shop/1.0")
s.stop()
agents = {r["user_id"]: r for r in records(content("agent.out")) if r["event"] == "request"}
same(len(agents["u"]["user_agent"]), 512, "a long agent is cut off")
same(agents["w"]["user_agent"], "caf", "what is no text ends it")
same(agents["v"]["user_agent"], "", "who says nothing has an empty one")
same([agents["t"].get(k) for k in KEYS], [BOT, None, None],
     "a shop that asks for its visitors says whose it is")

# --- Ahead of time
s = Server("ahead", "-p", "uniform", "--client", "agent")
early = s.decide({"user_id": "u", "slot_id": "top"}, Sec_Purpose="prefetch;prerender")["banners"][0]
AHEAD = {"Sec_Purpose": "prefetch;prerender", "User_Agent": CHROME}
same(s.ask(early["impression_url"], **AHEAD)[0], 200, "a page that is made ahead gets its pixel")
same([s.count("impressions_total"), s.count("ahead_total")], [0, 1], "which counts for nothing")
same(s.ask(early["click_url"], **AHEAD)[0], 503, "a link that is followed ahead is not")
same(s.count("clicks_total"), 0, "nor counted")
same(len(s.decide({"user_id": "u", "slot_id": "top"})["banners"]), 1, "no cap is filled")
same(s.ask(early["click_url"], User_Agent=CHROME)[0], 302, "who clicks goes on")
same([s.count("impressions_total"), s.count("clicks_total")], [1, 1], "and has seen it")
same(s.decide({"user_id": "u", "slot_id": "top"})["banners"], [], "which fills the cap")
same(s.ask(early["impression_url"], User_Agent=CHROME)[0], 200, "the page is looked at")
same(s.count("impressions_total"), 1, "it counts once")
other = s.decide({"user_id": "w", "slot_id": "top"})["banners"][0]
s.ask(other["impression_url"], Purpose="prefetch")
s.ask(other["impression_url"])
same(s.count("impressions_total"), 2, "what is seen later counts then")
s.stop()
order = [r["event"] for r in records(content("ahead.out")) if r["event"] in ("impression", "click")]
same(order, ["impression", "click", "impression"], "in the order in which it happened")

# --- What bp-givt makes of it
s = Server("givt", "-p", "uniform", "--client", "network")
visit(s, "robot", User_Agent=BOT)
visit(s, "person", User_Agent=CHROME)
visit(s, "early", User_Agent=CHROME, Purpose="prefetch")
visit(s, "shy", NO, User_Agent=BOT)
s.stop()
marked = subprocess.run("bp-givt <givt.out | bp-print --format json", shell=True, text=True,
                        stdout=subprocess.PIPE, check=True).stdout
flags = {}
for r in map(json.loads, marked.splitlines()):
    if r.get("event") not in ("request", "click"):
        continue
    flags.setdefault(r.get("user_id"), set()).update(r.get("fraud", {}).get("flags", ["none"]))
same(flags, {"robot": {"robot"}, "person": {"none"}, "early": {"prefetch"}, None: {"robot"}},
     "bp-givt knows robots and prefetches, also of those that do not consent")
ok(b"shy" not in content("givt.out"), "and not who they are")
done()
