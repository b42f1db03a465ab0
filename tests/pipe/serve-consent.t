#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Who does not consent is nobody to bp-serve: no word of his is anywhere that it writes. And
who takes consent back is forgotten at once: in features, in what comes of banners that were
shown before, in snapshots."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import content, done, ok, records, same, until  # noqa: E402
from serving import Server, of, pack, write_shop  # noqa: E402

NO = {"personalization": False}
write_shop([
    {"event": "creative", "creative_id": "a", "timestamp": 1, "item_ids": ["i"],
     "url": "https://shop.example/a"},
    {"event": "creative", "creative_id": "once", "timestamp": 1, "cap": {"total": 1},
     "slot_ids": ["once"]}])
with open("history.spec", "w") as f:
    f.write("views = count view_item by user_id in 24h as number\n"
            "again = count view_item by user_id,items.item_id in 24h as number\n"
            "own = count view_item by session_id in 24h as number\n"
            "other = count view_item by anonymous_id in 24h as number\n")


def everything(s):
    """All bytes that the server has written anywhere."""
    found = {}
    for folder, _, names in os.walk("."):
        for name in names:
            if name not in ("shop.json", "key", "history.spec"):
                found[os.path.join(folder, name)] = content(os.path.join(folder, name))
    for name, data in list(found.items()):
        unpacked = subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL).stdout
        found[name + " unpacked"] = unpacked
    return found


def where(word, found):
    return [name for name, data in found.items() if word.encode() in data]


out, into = os.pipe()
s = Server("one", "-p", "uniform", "-s", "history.spec", "--state", "state", "--stats", "stats",
           "--rejects", "rejects", stdin=out)
os.close(out)

# --- Without consent
SECRETS = ["nobody-user", "nobody-anonymous", "nobody-session", "nobody-mail", "nobody-words",
           "nobody-address"]
him = dict(zip(["user_id", "anonymous_id", "session_id", "email", "query", "ip"], SECRETS))
for more, headers in [({"consent": NO}, {}), ({}, {"Sec_GPC": "1"}),
                      ({"consent": {"personalization": True}}, {"Sec_GPC": "1"}),
                      ({"consent": "yes"}, {}), ({"consent": {"ads": True}}, {})]:
    for _ in range(3):
        got = s.decide({**him, **more, "slot_id": "top", "context": {"page": "home"}}, **headers)
        same(got["personalized"], False, f"not personalized: {more} {headers}")
        s.ask(got["banners"][0]["impression_url"])
        s.ask(got["banners"][0]["click_url"])
        s.ask("/v1/events", {"event": "view_item", **him, **more, "items": [{"item_id": "i"}]},
              **headers)
        once = s.decide({**him, **more, "slot_id": "once", "candidates": ["once"]}, **headers)
        same(len(once["banners"]), 1, "who is nobody has no cap")
        s.ask(once["banners"][0]["impression_url"])
status, _ = s.ask("/v1/decide?user_id=nobody-user&session_id=nobody-session&consent=0&slot_id=top")
same(status, 200, "by a query, too")
before = s.count("events_total")
os.write(into, pack(
    {"event": "view_item", "event_id": "v", **him, "consent": NO},
    {"event": "impression", "event_id": "m", "decision_id": "d", **him, "consent": NO},
    {"event": "outcome", "event_id": "o", "rewards": {"click": True}, **him, "consent": NO}))
ok(until(lambda: s.count("events_total") == before + 1), "and by the stream")
# Of one slot, and of all events of a list.
got = s.decide({"user_id": "guest", "slots": [
    {**him, "slot_id": "denied", "consent": NO}, {"slot_id": "allowed", "consent": {"personalization": True}}]})
same(got["personalized"], False, "one slot is not personalized")
s.ask("/v1/events", {"consent": NO, "events": [{"event": "login", "event_id": "list", **him}]})
# A slot names somebody else than the whole.
for user in ("host", "parted"):
    s.ask("/v1/events", {"event": "login", "user_id": user})
s.decide({"user_id": "host", "slots": [{"slot_id": "top", "user_id": "parted", "consent": NO}]})
same(s.count("forgotten_total"), 1, "who denies in a slot is forgotten, and nobody else")
told = s.ask("/metrics")[1]
ok(b"nobody-" not in told, "the metrics know nobody")

# --- Somebody
HER = {"user_id": "somebody-user", "session_id": "somebody-session",
       "anonymous_id": "somebody-anonymous"}


def history(person, **headers):
    """What a decision has of somebody's history: whether there is any."""
    got = s.decide({**person, "slot_id": "ask", "items": [{"item_id": "i"}]}, **headers)
    return got["banners"][0]


for _ in range(3):
    s.ask("/v1/events", {"event": "view_item", **HER, "items": [{"item_id": "i"}]})
known = history(HER)
shown = [s.decide({**HER, "slot_id": "top"})["banners"][0] for _ in range(4)]
s.ask(shown[0]["impression_url"])

# --- She takes it back
same(s.ask("/v1/events", {"event": "user", **HER, "consent": NO}),
     (200, b'{"refused":[],"taken":1}'), "consent is taken back")
same(s.ask("/v1/events", {"event": "user", "consent": NO})[0], 400, "by whom has to be said")
same(s.ask("/v1/events", {"event": "user", **HER})[0], 400,
     "a user is none of a shop's events otherwise")
unknown = history(HER)
for banner in shown:
    s.ask(banner["impression_url"])
    s.ask(banner["click_url"])
s.ask("/v1/events", {"event": "view_item", **HER, "items": [{"item_id": "i"}]})
again = history(HER)

# By what she asks, by a header, and by the stream: once each.
for person in ("asks", "header", "stream"):
    s.ask("/v1/events", {"event": "view_item", "user_id": f"who-{person}"})
s.decide({"user_id": "who-asks", "consent": NO})
s.decide({"user_id": "who-asks", "consent": NO})
s.ask("/v1/events", {"event": "login", "user_id": "who-header"}, Sec_GPC="1")
os.write(into, pack({"event": "user", "event_id": "u-stream", "user_id": "who-stream",
                     "consent": NO}))
ok(until(lambda: s.count("forgotten_total") == 5), "it is counted")
gone = {person: history({"user_id": f"who-{person}"}) for person in ("asks", "header", "stream")}

# She came back, and leaves again.
s.ask("/v1/events", {"event": "user", **HER, "consent": NO})
# Nothing of those whose banners are still to be answered is left in the snapshot.
last = s.decide({"user_id": "leaving-user", "slot_id": "top"})["banners"][0]
same(s.ask("/v1/events", {"event": "user", "user_id": "leaving-user", "consent": NO})[0], 200,
     "somebody leaves")
same(s.stop(), 0, "TERM ends it")

found = everything(s)
ok("./one.out" in found and any("state" in name for name in found), "it has written", list(found))
for word in SECRETS:
    same(where(word, found), [], f"no {word} anywhere")
same({name.split("/")[1].split(" ")[0] for name in where("somebody-user", found)}, {"one.out"},
     "who consented is in the records, and not in the snapshot")
same(where("leaving-user", {n: d for n, d in found.items() if "one.out" not in n}), [],
     "nor is who has left last")

got = records(s.out())
by_id = {r["event_id"]: r for r in got if "event_id" in r}
features = {r["decision_id"]: r.get("feature_values") for r in got if r["event"] == "decision"}
ok(features[known["decision_id"]] is not None, "there was a history")
same(features[unknown["decision_id"]], None, "and there is none any more")
ok(features[again["decision_id"]] is not None and
   features[again["decision_id"]] != features[known["decision_id"]], "a new one begins")
same([features[b["decision_id"]] for b in gone.values()], [None] * 3, "for all ways to say it")
left = [r for r in got if r["event"] == "user"]
same([(r.get("user_id"), r["consent"]["personalization"]) for r in left],
     [("parted", False), ("somebody-user", False), ("who-asks", False), ("who-header", False), ("who-stream", False),
      ("somebody-user", False), ("leaving-user", False)], "each is told once each time")
same([r["consent"].get("gpc") for r in left], [None, None, None, True, None, None, None], "and why")
slots = {r.get("slot_id"): r for r in got if r["event"] == "request"}
ok("user_id" not in slots["denied"] and slots["denied"]["consent"] == NO, "a slot's denial is its own")
same((slots["allowed"]["user_id"], slots["allowed"]["consent"]), ("guest", {"personalization": True}),
     "as is its consent")
same(by_id["e:list"]["consent"], NO, "a list's denial is of all its events")
after = [r for r in got if r["event"] in ("impression", "click") and
         r["decision_id"] in [b["decision_id"] for b in shown]]
same([("user_id" in r or "session_id" in r or "anonymous_id" in r) for r in after],
     [True] + [False] * 7, "banners shown before say no more who it was", after)
same({r["creative_id"] for r in after}, {"a"}, "but what it was")
silent = [r for r in got if r["event"] in ("request", "decision") and "consent" in r and
          r.get("slot_id") != "allowed"]
ok(len(silent) > 30 and all(not r["consent"]["personalization"] for r in silent) and
   any(r["consent"].get("gpc") for r in silent), "decisions say that there was no consent")
done()
