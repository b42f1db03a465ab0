# SPDX-License-Identifier: MIT
"""What the tests of sockets share: TAP, processes, folders that go away."""
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

import cases

BUILD = os.environ.get("BUILD") or "build"
BIN = os.path.join(BUILD if BUILD.startswith("/") else os.path.join(cases.ROOT, BUILD),
                   "bin")
SECONDS = 30  # the longest that anything here is waited for

_done = {"tests": 0, "failed": 0}


def ok(condition, name, *detail):
    _done["tests"] += 1
    if not condition:
        _done["failed"] += 1
    print(f"{'ok' if condition else 'not ok'} {_done['tests']} - {name}")
    for line in () if condition else "\n".join(map(str, detail)).splitlines():
        print("# " + line)
    sys.stdout.flush()
    return condition


def same(got, wanted, name):
    return ok(got == wanted, name, difference(got, wanted))


def difference(got, wanted):
    if not (isinstance(got, list) and isinstance(wanted, list)):
        return f"got {got!r}, wanted {wanted!r}"
    text = f"got {len(got)}, wanted {len(wanted)}"
    for i, (g, w) in enumerate(zip(got, wanted)):
        if g != w:
            return f"{text}; number {i}:\n got {g}\n wanted {w}"
    return text


def needs(program):
    """Without this program of ours there is nothing to test."""
    if not os.path.exists(os.path.join(BIN, program)) and \
            not os.environ.get("PEERS_SERVER"):
        print(f"1..0 # SKIP no {program} in this build")
        sys.exit(0)


def done_testing():
    print(f"1..{_done['tests']}")
    sys.exit(1 if _done["failed"] else 0)


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="bannerpipe.")
    try:
        yield path
    finally:
        shutil.rmtree(path)


def until(condition):
    """Wait until it is true; its last value."""
    end = time.monotonic() + SECONDS
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return value


def content(path):
    return open(path, "rb").read() if os.path.exists(path) else b""


def run(command, **more):
    """The status and what was said. 124: it took too long."""
    try:
        ended = subprocess.run(command, timeout=2 * SECONDS, env=cases.environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               **more)
    except subprocess.TimeoutExpired:
        return 124, "it did not end"
    return ended.returncode, ended.stdout.decode(errors="replace")


def stop(process):
    """End it by TERM; its status. It is killed when it does not want to."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None
