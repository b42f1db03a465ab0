# SPDX-License-Identifier: MIT
"""What the fault campaigns share: how to run pipelines, and how to compare."""
import filecmp
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
BIN = os.path.join(BUILD, "bin")
TOOLS = os.path.join(BUILD, "tools")
SHIM = os.path.join(BUILD, "faults.so")
LIMIT = 300  # seconds after which a run hangs


def environment(**more):
    env = dict(os.environ, PATH=BIN + ":" + TOOLS + ":" + os.environ["PATH"], LC_ALL="C")
    env.pop("BP_DIR", None)
    env.update(more)
    return env


def generate(lines, seed):
    """The lines of a shop's access log."""
    made = subprocess.run(
        [os.path.join(TOOLS, "gen_log"), str(lines), str(seed)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return made.stdout


def members(mark):
    """The processes of a run: those that have its mark in their environment."""
    found = []
    mark = f"FAULTS_RUN={mark}".encode()
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            with open(f"/proc/{pid}/environ", "rb") as env:
                if mark not in env.read().split(b"\0"):
                    continue
            with open(f"/proc/{pid}/stat") as stat:
                text = stat.read()
            name, state = text[text.index("(") + 1:text.rindex(")")], text[text.rindex(")") + 2]
            if state != "Z":
                found.append((int(pid), name))
        except OSError:
            continue
    return sorted(found)


def sweep(mark):
    """Kill what is left of a run."""
    for _ in range(100):
        left = members(mark)
        if not left:
            return
        for pid, _name in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.01)


class Service:
    """A program that is started again whenever it dies, until it has ended well."""

    def __init__(self, command, cwd, env, errors):
        self.command, self.cwd, self.env, self.errors = command, cwd, env, errors
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, cwd=self.cwd, env=self.env, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True)

    def ended(self):
        """None while it runs, then why it failed, or "" when it ended well."""
        status = self.process.poll()
        if status is None:
            return None
        if status in (0, 1):
            return ""
        if status > 0 and status != 111:
            return f"{os.path.basename(self.command[0])} ended with status {status}"
        self.start()
        return None


class Run:
    """A topology at work. `env` goes to all of its processes."""

    def __init__(self, folder, env=None):
        self.folder = folder
        self.mark = f"{os.getpid()}.{os.path.basename(folder)}"
        self.errors = open(os.path.join(folder, "errors"), "ab")
        self.env = environment(FAULTS_RUN=self.mark, **(env or {}))
        self.services = []
        self.deadline = time.monotonic() + LIMIT

    def add(self, command, cwd=""):
        self.services.append(
            Service(command, os.path.join(self.folder, cwd), self.env, self.errors))
        return self.services[-1]

    def add_pipeline(self, every_ms, command, cwd=""):
        return self.add(
            ["bp-run", "--dir", "state", "--every", f"{every_ms}ms", "--stall", "10s",
             "--", command], cwd)

    def ended(self):
        """None while it runs, then why it failed, or "" when all have ended well."""
        ends = [service.ended() for service in self.services]
        if all(end is not None for end in ends) or any(ends):
            return next((end for end in ends if end), "")
        return f"not done after {LIMIT} s" if time.monotonic() > self.deadline else None

    def wait(self):
        while (why := self.ended()) is None:
            time.sleep(0.005)
        return why

    def close(self):
        sweep(self.mark)
        for service in self.services:
            service.process.wait()
        self.errors.close()


def differences(topology, folder, reference):
    """What is not as it should be, in words."""
    wrong = []
    for name in topology.files:
        ours, theirs = os.path.join(folder, name), os.path.join(reference, name)
        if not os.path.exists(ours):
            wrong.append(f"{name} is missing")
        elif not filecmp.cmp(ours, theirs, shallow=False):
            wrong.append(describe(name, ours, theirs))
    for state in topology.states:
        check = subprocess.run(
            [os.path.join(BIN, "bp-run"), "check", state], cwd=folder, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if check.returncode != 0:
            wrong.append(f"bp-run check {state}: " + check.stdout.strip())
    return wrong


def describe(name, ours, theirs):
    with open(ours, "rb") as one, open(theirs, "rb") as other:
        a, b = one.read(), other.read()
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    line = a.count(b"\n", 0, at) + 1
    return f"{name} has {len(a)} bytes, not {len(b)}, and differs at byte {at}, line {line}"


class Campaign:
    """TAP lines of many runs; keeps the folder of a run that failed."""

    def __init__(self, name, seed):
        self.name, self.seed, self.tests, self.failed = name, seed, 0, 0
        self.top = tempfile.mkdtemp(prefix="bannerpipe.faults.")
        print(f"# {name}: SEED={seed}", flush=True)

    def folder(self, name):
        path = os.path.join(self.top, name)
        os.makedirs(path)
        return path

    def result(self, name, wrong, folder=None):
        self.tests += 1
        if not wrong:
            print(f"ok {self.tests} - {name}", flush=True)
            if folder:
                shutil.rmtree(folder)
            return
        self.failed += 1
        print(f"not ok {self.tests} - {name}")
        for line in wrong:
            print("# " + line.replace("\n", "\n# "))
        if folder:
            with open(os.path.join(folder, "errors"), errors="replace") as errors:
                for line in errors.readlines()[-12:]:
                    print("# " + line.rstrip())
            print(f"# kept: {folder}")
        sys.stdout.flush()

    def done(self):
        print(f"1..{self.tests}")
        if self.failed == 0:
            shutil.rmtree(self.top)
        return 1 if self.failed else 0


def seed_of(argv_default=None):
    """SEED of the environment, or a new one."""
    text = os.environ.get("SEED", argv_default)
    return int(text) if text is not None else random.SystemRandom().randrange(1 << 31)
