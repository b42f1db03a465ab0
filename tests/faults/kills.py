#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random kills: any process of a pipeline, bp-run and the shell too, at any instant.

    kills.py [KILLS [TOPOLOGY...]]    200 over all topologies; SEED repeats the choices

Prints one TAP line a run: the final bytes are those of the undisturbed plain pipeline.
"""
import os
import random
import signal
import sys
import time

import kit
import topologies

PAUSES = (0.002, 0.01, 0.03, 0.08, 0.2)  # seconds between kills: up to twice these
KILLS_A_RUN = 10


def disturb(run, rnd, kills):
    """Kill until the run is done or enough were killed; who was hit."""
    hit = []
    while run.ended() is None and len(hit) < kills:
        time.sleep(rnd.choice(PAUSES) * rnd.random() * 2)
        found = kit.members(run.mark)
        if not found:
            continue
        pid, name = rnd.choice(found)
        try:
            os.kill(pid, signal.SIGKILL)
            hit.append(name)
        except OSError:
            pass
    return hit


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    wanted = sys.argv[2:]
    seed = kit.seed_of()
    campaign = kit.Campaign("random kills", seed)
    chosen = [t for t in topologies.TOPOLOGIES if not wanted or t.name in wanted]
    log = kit.generate(120000, 7)
    reference = {}
    for topology in chosen:
        reference[topology.name] = campaign.folder("plain-" + topology.name)
        topology.reference(reference[topology.name], log)
    total, number, victims = 0, 0, {}
    while total < kills:
        topology = chosen[number % len(chosen)]
        rnd = random.Random(f"{seed}.{number}")
        every = rnd.choice((1, 5, 20, 50))
        folder = campaign.folder(f"{number}-{topology.name}")
        topology.prepare(folder, log)
        run = topology.run(folder, every)
        hit = disturb(run, rnd, KILLS_A_RUN)
        why = run.wait()
        run.close()
        wrong = [why] if why else kit.differences(topology, folder, reference[topology.name])
        campaign.result(
            f"{topology.name}, {len(hit)} kills, a CUT every {every} ms (run {number})",
            wrong, folder)
        total, number = total + max(len(hit), 1), number + 1
        for name in hit:
            victims[name] = victims.get(name, 0) + 1
    print(f"# {sum(victims.values())} kills: " + ", ".join(
        f"{name} {n}" for name, n in sorted(victims.items())))
    return campaign.done()


if __name__ == "__main__":
    sys.exit(main())
