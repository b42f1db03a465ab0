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


clients()
wrong_keys()
wrong_password()
unix_sockets()
crowd()
kit.done_testing()
