#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-serve when its output is not read, and when it is told to end under load: whatever
was answered is in the output, and nothing hangs."""
import json
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import content, done, ok, records, same, until  # noqa: E402
from serving import Server, of, write_shop  # noqa: E402

write_shop([{"event": "creative", "creative_id": f"c{i}", "timestamp": 1,
             "url": "https://shop.example/"} for i in range(50)])


class Reader(threading.Thread):
    """Reads a pipe to its end."""

    def __init__(self, fd):
        super().__init__(daemon=True)
        self.fd, self.data = fd, b""
        self.start()

    def run(self):
        parts = []
        while part := os.read(self.fd, 1 << 20):
            parts.append(part)
        self.data = b"".join(parts)


# --- Nobody reads
out, into = os.pipe()
s = Server("full", "-p", "uniform", "--memory", "96M", "--fallback", "c7", stdout=into)
os.close(into)
wide = {"slot_id": "top", "k": 16, "context": {str(i): "x" * 1000 for i in range(30)}}
answered, shed = [], None
for _ in range(200):
    got = s.decide(wide)
    if got.get("shed"):
        shed = got
        break
    answered += [b["decision_id"] for b in got["banners"]]
ok(shed is not None, "who does not read lets it shed", len(answered))
same([(b["creative_id"], b["click_url"]) for b in shed["banners"]],
     [("c7", "https://shop.example/")], "with the fallback, which tells nobody")
same(shed["personalized"], False, "for everybody the same")
same(s.ask("/readyz")[0], 503, "it is not ready")
same(s.ask("/v1/events", {"event": "login", "user_id": "last"})[0], 200,
     "what came of banners is still taken")
same((s.count("shed_total"), s.count("lost_total")), (1, 0), "it is counted")
reader = Reader(out)
ok(until(lambda: not s.decide({}).get("shed")), "once it is read it decides again")
same(s.stop(), 0, "TERM ends it")
reader.join()
wrote = records(reader.data)
same({r["decision_id"] for r in wrote if r["event"] == "decision"} >= set(answered), True,
     "all that was answered is written", len(answered))
same([r["user_id"] for r in wrote if r["event"] == "login"], ["last"], "in its place")

# --- TERM, again and again
lost, total = [], 0
for n in range(3):
    s = Server(f"term{n}", "-p", "uniform")
    told = []

    def hammer():
        import http.client
        try:
            while True:
                c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=60)
                for _ in range(1000):
                    c.request("POST", "/v1/decide", b'{"k":3}')
                    answer = json.loads(c.getresponse().read())
                    told.extend(b["decision_id"] for b in answer["banners"])
        except (OSError, http.client.HTTPException):
            pass  # it has gone

    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for t in threads:
        t.start()
    until(lambda: len(told) > 500 * (n + 1))
    same(s.stop(signal.SIGTERM), 0, f"TERM under load, {n}")
    for t in threads:
        t.join()
    written = {d["decision_id"] for d in of(f"term{n}", "decision")}
    lost += [d for d in told if d not in written]
    total += len(told)
same((lost[:5], total > 1500), ([], True), "no decision that was answered is lost", total)

# --- A reader that has gone
out, into = os.pipe()
s = Server("gone", "-p", "uniform", stdout=into)
os.close(into)
os.close(out)
ok(s.wait() in (0, 111), "a reader that has gone ends it", s.says())
done()
