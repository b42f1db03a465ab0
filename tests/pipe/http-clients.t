#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The HTTP server as a process: real clients, ten thousand connections, several processes
at one port, and its end under load."""
import http.client
import os
import resource
import signal
import socket
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sockets
from sockets import Program, ok, play, same

GET = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
SANITIZED = "address" in sockets.BUILD


class Server(Program):
    def __init__(self, name, *words, address="127.0.0.1:0"):
        super().__init__(name, "http_hello", address, *words)
        sockets.until(lambda: self.out().endswith(b"\n")
                      or self.process.poll() is not None)
        self.address = self.out().decode().split()[-1]
        self.port = int(self.address.rsplit(":", 1)[1]) if "unix:" not in self.address \
            else 0

    def resident_kib(self):
        with open(f"/proc/{self.process.pid}/statm") as f:
            return int(f.read().split()[1]) * resource.getpagesize() // 1024


def counters(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#"]
    return {k.removeprefix("bannerpipe_http_"): float(v) for k, v in lines}


def a_library():
    """Python's own client agrees about all forms of answers."""
    server = Server("library", "origin")
    c = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    c.request("POST", "/echo?a=b%20c&d", b"one two", {"User-Agent": "a library"})
    r = c.getresponse()
    same(r.read().decode().split("\n"),
         ["method: POST", "path: /echo", "name: a", "value: b c", "name: d", "value: ",
          "agent: a library", "client: 127.0.0.1", "body: one two", ""], "a POST")
    c.request("POST", "/echo", iter([b"x" * 1000, b"y" * 3000]), encode_chunked=True,
              headers={"Transfer-Encoding": "chunked"})
    ok(b"body: " + b"x" * 1000 + b"y" * 3000 in c.getresponse().read(), "chunks")
    c.request("HEAD", "/big?n=1000")
    r = c.getresponse()
    same((r.read(), r.getheader("Content-Length")), (b"", "1000"), "HEAD")
    c.request("OPTIONS", "/hello", headers={"Origin": "https://shop.example",
                                            "Access-Control-Request-Method": "POST"})
    r = c.getresponse()
    same((r.status, r.read(), r.getheader("Access-Control-Allow-Origin")),
         (204, b"", "https://shop.example"), "a preflight")
    c.request("GET", "/nowhere")
    r = c.getresponse()
    same((r.status, r.read()), (404, b""), "404")
    c.request("GET", "/big?n=262144")
    same(len(c.getresponse().read()), 262144, "an answer of 256 KiB")
    c.close()
    found = counters(server.port)
    same((found['answers_total{status="2xx"}'], found['answers_total{status="4xx"}'],
          found["connections_total"], found["malformed_total"]), (5, 1, 2, 0),
         "the metrics tell it", found)
    same(found['handling_seconds_count{route="echo"}'], 2, "by route too")
    same(server.stop(), 0, "TERM ends it", server.says())


def a_unix_socket():
    server = Server("local", address="unix:here")
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("here")
        s.sendall(GET + GET)
        s.shutdown(socket.SHUT_WR)
        answers = b""
        while more := s.recv(65536):
            answers += more
    same(answers.count(b"\r\n\r\nhello"), 2, "a unix socket, half closed")
    same((server.stop(), os.path.exists("here")), (0, False), "its file goes with it")


def in_pieces():
    """The kernel cuts what random writes bring: the answers are the same."""
    server = Server("pieces")
    text = (GET + b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\nhello\r\n0\r\n\r\n" + b"POST /echo HTTP/1.1\r\nHost: a\r\n"
            b"Content-Length: 3\r\n\r\nabc") * 20 + b"nonsense\r\n\r\n"

    def plain(answers):
        return b"\n".join(line for line in answers.split(b"\n") if b"Date:" not in line)

    whole = plain(play(server.port, text))
    same((whole.count(b" 200 OK"), whole.count(b" 400 ")), (60, 1), "pipelined")
    for _ in range(5):
        answers = b""
        with socket.create_connection(("127.0.0.1", server.port), 10) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            at = 0
            while at < len(text):
                step = sockets.CHANCE.choice([1, 2, 7, 40, 300])
                s.sendall(text[at:at + step])
                at += step
            while more := s.recv(65536):
                answers += more
        same(plain(answers), whole, "in pieces")
    server.stop()


def many():
    """Ten thousand connections, each in the middle of a request."""
    wanted = 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n = min(wanted, hard - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, hard))
    server = Server("many", "connections=10001", "per_peer=20000")
    before = server.resident_kib()
    peers = []
    for _ in range(n):
        s = socket.create_connection(("127.0.0.1", server.port), 10)
        s.sendall(GET[:20])
        peers.append(s)
    # All of them have been read when the last one answers.
    found = sockets.until(lambda: (f := counters(server.port))["in_bytes_total"]
                          >= 20 * n and f)
    same(found and found["connections"], n + 1, f"{n} connections at once")
    grown = server.resident_kib() - before
    ok(grown < n * (8 if SANITIZED else 3), "take less than 3 KiB each",
       f"{grown} KiB")
    for s in peers:
        s.sendall(GET[20:])
    good = sum(b" 200 OK" in s.recv(4096) for s in peers)
    same(good, n, "and are all answered")
    for s in peers:
        s.close()
    server.stop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def several():
    """Processes that share a port, one of which ends under load: each request that was
    answered at all was answered whole."""
    first = Server("first", "shared", "per_peer=100")
    second = Server("second", "shared", "per_peer=100",
                    address=f"127.0.0.1:{first.port}")
    stop, broken, answered = threading.Event(), [], [0]

    def load():
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", first.port), 10) as s:
                    while not stop.is_set():
                        s.sendall(GET)
                        data = s.recv(4096)
                        if not data:
                            break
                        if not data.endswith(b"\r\n\r\nhello"):
                            broken.append(data)
                        answered[0] += 1
                        if b"Connection: close" in data:
                            break
            except OSError:
                pass  # an idle connection may be closed while a request is under way

    threads = [threading.Thread(target=load) for _ in range(8)]
    for t in threads:
        t.start()
    sockets.until(lambda: answered[0] > 500)
    status = first.stop(signal.SIGTERM)
    middle = answered[0]
    sockets.until(lambda: answered[0] > middle + 500)
    stop.set()
    for t in threads:
        t.join()
    same((status, broken), (0, []), "one of two processes ends under load")
    ok(answered[0] > middle + 500, "and the other goes on", answered, middle)
    second.stop()


a_library()
a_unix_socket()
in_pieces()
many()
several()
sockets.done()
