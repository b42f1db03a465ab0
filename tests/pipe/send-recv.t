#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-send to bp-recv over all that lies between: sockets, compressions, keys, TLS."""
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sockets
from sockets import Program, Receiver, content, control, generate, ok, records, same, \
    tick, without_end

COUNT = 20000
SENT = generate("in.bp", COUNT)


def arrives(name, receiver, *words):
    sender = Program(name + "-send", "bp-send", *words, receiver.address, "in.bp")
    same(sender.wait(), 0, f"{name}: the sender is content", sender.says())
    same(receiver.wait(), 0, f"{name}: the receiver ends with it", receiver.says())
    ok(without_end(receiver.out()) == SENT, f"{name}: the same bytes",
       len(receiver.out()), len(SENT))


def refused(name, receiver, status, part, *words):
    for patience in ("1s", "10s", "60s"):  # that of a busy machine is longer
        sender = Program(name + "-send", "bp-send", "--give-up-after", patience, *words,
                         receiver.address, "in.bp")
        got = sender.wait()
        if got != 111 or part in sender.says():
            break
    same(got, status, f"{name}: the sender fails", sender.says())
    ok(part in sender.says(), f"{name}: and says why", sender.says())
    receiver.stop()
    same(receiver.out(), b"", f"{name}: nothing is taken")


for packing in ("none", "gzip", "zstd"):
    arrives(packing, Receiver(packing, "--until-end", "1"), "--packing", packing)
arrives("unix", Receiver("unix", "--until-end", "1", listen="unix:socket"))
for _ in range(20):  # until a port that was free still is
    with socket.socket() as probe:
        probe.bind(("", 0))
        port = probe.getsockname()[1]
    receiver = Receiver("all", "--until-end", "1", listen=f":{port}")
    if receiver.address:
        break
arrives("all addresses", receiver)
arrives("small-chunks", Receiver("small-chunks", "--until-end", "1"), "--chunk", "4K",
        "--window", "32K")

# --- foreign servers get entries
receiver = Receiver("foreign", "--tag-key", "")
sender = Program("foreign-send", "bp-send", "--peer", "forward", receiver.address, "in.bp")
same(sender.wait(), 0, "foreign: all is acknowledged", sender.says())
receiver.stop()
ok(receiver.out() == SENT, "foreign: the same records", len(receiver.out()), len(SENT))
receiver = Receiver("tag")
subprocess.run(["bp-send", "--peer", "forward", "--tag", "a.b", receiver.address],
               input=b"\x81\xa1n\x01", check=True)
receiver.stop()
same(records(receiver.out())[0]["tag"], "a.b", "with its tag")

# --- a handshake
for name, words in (("key", "right\n"), ("users", "alice:pass\n"), ("wrong", "wrong\n"),
                    ("mallory", "alice:word\n"), ("all", "alice:pass\nbob:word\n")):
    with open(name, "w") as f:
        f.write(words)
arrives("shared-key", Receiver("shared-key", "--until-end", "1", "-k", "key"), "-k", "key")
arrives("user", Receiver("user", "--until-end", "1", "-k", "key", "--users-file", "all"),
        "-k", "key", "--user-file", "users")
refused("wrong-key", Receiver("wrong-key", "-k", "key"), 100, "key", "-k", "wrong")
refused("no-key", Receiver("no-key", "-k", "key"), 100, "--shared-key-file")
refused("wrong-password", Receiver("wrong-password", "-k", "key", "--users-file", "all"),
        100, "key", "-k", "key", "--user-file", "mallory")
refused("same-name", Receiver("same-name", "-k", "key", "--hostname", "x"), 100,
        "own host name", "-k", "key", "--hostname", "x")


# --- TLS
def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stderr=subprocess.DEVNULL)


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", name + ".key", "-out", name + ".pem", "-days", "2",
            "-subj", "/CN=" + name)


def certificate(name, signed_by, host):
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + name)
    with open("extension", "w") as f:
        f.write(f"subjectAltName={host}\n")
    openssl("x509", "-req", "-in", name + ".csr", "-CA", signed_by + ".pem", "-CAkey",
            signed_by + ".key", "-CAcreateserial", "-out", name + ".pem", "-days", "2",
            "-extfile", "extension")


authority("ca")
authority("stranger")
certificate("server", "ca", "IP:127.0.0.1")
certificate("elsewhere", "ca", "DNS:elsewhere.example")
certificate("client", "ca", "DNS:client")
certificate("intruder", "stranger", "DNS:client")
SERVER = ("--tls-certificate", "server.pem", "--tls-key", "server.key")
CLIENT = ("--tls", "--tls-authority", "ca.pem")
arrives("tls", Receiver("tls", "--until-end", "1", *SERVER), *CLIENT)
arrives("tls-none", Receiver("tls-none", "--until-end", "1", *SERVER, "-k", "key"),
        *CLIENT, "--packing", "none", "-k", "key")
MUTUAL = (*SERVER, "--tls-authority", "ca.pem")
arrives("mutual", Receiver("mutual", "--until-end", "1", *MUTUAL), *CLIENT,
        "--tls-certificate", "client.pem", "--tls-key", "client.key")
refused("no-certificate", Receiver("no-certificate", *MUTUAL), 111, "certificate", *CLIENT)
refused("intruder", Receiver("intruder", *MUTUAL), 111, "unknown ca", *CLIENT,
        "--tls-certificate", "intruder.pem", "--tls-key", "intruder.key")
refused("untrusted", Receiver("untrusted", *SERVER), 111, "certificate", "--tls",
        "--tls-authority", "stranger.pem")
refused("other-host", Receiver("other-host", "--tls-certificate", "elsewhere.pem",
        "--tls-key", "elsewhere.key"), 111, "mismatch", *CLIENT)
refused("plain-server", Receiver("plain-server"), 111, "closed the connection", *CLIENT)

# --- a log, acknowledged when durable
receiver = Receiver("log", "--log", "log", "--until-end", "1")
sender = Program("log-send", "bp-send", receiver.address, "in.bp")
same(sender.wait(), 0, "log: all is acknowledged", sender.says())
same(receiver.wait(), 0, "log: it ends", receiver.says())
same(receiver.out(), b"", "log: nothing goes to standard output")
logged = b"".join(
    subprocess.run(["zstd", "-dcq"], input=content(os.path.join("log", name)), check=True,
                   stdout=subprocess.PIPE).stdout
    for name in sorted(os.listdir("log")) if name.endswith(".bplog"))
ok(logged == SENT, "log: the same bytes", len(logged), len(SENT), os.listdir("log"))

# --- the log of one sender is its stream; of several, the smallest watermark is in it
def replayed(log):
    return subprocess.run(["bp-replay", log], stdout=subprocess.PIPE, check=True).stdout


def record(n):
    return b"\x81\xa1n" + struct.pack(">BI", 0xce, n)


def send(name, address, data, *words):
    with open(name, "wb") as f:
        f.write(data)
    sender = Program(name + "-send", "bp-send", "--chunk", "100", *words, address, name)
    same(sender.wait(), 0, f"{name}: all is acknowledged", sender.says())


GAP = control(5, struct.pack("<QQ", 3, 9) + b"source: lost")
whole = b"".join(record(i) + (tick(1000 * i) if i % 50 == 0 else b"") +
                 (tick(1000 * i, True) + GAP if i % 100 == 0 else b"")
                 for i in range(1, 1000))
hello, cut = control(1, struct.pack("<I", 0) + b"a"), control(2, struct.pack("<q", 0), 1)
receiver = Receiver("one", "--log", "one.log")
send("one", receiver.address, hello + whole[:8] + cut + whole[8:])
receiver.stop()
ok(replayed("one.log") == whole, "one sender: a replay is its stream",
   len(replayed("one.log")), len(whole))
receiver = Receiver("one-again", "--log", "two.log")
send("first", receiver.address, record(1) + tick(5) + record(2) + tick(9), "--no-control")
send("second", receiver.address, record(3) + tick(7))
same(receiver.stop(), 0, "a stop between two senders")
receiver = Receiver("two", "--log", "two.log")
send("third", receiver.address, record(4) + tick(6) + tick(8) + record(5))
receiver.stop()
same(replayed("two.log"), record(1) + record(2) + record(3) + tick(7) + record(4) +
     tick(8) + record(5), "those that ended do not hold the watermark back")
receiver = Receiver("three", "--log", "three.log")
left = subprocess.Popen(["bp-send", receiver.address], stdin=subprocess.PIPE)
left.stdin.write(record(1) + tick(5))
left.stdin.flush()
sockets.until(lambda: replayed("three.log"))
left.kill()
left.wait()
receiver.stop()
receiver = Receiver("three-again", "--log", "three.log")
send("late", receiver.address, record(2) + tick(9) + record(3))
receiver.stop()
same(replayed("three.log"), record(1) + tick(5) + record(2) + record(3),
     "one that did not end does, after a restart too")

# --- nothing that is acknowledged may be lost, and no socket be stolen
os.mkdir("pipeline")
refusing = subprocess.run(
    ["bp-recv", "--listen", "unix:inside"], env={**os.environ, "BP_DIR": "pipeline"},
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
same(refusing.returncode, 100, "under bp-run it wants a log", refusing.stderr)
ok("bp-replay --follow" in refusing.stderr, "and says how", refusing.stderr)
receiver = Receiver("first-there", listen="unix:there")
second = Receiver("second-there", listen="unix:there")
same(second.wait(), 111, "a second one steals no socket", second.says())
ok("another process" in second.says(), "and says why", second.says())
send("to-there", "unix:there", record(1), "--no-control")
receiver.stop(sockets.signal.SIGKILL)
same(receiver.out(), record(1), "the first one has the record")
receiver = Receiver("third-there", listen="unix:there")
send("there-again", "unix:there", record(2), "--no-control")
receiver.stop()
same(receiver.out(), record(2), "what a killed one left is replaced")

# --- beside bp-log
os.mkfifo("acks")
listener = Program("pair", "bash", "-c",
                   "bp-recv --listen unix:pair --until-end 1 --ack-fd 3 3<acks | "
                   "bp-log --ack-fd 4 pair.log 4>acks")
sockets.until(lambda: "listening" in listener.says())
sender = Program("pair-send", "bp-send", "unix:pair", "in.bp")
same(sender.wait(), 0, "beside bp-log: acknowledged through --ack-fd", sender.says())
same(listener.wait(), 0, "beside bp-log: both end", listener.says())
sockets.done()
