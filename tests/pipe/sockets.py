# SPDX-License-Identifier: MIT
"""A kit for tests of programs that talk to sockets: starts them, holds their ends, stands
between them. Prints TAP. A test runs in a folder of its own; SEED repeats its chances."""
import atexit
import json
import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
os.environ["PATH"] = f"{BUILD}/bin:{BUILD}/tools:{os.environ['PATH']}"
SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
CHANCE = random.Random(SEED)
SECONDS = 120  # of patience: they pass only when something has failed
print(f"# SEED={SEED}")

_folder = tempfile.mkdtemp(prefix="bannerpipe.")
os.chdir(_folder)
_running = []
_count = [0, 0]


@atexit.register
def _clean():
    for p in _running:
        if p.poll() is None:
            p.kill()
    os.chdir("/")
    shutil.rmtree(_folder, ignore_errors=True)


def ok(good, name, *details):
    _count[0] += 1
    _count[1] += not good
    print(("" if good else "not ") + f"ok {_count[0]} - {name}", flush=True)
    if not good:
        for detail in (name, *details):
            for line in str(detail)[:2000].split("\n"):
                print(f"# {os.path.basename(sys.argv[0])}: {line}", file=sys.stderr)
    return good


def same(got, wanted, name, *details):
    return ok(got == wanted, name, f"got {got!r}"[:600], f"wanted {wanted!r}"[:600], *details)


def done():
    print(f"1..{_count[0]}")
    sys.exit(_count[1] > 0)


def until(condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    value = condition()
    if not value and seconds == SECONDS:
        where = traceback.extract_stack(limit=2)[0]
        print(f"# {os.path.basename(sys.argv[0])}: waited in vain at line {where.lineno}",
              file=sys.stderr)
    return value


def content(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except FileNotFoundError:
        return b""


class Program:
    """One that runs: its standard error is in NAME.err, its output in NAME.out, or added
    to that with append."""

    def __init__(self, name, *words, stdin=subprocess.DEVNULL, append=False, **options):
        self.name, self.words = name, words
        with open(name + ".out", "ab" if append else "wb") as out, \
                open(name + ".err", "wb") as err:
            self.process = subprocess.Popen(
                words, stdin=stdin, stdout=out, stderr=err, **options)
        _running.append(self.process)

    def says(self):
        return content(self.name + ".err").decode(errors="replace")

    def out(self):
        return content(self.name + ".out")

    def wait(self, seconds=SECONDS):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "killed: it did not end"

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.wait()

    def peak_kib(self):
        found = re.search(rb"VmHWM:\s+(\d+)", content(f"/proc/{self.process.pid}/status"))
        return int(found[1]) if found else 0


class Receiver(Program):
    """bp-recv on a port of the system's choice, or on `listen`."""

    def __init__(self, name, *words, listen="127.0.0.1:0", **options):
        super().__init__(name, "bp-recv", "--listen", listen, *words, **options)
        found = until(lambda: re.search(r"listening on (\S+)", self.says())
                      or self.process.poll() is not None)
        self.address = found[1] if hasattr(found, "group") else None

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])


def records(data):
    """Records of a stream as bp-print has them."""
    p = subprocess.run(["bp-print", "--format", "json"], input=data,
                       stdout=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in p.stdout.splitlines()]
    return [r for r in lines if "$ext" not in r]


def generate(path, count, seed=1):
    with open(path, "wb") as f:
        subprocess.run(["gen_ctr", str(count), str(seed), "0.2"], stdout=f, check=True)
    return content(path)


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff


def control(kind, own, epoch=0):
    """A control record, as lib/record/control.h has it."""
    payload = struct.pack("<BBQ", kind, 1, epoch) + own
    payload += struct.pack("<I", crc32c(payload))
    return struct.pack(">BBB", 0xc7, len(payload), 66) + payload


def tick(watermark, idle=False):
    return control(3, struct.pack("<qB", watermark, idle))


def without_end(data):
    """A stream without the END that bp-send puts behind it."""
    return data[:-18] if data[-18:-14] == b"\xc7\x0fB\x04" else data


def play(port, data, half_close=True):
    """Send bytes as a client does; all that the server answers."""
    answers = b""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as s:
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
            while more := s.recv(65536):
                answers += more
        except OSError:
            pass  # a server that refuses hangs up
    return answers


class Proxy:
    """Stands between sender and receiver, and cuts the connections after so many bytes, as
    `cuts` gives them one by one; then lets all through."""

    def __init__(self, to, cuts):
        self.to, self.cuts, self.cut = to, list(cuts), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to()), SECONDS)
            except OSError:
                continue
            left = [self.cuts.pop(0)] if self.cuts else [1 << 60]
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.move, args=(a, b, left), daemon=True).start()

    def move(self, a, b, left):
        try:
            while data := a.recv(65536):
                part = data[:max(0, left[0])]
                left[0] -= len(data)
                b.sendall(part)
                if left[0] <= 0:
                    self.cut += 1
                    break
        except OSError:
            pass
        for s in (a, b):
            try:
                # With unread bytes this is a reset, as of a machine that went away.
                s.shutdown(socket.SHUT_RDWR)
                s.close()
            except OSError:
                pass
