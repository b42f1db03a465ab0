#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-login beside a reference that goes through all logins of the past for every question,
written after its page and the formulas in lib/login/*.h, on random streams with verdicts,
retracts, compensations and appeals. It prints its seed; SEED repeats it.

	login_reference.py BIN-FOLDER [ROUNDS]
"""
import json
import math
import os
import random
import subprocess
import sys

SECOND = 10**6
HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = 1700000000 * SECOND
WINDOW, SLICES, USER_SLICES = 2 * HOUR, 8, 4
REMEMBER, REMEMBER_SLICES = 20 * DAY, 4
PRIOR, FAILURES, SPEED, KEPT = 0.001, 0.1, 900, 6
NET = ["address", "net", "asn", "country"]
PROGRAM = ["user_agent", "browser", "system"]
HIDES = ("mobile", "vpn", "tor", "cloud")


def stream(r, n):
    users = ["u%d" % i for i in range(8)]
    places = [(-41.29, 174.78), (48.86, 2.35), (40.64, -73.78)]
    events, when = [], START
    for i in range(n):
        when += r.choice([1, 20, 600, 3600, 20000, 200000]) * SECOND
        kind = r.random()
        e = {"event_id": "e%d" % i, "timestamp": when}
        if kind < 0.8 or not events:
            e.update(event="sign_up" if r.random() < 0.05 else "login",
                     user_id=r.choice(users), success=r.random() < 0.75)
            net = r.randrange(3)
            optional = {"ip": r.choice(["192.0.%d.%d" % (net, r.randrange(3)),
                                        "2001:db8:%x:%x::%x" % (net, r.randrange(2),
                                                                r.randrange(9))]),
                        "asn": 64500 + net, "country": "ABC"[net],
                        "user_agent": "agent %d" % r.randrange(5),
                        "browser": r.choice(["Firefox", "Chrome"]),
                        "os": r.choice(["Linux", "Windows"]),
                        "device": r.choice(["phone", "desktop"]),
                        "rtt_ms": r.randrange(40),
                        "device_id": "d%d" % r.randrange(6)}
            e.update((k, v) for k, v in optional.items() if r.random() < 0.85)
            if r.random() < 0.7:
                e["latitude"], e["longitude"] = r.choice(places)
            if r.random() < 0.2:
                e["asn_kind"] = r.choice(["isp", "mobile", "vpn", "cloud", "tor"])
            if r.random() < 0.1:
                e["accuracy_km"] = r.choice([0, 30, 3000])
        elif kind < 0.92:
            e.update(event=r.choice(["verdict", "verdict", "retract"]),
                     event_id=r.choice(events)["event_id"], version=r.randrange(4))
            if e["event"] == "verdict" or r.random() < 0.3:
                e["score"] = r.choice([-2.0, 0.0, 3.0])
        else:
            logins = [x for x in events if x["event"] == "login" and "weight" not in x]
            if not logins:
                continue
            e = dict(r.choice(logins), weight=r.choice([-1, 1]))
            if e["weight"] > 0 or r.random() < 0.5:
                e["verdict"] = {"version": r.randrange(4), "score": r.choice([-1.0, 2.0])}
        events.append(e)
    return events


def values_of(e):
    v = {}
    if "ip" in e:
        if ":" in e["ip"]:
            parts = e["ip"].split("::")[0].split(":")
            v["address"], v["net"] = tuple(parts[:4]), tuple(parts[:3])
        else:
            v["address"], v["net"] = e["ip"], e["ip"].rsplit(".", 1)[0]
    elif "rtt_ms" in e:
        v["address"] = "rtt %d" % (e["rtt_ms"] // 5)
    for k in ("asn", "country", "user_agent", "browser"):
        if k in e:
            v[k] = e[k]
    if "os" in e or "device" in e:
        v["system"] = (e.get("os"), e.get("device"))
    if "device_id" in e or "device" in e:
        v["own"] = e.get("device_id", e.get("device"))
    return v


def slice_of(when, length, n):
    return when // -(-length // n)


class Event:
    def __init__(self, e):
        self.id, self.at, self.user = e["event_id"], e["timestamp"], e["user_id"]
        self.login = e["event"] == "login"
        self.success = e["success"] if self.login else True
        self.v = values_of(e)
        self.hidden = e.get("asn_kind") in HIDES
        self.place = None
        if "latitude" in e:
            self.place = (e["latitude"], e["longitude"], e.get("accuracy_km", 50))
        self.version, self.learned, self.attack, self.present = -1, False, False, True


def is_first(history, e, level):
    """Of the user's logins that are kept, with its value."""
    before = history[:history.index(e)]
    return level not in e.v or all(b.v.get(level) != e.v[level] for b in before)


def lift(history, total, x, levels, own=None):
    """p(x | user) / p(x), by recursion."""
    if not levels:
        return 1.0
    own = history if own is None else own
    level, rest = levels[0], levels[1:]
    if level not in x:
        return lift(history, total, x, rest, own)
    known = [e for e in own if level in e.v]
    seen = sum(e.v[level] == x[level] for e in known)
    kinds = max(1, sum(is_first(history, e, level) for e in known))
    coarser = lift(history, total, x, rest,
                   [e for e in own if is_first(history, e, level)])
    if not known:
        return coarser
    p = sum(e.v.get(level) == x[level] for e in total) / len(total) if seen else 1
    return (seen / p + kinds * coarser) / (len(known) + kinds)


def km(a, b):
    (n1, e1, u1), (n2, e2, u2) = a, b
    n1, e1, n2, e2 = (math.radians(round(x * 182) / 182) for x in (n1, e1, n2, e2))
    c = math.sin(n1) * math.sin(n2) + math.cos(n1) * math.cos(n2) * math.cos(e1 - e2)
    return 6371 * math.acos(max(-1, min(1, c))) - u1 - u2


def attacked(failed, users, honest):
    if honest >= 1:
        return 0
    z, p = 4, failed / users
    least = (p + z * z / 2 / users - z * math.sqrt(
        p * (1 - p) / users + z * z / 4 / users**2)) / (1 + z * z / users)
    return min(0.99, max(0, (least - honest) / (1 - honest)))


class Reference:
    """All logins; of each user those that are kept (one that is pushed out by a newer one
    does not come back when that is taken out); and in which slices of time he had a device,
    a mark for each login that was the first of those kept to have it there."""

    def __init__(self):
        self.all, self.kept, self.marks = [], {}, []

    def mark_of(self, x):
        here = slice_of(x.at, REMEMBER, REMEMBER_SLICES)
        mark = (x.user, x.v.get("own"), here)
        others = [e for e in self.kept.get(x.user, []) if mark[1:] == (
            e.v.get("own"), slice_of(e.at, REMEMBER, REMEMBER_SLICES))]
        return None if mark[1] is None or others else mark

    def learn(self, x, learned):
        if x.learned == learned:
            return
        x.learned = learned
        kept = self.kept.setdefault(x.user, [])
        if learned:
            mark = self.mark_of(x)
            if mark:
                self.marks.append(mark)
            kept.append(x)
            kept.sort(key=lambda e: e.at)
            del kept[:-KEPT]
        elif x in kept:
            kept.remove(x)
            mark = self.mark_of(x)
            if mark in self.marks:
                self.marks.remove(mark)

    def past(self):
        return sorted((e for e in self.all if e.learned), key=lambda e: e.at)

    def risk(self, x):
        past = self.past()
        history = self.kept.get(x.user, [])
        share, told = {}, {}
        if history:
            fine = lift(history, past, x.v, NET[:3])
            share["network"] = -math.log(fine)
            share["country"] = math.log(fine) - math.log(lift(history, past, x.v, NET))
            share["agent"] = -math.log(lift(history, past, x.v, PROGRAM))
            self.device(x, history, share, told)
            self.travel(x, history, share, told)
        self.target(x, past, share)
        self.crowd(x, share)
        against = sum(max(s, 0) for k, s in share.items() if k != "country")
        if "country" in share:
            share["country"] = min(share["country"], 2, against / 2)
        score = math.log(PRIOR / (1 - PRIOR)) + sum(share.values())
        return score, share, told

    def device(self, x, history, share, told):
        own = x.v.get("own")
        if own is None:
            return
        with_it = [e for e in history if e.v.get("own") == own]
        here = slice_of(x.at, REMEMBER, REMEMBER_SLICES)
        remembered = [s for user, device, s in self.marks if user == x.user and
                      device == own and here - s < REMEMBER_SLICES]
        if with_it:
            told["device_age_us"] = x.at - with_it[0].at
        elif not remembered:
            kinds = len({e.v["own"] for e in history if "own" in e.v})
            share["new_device"] = math.log((len(history) + 2) / (kinds + 1))

    def travel(self, x, history, share, told):
        before = [e for e in history if e.place and not e.hidden and e.at <= x.at]
        if not x.place or x.hidden or not before:
            return
        distance = km(before[-1].place, x.place)
        if distance < 100:
            return
        speed = distance / (max(SECOND, x.at - before[-1].at) / HOUR)
        told["speed_kmh"] = round(speed)
        if speed > SPEED:
            share["travel"] = min(6, 3 + math.log(speed / SPEED))

    def target(self, x, past, share):
        attacks = [e for e in self.all if e.attack]
        users = {e.user for e in past} | {e.user for e in attacks}
        if not attacks or x.user not in users:
            return
        legitimate = (sum(e.user == x.user for e in past) + 1) / (len(past) + len(users))
        mine = sum(e.user == x.user for e in attacks)
        share["target"] = math.log((mine / legitimate + len(users)) /
                                   (len(attacks) + len(users)))

    def crowd(self, x, share):
        def within(n):
            now = slice_of(x.at, WINDOW, n)
            return [e for e in self.all + [x] if e.login and e.present and
                    now - slice_of(e.at, WINDOW, n) < n]

        window, of_users = within(SLICES), within(USER_SLICES)
        rate = sum(not e.success for e in window) / len(window)
        most, reason = 0, None
        for level in NET[:3]:
            if level not in x.v:
                continue
            same = [e for e in of_users if e.v.get(level) == x.v[level]]
            part = attacked(len({e.user for e in same if not e.success}),
                            len({e.user for e in same}),
                            max(FAILURES, rate) if level == "asn" else FAILURES)
            if part > most:
                most, reason = part, "stuffing" if level == "address" else "spraying"
        if most > PRIOR:
            share[reason] = math.log(most / (1 - most)) - math.log(PRIOR / (1 - PRIOR))
        failures = sum(e.user == x.user and not e.success for e in window)
        if failures > 2:
            share["failures"] = min(5, 0.64 * (failures - 2))

    def answer(self, e, challenge, deny):
        if any(x.id == e["event_id"] for x in self.all):
            return None
        x = Event(e)
        if not x.login:
            self.learn(x, True)
            self.all.append(x)
            return None
        score, share, told = self.risk(x)
        word = "deny" if score > deny else "challenge" if score > challenge else "allow"
        self.learn(x, x.success and word != "deny")
        x.version = 0 if word == "deny" else -1
        self.all.append(x)
        strongest = sorted((k for k, s in share.items() if s > 0), key=lambda k: -share[k])
        return dict(told, answer=word, score=score, share=share, reasons=strongest[:3])

    def turn(self, name, version, word):
        for x in self.all:
            if x.id != name:
                continue
            version = x.version + 1 if version is None else version
            if version > x.version:
                x.version = version
                x.present, x.attack = word != "gone", word == "out"
                self.learn(x, word == "in" and x.success)

    def later(self, e):
        said = e if e["event"] in ("verdict", "retract") else e.get("verdict", {})
        score = said.get("score")
        if "user_id" in e:
            out = e["weight"] < 0
            version = said.get("version")
        else:
            out = e["event"] == "retract" or score > 0
            version = said["version"]
        word = "in" if not out else "gone" if score is None else "out"
        self.turn(e["event_id"], version, word)


def near(a, b):
    return abs(a - b) <= 1e-6 * max(1, abs(a))


def compare(e, wanted):
    got = e["login_risk"]
    share = wanted["share"]
    assert got["answer"] == wanted["answer"], (got, wanted)
    assert near(got["score"], wanted["score"]), (got, wanted)
    assert len(got["reasons"]) == len(wanted["reasons"]), (got, wanted)
    for mine, his in zip(got["reasons"], wanted["reasons"]):  # equal ones in any order
        assert near(share[mine], share[his]), (got, wanted)
        assert near(got["values"][mine], share[mine]), (got, wanted)
    for key in ("device_age_us", "speed_kmh"):
        assert abs(got.get(key, -9) - wanted.get(key, -9)) <= 1, (key, got, wanted)


def run(folder, r, n):
    challenge, deny = r.uniform(-6, 0), r.uniform(0, 4)
    events = stream(r, n)
    text = "".join(json.dumps(e) + "\n" for e in events)
    out = subprocess.run(
        "%s/bp-parse --format json | %s/bp-login --challenge %r --deny %r --window 2h "
        "--remember 20d --history %d | %s/bp-print --format json" %
        (folder, folder, challenge, deny, KEPT, folder), shell=True, check=True,
        input=text, text=True, capture_output=True).stdout
    answered = [json.loads(line) for line in out.splitlines()]
    reference, i, answers = Reference(), 0, {}
    for e in events:
        got = answered[i]
        i += 1
        assert {k: v for k, v in got.items() if k != "login_risk"} == e, (got, e)
        if e["event"] in ("verdict", "retract") or "verdict" in e or e.get("weight", 1) < 0:
            reference.later(e)
            continue
        wanted = reference.answer(e, challenge, deny)
        assert ("login_risk" in got) == (wanted is not None), (got, wanted)
        if wanted is None:
            continue
        compare(got, wanted)
        answers[wanted["answer"]] = answers.get(wanted["answer"], 0) + 1
        if wanted["answer"] == "deny":
            verdict = answered[i]
            i += 1
            assert verdict["event"] == "verdict" and verdict["event_id"] == e["event_id"]
            assert verdict["version"] == 0
            assert verdict["score"] == got["login_risk"]["score"] > 0
            assert verdict["values"] == got["login_risk"]["values"]
    assert i == len(answered)
    return answers


def main():
    folder = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(os.environ.get("SEED", "1"))
    r = random.Random(seed)
    total = {}
    print("# SEED=%d" % seed)
    for _ in range(rounds):
        for word, n in run(folder, r, r.randint(50, 250)).items():
            total[word] = total.get(word, 0) + n
    print("# answers: %s" % ", ".join("%d %s" % (n, w) for w, n in sorted(total.items())))
    assert len(total) == 3
    print("ok 1 - %d random streams are answered as the reference does" % rounds)
    print("1..1")


if __name__ == "__main__":
    main()
