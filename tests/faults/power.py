#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Power cuts: the pipeline runs in a user-mode-linux guest on an ext4 file system of its
own, and the guest is killed: what it had not synced is gone.

    power.py [CUTS]    20; SEED repeats the choices

After the cuts the pipeline is let finish, and its files must hold the bytes of the
undisturbed plain pipeline. Then the same with a mutant that never syncs: unless that one
is caught within 10 cuts the test is void, and fails.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import kit
import topologies

LINUX = shutil.which("linux.uml")
LINES = 150000
CUTS_A_RUN = 5
MUTANT_CUTS = 10
BOOT_LIMIT = 120  # seconds

GUEST = """#!/bin/sh
mount -t proc proc /proc
mount -t tmpfs tmp /run
mount -t tmpfs tmp /dev/shm 2>/dev/null
mkdir /run/disk
mount -t ext4 -o commit=1,noauto_da_alloc /dev/ubda /run/disk || echo BROKEN mount
cd /run/disk
[ -e log ] || {{ cp {folder}/log log.new && sync && mv log.new log && sync; }}
PATH={path}
export PATH LC_ALL=C TMPDIR=/run
echo GO
{preload} bp-run --no-progress --dir state --every 20ms --stall 60s -- "$(cat {folder}/command)" 2>&1
echo STATUS $?
bp-run check state
echo CHECK $?
sha256sum {files}
umount /run/disk 2>/dev/null
sync
echo END
echo o >/proc/sysrq-trigger
sleep 10
"""


class Guest:
    """One boot. `lines` is what it has said so far."""

    def __init__(self, folder):
        self.lines, self.said = [], threading.Condition()
        self.process = subprocess.Popen(
            [LINUX, "mem=512M", "rootfstype=hostfs", "rootflags=/", "ro",
             f"init={folder}/guest.sh", f"ubda={folder}/disk", "con=null",
             "con0=fd:0,fd:1", "quiet"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        self.reader = threading.Thread(target=self.listen)
        self.reader.start()

    def listen(self):
        for line in self.process.stdout:
            with self.said:
                self.lines.append(line.decode(errors="replace").strip())
                self.said.notify_all()
        with self.said:
            self.lines.append("EOF")
            self.said.notify_all()

    def heard(self, word):
        """The first line that begins with the word, or None when it will not come."""
        def found():
            return next((l for l in self.lines if l.split(" ")[0] in (word, "EOF")), None)
        with self.said:
            self.said.wait_for(found, BOOT_LIMIT)
            line = found()
            return None if line in (None, "EOF") else line

    def cut(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.wait()
        self.reader.join()


def prepare(folder, topology, log, nosync):
    topology.prepare(folder, log)
    with open(os.path.join(folder, "command"), "w") as out:
        out.write(topology.command)
    preload = f"FAULT_NOSYNC=1 LD_PRELOAD={kit.SHIM}" if nosync else ""
    script = os.path.join(folder, "guest.sh")
    with open(script, "w") as out:
        out.write(GUEST.format(
            folder=folder, path=kit.environment()["PATH"], preload=preload,
            files=" ".join(topology.files)))
    os.chmod(script, 0o755)
    disk = os.path.join(folder, "disk")
    subprocess.run(["truncate", "-s", "400M", disk], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=True)


def finish(folder, wanted):
    """Boot without a cut; what is wrong in the end."""
    guest = Guest(folder)
    guest.heard("END")
    lines = list(guest.lines)
    guest.cut()
    wrong = []
    if "STATUS 0" not in lines:
        wrong.append("the pipeline does not end well: " + "; ".join(lines[-8:]))
    if "CHECK 0" not in lines:
        wrong.append("bp-run check finds faults")
    wrong += [f"{name} differs" for name, sum_ in wanted.items()
              if f"{sum_}  {name}" not in lines]
    return wrong


def run(campaign, topology, log, wanted, cuts, rnd, nosync=False, name=""):
    """Cut the power several times; 0 or the number of cuts after which it was wrong."""
    folder = campaign.folder(name)
    prepare(folder, topology, log, nosync)
    wrong, made = [], 0
    for made in range(1, cuts + 1):
        guest = Guest(folder)
        if guest.heard("GO") is None:
            wrong = ["the guest did not come up: " + "; ".join(guest.lines[-8:])]
        # The journal is committed once a second: then names are there, and bytes not.
        time.sleep(1.2 + 2 * rnd.random() if nosync
                   else rnd.choice((0.05, 0.3, 1, 2)) * rnd.random() * 2)
        ended = any(line.startswith("STATUS") for line in guest.lines)
        guest.cut()
        if wrong or ended:
            break
        if nosync:
            copy = campaign.folder(f"{name}-look-{made}")
            for file in os.listdir(folder):
                shutil.copy2(os.path.join(folder, file), copy)
            with open(os.path.join(copy, "guest.sh")) as script:
                text = script.read().replace(folder, copy)
            with open(os.path.join(copy, "guest.sh"), "w") as script:
                script.write(text)
            wrong = finish(copy, wanted)
            shutil.rmtree(copy)
            if wrong:
                break
    if not wrong:
        wrong = finish(folder, wanted)
    open(os.path.join(folder, "errors"), "a").close()
    return folder, made, wrong


def main():
    cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    if LINUX is None:
        print("1..0 # SKIP no linux.uml (Debian: user-mode-linux)")
        return 0
    seed = kit.seed_of()
    campaign = kit.Campaign("power cuts", seed)
    topology = topologies.Line()
    log = kit.generate(LINES, 7)
    plain = campaign.folder("plain")
    topology.reference(plain, log)
    wanted = {}
    for name in topology.files:
        text = subprocess.run(["sha256sum", os.path.join(plain, name)], check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        wanted[name] = text.split()[0]
    rnd, total, number = random.Random(seed), 0, 0
    while total < cuts:
        folder, made, wrong = run(
            campaign, topology, log, wanted, CUTS_A_RUN, rnd, name=f"run-{number}")
        campaign.result(f"{made} power cuts (run {number})", wrong, folder)
        total, number = total + made, number + 1
    folder, made, wrong = run(
        campaign, topology, log, wanted, MUTANT_CUTS, rnd, nosync=True, name="nosync")
    campaign.result(
        f"the mutant that never syncs is caught (after {made} cuts)",
        [] if wrong else [f"not within {made} cuts: this test shows nothing"])
    print("# " + "; ".join(wrong))
    return campaign.done()


if __name__ == "__main__":
    sys.exit(main())
