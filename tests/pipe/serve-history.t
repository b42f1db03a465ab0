#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The history of users in bp-serve: as much as --memory allows and no more, and those who
were here longest ago are forgotten first. USERS=1000000 VISITS=10 MEMORY=400 is the bench."""
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sockets  # noqa: E402
from sockets import CHANCE, Program, content, done, ok, same, until  # noqa: E402
from serving import Server, of, write_shop  # noqa: E402

SANITIZED = "address" in sockets.BUILD
USERS, VISITS, MEMORY = (int(os.environ.get(name, preset)) for name, preset in
                         (("USERS", 150000), ("VISITS", 3), ("MEMORY", 64)))
SPEC = """seen = last 3 items.item_id of view_item by user_id
since = since view_item by user_id
views = count view_item by user_id fading 24h as number
"""
write_shop([{"event": "creative", "creative_id": "a", "timestamp": 1}])
with open("history.spec", "w") as f:
    f.write(SPEC)


def text(s):
    return bytes([0xa0 + len(s)]) + s.encode()


def view(user, item):
    return (b"\x84" + text("event") + text("view_item") + text("event_id") +
            text(f"v{user}-{item}") + text("user_id") + text(f"u{user}") + text("items") +
            b"\x91\x81" + text("item_id") + text(f"i{item % 1000}"))


def visit(into, first, end):
    """Users come one after another, again and again."""
    for n in range(VISITS):
        for begin in range(first, end, 10000):
            data = b"".join(view(user, user + n) for user in range(begin, min(end, begin + 10000)))
            while data:
                data = data[os.write(into, data):]


def ask(part, users):
    for user in users:
        s.decide({"user_id": f"u{user}", "slot_id": part})


def known(part):
    """The share of those asked of whom something was known."""
    found = ["feature_values" in r for r in decided if r["slot_id"] == part]
    return sum(found) / len(found)


filter_out, filter_in = os.pipe()
chosen = Program("decided", "bp-select", "event == 'decision'", stdin=filter_out)
out, into = os.pipe()
s = Server("history", "-p", "uniform", "-s", "history.spec", "--memory", f"{MEMORY}M",
           "--stats", "stats", stdin=out, stdout=filter_in)
for fd in (out, filter_out, filter_in):
    os.close(fd)
began = time.monotonic()
visit(into, 0, USERS)
ok(until(lambda: s.count("events_total") == USERS * VISITS, 600), "all visits are counted")
took = time.monotonic() - began
ask("first", range(0, min(1000, USERS // 10)))
ask("any", (CHANCE.randrange(USERS) for _ in range(1000)))
ask("last", range(USERS - min(1000, USERS // 10), USERS))
peak = s.peak_kib() / 1024
ok(peak <= MEMORY or SANITIZED, "the memory is not exceeded", peak)
same(s.stop(), 0, "TERM ends it")
same(chosen.wait(), 0, "and its reader")
decided = of("decided", "decision")
stats = content("stats").decode()
users, evicted = (int(re.search(rf"^bannerpipe_{name}\S* (\d+)$", stats, re.M)[1])
                  for name in ("users", "evicted_counters"))
first, some, last = known("first"), known("any"), known("last")
print(f"# {USERS} users, {VISITS} visits each, --memory {MEMORY}M: {peak:.0f} MiB at most; "
      f"{100 * some:.1f} % known; {USERS * VISITS / took / 1000:.0f} thousand visits a second")
if "USERS" in os.environ:
    ok(some > 0.99, "nearly all of them are known", first, some, last)
else:
    ok(evicted > 0 and users < USERS, "there is not room for all", users, evicted)
    ok(last > 0.99 and first < 0.02 < some < 0.98, "who was here last is known, and who was "
       "here longest ago is not", first, some, last)
done()
