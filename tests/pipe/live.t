#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pipelines/live.sh, as a shop runs it: whatever of it is killed starts again; what was
answered is kept; what was kept is learned and counted once; TERM ends it in order."""
import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import CHANCE, ROOT, done, ok, records, same, until  # noqa: E402
from serving import Server, write_shop  # noqa: E402

os.environ["BUILD"] = os.path.join(ROOT, os.environ.get("BUILD", "build"))
write_shop([{"event": "creative", "creative_id": name, "timestamp": 1, "slot_ids": ["top"],
             "url": "https://shop.example/" + name} for name in ("good", "poor", "bad")])


class Live(Server):
    """The loop in the folder `live`, on a port of its own."""

    @staticmethod
    def command(words):
        return (ROOT + "/pipelines/live.sh", "-d", "live", "-c", "shop.json", "-l",
                "127.0.0.1:0", "-w", "2s", "-m", "1s") + words

    def again(self):
        """Where it listens now, once it answers there."""
        def answers():
            ports = re.findall(r"listening on \S+:(\d+)", self.says())
            self.port = int(ports[-1]) if ports else 0
            try:
                return self.ask("/readyz")[0] == 200
            except OSError:
                return False
        return until(answers)


def visit(server, user="u1"):
    """Somebody sees a banner, and clicks on the good one. The decision's id."""
    banner = server.decide({"user_id": user, "slot_id": "top"})["banners"][0]
    server.ask(banner["impression_url"], b"")
    if banner["creative_id"] == "good":
        server.ask(banner["click_url"])
    return banner["decision_id"]


def processes(program, folder):
    """Those of the loop that are this program and work in this folder of it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
        except OSError:
            continue
        if os.path.basename(words[0]).decode() == program and any(
                w.startswith(f"{os.getcwd()}/live{folder}".encode()) for w in words):
            found.append(int(pid))
    return found


def version():
    p = subprocess.run(["bp-model", "show", "live/live"], stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL)
    found = re.search(rb"^version +(\d+)$", p.stdout, re.M)
    return int(found[1]) if found else -1


def shell(command):
    return subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, check=True).stdout


def logged(event):
    return [r for r in records(shell("bp-replay live/events")) if r["event"] == event]


def total(command):
    """Impressions and clicks by banner, each row by its latest revision."""
    rows, sums = {}, {}
    for r in records(shell(command)):
        if r["event"] == "metric" and "window_start" in r:
            rows[r["window_start"], r["dims"]["creative_id"]] = r["impressions"], r["clicks"]
    for (_, creative), (n, clicks) in rows.items():
        a = sums.get(creative, (0, 0))
        sums[creative] = a[0] + n, a[1] + clicks
    return {k: v for k, v in sums.items() if v != (0, 0)}


s = Live("loop")
ok(s.again(), "it answers", s.says())
answered = [visit(s, f"u{CHANCE.randrange(5)}") for _ in range(60)]
ok(until(lambda: version() >= 60), "what was shown is learned", version())

for program, folder in [("bp-log", "/events"), ("bp-learn", "/click.model"),
                        ("bp-replay", "/events"), ("bp-serve", "/live"),
                        ("bp-log", "/metrics"), ("bp-run", "/run")]:
    before = processes(program, folder)
    same(len(before), 1, f"{program} of {folder[1:]} runs")
    os.kill(before[0], signal.SIGKILL)
    ok(until(lambda: processes(program, folder) not in ([], before)) and s.again(),
       "killed it starts again", s.says())
    learned = version()
    answered += [visit(s) for _ in range(20)]
    ok(until(lambda: version() >= learned + 20), "and the loop is closed again",
       learned, version(), s.says())

answered += [visit(s) for _ in range(30)]
same(s.stop(), 0, "TERM ends it", s.says())
same([processes(p, "/") for p in ("bp-serve", "bp-log", "bp-run", "bp-learn")], [[]] * 4,
     "and all of it")
kept = {d["decision_id"] for d in logged("decision")}
same([a for a in answered if a not in kept], [], "what was answered is in the log")
shown = logged("impression")
same(len({r["event_id"] for r in shown}), len(shown), "each event once")
good = [d for d in logged("decision") if d["creative_id"] == "good"]
ok(len(good) * 2 > len(kept), "it shows what is clicked", len(good), len(kept))

# What was not learned when time stood still is learned after the next start.
s = Live("again")
ok(s.again(), "it starts again", s.says())
wanted = total("bp-replay live/events | bp-join --shown-by impression --final"
               " --click-window 2s --view-window 2s --purchase-window 2s |"
               " bp-metric --count outcomes --by creative_id")
same(sum(n for n, _ in wanted.values()), len(shown), "every impression has an outcome")
ok(until(lambda: total("bp-replay live/metrics") == wanted), "everything was counted once",
   total("bp-replay live/metrics"), wanted)
ok(version() >= len(shown), "and learned", version(), len(shown))
same(s.stop(), 0, "TERM ends it again", s.says())
table = shell(ROOT + "/pipelines/live.sh rates -d live").decode()
n, clicks = wanted["good"]
ok(re.search(rf"top +good +{n} +{clicks} ", table), "and is shown as a table", table)
done()
