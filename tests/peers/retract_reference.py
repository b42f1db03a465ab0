# SPDX-License-Identifier: MIT
"""What is taken back leaves no trace: the rows of bp-metric of a log with judgements, and
those of the same log without the events that are out in the end, on random logs. It
prints its seed; SEED repeats it.

	retract_reference.py FOLDER [ROUNDS]	with the programs of that folder
	retract_reference.py --write FILE EVENTS	only write such a log, in the order of time
"""
import os
import random
import subprocess
import sys

from join_reference import DAY, HOUR, MINUTE, START, pack, unpack, unpack_all

REASONS = ["farm", "agent", "speed", "replay", "prefetch", "slow", "age", "gap", "echo",
           "noise", "proxy"]


class Log:
    """Random events, and judgements of them, late, early, repeated, appealed."""

    def __init__(self, rng, n):
        self.rng, self.events, self.judgements = rng, [], []
        self.out, self.version, self.twin = {}, {}, {}
        self.plain = rng.random() < 0.5  # all weights are 1
        self.named = rng.random() < 0.5  # all banners have a decision_id
        at, users = START, ["u%d" % i for i in range(rng.choice([2, 20]))]
        shown, sold = [], []
        for i in range(n):
            at += int(rng.expovariate(1 / (3 * MINUTE))) + 2
            kind = rng.choice(["show"] * 5 + ["click"] * 3 + ["purchase", "refund"])
            if kind == "show":
                shown.append(self.show(i, at, users))
            elif kind == "click" and shown:
                of = rng.choice(shown[-9:])
                self.add("click", i, at, price_micros=rng.choice([0, 700]),
                         **{k: of[k] for k in ("decision_id", "user_id", "creative_id", "slot_id")
                            if k in of})
            elif kind == "purchase":
                sold.append(self.add("purchase", i, at, user_id=rng.choice(users),
                                     transaction_id="t%d" % i,
                                     value_micros=rng.randrange(10**9)))
            elif kind == "refund" and sold:
                p = rng.choice(sold[-4:])
                self.add("refund", i, at, user_id=p["user_id"],
                         transaction_id=p["transaction_id"],
                         value_micros=rng.randrange(p["value_micros"] + 1))
        for e in rng.sample(self.events, int(len(self.events) * rng.choice([0.05, 0.4]))):
            self.judge(e)

    def weight(self):
        return {} if self.plain else self.rng.choice(
            [{}, {"weight": 0.1}, {"weight": 1 / 3}, {"weight": 7}])

    def add(self, kind, i, at, **keys):
        e = {"event": kind, "event_id": f"{kind[0]}{i}", "timestamp": at,
             **keys, **self.weight()}
        self.events.append(e)
        return e

    def show(self, i, at, users):
        rng = self.rng
        keys = {"creative_id": rng.choice("abc"), "user_id": rng.choice(users),
                "price_micros": rng.choice([1500, 333, 17])}
        keys |= rng.choice([{}, {"bid_type": "cpm"}, {"bid_type": "cpc"},
                            {"bid_type": "cpa"}])
        if rng.random() < 0.2:
            keys["viewable"] = rng.random() < 0.5
        if not self.named and rng.random() < 0.3:  # joined by user and creative
            return self.add("impression", i, at, **keys, slot_id="nameless")
        keys["decision_id"] = "d%d" % i
        if rng.random() < 0.5:
            return self.add("impression", i, at, **keys)
        d = self.add("decision", i, at, **keys)
        e = self.add("impression", i, at + 1, decision_id=keys["decision_id"],
                     price_micros=keys["price_micros"])
        e.pop("weight", None)
        if "weight" in d:
            e["weight"] = d["weight"]
        self.twin[d["event_id"]], self.twin[e["event_id"]] = e["event_id"], d["event_id"]
        return d

    def judge(self, e):
        """Judgements of one event. What counts is the highest version, whenever it comes,
        and of several of it the first that comes."""
        rng, i = self.rng, e["event_id"]
        if rng.random() < 0.3:
            e["fraud"] = {"score": rng.choice([1.0, 1.0, 0.5]),
                          "flags": rng.sample(REASONS, rng.randrange(3))}
            if e["fraud"]["score"] >= 1:
                self.out[i], self.version[i] = True, 0
        for version in rng.sample(range(1, 9), rng.choice([0, 1, 1, 2, 4])):
            late = rng.choice([-30 * MINUTE, MINUTE, 6 * HOUR, 2 * DAY])
            score = rng.uniform(0.1, 5) * rng.choice([1, 1, -1])
            v = {"event": "verdict", "event_id": i, "version": version, "score": score,
                 "timestamp": e["timestamp"] + int(late * rng.random()) * 2 + 1,
                 "reasons": rng.sample(REASONS, rng.randrange(4))}
            if score > 0 and rng.random() < 0.3:
                v["event"] = "retract"
                if rng.random() < 0.5:
                    del v["score"]
            self.judgements += [v] * rng.choice([1, 1, 2])
            if version > self.version.get(i, -1):
                self.version[i], self.out[i] = version, score > 0

    def judged(self):
        """All of it, in the order of time."""
        return sorted(self.events + self.judgements, key=lambda r: r["timestamp"])

    def last(self):
        return max(r["timestamp"] for r in self.events + self.judgements) + 1

    def left(self, joined):
        """The events that are not out; a banner is its decision and its impression."""
        gone = {i for i, out in self.out.items() if out}
        if joined:
            gone |= {self.twin[i] for i in gone if i in self.twin}
        return [e for e in self.events if e["event_id"] not in gone]


def run(folder, line, records):
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line],
                          input=b"".join(map(pack, records)), capture_output=True,
                          env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"})
    assert done.returncode == 0, f"{line}: {done.stderr.decode()}"
    return done.stdout


def pairs_of(data, i):
    """A record's pairs, each with its bytes."""
    out, n = {}, data[i] & 15
    i += 1
    if data[i - 1] in (0xde, 0xdf):
        n, i = int.from_bytes(data[i:i + 2], "big"), i + 2
    for _ in range(n):
        start = i
        key, i = unpack(data, i)
        value, i = unpack(data, i)
        out[key] = (value, data[start:i])
    return out, i


def records_of(data):
    """The pairs of each record; controls are left out."""
    i = 0
    while i < len(data):
        if data[i] in (0xc7, 0xd8):
            i += 3 + data[i + 1] if data[i] == 0xc7 else 18
            continue
        pairs, i = pairs_of(data, i)
        yield pairs


def rows_of(data):
    """{(window, dimensions): the pairs of the last revision}."""
    rows, revised = {}, 0
    for pairs in records_of(data):
        if pairs.get("event", [None])[0] == "metric":
            revised += pairs["revision"][0] > 1
            rows[pairs["window_start"][0], str(pairs["dims"][0])] = pairs
    return rows, revised


def net_of(rows):
    """Their bytes, without those of nothing."""
    out = {}
    for key, pairs in rows.items():
        net = [b for k, (_, b) in pairs.items()
               if k not in ("event_id", "revision", "gross", "invalid")]
        counts = ("n", "impressions", "clicks", "conversions", "cost_micros",
                  "revenue_micros")
        if any(pairs[k][0] != 0 for k in counts):
            out[key] = b"".join(net)
    return out


def differ(what, got, wanted):
    for key in sorted(got.keys() | wanted.keys()):
        if got.get(key) != wanted.get(key):
            show = [x if not isinstance(x, bytes) else
                    unpack_all(b"\x81" + x)[:1] and dict(pairs_all(x))
                    for x in (got.get(key), wanted.get(key))]
            raise AssertionError(f"{what}: row {key}\n got    {show[0]}\n wanted {show[1]}")


def pairs_all(data):
    i = 0
    while i < len(data):
        key, i = unpack(data, i)
        value, i = unpack(data, i)
        yield key, value


def gross_of(rows, net):
    counts = ("n", "impressions", "clicks", "conversions", "cost_micros",
              "revenue_micros")
    out = {}
    for key, pairs in rows.items():
        row = {k: pairs[k][0] for k in counts} if net else pairs["gross"][0]
        if any(row.values()):
            out[key] = row
    return out


def check(folder, rng, log):
    sort = "bp-sort --lateness 3h --max-future 30d"
    metric = "bp-metric --window 2h --by creative_id"
    revised = 0
    # Plain events.
    plain = f"{metric} --count events"
    rows, n = rows_of(run(folder, f"{sort} | bp-retract | {plain}", log.judged()))
    revised += n
    left, _ = rows_of(run(folder, f"{sort} | {plain}", log.left(False)))
    differ("plain", net_of(rows), net_of(left))
    whole, _ = rows_of(run(folder, f"{sort} | {plain}", log.events))
    differ("gross", gross_of(rows, False), gross_of(whole, True))
    for key, pairs in rows.items():
        gone = pairs["gross"][0]["n"] - pairs["n"][0]
        assert abs(gone - sum(pairs["invalid"][0].values())) < 1e-9, f"{key}: {pairs}"
    # What flows again comes back, as by a bp-serve, which gives it its own time.
    again = [{k: v for k, (v, _) in r.items()}
             for r in records_of(run(folder, f"{sort} | bp-retract", log.judged()))]
    looped = [{**r, "timestamp": log.last() + i, "occurred_at": r["timestamp"]}
              for i, r in enumerate(again) if "verdict" in r]
    back, _ = rows_of(run(folder, f"{sort} | bp-retract --keep 30d | {plain}",
                          log.judged() + looped))
    differ("looped", net_of(back), net_of(rows))
    # Outcomes, without and with a filter of duplicates between.
    rules = f"--click-window 30m --view-window {rng.choice([0, 4])}h " \
        f"--purchase-window {rng.choice([1, 24])}h --attribution " + \
        rng.choice(["last", "first", "linear", "time-decay", "position"])
    join = f"bp-join {rules} | {metric} --count outcomes"
    between = rng.choice(["", "| bp-dedupe"])
    rows, n = rows_of(run(folder, f"{sort} | bp-retract {between} | {join}", log.judged()))
    revised += n
    left, _ = rows_of(run(folder, f"{sort} | {join}", log.left(True)))
    differ(join, net_of(rows), net_of(left))
    # Clicks that go from one banner to another may meet one there.
    if log.plain and log.named:
        whole, _ = rows_of(run(folder, f"{sort} | {join}", log.events))
        for k in ("n", "impressions", "clicks", "conversions", "revenue_micros"):
            got = sum(p["gross"][0][k] for p in rows.values())
            wanted = sum(p[k][0] for p in whole.values())
            assert abs(got - wanted) < 1e-6, f"gross {k}: {got}, not {wanted} ({join})"
    return revised


def main():
    if sys.argv[1] == "--write":
        log = Log(random.Random(1), int(sys.argv[3]))
        with open(sys.argv[2], "wb") as f:
            f.write(b"".join(map(pack, log.judged())))
        return
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(os.environ.get("SEED", random.randrange(2**32)))
    print(f"# SEED={seed}")
    revised = judged = 0
    for i in range(rounds):
        rng = random.Random(seed + i)
        log = Log(rng, rng.choice([40, 400, 1500]))
        judged += len(log.judgements)
        try:
            revised += check(sys.argv[1], rng, log)
        except AssertionError as e:
            print(f"not ok 1 - what is taken back leaves no trace (SEED={seed + i})")
            for line in str(e).split("\n"):
                print("#", line)
            print("1..1")
            sys.exit(1)
    print(f"ok 1 - what is taken back leaves no trace ({judged} judgements)")
    print(f"{'' if revised > rounds else 'not '}ok 2 - closed windows were revised"
          f" ({revised} rows)")
    print("1..2")


main()
