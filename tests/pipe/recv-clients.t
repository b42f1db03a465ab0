#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The bytes that real clients sent (tests/data/forward), played to bp-recv: the records
that they mean, an ack for each chunk, and nothing of what is damaged."""
import glob
import json
import os
import select
import socket
import time
from sys import path

HERE = os.path.dirname(os.path.abspath(__file__))
path[:0] = [HERE, os.path.join(HERE, "..", "peers", "forward")]
import play as captured
import sockets
from sockets import ROOT, Receiver, ok, play, records, same

FOLDER = os.path.join(ROOT, "tests", "data", "forward")


def cases():
    for bin_path in sorted(glob.glob(os.path.join(FOLDER, "*.bin"))):
        name = os.path.basename(bin_path)[:-4]
        with open(os.path.join(FOLDER, name + ".json")) as f:
            yield name, sockets.content(bin_path), json.load(f)


def plain(value):
    """As bp-print writes it, so that both can be compared."""
    if isinstance(value, dict):
        if list(value) == ["$bin"] or list(value) == ["$str"] or list(value) == ["$ext"]:
            return "foreign"
        if any(k in value for k in ("$binary", "$string")):
            return "foreign"
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list) else value


def agrees(got, wanted):
    record = {k: plain(v) for k, v in got.items()}
    entry = {k: plain(v) for k, v in wanted["record"].items()}
    tag, when = record.pop("tag", None), record.pop("timestamp", None)
    metadata = record.pop("metadata", None)
    if "timestamp" in entry:
        return when == entry.pop("timestamp") and record == entry
    return tag == wanted["tag"] and record == entry and \
        (wanted["time"] is None or when == wanted["time"]) and \
        (metadata is None or isinstance(metadata, dict))


def plays_as_it_came():
    for name, data, case in cases():
        if case.get("key") or name.startswith("rsyslog"):
            continue
        receiver = Receiver(name)
        answers = play(receiver.port, data)
        status = receiver.stop()
        got = records(receiver.out())
        same(status, 0, f"{name}: it ends well", receiver.says())
        same(len(got), len(case["records"]), f"{name}: as many records", receiver.says())
        wrong = [(g, w) for g, w in zip(got, case["records"]) if not agrees(g, w)]
        ok(not wrong, f"{name}: the same ones", wrong[:1])
        if "-ack" in name:
            ack = b'{"ack":' if "json" in name else b"\xa3ack"
            ok(answers.count(ack) > 0, f"{name}: acknowledged", answers)
        if case.get("refused"):
            ok(receiver.says().count("\n") == 2, f"{name}: told why", receiver.says())


def handshakes():
    """Captured PINGs, with the digests that our nonce asks for."""
    for name, data, case in cases():
        if not case.get("key"):
            continue
        words = []
        for option, text in ("--shared-key-file", case["key"]), \
                ("--users-file", case.get("user")):
            if text:
                with open(name + option, "w") as f:
                    f.write(text + "\n")
                words += [option, name + option]
        receiver = Receiver(name, "--hostname", "server.example", *words)
        receiver.connect = lambda r=receiver: socket.create_connection(
            ("127.0.0.1", r.port))
        golden = captured.Golden(name)
        pong, acks = captured.whole(receiver, golden, 1 << 20)
        receiver.stop()
        same((pong, acks), (True, golden.chunks), f"{name}: a PONG and acks",
             receiver.says())
        got = records(receiver.out())
        ok(len(got) == len(case["records"]) and all(map(agrees, got, case["records"])),
           f"{name}: the records", got[:1])


def in_pieces():
    """Each byte for itself, and random pieces."""
    for name, data, case in cases():
        if case.get("key") or name.startswith("rsyslog") or case.get("refused"):
            continue
        receiver = Receiver(name)
        with socket.create_connection(("127.0.0.1", receiver.port)) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            at = 0
            while at < len(data):
                step = sockets.CHANCE.choice([1, 1, 2, 7, 100])
                s.sendall(data[at:at + step])
                at += step
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        receiver.stop()
        same(len(records(receiver.out())), len(case["records"]),
             f"{name}: in pieces", receiver.says())


def lines():
    for name in "rsyslog-lf", "rsyslog-octet":
        data = sockets.content(os.path.join(FOLDER, name + ".bin"))
        with open(os.path.join(FOLDER, name + ".json")) as f:
            wanted = json.load(f)["records"]
        receiver = Receiver(name, "--protocol", "syslog")
        play(receiver.port, data)
        receiver.stop()
        got = records(receiver.out())
        same(len(got), len(wanted), f"{name}: as many messages", receiver.says())
        wrong = [(g, w) for g, w in zip(got, wanted)
                 if any(g.get(k) != v for k, v in w.items())]
        ok(not wrong, f"{name}: the same ones", wrong[:1])
    receiver = Receiver("json", "--protocol", "json")
    play(receiver.port, b'{"a":1}\nnonsense\n{"$ext":[66,"AAAA"]}\n{"a":2}')
    receiver.stop()
    same([r["a"] for r in records(receiver.out())], [1, 2],
         "lines of JSON: objects only, the last without a newline")
    receiver = Receiver("json-later", "--protocol", "json")
    with socket.create_connection(("127.0.0.1", receiver.port)) as s:
        s.sendall(b'{"a":1}\n{"a":2}')
        sockets.until(receiver.out)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
    receiver.stop()
    same([r["a"] for r in records(receiver.out())], [1, 2],
         "the last line is taken when the end comes long after it", receiver.says())
    receiver = Receiver("datagrams", "--protocol", "syslog")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"<165>1 2003-10-11T22:14:15.003Z h a - ID47 - by datagram",
                 ("127.0.0.1", receiver.port))
        sockets.until(lambda: receiver.out())
    receiver.stop()
    same([r["message"] for r in records(receiver.out())], ["by datagram"], "a datagram")


def turns():
    """Clients that wait for each ack are not kept waiting until a timer wakes us."""
    for words in (), ("--log", "turns.log"):
        receiver = Receiver("turns", *words)
        socks = [socket.create_connection(("127.0.0.1", receiver.port), sockets.SECONDS)
                 for _ in range(3)]
        sent = acked = 0

        def send(s):
            nonlocal sent
            s.sendall(b"\x94\xa1t\x01\x81\xa1n\xcd" + sent.to_bytes(2, "big") +
                      b"\x81\xa5chunk\xa2" + b"%02d" % (sent % 100))
            sent += 1

        began = time.monotonic()
        for s in socks:
            send(s)
        while sent < 300 and time.monotonic() < began + sockets.SECONDS:
            for s in select.select(socks, [], [], 1)[0]:
                acked += s.recv(4096).count(b"ack")
                send(s)
        for s in socks:
            s.close()
        receiver.stop()
        ok(acked >= 297, f"clients in turns {' '.join(words)}: all acknowledged",
           f"{acked} in {time.monotonic() - began} s")


def large():
    """Its memory is given back once it is taken; the connection goes on."""
    receiver = Receiver("large")
    entries = 20 * (b"\x92\x01\x81\xa1s\xda" + (60000).to_bytes(2, "big") + b"x" * 60000)
    message = b"\x92\xa1t\xc6" + len(entries).to_bytes(4, "big") + entries
    play(receiver.port, message + b"\x93\xa1t\x01\x81\xa1n\x07" + message)
    same(receiver.stop(), 0, "large messages: it ends well", receiver.says())
    same([len(r.get("s", "")) for r in records(receiver.out())],
         20 * [60000] + [0] + 20 * [60000], "large messages: all are taken")


def heartbeat():
    receiver = Receiver("heartbeat")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(sockets.SECONDS)
        s.sendto(b"\0", ("127.0.0.1", receiver.port))
        same(s.recv(10), b"\0", "a heartbeat by UDP is answered by a byte")
    receiver.stop()


def hostile():
    """Each is refused, and costs nothing; others go on being served."""
    receiver = Receiver("hostile", "--max-message", "1M")
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\xc1", b"\xdd\xff\xff\xff\xff",
                 b"\x93\xa1t\xc6\xff\xff\xff\xff", b"\x16\x03\x01\x02\x00",
                 b"\x93\xa1t\xc6\x00\x20\x00\x00" + b"\x90" * (2 << 20), b"[" * 100000,
                 b"\x91" * 100000):
        play(receiver.port, data)
    play(receiver.port, b"\x93\xa1t\x01\x81\xa1n\x07")
    peak = receiver.peak_kib()
    receiver.stop()
    same([r["n"] for r in records(receiver.out())], [7], "hostile peers harm nobody")
    ok(peak < (200 << 10 if "address" in sockets.BUILD else 60 << 10),
       "and take no memory", f"{peak} KiB")


plays_as_it_came()
handshakes()
in_pieces()
lines()
turns()
large()
heartbeat()
hostile()
sockets.done()
