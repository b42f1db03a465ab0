#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Real clients of the Forward protocol, and rsyslog, beside bp-recv; bp-send beside real
servers. Run by "make test-peers", which installs them."""
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "forward"))
import cases
import kit
import receive
import rsyslog
import wire
from kit import ok, same

kit.needs("bp-recv")
kit.needs("bp-send")
COUNT = 500


def ids(records):
    return [r.get("event_id") for r in records]


def clients():
    for case in cases.CASES:
        prefix = case.name[:case.name.index("-", case.name.startswith("fluent-") and 7)]
        wanted = [f"{prefix}-{i}" for i in range(COUNT)]
        with kit.folder() as folder, \
                receive.receiver(folder, key=case.key, user=case.user) as receiver:
            status, said = kit.run(
                cases.options(case, port=receiver.port, count=COUNT))
            same((status, said), (0, ""), f"{case.name}: it is content")
            receiver.wait(COUNT)
            records = receiver.end()
            same(ids(records), wanted, f"{case.name}: each record once, in order")
            ok(all(r.get("forward_tag") == "ads.web" for r in records),
               f"{case.name}: with its tag", records[:1])


def wrong_keys():
    for case in cases.CASES:
        if not case.key:
            continue
        with kit.folder() as folder, \
                receive.receiver(folder, key=case.key + "!", user=case.user) as receiver:
            status, said = kit.run(
                cases.options(case, port=receiver.port, count=COUNT))
            ok(status == 1, f"{case.name}: another key is refused", status, said)
            same(receiver.end(), [], f"{case.name}: and nothing is taken")


def wrong_password():
    for case in cases.CASES:
        if not case.user:
            continue
        with kit.folder() as folder, \
                receive.receiver(folder, key=case.key, user="alice:other") as receiver:
            status, said = kit.run(
                cases.options(case, port=receiver.port, count=COUNT))
            ok(status == 1, f"{case.name}: another password is refused", status, said)
            same(receiver.end(), [], f"{case.name}: and nothing is taken")


def unix_sockets():
    commands = {
        "python": ["/usr/bin/python3", os.path.join(cases.HERE, "python_client.py"),
                   "--unix"],
        "go": [os.path.join(cases.PEERS, "go_client"), "-ack", "-unix"],
    }
    for name, command in commands.items():
        with kit.folder() as folder, receive.receiver(folder, unix=True) as receiver:
            status, said = kit.run(command + [receiver.path])
            same((status, said), (0, ""), f"{name}, unix socket: it is content")
            receiver.wait(10)
            same(ids(receiver.end()), [f"{name}-{i}" for i in range(10)],
                 f"{name}, unix socket: each record once, in order")


def crowd():
    """All at once into one receiver: nothing is mixed up."""
    chosen = [c for c in cases.CASES if not c.key]
    with kit.folder() as folder, receive.receiver(folder) as receiver:
        running = []
        for i, case in enumerate(chosen):
            command = cases.options(case, port=receiver.port, count=COUNT,
                                    tag=f"crowd.{i}")
            running.append(subprocess.Popen(command, env=cases.environment()))
        states = [p.wait(4 * kit.SECONDS) for p in running]
        same(states, [0] * len(chosen), "a crowd: all clients are content")
        receiver.wait(COUNT * len(chosen))
        records = receiver.end()
        wrong = []
        for i, case in enumerate(chosen):
            found = [r["event_id"] for r in records if r["forward_tag"] == f"crowd.{i}"]
            numbers = [int(name.rsplit("-", 1)[1]) for name in found]
            if numbers != list(range(COUNT)):
                wrong.append(f"{case.name}: {len(found)} records")
        same(wrong, [], "a crowd: each client's records once, in order")


def syslog():
    lines = rsyslog.lines("rsyslog", 200)
    for framing in rsyslog.FRAMINGS:
        with kit.folder() as folder, \
                receive.receiver(folder, protocol="syslog") as receiver:
            daemon = rsyslog.start(folder, receiver.port, framing, lines)
            try:
                receiver.wait(len(lines))
            finally:
                rsyslog.stop(daemon)
            records = receiver.end()
        same([r.get("message") for r in records], lines,
             f"rsyslog, {framing}: each line once, in order")
        wanted = rsyslog.records(lines)[0]
        got = records[0] if records else {}
        same({k: got.get(k) for k in wanted}, wanted, f"rsyslog, {framing}: each part")


def events(count):
    return [{"event": "click", "event_id": f"send-{i}", "position": i % 4,
             "timestamp": 1795458438494000 + 1001 * i, "weight": -0.5,
             "note": "žluťoučký kůň 🐎", "nested": {"list": [1, None, True]}}
            for i in range(count)]


def server_command(kind, folder, key, user):
    words = ["--port-file", os.path.join(folder, "port"),
             "--records", os.path.join(folder, "lines")]
    words += ["--key", key] if key else []
    words += ["--user", user] if user else []
    if kind == "fluent-org":
        return ["node", os.path.join(cases.HERE, "fluent_org_server.cjs"), *words]
    return [sys.executable, os.path.join(cases.HERE, "server.py"), *words] + \
        (["--drop", "2"] if kind == "hangs up" else [])


def send_to(kind, folder, key, user, own_key, words):
    """What bp-send said, and the entries that the server has."""
    server = subprocess.Popen(server_command(kind, folder, key, user),
                              env=cases.environment())
    try:
        port = kit.until(lambda: kit.content(os.path.join(folder, "port"))).decode()
        files = {"events": b"".join(map(wire.pack, events(COUNT))),
                 "key": own_key.encode() + b"\n", "user": user.encode() + b"\n"}
        for name, data in files.items():
            with open(os.path.join(folder, name), "wb") as f:
                f.write(data)
        words = [*words, "--chunk", "16K", "--tag", "ads.web"]
        words += ["--shared-key-file", os.path.join(folder, "key")] if key else []
        words += ["--user-file", os.path.join(folder, "user")] if user else []
        said = kit.run([os.path.join(kit.BIN, "bp-send"), *words, "127.0.0.1:" + port,
                        os.path.join(folder, "events")])
    finally:
        kit.stop(server)
    lines = kit.content(os.path.join(folder, "lines")).splitlines()
    return said, [json.loads(line) for line in lines]


def senders():
    for kind in "fluent-org", "ours":
        for words in (["--peer", "forward", "--packing", "gzip"],
                      ["--peer", "forward", "--packing", "none"], []):
            for key, user in ("", ""), (cases.KEY, ""), (cases.KEY, cases.USER):
                name = f"bp-send {' '.join(words) or '(auto)'} to {kind}" + \
                    (", key" if key else "") + (", user" if user else "")
                with kit.folder() as folder:
                    (status, said), got = send_to(kind, folder, key, user, key, words)
                ok(status == 0, f"{name}: it is content", status, said)
                same([e["record"] for e in got], events(COUNT),
                     f"{name}: each record once, in order")
                same([(e["tag"], e["time"]) for e in got],
                     [("ads.web", e["timestamp"]) for e in events(COUNT)],
                     f"{name}: tags and times")
    for kind in "fluent-org", "ours":
        with kit.folder() as folder:
            (status, said), got = send_to(
                kind, folder, cases.KEY, "", "another",
                ["--peer", "forward", "--give-up-after", "2s"])
        ok(status not in (0, 124), f"bp-send to {kind}, another key: it fails", status,
           said)
        same(got, [], f"bp-send to {kind}, another key: nothing is taken")
    with kit.folder() as folder:
        (status, said), got = send_to("hangs up", folder, "", "", "",
                                      ["--peer", "forward"])
    ok(status == 0, "bp-send to one that hangs up twice: it is content", status, said)
    same({e["record"]["event_id"] for e in got}, {e["event_id"] for e in events(COUNT)},
         "bp-send to one that hangs up twice: each record at least once")


clients()
wrong_keys()
wrong_password()
unix_sockets()
crowd()
if not os.environ.get("PEERS_SERVER"):
    syslog()
    senders()
kit.done_testing()
