#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# mmdb.py FILE: networks and what is known of them, one a line ("192.0.2.0/24 {JSON}"), as
# a file in the MaxMind DB format, version 2.0, written after its public specification
# (maxmind.github.io/MaxMind-DB). IPv4 lies in ::/96; records have 24 bits.
import ipaddress
import json
import struct
import sys

DOUBLE, UINT16, UINT32, UINT64 = 3, 5, 6, 9


def size_of(kind, size):
    head = (kind << 5) if kind < 8 else 0
    extra = bytes([kind - 7]) if kind >= 8 else b""
    if size < 29:
        return bytes([head | size]) + extra
    if size < 285:
        return bytes([head | 29]) + extra + bytes([size - 29])
    return bytes([head | 30]) + extra + (size - 285).to_bytes(2, "big")


def pack(value):
    if isinstance(value, dict):
        return size_of(7, len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())
    if isinstance(value, list):
        return size_of(11, len(value)) + b"".join(map(pack, value))
    if isinstance(value, str):
        return size_of(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return size_of(DOUBLE, 8) + struct.pack(">d", value)
    kind, number = value if isinstance(value, tuple) else (UINT32, value)
    digits = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return size_of(kind, len(digits)) + digits


class Node:
    def __init__(self):
        self.sides = [None, None]  # a Node, an offset in the data, or None


root, data = Node(), b""
for line in sys.stdin:
    network, text = line.strip().split(" ", 1)
    network = ipaddress.ip_network(network)
    bits, length = int(network.network_address), network.prefixlen
    if network.version == 4:
        length += 96
    at = root
    for depth in range(length):
        side = bits >> (127 - depth) & 1
        if depth == length - 1:
            at.sides[side] = len(data)
        elif at.sides[side] is None:
            at.sides[side] = Node()
        at = at.sides[side]
    data += pack(json.loads(text))

nodes = []
stack = [root]
while stack:
    node = stack.pop()
    node.number = len(nodes)
    nodes.append(node)
    stack += [side for side in node.sides if isinstance(side, Node)]
tree = b""
for node in nodes:
    for side in node.sides:
        record = len(nodes)
        if isinstance(side, Node):
            record = side.number
        elif side is not None:
            record = len(nodes) + 16 + side
        tree += record.to_bytes(3, "big")
about = {
    "binary_format_major_version": (UINT16, 2),
    "binary_format_minor_version": (UINT16, 0),
    "build_epoch": (UINT64, 1700000000),
    "database_type": "Test",
    "description": {"en": "made by a test"},
    "ip_version": (UINT16, 6),
    "languages": ["en"],
    "node_count": len(nodes),
    "record_size": (UINT16, 24),
}
with open(sys.argv[1], "wb") as file:
    file.write(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + pack(about))
