#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Write the golden files written-*: messages as programs send them that are not here to
be run, after their sources (fluentd out_forward and in_forward.rb, fluent-bit
plugins/out_forward, Docker's log driver of before 2018)."""
import gzip
import struct
import subprocess

import capture
import cases
import wire

BASE = 1795458438


def records(name, count):
    return [{"event": "impression", "event_id": f"{name}-{i}", "position": i % 4,
             "probability": 0.25} for i in range(count)]


def times(count):
    return [wire.event_time(BASE + i, 494000001 * (i % 2)) for i in range(count)]


def entries(name, count):
    return list(zip(times(count), records(name, count)))


def blob(found):
    return b"".join(wire.pack([t, r]) for t, r in found)


def str32(data):
    return b"\xdb" + struct.pack(">I", len(data)) + data


def ext8(when):
    return b"\xc7\x08\x00" + when.data


def zstd(data):
    return subprocess.run(["zstd", "-1qc"], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def fluentd_text():
    """A str32 blob with raw bytes, chunk ids that end in a line feed, heartbeats."""
    data = b"\xc0"
    for k in range(3):
        option = {"size": 4, "compressed": "text", "chunk": f"AAECAwQFBgcICQoLDA0OD{k}==\n"}
        data += b"\x93" + wire.pack("ads.web") + \
            str32(blob(entries(f"fluentd-{k}", 4))) + wire.pack(option) + b"\xc0"
    return data


def fluentd_gzip():
    """Three members end to end in one blob."""
    found = entries("gzip", 9)
    packed = b"".join(gzip.compress(blob(found[i:i + 3]), mtime=0) for i in (0, 3, 6))
    option = {"size": 9, "compressed": "gzip", "chunk": "AAECAwQFBgcICQoLDA0ODw==\n"}
    return b"\x93" + wire.pack("ads.web") + str32(packed) + wire.pack(option)


def fluentd_zstd():
    """Two frames end to end in one blob."""
    found = entries("zstd", 6)
    packed = zstd(blob(found[:3])) + zstd(blob(found[3:]))
    option = {"size": 6, "compressed": "zstd", "chunk": "AAECAwQFBgcICQoLDA0ODw=="}
    return wire.pack(["ads.web", packed, option])


def fluent_bit():
    """Times with metadata (v1.5) and EventTimes as ext 8, in Forward and PackedForward."""
    def entry(k):
        when = b"\x92" + ext8(wire.event_time(BASE + k, 7000)) + wire.pack({"level": k})
        return b"\x92" + when + wire.pack(records("fluent-bit", 8)[k])
    option = {"fluent_signal": 0, "size": 4, "chunk": "f00f00f00f00f00f00f00f00f00f00f0"}
    tag = wire.pack("ads.web")
    data = b"\x93" + tag + b"\x94" + b"".join(map(entry, range(4))) + wire.pack(option)
    packed = gzip.compress(b"".join(map(entry, range(4, 8))), mtime=0)
    option = dict(option, compressed="gzip", chunk="0ff")
    return data + b"\x93" + tag + wire.pack(packed) + wire.pack(option)


def docker():
    """An option that is nil."""
    return b"".join(wire.pack(["ads.web", BASE + i, r, None])
                    for i, r in enumerate(records("docker", 5)))


def times_of_all_kinds():
    """Seconds and milliseconds as integers and floats; a record's own time counts."""
    kinds = [BASE, float(BASE) + 0.5, BASE * 1000.0 + 250, BASE * 1000 + 125,
             wire.event_time(BASE, 999999999)]
    data = b"".join(wire.pack(["ads.web", t, r])
                    for t, r in zip(kinds, records("time", 5)))
    own = dict(records("own", 1)[0], timestamp=1700000000000001)
    return data + wire.pack(["ads.web", BASE, own])


def metadata():
    """Message mode with the option metadata, and options that nobody knows."""
    return b"".join(
        wire.pack(["ads.web", wire.event_time(BASE + i, 0), r,
                   {"metadata": {"level": "info"}, "unknown": [1, {"x": b"\xff"}]}])
        for i, r in enumerate(records("metadata", 3)))


def malformed():
    """One message that is good; one whose third entry is none: it goes as a whole."""
    good = wire.pack(["ads.web", blob(entries("good", 3)), {"chunk": "good"}])
    bad = blob(entries("bad", 2)) + wire.pack([wire.event_time(BASE, 0), "no map"]) + \
        blob(entries("after", 1))
    return good + wire.pack(["ads.web", bad, {"chunk": "bad"}])


def cut_blob():
    """A blob that ends within an entry is no better."""
    good = wire.pack(["ads.web", entries("good", 3), {"chunk": "good"}])
    return good + wire.pack(["ads.web", blob(entries("bad", 3))[:-1], {"chunk": "bad"}])


def cut_gzip():
    good = wire.pack(["ads.web", entries("good", 3), {"chunk": "good"}])
    packed = gzip.compress(blob(entries("bad", 3)), mtime=0)[:-5]
    return good + wire.pack(
        ["ads.web", packed, {"chunk": "bad", "compressed": "gzip"}])


def claims(head):
    """A header that claims a great deal, in place of a blob or entries."""
    return wire.pack(["ads.web", entries("good", 3), {"chunk": "good"}]) + \
        b"\x93" + wire.pack("ads.web") + head


def ping(salt, host, kind):
    """A PING with a salt and digests of other types, then one message. Whoever plays it
    puts in the digest."""
    digest = "0" * 128
    words = ["PING", host, salt, kind(digest), "", kind("")]
    return wire.pack(words) + \
        wire.pack(["ads.web", blob(entries("key", 3)), {"chunk": "good"}])


def store(name, source, data, refused=False, **more):
    whole = data
    if refused:  # the records before the message that is refused
        whole = wire.pack(wire.unpack(data)[0])
    found = []
    for value in wire.values(whole)[0]:
        if value is not None and value[0] != "PING":
            found += [entry.plain() for entry in wire.message(value)[0]]
    about = dict(more, records=found)
    if refused:
        about = {"refused": True, **about}
    capture.store("written-" + name, source, data, about)


def main():
    store("fluentd-text", "after Fluentd's out_forward", fluentd_text())
    store("fluentd-gzip", "after Fluentd's out_forward", fluentd_gzip())
    store("fluentd-zstd", "after Fluentd's out_forward", fluentd_zstd())
    store("fluent-bit", "after Fluent Bit's out_forward", fluent_bit())
    store("docker", "after Docker's old log driver", docker())
    store("times", "every kind of time", times_of_all_kinds())
    store("metadata", "after the specification v1.5", metadata())
    store("malformed", "a malformed entry", malformed(), refused=True)
    store("cut-blob", "a blob that is cut off", cut_blob(), refused=True)
    store("cut-gzip", "a blob that is cut off", cut_gzip(), refused=True)
    store("claims-array", "an array said to be long", claims(b"\xdd\xff\xff\xff\xff"),
          refused=True)
    store("claims-blob", "a blob said to be long", claims(b"\xc6\xff\xff\xff\xff"),
          refused=True)
    store("ping-raw-str", "after Fluent Bit's out_forward",
          ping(wire.text(bytes(range(200, 216))), "bit.example", str), key=cases.KEY)
    store("ping-bin", "after Node's Buffer",
          ping(bytes(range(200, 216)), "bin.example", lambda s: s.encode()),
          key=cases.KEY)


if __name__ == "__main__":
    main()
