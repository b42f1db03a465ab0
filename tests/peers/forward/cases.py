# SPDX-License-Identifier: MIT
"""The clients that tests run: each library in each of its modes."""
import os
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
PEERS = os.environ.get("PEERS") or os.path.join(ROOT, "build", "peers")
KEY = "klíč: a shared secret"
USER = "alice:open sesame"


class Case(NamedTuple):
    name: str
    library: str
    command: list    # without the port
    key: str = ""
    user: str = ""
    ack: bool = False  # the client waits for every acknowledgement


def node(name, script, library, *words, key="", user=""):
    command = ["node", os.path.join(HERE, script), *words]
    if key:
        command += ["--key", key]
    if user:
        command += ["--user", user]
    return Case(name, library, command, key, user, "--ack" in words)


def org(name, mode, *words, **more):
    return node("fluent-org-" + name, "fluent_org.cjs", "@fluent-org/logger 1.0.10",
                "--mode", mode, *words, **more)


def logger(name, mode, *words, **more):
    return node("fluent-logger-" + name, "fluent_logger.cjs", "fluent-logger 3.4.1",
                "--mode", mode, *words, **more)


def python(name, *words):
    return Case("python-" + name, "python3-fluent-logger 0.10.0",
                ["/usr/bin/python3", os.path.join(HERE, "python_client.py"), *words])


def go(name, *words):
    return Case("go-" + name, "golang-github-fluent-fluent-logger-golang-dev 1.9.0",
                [os.path.join(PEERS, "go_client"), *words],
                ack="-ack" in words)


CASES = [
    org("message", "Message"),
    org("message-ack-event-time", "Message", "--ack", "--time", "event"),
    org("message-key", "Message", "--ack", key=KEY),
    org("forward", "Forward"),
    org("forward-ack", "Forward", "--ack", "--time", "event"),
    org("forward-key", "Forward", "--ack", key=KEY),
    org("packed", "PackedForward"),
    org("packed-ack", "PackedForward", "--ack", "--time", "event"),
    org("packed-key", "PackedForward", "--ack", key=KEY),
    org("packed-key-user", "PackedForward", "--ack", key=KEY, user=USER),
    org("gzip", "CompressedPackedForward"),
    org("gzip-ack", "CompressedPackedForward", "--ack", "--time", "event"),
    org("gzip-key", "CompressedPackedForward", "--ack", key=KEY),
    logger("message", "Message"),
    logger("message-ack-float", "Message", "--ack", "--time", "float"),
    logger("message-key", "Message", "--ack", "--time", "event", key=KEY),
    logger("packed", "PackedForward"),
    logger("packed-ack-float", "PackedForward", "--ack", "--time", "float"),
    logger("packed-key-user", "PackedForward", "--ack", key=KEY, user=USER),
    logger("gzip-ack", "CompressedPackedForward", "--ack", "--time", "event"),
    python("int", "--time", "int"),
    python("event-time", "--time", "event"),
    python("old-msgpack", "--time", "int", "--old"),
    go("int"),
    go("ack", "-ack"),
    go("ack-event-time", "-ack", "-event"),
    go("json-ack", "-json", "-ack"),
]


def options(case, **given):
    """More options for a client, in its own manner."""
    dash = "-" if case.name.startswith("go-") else "--"
    words = []
    for name, value in given.items():
        words += [dash + name] if value is True else [dash + name, str(value)]
    return case.command + words


def environment():
    """Where the libraries lie."""
    root = os.path.join(PEERS, "root", "usr")
    return dict(os.environ, NODE_PATH=os.path.join(PEERS, "node_modules"),
                PYTHONPATH=os.path.join(root, "lib", "python3", "dist-packages"))
