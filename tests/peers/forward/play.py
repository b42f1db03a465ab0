# SPDX-License-Identifier: MIT
"""Play captured bytes to a server, in pieces, and read what it answers."""
import json
import os
import socket
import time

import cases
import wire

DATA = os.path.join(cases.ROOT, "tests", "data", "forward")


class Golden:
    """One file of tests/data/forward with what it means."""

    def __init__(self, name):
        self.name = name
        with open(os.path.join(DATA, name + ".bin"), "rb") as f:
            self.data = f.read()
        with open(os.path.join(DATA, name + ".json")) as f:
            self.about = json.load(f)
        self.key = self.about.get("key", "")
        self.user = self.about.get("user", "")
        self.refused = self.about.get("refused", False)
        self.records = self.about["records"]
        self.json = self.data[:1] == b"["
        self.chunks = [] if name.startswith("rsyslog") else list(self.find_chunks())

    def find_chunks(self):
        """The ids that are to be acknowledged, in order."""
        if self.json:
            decoder, at, text = json.JSONDecoder(), 0, self.data.decode()
            while at < len(text):
                value, at = decoder.raw_decode(text, at)
                yield from self.chunk(value)
            return
        # What is refused is the second message.
        for value in [wire.unpack(self.data)[0]] if self.refused \
                else wire.values(self.data)[0]:
            if value is not None and value[0] != "PING":
                yield from self.chunk(value)

    @staticmethod
    def chunk(value):
        option = wire.message(value)[1]
        return [option["chunk"]] if "chunk" in option else []


def digests(data, helo, key, user):
    """The captured bytes with the digests that this HELO asks for. Their types stay."""
    nonce, auth = wire.raw(helo[1]["nonce"]), wire.raw(helo[1]["auth"])
    ping, used = wire.unpack(data)
    whole = data[:used]
    name, password = (user or ":").split(":")
    for place, fresh in ((3, wire.sha512(ping[2], ping[1], nonce, key)),
                         (5, wire.sha512(auth, name, password))):
        old = wire.raw(ping[place])
        if old:
            at = whole.index(old, whole.index(wire.raw(ping[2])))
            whole = whole[:at] + fresh.encode() + whole[at + len(old):]
    return whole, data[used:]


class Player:
    """One connection. Answers are read as they come."""

    def __init__(self, receiver, golden):
        self.golden = golden
        self.socket = receiver.connect()
        self.socket.settimeout(5)
        if self.socket.family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.answers = []
        self.first, self.data = b"", golden.data
        if golden.key:
            helo = self.answer()
            self.first, self.data = digests(golden.data, helo, golden.key, golden.user)

    def answer(self):
        """The next one; None when the connection ended."""
        while True:
            if self.golden.json and self.buffer:
                try:
                    value, end = json.JSONDecoder().raw_decode(self.buffer.decode())
                    self.buffer = self.buffer.decode()[end:].lstrip().encode()
                    return value
                except ValueError:
                    pass
            elif self.buffer:
                try:
                    value, used = wire.unpack(self.buffer)
                    self.buffer = self.buffer[used:]
                    return value
                except wire.Short:
                    pass
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, TimeoutError):
                data = b""
            if not data:
                return None
            self.buffer += data

    def send(self, data):
        """A server that refuses may hang up before it read everything."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            if not self.golden.refused:
                raise

    def pong(self):
        """What the handshake came to: None without one."""
        if not self.first:
            return None
        self.send(self.first)
        answer = self.answer()
        return answer and answer[1]

    def acks(self):
        """As many as there are chunks; then all that come until the server hangs up, when
        it has something to refuse."""
        found = []
        while len(found) < len(self.golden.chunks) or self.golden.refused:
            answer = self.answer()
            if answer is None:
                break
            found.append(answer.get("ack") if isinstance(answer, dict) else answer)
            if len(found) > len(self.golden.chunks):
                break
        return found

    def close(self):
        self.socket.close()


def whole(receiver, golden, size):
    """Play it in pieces of this size, the handshake first; (pong, acks)."""
    player = Player(receiver, golden)
    try:
        pong = player.pong()
        for at in range(0, len(player.data), size):
            player.send(player.data[at:at + size])
            if size == 1 and at % 64 == 0:
                time.sleep(0)
        return pong, player.acks()
    finally:
        player.close()
