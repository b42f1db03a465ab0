# SPDX-License-Identifier: MIT
#
# What bp-fraud measures, by the words of its page and with all of the past at hand.
#
#	fraud_reference.py log SEED EVENTS      a random log, as JSON lines
#	fraud_reference.py rules PART           rules that name a part of the signals, so that
#	                                        --all tells their values; nothing: no such part
#	fraud_reference.py check LOG VERDICTS...
#	                                        compare; prints how many values were equal. The
#	                                        names of the signals are in VERDICTS.names
import collections
import itertools
import json
import math
import random
import sys

FIELDS = ["ip", "device", "os", "user", "banner"]
KEYS = ["ip", "device", "os", "user_id", "creative_id"]
KINDS = ["impression", "click", "purchase"]
SETS = [s for n in range(1, 6) for s in itertools.combinations(range(5), n)]
BRIEF, LONG, WAIT = 60, 3600, 60  # s
START = 1767571200


def name(s):
    return "+".join(FIELDS[i] for i in s)


def signals():
    for s in SETS:
        for f in ("velocity", "volume", "clicks", "rate", "lift"):
            yield "%s(%s)" % (f, name(s))
        for x in range(5):
            if x not in s:
                yield "distinct(%s/%s)" % (FIELDS[x], name(s))
    for who in ("user", "ip"):
        for f in ("gap", "next", "future", "spread", "focus", "peak", "ctr", "cvr"):
            yield "%s(%s)" % (f, who)
    yield from ("click", "agents", "delay", "nth", "foreign", "unseen", "marked")


def log(seed, n):
    r = random.Random(seed)
    t = START * 10**6
    shown = []
    for i in range(n):
        t += int(r.expovariate(1.2) * 1e6) if r.random() < 0.99 else 400 * 10**6
        u = min(int(r.expovariate(0.1)), 60)
        e = {"event": r.choices(KINDS, [18, 9, 1])[0], "event_id": "e%d" % i, "timestamp": t}
        values = ["192.0.2.%d" % (u % 40), "d%d" % (u % 50), "os%d" % (u % 3), "u%d" % u,
                  "b%d" % r.randrange(5)]
        for k, v in zip(KEYS, values):
            if r.random() < 0.95:
                e[k] = v
        if r.random() < 0.8:
            e["user_agent"] = "a%d" % r.randrange(5)
        if e["event"] == "impression":
            e["decision_id"] = "x%d" % (i if r.random() < 0.97 else r.randrange(i + 1))
            shown.append(e["decision_id"])
        elif shown and r.random() < 0.9:
            e["decision_id"] = r.choice(shown[-20:])
        elif r.random() < 0.5:
            e["decision_id"] = "y%d" % i
        if r.random() < 0.1:
            e["fraud"] = {"score": r.choice([0, 0.5, 1])}
        print(json.dumps(e))


class Peers:
    def __init__(self):
        self.n = self.k = self.squares = 0.0
        self.news = 0

    def p(self):
        return (self.k + 1) / (self.n + 50)

    def tell(self, n, k):
        mean, sd = n * self.p(), math.sqrt(n * self.p() * (1 - self.p()))
        self.squares += min(((k - mean) / sd) ** 2, 9)
        cut = max(min(k, mean + 3 * sd + 1), mean - 3 * sd - 1)
        self.n, self.k, self.news = self.n + n, self.k + cut, self.news + 1

    def z(self, n, k):
        if self.news < 50 or n == 0:
            return None
        p, phi = self.p(), max(1, self.squares / self.news)
        return (k - n * p) / math.sqrt(phi * n * p * (1 - p) + 1)


class Trail:
    def __init__(self):
        self.events, self.clicks = [], []  # times
        self.count = collections.Counter()
        self.mean = self.variance = 0.0
        self.gaps = 0
        self.agents = collections.Counter()
        self.peak = 0
        self.told = [0, 0, 0, 0]

    def add(self, kind, t):
        if self.events and t > self.events[-1]:
            self.gaps += 1
            w = max(1 / self.gaps, 1 / 16)
            d = math.log(t - self.events[-1]) - self.mean
            self.mean += w * d
            self.variance = (1 - w) * (self.variance + w * d * d)
        self.events.append(t)
        self.count[kind] += 1

    def news(self, ctr, cvr):
        shown, clicked, bought = (self.count[k] for k in KINDS)
        a, b, c, d = self.told
        if shown >= a + 32:
            ctr.tell(shown - a, clicked - b)
            self.told[0:2] = shown, clicked
        if clicked >= c + 16:
            cvr.tell(clicked - c, bought - d)
            self.told[2:4] = clicked, bought


class World:
    def __init__(self):
        self.brief, self.long = collections.Counter(), collections.Counter()
        self.clicks = collections.Counter()
        self.values = collections.defaultdict(set)
        self.trails = {"user": collections.defaultdict(Trail), "ip": collections.defaultdict(Trail)}
        self.peers = {w: (Peers(), Peers()) for w in ("user", "ip")}
        self.decisions = {}
        self.banner = {}

    def add(self, e):
        """Count it; what only the first look sees goes into e["own"]."""
        t, kind, own = e["timestamp"], e["event"], {}
        own["click"] = int(kind == "click")
        own["marked"] = e.get("fraud", {}).get("score")
        v = [e.get(k) for k in KEYS]
        d = e.get("decision_id")
        if d is not None:
            c = self.decisions.setdefault(d, {"shown": None, "owner": None, "banner": None,
                                              "n": collections.Counter()})
            c["banner"] = c["banner"] or v[4]
            if not c["owner"] and (v[3] or v[0]):
                c["owner"] = (v[3], v[0])
            own["foreign"] = 0
            if c["owner"]:
                for mine, its in ((v[3], c["owner"][0]), (v[0], c["owner"][1])):
                    if mine and its:
                        own["foreign"] = int(mine != its)
                        break
            if kind == "click" and c["shown"] is not None:
                own["delay"] = (t - c["shown"]) / 1e6
            if kind == "impression" and c["shown"] is None:
                c["shown"] = t
            c["n"][kind] += 1
            own["nth"] = c["n"][kind]
            v[4] = v[4] or c["banner"]
        e["v"], e["own"], e["seen"] = v, own, {}
        b, l = t // (BRIEF * 10**6), t // (LONG * 10**6)
        for s in SETS:
            if all(v[i] is not None for i in s):
                key = s, tuple(v[i] for i in s)
                self.brief[key, b] += 1
                self.long[key, l] += 1
                self.clicks[key, l] += kind == "click"
                for x in range(5):
                    if x not in s and v[x] is not None:
                        self.values[key, x, l].add(v[x])
        rate = self.rate()
        for who, value in (("user", v[3]), ("ip", v[0])):
            if value is None:
                continue
            trail = self.trails[who][value]
            if kind == "click" and v[4] is not None and rate:
                s = (3, 4) if who == "user" else (0, 4)
                trail.peak = max(trail.peak, self.lift(s, v, l, rate))
            if kind == "click":
                if trail.clicks:
                    before = trail.clicks[-1]
                    own["gap(%s)" % who] = (t - before["timestamp"]) / 1e6
                    before["own"]["next(%s)" % who] = own["gap(%s)" % who]
                trail.clicks.append(e)
            trail.add(kind, t)
            if who == "ip" and "user_agent" in e:
                trail.agents[e["user_agent"]] += 1
            trail.news(*self.peers[who])
            e["seen"][who] = len(trail.events)
        e["peak"] = {}

    def rate(self):
        return next((p.p() for p in (self.peers["user"][0], self.peers["ip"][0]) if p.news >= 50), None)

    def lift(self, s, v, l, rate):
        two = lambda counter, key: counter[key, l] + counter[key, l - 1]
        key = s, tuple(v[i] for i in s)
        k = two(self.clicks, key)
        n, p = two(self.long, key) - k, rate
        if 4 in s and s != (4,):
            all_key = ((4,), (v[4],))
            ak = two(self.clicks, all_key)
            an = two(self.long, all_key) - ak
            p = (ak - k + 200 * rate) / (an - n + 200)
        return (k - n * p) / math.sqrt(n * p * (1 - p) + 1 + (n * p) ** 2)

    def measure(self, e, t, second):
        m, v = dict(e["own"]), e["v"]
        if not second:
            m = {k: x for k, x in m.items() if not k.startswith("next")}
        b, l = t // (BRIEF * 10**6), t // (LONG * 10**6)
        rate = self.rate()
        two = lambda counter, key: counter[key, l] + counter[key, l - 1]
        for s in SETS:
            if any(v[i] is None for i in s):
                continue
            key, text = (s, tuple(v[i] for i in s)), name(s)
            velocity = self.brief[key, b] + self.brief[key, b - 1]
            e["peak"][s] = max(velocity, e["peak"].get(s, 0))
            m["velocity(%s)" % text] = e["peak"][s]
            n, k = two(self.long, key), two(self.clicks, key)
            m["volume(%s)" % text], m["clicks(%s)" % text] = n, k
            m["rate(%s)" % text] = k / max(1, n - k)
            if rate:
                m["lift(%s)" % text] = self.lift(s, v, l, rate)
            for x in range(5):
                if x not in s:
                    m["distinct(%s/%s)" % (FIELDS[x], text)] = max(
                        len(self.values[key, x, i]) for i in (l, l - 1))
        for who, i in (("user", 3), ("ip", 0)):
            if v[i] is None:
                continue
            trail = self.trails[who][v[i]]
            shown, clicked, bought = (trail.count[k] for k in KINDS)
            m["ctr(%s)" % who] = self.peers[who][0].z(shown, clicked)
            m["cvr(%s)" % who] = self.peers[who][1].z(clicked, bought)
            m["peak(%s)" % who] = trail.peak
            m["spread(%s)" % who] = math.sqrt(trail.variance) if trail.gaps >= 6 else None
            if second:
                m["future(%s)" % who] = len(trail.events) - e["seen"][who]
            if who == "ip" and trail.agents:
                n = sum(trail.agents.values())
                m["agents"] = -sum(c / n * math.log2(c / n) for c in trail.agents.values())
            if v[4] is not None:
                mine, key = two(self.clicks, ((i,), (v[i],))), tuple(sorted((i, 4)))
                if mine > 0:
                    m["focus(%s)" % who] = two(self.clicks, (key, tuple(v[j] for j in key))) / mine
        if second and e["event"] == "click" and "decision_id" in e:
            m["unseen"] = int(self.decisions[e["decision_id"]]["shown"] is None)
        return {k: x for k, x in m.items() if x is not None}


def findings(path):
    world, waiting, out = World(), collections.deque(), {}
    now = None
    for line in open(path):
        e = json.loads(line)
        now = e["timestamp"]
        while waiting and waiting[0]["timestamp"] + WAIT * 10**6 <= now:
            w = waiting.popleft()
            out[w["event_id"], 2] = world.measure(w, w["timestamp"] + WAIT * 10**6, True)
        world.add(e)
        out[e["event_id"], 1] = world.measure(e, now, False)
        waiting.append(e)
    for w in waiting:
        out[w["event_id"], 2] = world.measure(w, min(now, w["timestamp"] + WAIT * 10**6), True)
    return out


def compare(expected, verdict_path):
    """How many values are equal."""
    equal, there, events = 0, set(), 0
    asked = set(open(verdict_path + ".names").read().split())
    for line in open(verdict_path):
        r = json.loads(line)
        if r.get("event") not in ("verdict", "retract"):
            continue
        values = expected[r["event_id"], r["version"]]
        want = {k: x for k, x in values.items() if k in asked}
        got = r["measured"]
        for k in set(want) | set(got):
            a, b = want.get(k), got.get(k)
            if a is None or b is None or abs(a - b) > 2e-5 * max(1, abs(a)):
                sys.exit("%s, version %d, %s: %s, not %s" % (r["event_id"], r["version"], k, b, a))
        equal += len(want)
        there |= set(want)
        events += 1
    if events != len(expected):
        sys.exit("%d verdicts, not %d" % (events, len(expected)))
    if asked != there:
        sys.exit("never there: %s" % sorted(asked - there))
    return equal


def check(log_path, verdict_paths):
    expected = findings(log_path)
    for path in verdict_paths:
        print(path, compare(expected, path))


if sys.argv[1] == "log":
    log(int(sys.argv[2]), int(sys.argv[3]))
elif sys.argv[1] == "rules":
    part = int(sys.argv[2])
    print("prior -9")
    for i, s in enumerate(list(signals())[16 * part:16 * part + 16]):
        print("m%d 0.001 if %s >= -1000000" % (i, s))
else:
    check(sys.argv[2], sys.argv[3:])
