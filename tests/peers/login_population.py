#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A population that logs in, and attackers.

Three kinds have the right password, as Wiefling, Jorgensen, Thunem and Lo Iacono, "Pump Up
Password Security!" (ACM TOPS 2022), have them: naive (from anywhere, with a popular browser),
vpn (from the victim's country), targeted (from the victim's country and provider, with his
browser). They come between the logins of their victims and are not learned from (a verdict
says that they were attacks). Two try many users within an hour, of whom 3 % let them in:
stuffing, all from one address, and spraying, each from another address of two /24.

	login_population.py [--users N] [--seed S]      JSON lines on standard output
	login_population.py --score ANSWERED            how many are over which score

The distributions: countries, providers of a country and agents by Zipf's law; of logins,
30 % from a mobile network with another address each time, 5 % from a new address of the
home provider (which then stays), 1 % while travelling to another country, and 1 % with a
new device, of another agent (which then stays). Users log in 5 to 40 times, within 90 days;
8 % of the logins fail at first. --score tells of each kind, of logins that succeed to users
known from four logins: the number; the share over the score that 1 % of the honest ones are
over, and over that of 0.1 %; and the share that is not allowed.
"""
import argparse
import json
import random

DAY = 86400 * 10**6
START = 1700000000 * 10**6
KINDS = ["naive", "vpn", "targeted"]
CROWDS = ["stuffing", "spraying"]
COUNTRIES, PROVIDERS, AGENTS = 40, 12, 300


def zipf(r, n):
    return min(int(r.paretovariate(1.0)) - 1, n - 1) if r.random() < 0.9 else r.randrange(n)


def network(r, country, provider):
    """An address: /16 by provider, a few hundred /24 of it."""
    block = country * PROVIDERS + provider
    return "%d.%d.%d.%d" % (20 + block // 200, block % 200, r.randrange(200),
                            r.randrange(1, 255))


def agent(n):
    browser, system = n % 40, n // 40
    return {"user_agent": "agent %d" % n, "browser": "browser %d" % browser,
            "os": "os %d" % system, "device": "desktop" if system % 2 else "phone"}


def where(country, provider, ip):
    return {"ip": ip, "asn": 1000 + country * PROVIDERS + provider,
            "country": "C%d" % country,
            "latitude": -60 + 3.0 * country + provider / 100,
            "longitude": -170 + 8.5 * country}


class User:
    def __init__(self, r, number):
        self.r, self.id = r, "u%d" % number
        self.country, self.provider = zipf(r, COUNTRIES), zipf(r, PROVIDERS)
        self.mobile = zipf(r, PROVIDERS)
        self.home = network(r, self.country, self.provider)
        self.devices = [self.new_device()]
        if r.random() < 0.4:
            self.devices.append(self.new_device())
        self.is_mobile = r.random() < 0.5

    def new_device(self):
        return dict(agent(zipf(self.r, AGENTS)), device_id="%s d%d" %
                    (self.id, self.r.randrange(10**9)))

    def login(self):
        r = self.r
        if r.random() < 0.05:
            self.home = network(r, self.country, self.provider)
        place = where(self.country, self.provider, self.home)
        if self.is_mobile and r.random() < 0.6:
            place = where(self.country, self.mobile,
                          network(r, self.country, self.mobile))
            place["asn_kind"] = "mobile"
        if r.random() < 0.01:
            country, provider = r.randrange(COUNTRIES), zipf(r, PROVIDERS)
            place = where(country, provider, network(r, country, provider))
        if r.random() < 0.01:
            self.devices[r.randrange(len(self.devices))] = self.new_device()
        return dict(place, **r.choice(self.devices))

    def attack(self, kind, from_address=None):
        r = self.r
        if from_address:
            return dict(where(7, 3, from_address), device_id="machine", **agent(5))
        country = self.country if kind != "naive" else r.randrange(COUNTRIES)
        provider = self.provider if kind == "targeted" else r.randrange(PROVIDERS)
        place = where(country, provider, network(r, country, provider))
        program = agent(zipf(r, AGENTS))
        if kind == "targeted":
            program = {k: self.devices[0][k] for k in program}
        return dict(place, device_id="attacker %d" % r.randrange(10**9), **program)


def campaign(r, kind, number, users):
    """Several hundred users within an hour."""
    start = 30 * DAY + r.randrange(60 * DAY)
    nets = [network(r, 7, 3).rsplit(".", 1)[0] for _ in range(2)]
    for i, user in enumerate(r.sample(users, min(400, len(users)))):
        address = nets[0] + ".7" if kind == "stuffing" else "%s.%d" % (
            r.choice(nets), r.randrange(1, 255))
        shown = dict(user.attack(kind, address), success=r.random() < 0.03)
        yield (start + r.randrange(DAY // 24), "%s%d-%d" % (kind, number, i), user.id, kind,
               shown)


def generate(count, seed):
    r = random.Random(seed)
    events = []
    users = [User(r, n) for n in range(count)]
    for kind in CROWDS:
        for number in range(6):
            events.extend(campaign(r, kind, number, users))
    for n, user in enumerate(users):
        times = sorted(r.randrange(90 * DAY) for _ in range(r.randint(5, 40)))
        for i, t in enumerate(times):
            shown = user.login()
            events.append((t, "l%d-%d" % (n, i), user.id, "honest", shown))
            if r.random() < 0.08:
                events.append((t - r.randrange(60 * 10**6), "f%d-%d" % (n, i), user.id,
                               "honest", dict(shown, success=False)))
            if i >= 4 and r.random() < 0.05:
                kind = r.choice(KINDS)
                t += r.randrange(DAY)
                events.append((t, "a%d-%d" % (n, i), user.id, kind, user.attack(kind)))
    events.sort(key=lambda e: e[:2])
    for t, name, user, kind, shown in events:
        print(json.dumps(dict({"success": True}, event="login", event_id=name,
                              timestamp=START + t, user_id=user, truth=kind, **shown)))
        if kind in KINDS:
            print(json.dumps({"event": "verdict", "event_id": name, "version": 1,
                              "timestamp": START + t, "score": 9}))


def score(path):
    scores = {kind: [] for kind in ["honest"] + KINDS + CROWDS}
    stopped = dict.fromkeys(scores, 0)
    seen = {}
    for line in open(path):
        e = json.loads(line)
        if e["event"] != "login" or not e["success"]:
            continue
        kind, user = e["truth"], e["user_id"]
        if kind == "honest":
            seen[user] = seen.get(user, 0) + 1
        if seen.get(user, 0) >= 4:
            scores[kind].append(e["login_risk"]["score"])
            stopped[kind] += e["login_risk"]["answer"] != "allow"
    honest = sorted(scores["honest"], reverse=True)
    limits = [honest[int(rate * len(honest))] for rate in (0.01, 0.001)]
    for kind, of in scores.items():
        over = [100 * sum(s > limit for s in of) / len(of) for limit in limits]
        print("%-9s %6d  %6.2f %6.2f  %6.2f" %
              (kind, len(of), over[0], over[1], 100 * stopped[kind] / len(of)))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--users", type=int, default=2000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--score")
    a = p.parse_args()
    if a.score:
        score(a.score)
    else:
        generate(a.users, a.seed)
