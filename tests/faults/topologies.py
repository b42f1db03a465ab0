# SPDX-License-Identifier: MIT
"""The pipelines that the fault campaigns break.

A topology is a pipeline for bp-run, as a user would write it, and the files that it
writes. The law: whatever is done to its processes, these files end up with the bytes
that the same command writes without bp-run and undisturbed.
"""
import os
import signal
import subprocess
import threading
import time

import kit

MAP = os.path.join(kit.ROOT, "pipelines", "access-log.map")
SPEC = os.path.join(kit.ROOT, "pipelines", "access-log.spec")
PARSE = f"bp-parse --format combined --map {MAP} --max-rejects 100%"


class Topology:
    """One pipeline. `files` are compared; `command` runs in a folder of its own."""
    name = ""
    files = ("out",)
    states = ("state",)
    command = ""

    def prepare(self, folder, log):
        with open(os.path.join(folder, "log"), "wb") as out:
            out.write(log)

    def reference(self, folder, log):
        """Run it without bp-run."""
        self.prepare(folder, log)
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.command], cwd=folder, check=True,
            env=kit.environment(), stderr=subprocess.DEVNULL, timeout=kit.LIMIT)

    def run(self, folder, every_ms, env=None):
        run = kit.Run(folder, env)
        run.add_pipeline(every_ms, self.command)
        return run


class Line(Topology):
    name = "line"
    files = ("out", "rejects", "model")
    command = (
        f"{PARSE} --rejects rejects log | bp-sort --lateness 1m | bp-join |"
        f" bp-feature --spec {SPEC} | bp-learn --model model | bp-metric --by slot_id |"
        " bp-print --format json >>out")


class Join(Topology):
    name = "join"
    command = (
        f"bp-merge <({PARSE} --stage even log.even) <({PARSE} --stage odd log.odd) |"
        " bp-sort --lateness 1m | bp-join | bp-print --format json >>out")

    def prepare(self, folder, log):
        lines = log.splitlines(keepends=True)
        for name, part in (("log.even", lines[0::2]), ("log.odd", lines[1::2])):
            with open(os.path.join(folder, name), "wb") as out:
                out.writelines(part)


class Diamond(Topology):
    name = "diamond"
    files = ("out", "counts")
    command = (
        # A killed mkfifo must end the command: its readers would make a plain file of it.
        f"[ -p side ] || mkfifo side || exit; {PARSE} log | bp-sort --lateness 1m |"
        " tee >(bp-metric --count events --by slot_id | bp-print --stage counts"
        " --format json >>counts)"
        " >(bp-select --stage left 'event == \"impression\"' >side) |"
        " bp-select --stage right 'event != \"impression\"' |"
        " bp-merge - side | bp-join | bp-print --format json >>out")


class TailRun(kit.Run):
    """A log that grows and is rotated while its pipeline runs; then a planned stop."""
    ROTATIONS, PIECES = 3, 60

    def __init__(self, folder, env, log, size):
        super().__init__(folder, env)
        self.size, self.stopping = size, False
        self.writer = threading.Thread(target=self.write, args=(log,))
        self.writer.start()

    def write(self, log):
        path = os.path.join(self.folder, "access.log")
        # What was rotated before the first start is none of its business.
        open(path, "ab").close()
        first = os.path.join(self.folder, "state", "topology")
        while not os.path.exists(first) and time.monotonic() < self.deadline:
            time.sleep(0.001)
        lines = log.splitlines(keepends=True)
        step = len(lines) // self.PIECES + 1
        for i in range(self.PIECES):
            with open(path, "ab") as out:
                out.writelines(lines[i * step:(i + 1) * step])
            time.sleep(0.02)
            if i % (self.PIECES // (self.ROTATIONS + 1)) == 10:
                os.rename(path, f"{path}.{time.time_ns()}")

    def ended(self):
        out = os.path.join(self.folder, "out")
        if not self.stopping and os.path.exists(out) and os.path.getsize(out) >= self.size:
            self.stopping = True
        if self.stopping:
            self.services[0].process.send_signal(signal.SIGTERM)
        return super().ended()

    def close(self):
        self.writer.join()
        super().close()


class Tail(Topology):
    name = "tail"
    command = (
        f"{PARSE} --follow access.log | bp-dedupe | bp-select 'event != \"view\"' |"
        " bp-print --format json >>out")

    def prepare(self, folder, log):
        self.log = log

    def reference(self, folder, log):
        with open(os.path.join(folder, "access.log"), "wb") as out:
            out.write(log)
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", self.command.replace("--follow ", "")],
            cwd=folder, check=True, env=kit.environment(), stderr=subprocess.DEVNULL)
        self.size = os.path.getsize(os.path.join(folder, "out"))

    def run(self, folder, every_ms, env=None):
        run = TailRun(folder, env, self.log, self.size)
        run.add_pipeline(every_ms, self.command)
        return run


class HostsRun(kit.Run):
    """One pipeline sends, a second one goes on with what was received."""

    def __init__(self, folder, env, size):
        super().__init__(folder, env)
        self.size, self.sent = size, False

    def ended(self):
        out = os.path.join(self.folder, "b", "out")
        first, receiver, second = self.services
        if not self.sent and first.ended() == "" and receiver.ended() == "":
            self.sent = True
        if self.sent and os.path.exists(out) and os.path.getsize(out) >= self.size:
            second.process.send_signal(signal.SIGTERM)
        return super().ended()


class Hosts(Topology):
    name = "hosts"
    files = ("b/out",)
    states = ("a/state", "b/state")
    first = f"{PARSE} ../log | bp-sort --lateness 1m | bp-join"
    # Text without control records: those are of one host only.
    second = "bp-dedupe | bp-print --format tsv --fields event,event_id,timestamp,clicked >>out"

    def prepare(self, folder, log):
        super().prepare(folder, log)
        for host in ("a", "b", "b/spool"):
            os.mkdir(os.path.join(folder, host))

    def reference(self, folder, log):
        self.prepare(folder, log)
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{self.first} | {self.second}"], check=True,
            cwd=os.path.join(folder, "b"), env=kit.environment(), stderr=subprocess.DEVNULL)
        self.size = os.path.getsize(os.path.join(folder, "b", "out"))

    def run(self, folder, every_ms, env=None):
        run = HostsRun(folder, env, self.size)
        run.add_pipeline(
            every_ms, f"{self.first} | bp-send --peer bannerpipe unix:../wire", "a")
        run.add(
            ["bp-recv", "--listen", "unix:wire", "--log", "b/spool", "--until-end", "1"])
        run.add_pipeline(every_ms, f"bp-replay --follow spool | {self.second}", "b")
        return run


TOPOLOGIES = [Line(), Join(), Diamond(), Tail(), Hosts()]
