#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A clock that jumps: every process of the pipeline sees the wall clock jump by up to ten
years in either direction, whenever it looks.

    clock.py [RUNS]    5; SEED repeats the choices

Event time decides, so nothing may change.
"""
import sys

import kit
import kills
import random
import topologies


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    seed = kit.seed_of()
    campaign = kit.Campaign("jumping clocks", seed)
    log = kit.generate(60000, 7)
    for number, topology in enumerate([topologies.Line(), topologies.Join()] * runs):
        if number == runs:
            break
        reference = campaign.folder(f"plain-{number}")
        topology.reference(reference, log)
        folder = campaign.folder(f"{number}-{topology.name}")
        topology.prepare(folder, log)
        run = topology.run(folder, 20, {"LD_PRELOAD": kit.SHIM, "FAULT_CLOCK": str(seed)})
        kills.disturb(run, random.Random(f"{seed}.{number}"), 3)
        why = run.wait()
        run.close()
        wrong = [why] if why else kit.differences(topology, folder, reference)
        campaign.result(f"{topology.name} with a clock that jumps (run {number})", wrong, folder)
    return campaign.done()


if __name__ == "__main__":
    sys.exit(main())
