#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Enumerated faults: the N-th system call of one program is its last (strace delivers
SIGKILL at it), or fails, or comes back short (tests/faults/shim.c).

    points.py kill|error [POINTS]    500; SEED repeats the choices; 0 for all of them

How often each program makes each call is counted first, in an undisturbed run; the points
are spread evenly over programs and calls, then over N. The victim is the first such program
that starts; those of later generations are left in peace. Prints a TAP line for every
program and call.
"""
import concurrent.futures
import os
import random
import shutil
import struct
import sys

import kit
import topologies

CALLS = ("read", "write", "fsync", "rename", "open", "truncate", "malloc")
TRACED = {
    "read": "read", "write": "write", "fsync": "fsync,fdatasync",
    "rename": "rename,renameat,renameat2", "open": "openat", "truncate": "ftruncate"}
ERRORS = {
    "read": ("EIO", "EINTR", "short"), "write": ("EIO", "ENOSPC", "EINTR", "short"),
    "fsync": ("EIO", "ENOSPC"), "rename": ("EIO", "ENOSPC"), "open": ("EIO", "ENOSPC"),
    "truncate": ("EIO",), "malloc": ("ENOMEM",)}
EVERY_MS = 10
LINES = 4000


class Short(topologies.Topology):
    """A line of stages with a state, a reject file, and a sink."""
    name = "short"
    files = ("out", "rejects")
    command = (
        f"{topologies.PARSE} --rejects rejects log | bp-sort --lateness 1m | bp-join |"
        " bp-print --format json >>out")


TOPOLOGY = Short()
PROGRAMS = ("bp-run", "bp-parse", "bp-sort", "bp-join", "bp-print")


def count(campaign, log, program):
    """How often a program makes each call."""
    folder = campaign.folder("count-" + program)
    counts = os.path.join(folder, "counts")
    with open(counts, "wb") as file:
        file.write(bytes(8 * len(CALLS)))
    TOPOLOGY.prepare(folder, log)
    run = TOPOLOGY.run(folder, EVERY_MS, {
        "LD_PRELOAD": kit.SHIM, "FAULT_PROGRAM": program, "FAULT_COUNT": counts})
    why = run.wait()
    run.close()
    if why:
        raise SystemExit(f"{program} undisturbed: {why}")
    with open(counts, "rb") as file:
        numbers = struct.unpack(f"={len(CALLS)}Q", file.read())
    shutil.rmtree(folder)
    return dict(zip(CALLS, numbers))


def choose(rnd, kinds, wanted):
    """Points of (program, call, what, N), as many of each kind as there are."""
    points = []
    share = {kind: [] for kind in kinds}
    for (program, call, what), n in kinds.items():
        numbers = list(range(1, n + 1))
        rnd.shuffle(numbers)
        share[program, call, what] = numbers
    while any(share.values()) and (wanted == 0 or len(points) < wanted):
        for kind, numbers in share.items():
            if numbers and (wanted == 0 or len(points) < wanted):
                points.append((*kind, numbers.pop()))
    return points


# A program, once, under strace. Written before there are threads: what one of them writes
# cannot be executed while a process that another starts has it open ("text file busy").
TRACER = """#!/bin/sh
real=$TRACE_BIN/${0##*/}
if rm "$TRACE_ARMED" 2>/dev/null; then
	exec strace -qq -o /dev/null -e "trace=$TRACE_CALL" \\
	    -e "inject=$TRACE_CALL:signal=KILL:when=$TRACE_WHEN" "$real" "$@"
fi
exec "$real" "$@"
"""


def write_tracer(folder):
    path = os.path.join(folder, "tracer")
    with open(path, "w") as out:
        out.write(TRACER)
    os.chmod(path, 0o755)
    return path


def traced(folder, tracer, program):
    """A folder for the PATH in which the program is the tracer."""
    path = os.path.join(folder, "bin")
    os.makedirs(path)
    os.symlink(tracer, os.path.join(path, program))
    return path


def disturb(campaign, reference, log, tracer, point, number):
    program, call, what, when = point
    folder = campaign.folder(f"{number}-{program}-{call}-{what}-{when}")
    armed = os.path.join(folder, "armed")
    open(armed, "w").close()
    TOPOLOGY.prepare(folder, log)
    if what == "kill":
        env = {"PATH": traced(folder, tracer, program) + ":" + kit.environment()["PATH"],
               "TRACE_BIN": kit.BIN, "TRACE_ARMED": armed, "TRACE_CALL": TRACED[call],
               "TRACE_WHEN": str(when)}
    else:
        env = {"LD_PRELOAD": kit.SHIM, "FAULT_PROGRAM": program, "FAULT_ARMED": armed,
               "FAULT_CALL": call, "FAULT_DO": what, "FAULT_WHEN": str(when)}
    run = TOPOLOGY.run(folder, EVERY_MS, env)
    why = run.wait()
    run.close()
    wrong = [why] if why else kit.differences(TOPOLOGY, folder, reference)
    if os.path.exists(armed):
        wrong.append(f"{program} was never started")
    return point, folder, wrong


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else ""
    if kind not in ("kill", "error"):
        raise SystemExit(__doc__)
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    seed = kit.seed_of()
    campaign = kit.Campaign("crash points" if kind == "kill" else "injected errors", seed)
    log = kit.generate(LINES, 7)
    tracer = write_tracer(campaign.top)
    reference = campaign.folder("plain")
    TOPOLOGY.reference(reference, log)
    kinds = {}
    for program in PROGRAMS:
        for call, n in count(campaign, log, program).items():
            for what in (("kill",) if kind == "kill" else ERRORS[call]):
                if n > 0 and (kind == "error" or call in TRACED):
                    kinds[program, call, what] = n
    points = choose(random.Random(seed), kinds, wanted)
    wrong, made = {}, {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        jobs = [pool.submit(disturb, campaign, reference, log, tracer, point, number)
                for number, point in enumerate(points)]
        for job in jobs:
            (program, call, what, when), folder, why = job.result()
            made[program, call, what] = made.get((program, call, what), 0) + 1
            if why:
                wrong.setdefault((program, call, what), []).extend(
                    [f"N = {when}, kept in {folder}:"] + why)
            else:
                shutil.rmtree(folder)
    for one, n in sorted(made.items()):
        campaign.result(f"{' '.join(one)}: {n} of {kinds[one]} points", wrong.get(one, []))
    print(f"# {len(points)} points")
    return campaign.done()


if __name__ == "__main__":
    sys.exit(main())
