# SPDX-License-Identifier: MIT
"""A receiver under test: bp-recv; or, to test the tests, the server here when
PEERS_SERVER is set."""
import json
import os
import re
import socket
import subprocess
import sys

import cases
import kit
import wire


class Receiver:
    """Listens on a port of its own choice, or on a unix socket in the folder."""

    def __init__(self, folder, key="", user="", unix=False, protocol="forward"):
        self.folder, self.key, self.user = folder, key, user
        self.protocol = protocol
        self.path = os.path.join(folder, "socket") if unix else None
        self.out = os.path.join(folder, "out")
        self.said = os.path.join(folder, "said")
        self.port = None

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text + "\n")
        return path

    def command(self):
        where = "unix:" + self.path if self.path else "127.0.0.1:0"
        words = [os.path.join(kit.BIN, "bp-recv"), "--listen", where,
                 "--protocol", self.protocol, "--hostname", "server.example",
                 "--tag-key", "forward_tag"]
        if self.key:
            words += ["--shared-key-file", self.file("key", self.key)]
        if self.user:
            words += ["--users-file", self.file("users", self.user)]
        return words

    def __enter__(self):
        with open(self.out, "wb") as out, open(self.said, "wb") as said:
            self.process = subprocess.Popen(self.command(), stdout=out, stderr=said,
                                            stdin=subprocess.DEVNULL)
        found = kit.until(lambda: self.process.poll() is not None or re.search(
            rb"listening on \S+?(\d*)\n", kit.content(self.said)))
        if not isinstance(found, re.Match):
            raise RuntimeError(kit.content(self.said).decode())
        self.port = found.group(1).decode()
        return self

    def __exit__(self, *_):
        kit.stop(self.process)

    def connect(self):
        if self.path:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.path)
            return connection
        return socket.create_connection(("127.0.0.1", int(self.port)))

    def records(self):
        return [wire.plain(r) for r in wire.values(kit.content(self.out))[0]]

    def wait(self, count):
        """Until as many records are there."""
        return kit.until(lambda: len(self.records()) >= count)

    def end(self):
        """Stop it; the records that it took."""
        kit.stop(self.process)
        return self.records()


class Ours(Receiver):
    """The server in Python in its place."""

    def command(self):
        words = ["--unix", self.path] if self.path else []
        return [sys.executable, os.path.join(cases.HERE, "server.py"), "--say",
                "--records", os.path.join(self.folder, "lines"), "--key", self.key,
                "--user", self.user, *words]

    def records(self):
        found = []
        lines = kit.content(os.path.join(self.folder, "lines"))
        for line in lines[:lines.rfind(b"\n") + 1].splitlines():
            entry = json.loads(line)
            added = {"timestamp": entry["time"], "forward_tag": entry["tag"]}
            if "metadata" in entry:
                added["metadata"] = entry["metadata"]
            found.append({**added, **entry["record"]})
        return found


def receiver(*given, **more):
    kind = Ours if os.environ.get("PEERS_SERVER") else Receiver
    return kind(*given, **more)
