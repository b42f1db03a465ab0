#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bp-serve takes on standard input: changes of the catalogue, events, what came of
banners elsewhere; what it does with what is wrong; and that no end of it is its own."""
import os
import pty
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import content, done, ok, records, same, until  # noqa: E402
from serving import Server, of, pack, write_shop  # noqa: E402

write_shop([
    {"event": "campaign", "campaign_id": "c", "bid_type": "cpa", "bid_micros": 1000000,
     "budget_micros": 1000000},
    {"event": "creative", "creative_id": "a", "timestamp": 1,
     "url": "https://shop.example/a", "item_ids": ["i"]},
    {"event": "creative", "creative_id": "once", "timestamp": 1, "slot_ids": ["once"],
     "cap": {"total": 1}},
    {"event": "creative", "creative_id": "paid", "timestamp": 1, "campaign_id": "c",
     "slot_ids": ["paid"], "url": "https://shop.example/paid"},
])


def open_server(name, *words, **options):
    """With a pipe to its standard input."""
    out, into = os.pipe()
    s = Server(name, "-p", "uniform", "--rejects", name + ".rejects", *words, stdin=out,
               **options)
    os.close(out)
    return s, into


def eligible(s, **more):
    return sorted(b["creative_id"] for b in s.decide({"k": 9, "slot_id": "top", **more})["banners"])


# --- The catalogue
s, into = open_server("one")
same(eligible(s), ["a"], "the shop as the file has it")
os.write(into, pack({"event": "creative", "creative_id": "new", "timestamp": 5}))
ok(until(lambda: eligible(s) == ["a", "new"]), "a creative comes by the stream")
os.write(into, pack({"event": "item", "item_id": "i", "timestamp": 6, "stock": 0}))
ok(until(lambda: eligible(s) == ["new"]), "an item is sold out")
os.write(into, pack({"event": "item", "item_id": "i", "timestamp": 7, "stock": 3},
                    {"event": "creative", "creative_id": "new", "deleted": True}))
ok(until(lambda: eligible(s) == ["a"]), "it is there again, and a creative is taken away")
s.process.send_signal(1)
ok(until(lambda: "read again" in s.says()), "HUP")
os.write(into, pack({"event": "creative", "creative_id": "late"}))
ok(until(lambda: eligible(s) == ["a", "late"]), "a catalogue that was read again takes it too")

# --- Events
before = time.time_ns() // 1000
os.write(into, pack(
    {"event": "view_item", "event_id": "v1", "timestamp": 1700000000000000, "user_id": "u1",
     "items": [{"item_id": "i"}], "weight": 1, "ip": "192.0.2.1"},
    {"event": "wonder", "event_id": "w1", "timestamp": 4102444800000000, "own": {"x": [1]}},
    {"event": "outcome", "event_id": "o1", "decision_id": "x"}))
ok(until(lambda: s.count("events_total") == 1), "an event of the shop is counted")

# --- What came of banners
def once_more(user):
    return s.decide({"user_id": user, "slot_id": "once", "candidates": ["once"]})["banners"]


once = once_more("u7")[0]
os.write(into, pack({"event": "impression", "event_id": once["decision_id"] + "-impression",
                     "decision_id": once["decision_id"], "timestamp": before}))
ok(until(lambda: once_more("u7") == []),
   "an impression that somebody else was told of counts for the cap")
same(s.ask(once["impression_url"])[0], 200, "told again here")
os.write(into, pack({"event": "impression", "event_id": "x-1", "decision_id": "x",
                     "user_id": "u8", "creative_id": "once", "slot_id": "once"}))
ok(until(lambda: once_more("u8") == []),
   "so does one of a banner that was decided elsewhere")
os.write(into, pack({"event": "impression", "event_id": "x-1", "user_id": "u8", "weight": -1,
                     "creative_id": "once", "slot_id": "once"}))
ok(until(lambda: len(once_more("u8")) == 1),
   "and does no more once it is taken back")


def paid():
    return s.decide({"user_id": "u1", "slot_id": "paid", "candidates": ["paid"]})["banners"]


first = paid()[0]
same(paid(), [], "a budget of one conversion is held by one decision")
s.ask(first["click_url"])
os.write(into, pack({"event": "purchase", "event_id": "p1", "user_id": "u1",
                     "decision_id": first["decision_id"], "value_micros": 9}))
ok(until(lambda: s.count("events_total") == 2), "a purchase by the stream")

# --- Consent
os.write(into, pack(
    {"event": "search", "event_id": "s1", "user_id": "nobody-u", "query": "nobody-q",
     "consent": {"personalization": False}},
    {"event": "click", "event_id": "x-2", "decision_id": "y", "user_id": "nobody-u",
     "creative_id": "a", "session_id": "nobody-s", "consent": {"personalization": False}}))
ok(until(lambda: s.count("events_total") == 3), "events without consent")

# --- What is wrong
bad = [{"event": "request", "request_id": "r"}, {"event": "decision", "decision_id": "d"},
       {"event": "creative", "creative_id": []},
       {"event": "login", "timestamp": "yesterday"}, {"event": "login", "weight": "x"}]
os.write(into, b"".join(pack(row) for row in bad))
os.write(into, b"\x81\xa1a\xdb\x00\x10\x00\x00" + b"x" * (1 << 20))
os.write(into, pack({"event": "login", "event_id": "last"}))
ok(until(lambda: s.count("events_total") == 4), "the stream goes on after what is wrong")
os.write(into, b"\xc1")
ok(until(lambda: "no more is read" in s.says()), "what is no stream is given up")
ok(len(eligible(s)) == 2, "and the server goes on")
os.close(into)
same(s.stop(), 1, "TERM ends it, with the status of rejects")

got = records(s.out())
times = [r["timestamp"] for r in got]
same(times, sorted(times), "all goes out in the order of the server's time")
by_id = {r["event_id"]: r for r in got if "event_id" in r}
view, other = by_id["v1"], by_id["w1"]
ok(view["timestamp"] >= before, "which is that of the stream's records, too")
same((view["occurred_at"], view["ip"], view["items"]),
     (1700000000000000, "192.0.2.1", [{"item_id": "i"}]), "their own is kept, as are their keys")
same((other["occurred_at"], other["own"]), (4102444800000000, {"x": [1]}),
     "of kinds that nobody knows, and of the future, too")
ok("occurred_at" not in by_id["o1"], "where there is one")
same([(r["user_id"], r["creative_id"]) for r in of("one", "impression")
      if r.get("decision_id") == once["decision_id"]], [("u7", "once")],
     "an impression counts once, and has what is known of its decision")
same(by_id["p1"]["value_micros"], 9, "a purchase")
ok(not any(word in content("one.out") for word in (b"nobody-u", b"nobody-q", b"nobody-s")),
   "who did not consent is nobody")
reasons = list({r["line"]: r["reason"] for r in records(content("one.rejects"))}.values())
same(len(reasons), 7, "rejects are kept", reasons)
for n, reason in enumerate(["requests come over HTTP", "requests come over HTTP", "creative",
                            "timestamp", "weight", "more than 1 MiB", "neither a map"]):
    ok(reason in reasons[n], f"with the reason: {reason}", reasons[n])
ok("standard input" in s.says(), "and where it came from", s.says())

# --- Another run goes on with the catalogue
SHOP = content("shop.json")
with open("colour.spec", "w") as f:
    f.write("colour = field colour\n")
write_shop([{"event": "creative", "creative_id": id, "colour": "red"} for id in ("a", "b")])
words = ("--state", "state", "-s", "colour.spec")
s, into = open_server("before", *words)
eligible(s)
os.write(into, pack({"event": "creative", "creative_id": "b", "paused": True},
                    {"event": "creative", "creative_id": "new"}))
ok(until(lambda: eligible(s) == ["a", "new"]), "the stream changes what the file says")
os.close(into)
same(s.stop(), 0, "TERM saves it")
s, into = open_server("same", *words)
same(eligible(s), ["a", "new"], "and it holds in the next run")
os.close(into)
same(s.stop(), 0, "TERM saves it again")
write_shop([{"event": "creative", "creative_id": id, "colour": "blue"} for id in ("a", "c")])
s, into = open_server("edited", *words)
same(eligible(s), ["a", "c", "new"], "another file counts, and the stream beside it")
os.close(into)
same(s.stop(), 0, "TERM ends it")
s, into = open_server("fresh", *words[2:])
eligible(s)
os.close(into)
same(s.stop(), 0, "TERM ends it")
seen = {name: {str(r["features"]) for r in of(name, "decision") if r["creative_id"] == "a"}
        for name in ("before", "same", "edited", "fresh")}
ok(len(seen["fresh"]) == 1 and
   seen["edited"] == seen["fresh"] != seen["same"] == seen["before"],
   "features are of the creatives of the file that counts", seen)
with open("shop.json", "wb") as f:
    f.write(SHOP)

# --- Without a stream, and when it ends
for name, options in [("null", {"stdin": subprocess.DEVNULL}),
                      ("closed", {"preexec_fn": lambda: os.close(0)}),
                      ("terminal", {"stdin": pty.openpty()[1]})]:
    s = Server(name, "-p", "uniform", **options)
    same(eligible(s), ["a"], f"standard input is {name}: it serves")
    same(s.stop(), 0, "and ends when it is told to")
s, into = open_server("ended")
os.write(into, pack({"event": "login", "event_id": "e1"}))
os.close(into)
ok(until(lambda: s.count("events_total") == 1), "the stream has ended")
same(eligible(s), ["a"], "and the server goes on")
same(s.stop(), 0, "until TERM")
s, into = open_server("cut")
os.write(into, pack({"event": "login", "event_id": "e1"})[:-1])
os.close(into)
ok(until(lambda: "cut off" in s.says()), "a stream that is cut off is said")
same((eligible(s), s.stop()), (["a"], 1), "and ends nothing")
s = Server("folder", "-p", "uniform", stdin=os.open(".", os.O_RDONLY))
same((s.wait(), "it is a directory" in s.says()), (111, True), "a directory is no stream")
subprocess.run(["zstd", "-q", "-o", "login.zst"], input=pack({"event": "login"}), check=True)
s = Server("zstd", "-p", "uniform", stdin=os.open("login.zst", os.O_RDONLY))
ok(until(lambda: s.count("events_total") == 1), "zstd is read as everywhere")
same(s.stop(), 0, "TERM ends it")

# --- A stop: what was read is taken
s, into = open_server("many", "--memory", "96M")
data = pack(*({"event": "login", "event_id": f"e{i}"} for i in range(20000)))
os.set_blocking(into, False)
sent = 0
while sent < len(data):
    try:
        sent += os.write(into, data[sent:sent + 65536])
    except BlockingIOError:
        time.sleep(0.001)
ok(until(lambda: s.count("events_total") == 20000), "many records are all taken")
same(s.stop(), 0, "TERM ends it")
same([r["event_id"] for r in of("many", "login")], [f"e{i}" for i in range(20000)],
     "and written in their order")
done()
