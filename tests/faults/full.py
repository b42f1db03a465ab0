#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A full disk: the pipeline works on a small file system that something else fills and
empties at random.

    full.py [RUNS]    5; SEED repeats the choices

Nothing may be lost; when there is room again all goes on by itself. Needs root, for a tmpfs.
"""
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import kit
import topologies

SIZE = 250 << 20
LINES = 150000


class Filler(threading.Thread):
    """Takes all room that is left, and gives it back."""

    def __init__(self, folder, rnd):
        super().__init__()
        self.path, self.rnd = os.path.join(folder, "filler"), rnd
        self.stopped, self.times = False, 0

    def run(self):
        while not self.stopped:
            time.sleep(self.rnd.random() * 0.1)
            with open(self.path, "wb") as out:
                try:
                    while not self.stopped:
                        out.write(bytes(1 << 22))
                        out.flush()
                except OSError:
                    self.times += 1
            time.sleep(self.rnd.random() * 0.1)
            os.unlink(self.path)


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    if os.geteuid() != 0:
        print("1..0 # SKIP only root can mount a small file system")
        return 0
    seed = kit.seed_of()
    campaign = kit.Campaign("full disks", seed)
    topology = topologies.Line()
    log = kit.generate(LINES, 7)
    reference = campaign.folder("plain")
    topology.reference(reference, log)
    for number in range(runs):
        folder = campaign.folder(f"{number}-full")
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", folder], check=True)
        try:
            topology.prepare(folder, log)
            filler = Filler(folder, random.Random(f"{seed}.{number}"))
            run = topology.run(folder, 20)
            filler.start()
            while (why := run.ended()) is None and time.monotonic() < run.deadline - 90:
                time.sleep(0.01)
            filler.stopped = True
            filler.join()
            why = run.wait() if why is None else why
            run.close()
            wrong = [why] if why else kit.differences(topology, folder, reference)
            if filler.times == 0:
                wrong.append("the disk was never full: this shows nothing")
            campaign.result(f"a disk that is full {filler.times} times (run {number})", wrong)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
            shutil.rmtree(folder)
    return campaign.done()


if __name__ == "__main__":
    sys.exit(main())
