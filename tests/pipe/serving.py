# SPDX-License-Identifier: MIT
"""What tests of bp-serve share: a server on a port of its own, and how to ask it."""
import http.client
import json
import re
import subprocess

from sockets import Program, content, records, until


class Server(Program):
    """bp-serve with shop.json and key of this folder."""

    def __init__(self, name, *words, stdout=None, **options):
        if stdout is not None:
            # Its output goes elsewhere than into NAME.out.
            words = ("sh", "-c", f'exec "$@" >/dev/fd/{stdout}', "sh") + self.command(words)
            options["pass_fds"] = [stdout]
        else:
            words = self.command(words)
        super().__init__(name, *words, **options)
        found = until(lambda: re.search(r"listening on \S+:(\d+)", self.says())
                      or self.process.poll() is not None)
        self.port = int(found[1]) if hasattr(found, "group") else 0
        self.headers = {}

    @staticmethod
    def command(words):
        return ("bp-serve", "--listen", "127.0.0.1:0", "-k", "key", "-c",
                "shop.json") + words

    def ask(self, path, body=None, method=None, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        c.request(method or ("GET" if body is None else "POST"), path, body, headers)
        r = c.getresponse()
        data = r.read()
        c.close()
        self.headers = r.headers
        return r.status, data

    def decide(self, body, **headers):
        status, data = self.ask("/v1/decide", body, **headers)
        return json.loads(data) if status == 200 else (status, json.loads(data))

    def count(self, name):
        data = self.ask("/metrics")[1].decode()
        return int(re.search(rf"^bannerpipe_serve_{name} (\d+)$", data, re.M)[1])


def write_shop(rows):
    with open("shop.json", "w") as f:
        f.writelines(json.dumps(row) + "\n" for row in rows)
    with open("key", "w") as f:
        f.write("0123456789abcdef\n")


def pack(*rows):
    """Records of these maps."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    return subprocess.run(["bp-parse", "--format", "json"], input=text.encode(),
                          stdout=subprocess.PIPE, check=True).stdout


def of(name, event):
    return [r for r in records(content(name + ".out")) if r["event"] == event]
