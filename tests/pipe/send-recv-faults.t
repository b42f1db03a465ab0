#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What lies between bp-send and bp-recv breaks, either end is killed, a peer hangs:
nothing is lost, nothing comes twice, and memory stays bounded."""
import os
import re
import signal
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sockets
from sockets import CHANCE, Program, Proxy, Receiver, content, generate, ok, same, \
    without_end

SENT = generate("in.bp", 20000)


def logged(folder):
    return b"".join(
        subprocess.run(["zstd", "-dcq"], input=content(os.path.join(folder, name)),
                       check=True, stdout=subprocess.PIPE).stdout
        for name in sorted(os.listdir(folder)) if name.endswith(".bplog"))


def cut_connections():
    receiver = Receiver("cut", "--until-end", "1")
    proxy = Proxy(lambda: receiver.port,
                  [CHANCE.randrange(1, 600000) for _ in range(8)])
    sender = Program("cut-send", "bp-send", "--chunk", "16K", "--window", "256K",
                     "--packing", "none", f"127.0.0.1:{proxy.port}", "in.bp")
    same(sender.wait(), 0, "connections cut at random bytes", sender.says())
    same(receiver.wait(), 0, "the receiver ends", receiver.says())
    ok(proxy.cut >= 8, "they were cut", proxy.cut)
    ok(without_end(receiver.out()) == SENT, "each record once, in order",
       len(receiver.out()), len(SENT))


def killed_receiver():
    # An address of this process: nobody takes the port while there is no receiver.
    pid = os.getpid()
    host = f"127.{100 + (pid >> 14) % 100}.{pid >> 7 & 127}.{1 + (pid & 127)}"
    port = socket.create_server((host, 0))
    address = f"{host}:{port.getsockname()[1]}"
    port.close()
    receiver = Receiver("killed", "--log", "log", "--until-end", "1", listen=address)
    sender = Program("killed-send", "bp-send", "--chunk", "16K", "--window", "64K",
                     address, "in.bp")
    kills = 0
    while sender.process.poll() is None and kills < 5:
        threading.Event().wait(CHANCE.random() * 0.05)
        if sender.process.poll() is not None:
            break
        receiver.stop(signal.SIGKILL)
        kills += 1
        receiver = Receiver("killed", "--log", "log", "--until-end", "1", listen=address)
    same(sender.wait(), 0, "a receiver that is killed", sender.says())
    receiver.stop()
    ok(kills > 0, "it was killed", kills)
    data = logged("log")
    ok(data == SENT, "its log has each record once", len(data), len(SENT))


def children(program):
    """Its processes of bp-send."""
    return subprocess.run(["pgrep", "-P", str(program.process.pid), "-x", "bp-send"],
                          stdout=subprocess.PIPE, text=True).stdout.split()


def bytes_read(pid):
    found = re.search(rb"rchar: (\d+)", content(f"/proc/{pid}/io"))
    return int(found[1]) if found else 0


def hanging_peer():
    listener = socket.create_server(("127.0.0.1", 0))
    sender = Program("hang", "bash", "-c",
                     "for i in $(seq 40); do cat in.bp; done | exec bp-send --window 4M "
                     f"--peer forward 127.0.0.1:{listener.getsockname()[1]}")
    read = [0]

    def has_stopped():
        """It has read what its window holds, and in a second no more."""
        found = children(sender)
        before, read[0] = read[0], sum(map(bytes_read, found))
        threading.Event().wait(1)
        return not found or read[0] > 4 << 20 and read[0] == before

    sockets.until(lambda: children(sender))
    sockets.until(has_stopped)
    found = children(sender)
    ok(len(found) == 1 and read[0] < 40 * len(SENT), "a peer that does not read holds it up",
       read, sender.says())
    for pid in found:
        status = content(f"/proc/{pid}/status").decode()
        kib = int(status.split("VmHWM:")[1].split()[0])
        ok(kib < (400 << 10 if "address" in sockets.BUILD else 64 << 10),
           "and memory stays bounded", f"{kib} KiB")
        os.kill(int(pid), signal.SIGKILL)
    sender.wait()


cut_connections()
killed_receiver()
hanging_peer()
sockets.done()
