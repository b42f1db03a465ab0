# SPDX-License-Identifier: MIT
"""The Forward protocol as its specification says, apart from lib/net: a small msgpack
reader and writer, the handshake's digests, and what a message means.

str becomes str (bytes that are no UTF-8 as surrogates), bin becomes bytes, ext becomes
Ext. What is wrong raises ValueError.
"""
import gzip
import hashlib
import json
import struct
import subprocess
from typing import NamedTuple


class Ext(NamedTuple):
    kind: int
    data: bytes


SIZE_MAX = 1 << 24


class Short(Exception):
    """The bytes end before the value does."""


FIXED = {0xCA: ">f", 0xCB: ">d", 0xCC: ">B", 0xCD: ">H", 0xCE: ">I", 0xCF: ">Q",
         0xD0: ">b", 0xD1: ">h", 0xD2: ">i", 0xD3: ">q"}
SIZES = {0xC4: ">B", 0xC5: ">H", 0xC6: ">I", 0xD9: ">B", 0xDA: ">H", 0xDB: ">I",
         0xDC: ">H", 0xDD: ">I", 0xDE: ">H", 0xDF: ">I", 0xC7: ">B", 0xC8: ">H",
         0xC9: ">I"}


def take(data, at, size):
    if size > SIZE_MAX:
        raise ValueError("too large")
    if at + size > len(data):
        raise Short
    return data[at:at + size], at + size


def number(data, at, form):
    raw, at = take(data, at, struct.calcsize(form))
    return struct.unpack(form, raw)[0], at


def text(raw):
    return raw.decode("utf-8", "surrogateescape")


def unpack(data, at=0):
    """The value that begins at this byte, and the byte after it."""
    (head,), at = take(data, at, 1)
    if head < 0x80:
        return head, at
    if head >= 0xE0:
        return head - 0x100, at
    if head < 0x90:
        return mapping(data, at, head & 15)
    if head < 0xA0:
        return array(data, at, head & 15)
    if head < 0xC0:
        raw, at = take(data, at, head & 31)
        return text(raw), at
    if head in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[head], at
    if head in FIXED:
        return number(data, at, FIXED[head])
    if 0xD4 <= head <= 0xD8:
        return extension(data, at, 1 << (head - 0xD4))
    if head not in SIZES:
        raise ValueError(f"byte {head:#x} begins no msgpack value")
    size, at = number(data, at, SIZES[head])
    if head <= 0xC6:
        return take(data, at, size)
    if head <= 0xC9:
        return extension(data, at, size)
    if head <= 0xDB:
        raw, at = take(data, at, size)
        return text(raw), at
    return array(data, at, size) if head <= 0xDD else mapping(data, at, size)


def array(data, at, size):
    if size > SIZE_MAX:
        raise ValueError("too long")
    items = []
    for _ in range(size):
        item, at = unpack(data, at)
        items.append(item)
    return items, at


def mapping(data, at, size):
    pairs = {}
    for _ in range(size):
        key, at = unpack(data, at)
        pairs[key], at = unpack(data, at)
    return pairs, at


def extension(data, at, size):
    kind, at = number(data, at, ">b")
    raw, at = take(data, at, size)
    return Ext(kind, raw), at


def sized(size, forms):
    """The head of a value of this size: the shortest of (limit, first byte, form)."""
    for limit, first, form in forms:
        if size < limit:
            return bytes([first + size]) if form is None else \
                bytes([first]) + struct.pack(form, size)
    raise ValueError("too large")


def pack(value):
    if value is None or value is True or value is False:
        return {None: b"\xc0", False: b"\xc2", True: b"\xc3"}[value]
    if isinstance(value, Ext):
        if len(value.data) == 8:
            return b"\xd7" + struct.pack(">b", value.kind) + value.data
        return b"\xc7" + struct.pack(">Bb", len(value.data), value.kind) + value.data
    if isinstance(value, int):
        if -32 <= value < 128:
            return struct.pack(">b" if value < 0 else ">B", value)
        for form, first in (">B", 0xCC), (">H", 0xCD), (">I", 0xCE), (">Q", 0xCF), \
                (">b", 0xD0), (">h", 0xD1), (">i", 0xD2), (">q", 0xD3):
            try:
                return bytes([first]) + struct.pack(form, value)
            except struct.error:
                continue
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogateescape")
        return sized(len(raw), [(32, 0xA0, None), (1 << 8, 0xD9, ">B"),
                                (1 << 16, 0xDA, ">H"), (1 << 32, 0xDB, ">I")]) + raw
    if isinstance(value, bytes):
        return sized(len(value), [(1 << 8, 0xC4, ">B"), (1 << 16, 0xC5, ">H"),
                                  (1 << 32, 0xC6, ">I")]) + value
    if isinstance(value, (list, tuple)):
        return sized(len(value), [(16, 0x90, None), (1 << 16, 0xDC, ">H"),
                                  (1 << 32, 0xDD, ">I")]) + b"".join(map(pack, value))
    if isinstance(value, dict):
        return sized(len(value), [(16, 0x80, None), (1 << 16, 0xDE, ">H"),
                                  (1 << 32, 0xDF, ">I")]) + \
            b"".join(pack(k) + pack(v) for k, v in value.items())
    raise TypeError(type(value))


def values(data):
    """All values of these bytes, and how many bytes they take."""
    found, at = [], 0
    while at < len(data):
        try:
            value, at = unpack(data, at)
        except Short:
            break
        found.append(value)
    return found, at


def event_time(seconds, nanoseconds):
    return Ext(0, struct.pack(">II", seconds, nanoseconds))


def microseconds(time):
    """An entry's time. None: the time of arrival."""
    if isinstance(time, list):
        time = time[0]
    if isinstance(time, Ext):
        if time.kind != 0 or len(time.data) != 8:
            raise ValueError("no EventTime")
        seconds, nanoseconds = struct.unpack(">II", time.data)
        return seconds * 1000000 + nanoseconds // 1000
    if not time:
        return None
    if time > 1e11:
        return int(time * 1000)
    return int(time * 1000000)


def raw(value):
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def unzip(blob, option):
    packing = (option or {}).get("compressed") or "text"
    if packing == "gzip":
        return gzip.decompress(blob)
    if packing == "zstd":
        return subprocess.run(["zstd", "-dcq"], input=blob, check=True,
                              stdout=subprocess.PIPE).stdout
    return blob


class Entry(NamedTuple):
    tag: str
    time: int       # microseconds; None: that of arrival
    record: dict
    metadata: dict  # {}: none

    def plain(self):
        found = {"tag": self.tag, "time": self.time, "record": plain(self.record)}
        return dict(found, metadata=plain(self.metadata)) if self.metadata else found


def message(value):
    """(entries, option) of a message."""
    if value is None:
        return [], {}
    if not isinstance(value, list) or len(value) < 2 or not isinstance(value[0], str):
        raise ValueError("no message")
    tag, body = value[0], value[1]
    if isinstance(body, list):
        entries, option = body, value[2] if len(value) > 2 else None
    elif isinstance(body, (str, bytes)):
        option = value[2] if len(value) > 2 else None
        blob = unzip(raw(body), option)
        entries, used = values(blob)
        if used != len(blob):
            raise ValueError("the blob is cut off")
    else:
        entries, option = [[body, value[2]]], value[3] if len(value) > 3 else None
    option = option or {}
    found = []
    for entry in entries:
        if not isinstance(entry, list) or len(entry) != 2 or \
                not isinstance(entry[1], dict):
            raise ValueError("no entry")
        when, record = entry
        metadata = when[1] if isinstance(when, list) else option.get("metadata") or {}
        found.append(Entry(tag, microseconds(when), record, metadata))
    return found, option


def sha512(*parts):
    return hashlib.sha512(b"".join(raw(p) for p in parts)).hexdigest()


def plain(value):
    """What JSON can hold of a value, one to one."""
    if isinstance(value, bytes):
        return {"$bin": value.hex()}
    if isinstance(value, Ext):
        return {"$ext": [value.kind, value.data.hex()]}
    if isinstance(value, str):
        try:
            value.encode()
            return value
        except UnicodeEncodeError:
            return {"$str": raw(value).hex()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k if isinstance(k, str) else json.dumps(k): plain(v)
                for k, v in value.items()}
    return value
