#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-serve when its output is not read, when it is told to end under load, and under clients
that are too much: whatever was answered is in the output, and nothing hangs."""
import json
import os
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import done, ok, play, records, same, until  # noqa: E402
from serving import Server, of, pack, write_shop  # noqa: E402

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


def ends(connection):
    """Whether the server has closed it, whatever it has said before."""
    connection.settimeout(0.01)
    try:
        while connection.recv(4096):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True


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

# --- Nobody reads for long: events, and a stream on standard input
out, into = os.pipe()
stream_out, stream = os.pipe()
s = Server("long", "-p", "uniform", "--memory", "96M", stdin=stream_out, stdout=into)
os.close(into)
os.close(stream_out)
sent = [0]


def tell():
    data = b"".join(pack({"event": "login", "event_id": f"stream-{i}", "pad": "y" * 50000})
                    for i in range(400))
    while data:
        part = os.write(stream, data[:1 << 16])
        sent[0] += part
        data = data[part:]


teller = threading.Thread(target=tell, daemon=True)
teller.start()
body = {"event": "search", "query": "q" * 60000}
taken, refused, round_trips = [], [], []
for n in range(1500):
    began = time.monotonic()
    status, _ = s.ask("/v1/events", {**body, "event_id": str(n)})
    round_trips.append(time.monotonic() - began)
    (taken if status == 200 else refused).append(n)
    if status not in (200, 503) or len(refused) > 300:
        break
ok(len(taken) > 20 and len(refused) > 300, "events are taken, until 503 asks for them again",
   len(taken), len(refused), status)
same(s.count("lost_total"), len(refused), "it is counted")
round_trips.sort()
ok(round_trips[len(round_trips) // 2] < 0.1, "nobody waits for the reader", round_trips[-5:])
ok(all(s.decide({"k": 3}).get("shed") for _ in range(500)), "decisions are shed all the while")
same((s.ask("/readyz"), s.ask("/healthz")[0]), ((503, b"the output is full\n"), 200),
     "it lives, and is not ready")
reader = Reader(out)
again = [n for n in refused if until(
    lambda: s.ask("/v1/events", {**body, "event_id": str(n)})[0] == 200)]
ok(until(lambda: s.ask("/readyz")[0] == 200), "once it is read it is ready, without a restart")
ok(not s.decide({"k": 3}).get("shed"), "and decides")
teller.join()
ok(until(lambda: s.count("events_total") == len(taken) + len(again) + 400),
   "the stream has waited, and comes to its end")
same(s.stop(), 0, "TERM ends it")
reader.join()
wrote = records(reader.data)
same([int(r["event_id"][2:]) for r in wrote if r["event"] == "search"], taken + again,
     "each event that was taken is written once and whole, no other is")
same([r["event_id"] for r in wrote if r["event"] == "login"],
     [f"stream-{i}" for i in range(400)], "and so is the stream")

# --- Clients that are too large, too sloppy, too slow, too many
s = Server("clients", "-p", "uniform")


def status_of(data):
    return int(play(s.port, data).split(b" ")[1] or 0)


def post(body, *headers):
    return b"\r\n".join([b"POST /v1/decide HTTP/1.1", b"Host: a", b"Connection: close",
                         b"Content-Length: %d" % len(body), *headers, b"", body])


pad = b'{"context":"' + b"x" * 65522 + b'"}'
same(len(pad), 65536, "a body of 64 KiB")
same((status_of(post(pad)), status_of(post(pad + b" "))), (200, 413), "is taken, and no more")
same((status_of(post(b"{}", b"X: " + b"x" * 7900)), status_of(post(b"{}", b"X: " + b"x" * 8192))),
     (200, 431), "as a head of 8 KiB")
for name, data in [
        ("a length and chunks", post(b"{}", b"Transfer-Encoding: chunked")),
        ("two lengths", post(b"{}", b"Content-Length: 3")),
        ("a bare LF", b"GET /healthz HTTP/1.1\nHost: a\n\n"),
        ("a folded line", b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n"),
        ("a space before the colon", b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("a NUL", b"GET /healthz HTTP/1.1\r\nHost: a\0\r\n\r\n")]:
    same(status_of(data), 400, f"400: {name}")
flood = socket.create_connection(("127.0.0.1", s.port), 60)
flood.setblocking(False)
slow = socket.create_connection(("127.0.0.1", s.port), 60)
slow.sendall(b"GET /healthz HTT")
requests = post(b'{"k":1}').replace(b"Connection: close\r\n", b"") * 1000
round_trips, pushed, began = [], 0, time.monotonic()
for _ in range(200):
    try:
        while True:
            pushed += flood.send(requests[pushed % (len(requests) // 1000):])
    except BlockingIOError:
        pass
    start = time.monotonic()
    status = s.ask("/v1/decide", {"k": 1})[0]
    round_trips.append(time.monotonic() - start)
round_trips.sort()
ok(status == 200 and round_trips[100] < 0.1,
   "who floods one connection and reads no answer starves nobody", round_trips[-5:], pushed)
ended = until(lambda: ends(slow), 30)
ok(ended and time.monotonic() - began >= 4, "who is slow with a head is closed after 5 s")
flood.close()
same(s.stop(), 0, "TERM ends it")

# --- A reader that has gone
out, into = os.pipe()
s = Server("gone", "-p", "uniform", stdout=into)
os.close(into)
os.close(out)
ok(s.wait() in (0, 111), "a reader that has gone ends it", s.says())
done()
