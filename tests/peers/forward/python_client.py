#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sends numbered records with python3-fluent-logger: --port N --time int|event, --old for
msgpack without bin, as the library's older users have it."""
import argparse
import sys

from fluent import sender

MOMENT = 1795458438.494

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int)
parser.add_argument("--unix")
parser.add_argument("--count", type=int, default=10)
parser.add_argument("--time", default="int")
parser.add_argument("--tag", default="ads.web")
parser.add_argument("--old", action="store_true")
options = parser.parse_args()

logger = sender.FluentSender(
    options.tag, host="unix://" + options.unix if options.unix else "127.0.0.1",
    port=options.port, timeout=20, nanosecond_precision=options.time == "event",
    msgpack_kwargs={"use_bin_type": False} if options.old else None)
for i in range(options.count):
    when = MOMENT + i if options.time == "event" else int(MOMENT) + i
    record = {"event": "click", "event_id": f"python-{i}", "user_id": f"u{i % 7}",
              "position": i % 4, "digest": bytes([i % 256, 0xFF, 0xC1, 0x00]),
              "negative": -2 ** 63, "large": 2 ** 64 - 1, "score": 0.1 * i,
              "note": "žluťoučký kůň 🐎", "nested": {"list": [None, True, [], {}]}}
    if not logger.emit_with_time(None, when, record):
        print(f"python_client: {logger.last_error}", file=sys.stderr)
        sys.exit(1)
logger.close()
