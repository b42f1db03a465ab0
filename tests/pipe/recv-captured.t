#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bp-recv and the bytes that real clients sent (tests/data/forward): in any pieces, the
records and acks are those that an independent reader finds."""
import collections
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "peers", "forward"))
import kit
import play
import receive
from kit import ok, same


kit.needs("bp-recv")


def text(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def expected(golden):
    """What bp-recv makes of an entry: its time and tag as keys that it lacks."""
    found = []
    for entry in golden.records:
        record = dict(entry["record"])
        record.setdefault("timestamp", entry["time"])
        record.setdefault("forward_tag", entry["tag"])
        if "metadata" in entry:
            record.setdefault("metadata", entry["metadata"])
        found.append(text(record))
    return found


def whole(golden):
    sizes = (1, 7, 1000, 1 << 20)
    wrong = []
    with kit.folder() as folder, receive.receiver(
            folder, key=golden.key, user=golden.user) as receiver:
        for n, size in enumerate(sizes, 1):
            pong, acks = play.whole(receiver, golden, size)
            if acks != golden.chunks:
                wrong.append(f"pieces of {size}: acks {acks}")
            if golden.key and pong is not True:
                wrong.append(f"pieces of {size}: PONG says {pong}")
            receiver.wait(n * len(golden.records))
        records = [text(r) for r in receiver.end()]
    same(wrong, [], f"{golden.name}: its answers")
    same(records, len(sizes) * expected(golden), f"{golden.name}: its records")


def halves(golden):
    with kit.folder() as folder, receive.receiver(folder) as receiver:
        wrong, plays = play.halves(receiver, golden)
        receiver.wait(plays * len(golden.records))
        records = collections.Counter(text(r) for r in receiver.end())
    same(wrong, [], f"{golden.name} cut at each byte: acks")
    once = collections.Counter(expected(golden))
    same(records, collections.Counter({r: n * plays for r, n in once.items()}),
         f"{golden.name} cut at each byte: records")


goldens = [play.Golden(name) for name in play.names() if not name.startswith("rsyslog")]
for golden in goldens:
    whole(golden)
for golden in goldens:
    if not golden.key and len(golden.data) < 700:
        halves(golden)
kit.done_testing()
