# SPDX-License-Identifier: MIT
"""A receiver under test: bp-recv, or the server here while PEERS_SERVER is set (to test
the tests)."""
import json
import os
import subprocess
import sys

import cases
import kit


class Receiver:
    def __init__(self, folder, key="", user="", unix=False):
        self.folder = folder
        self.path = os.path.join(folder, "socket") if unix else None
        self.key, self.user, self.unix = key, user, unix
        self.port = None

    def __enter__(self):
        port = os.path.join(self.folder, "port")
        words = ["--unix", self.path] if self.unix else []
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(cases.HERE, "server.py"), "--port-file", port,
             "--records", os.path.join(self.folder, "out"), "--key", self.key,
             "--user", self.user, *words])
        self.port = kit.until(lambda: kit.content(port) or os.path.exists(port)
                              and self.unix)
        self.port = self.port.decode() if isinstance(self.port, bytes) else None
        return self

    def __exit__(self, *_):
        kit.stop(self.process)

    def records(self):
        found = []
        for line in kit.content(os.path.join(self.folder, "out")).splitlines():
            entry = json.loads(line)
            found.append(dict(entry["record"], forward_tag=entry["tag"]))
        return found

    def wait(self, count):
        out = os.path.join(self.folder, "out")
        return kit.until(lambda: kit.content(out).count(b"\n") >= count)

    def end(self):
        kit.stop(self.process)
        return self.records()
