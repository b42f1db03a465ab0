#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A Forward server that notes what it gets, for tests on loopback.

--capture FILE gets the clients' bytes as they came, --records FILE a JSON line for each
record, --port-file FILE the port. It ends after --count records (or --quiet seconds
without any byte, or TERM) with the state 0.
"""
import argparse
import json
import os
import secrets
import selectors
import signal
import socket
import sys
import time

import wire


class Refused(Exception):
    pass


class Client:
    def __init__(self, server, connection):
        self.server = server
        self.connection = connection
        self.buffer = b""
        self.json = False
        self.waits = bool(server.options.key)
        if self.waits:
            fixed = server.options.fixed
            self.nonce = bytes(range(240, 256)) if fixed else secrets.token_bytes(16)
            self.auth = bytes(range(128, 144)) if server.options.user else b""
            self.send(["HELO", {"nonce": self.kind(self.nonce),
                                "auth": self.kind(self.auth), "keepalive": True}])

    def kind(self, value):
        return wire.text(value) if self.server.options.str_nonce else value

    def send(self, value):
        data = json.dumps(value).encode() if self.json else wire.pack(value)
        self.connection.sendall(data)

    def read(self):
        """False when the connection is over."""
        try:
            data = self.connection.recv(65536)
        except ConnectionError:
            return False
        if not data:
            return False
        self.server.captured(data)
        if self.server.options.raw:
            return True
        self.buffer += data
        if self.buffer[:1] in (b"[", b"{") and not self.waits:
            self.read_json()
            return True
        while self.buffer:
            try:
                value, used = wire.unpack(self.buffer)
            except wire.Short:
                break
            self.buffer = self.buffer[used:]
            self.handshake(value) if self.waits else self.take(value)
        return True

    def read_json(self):
        """JSON is answered in JSON, as Fluentd does."""
        self.json = True
        decoder = json.JSONDecoder()
        while self.buffer:
            try:
                value, end = decoder.raw_decode(self.buffer.decode())
            except ValueError:
                return
            self.buffer = self.buffer.decode()[end:].lstrip().encode()
            self.take(value)

    def handshake(self, ping):
        name, host, salt, digest, user, password = ping
        options = self.server.options
        good = name == "PING" and \
            wire.raw(digest).decode() == wire.sha512(salt, host, self.nonce, options.key)
        if good and options.user:
            known, secret = options.user.split(":")
            good = user == known and \
                wire.raw(password).decode() == wire.sha512(self.auth, known, secret)
        if not good:
            self.send(["PONG", False, "wrong key or password", "", ""])
            raise Refused
        self.send(["PONG", True, "", options.host,
                   wire.sha512(salt, options.host, self.nonce, options.key)])
        self.waits = False

    def take(self, value):
        entries, option = wire.message(value)
        if self.server.drops > 0 and "chunk" in option:
            self.server.drops -= 1
            raise Refused
        for entry in entries:
            self.server.record(entry, option)
        if "chunk" in option and not self.server.options.no_ack:
            self.send({"ack": option["chunk"]})


class Server:
    def __init__(self, options):
        self.options = options
        self.drops = options.drop
        self.count = 0
        self.capture = open(options.capture, "wb") if options.capture else None
        self.records = open(options.records, "w") if options.records else None
        if options.unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(options.unix)
        else:
            self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.listen()
        if options.say:
            where = options.unix or str(self.listener.getsockname()[1])
            print(f"listening on {where}", file=sys.stderr, flush=True)
        if options.port_file:
            with open(options.port_file + ".new", "w") as f:
                f.write("" if options.unix else str(self.listener.getsockname()[1]))
            os.rename(options.port_file + ".new", options.port_file)

    def captured(self, data):
        if self.capture:
            self.capture.write(data)
            self.capture.flush()

    def record(self, entry, option):
        self.count += 1
        if self.records:
            line = entry.plain()
            if self.options.show_option:
                line["option"] = wire.plain(option)
            self.records.write(json.dumps(line) + "\n")
            self.records.flush()

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ, None)
        heard = time.monotonic()
        clients = 0
        while True:
            ready = selector.select(0.2)
            if not ready and time.monotonic() - heard > self.options.quiet:
                return 1
            for key, _ in ready:
                heard = time.monotonic()
                if key.data is None:
                    connection, _ = self.listener.accept()
                    clients += 1
                    selector.register(connection, selectors.EVENT_READ,
                                      Client(self, connection))
                    continue
                try:
                    more = key.data.read()
                except (Refused, ConnectionError, ValueError, EOFError, OSError):
                    more = False
                if not more:
                    clients -= 1
                    selector.unregister(key.fileobj)
                    key.fileobj.close()
            if self.options.count is not None and self.count >= self.options.count \
                    and (clients == 0 or not self.options.until_closed):
                return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port-file")
    parser.add_argument("--say", action="store_true", help="where, to standard error")
    parser.add_argument("--unix", metavar="PATH")
    parser.add_argument("--capture")
    parser.add_argument("--records")
    parser.add_argument("--count", type=int)
    parser.add_argument("--until-closed", action="store_true")
    parser.add_argument("--quiet", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--key", default="")
    parser.add_argument("--user", default="", metavar="NAME:PASSWORD")
    parser.add_argument("--host", default="server.example")
    parser.add_argument("--fixed", action="store_true", help="a nonce that repeats")
    parser.add_argument("--str-nonce", action="store_true", help="nonce and auth as str")
    parser.add_argument("--no-ack", action="store_true")
    parser.add_argument("--drop", type=int, default=0, metavar="N",
                        help="hang up instead of taking the first N chunks")
    parser.add_argument("--show-option", action="store_true")
    parser.add_argument("--raw", action="store_true", help="any bytes, not Forward")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sys.exit(Server(options).run())


if __name__ == "__main__":
    main()
