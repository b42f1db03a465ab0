# SPDX-License-Identifier: MIT
"""bp-evaluate beside a second computation of every figure, from the outcomes one by one
and by the definitions: no running sums. On random logs, and on two logs of a real shop
(Open Bandit), of which each is to say what the other's policy earns.

	offpolicy_reference.py FOLDER-OF-PROGRAMS FOLDER-OF-DATA [ROUNDS]

It prints TAP and its seed; SEED repeats it.
"""
import csv
import io
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from fractions import Fraction

Z = 1.959963984540054
FAR = Fraction(10) ** 16  # a weight that stands for an unbounded one


def mean(x):
    return math.fsum(x) / len(x)


def mean_se(x):
    m = mean(x)
    return m, math.sqrt(math.fsum((a - m) ** 2 for a in x) / (len(x) - 1) / len(x))


def t_quantile(n, p=0.975):
    """Student's t, by Simpson's rule on its density and bisection."""
    c = math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2)) / math.sqrt(n * math.pi)

    def density(x):
        return c * (1 + x * x / n) ** (-(n + 1) / 2)

    def below(x):
        k, h = 2000, x / 2000
        return 0.5 + h / 3 * math.fsum(
            density(i * h) * (1 if i in (0, k) else 4 if i % 2 else 2)
            for i in range(k + 1))
    low, high = 1.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < p else (low, middle)
    return low


class Projection:
    """Likelihoods q_i = (1 + u_i) / (n + 1) of n outcomes and one that was not seen, of
    weight w, with sum q = sum q w = 1: what is smallest in sum u^2, and what a linear
    functional sum q c can fall to within sum u^2 <= R."""

    def __init__(self, rows, unseen):
        w = [Fraction(row["w"]) for row in rows] + [Fraction(unseen)]
        self.m = len(w)
        self.mean = sum(w) / self.m
        self.square = sum((x - self.mean) ** 2 for x in w) / self.m
        self.slope = (1 - self.mean) / self.square
        self.w, self.least = w, self.m * (1 - self.mean) ** 2 / self.square

    def likelihood(self, i):
        return (1 + self.slope * (self.w[i] - self.mean)) / self.m

    def smallest(self, c, radius):
        average = sum(c) / self.m
        cross = sum((w - self.mean) * (x - average) for w, x in zip(self.w, c)) / self.m
        spread = sum((x - average) ** 2 for x in c) / self.m - cross * cross / self.square
        slack = radius - self.least
        if slack < 0:
            return None
        return float(average + self.slope * cross) - math.sqrt(
            float(slack * spread) / self.m)


def cressie_read(rows, w_max):
    n = len(rows)
    w_max = FAR if w_max is None else Fraction(w_max)
    logged = mean([row["r"] for row in rows])
    unseen = Projection(rows, w_max if sum(row["w"] for row in rows) < n else 0)
    q = [unseen.likelihood(i) for i in range(n)]
    value = float(sum(p * Fraction(r["w"]) * Fraction(r["r"]) for p, r in zip(q, rows)))
    value += max(0.0, float(1 - sum(p * Fraction(r["w"]) for p, r in zip(q, rows)))) * logged
    radius = unseen.least + Fraction(t_quantile(n) ** 2)
    ends = []
    for r, sign in ((0, 1), (1, -1)):
        falls = []
        for w in (Fraction(0), w_max):
            c = [sign * Fraction(x["w"]) * Fraction(x["r"]) for x in rows] + [sign * w * r]
            falls.append(Projection(rows, w).smallest(c, radius))
        falls = [x for x in falls if x is not None]
        ends.append(min(1.0, max(0.0, sign * min(falls))) if falls else float(r))
    return value, ends


def mixture(x, m):
    """The logarithm of the supermartingale of confidence.h at m."""
    exponents, weights = [], []
    total, squares = math.fsum(a - m for a in x), math.fsum((a - m) ** 2 for a in x)
    for k in range(49):
        rate = 2.0 ** (-k / 2 - 1)
        psi = -math.log1p(-rate) - rate
        exponents.append(rate * total - psi * squares)
        weights.append(1 / ((k + 1) * (k + 2)))
    top = max(exponents)
    return top + math.log(math.fsum(w * math.exp(e - top)
                                    for w, e in zip(weights, exponents)))


def lower(x, alpha):
    low, high, goal = 0.0, min(mean(x), 1.0), -math.log(alpha)
    if mixture(x, low) < goal:
        return 0.0
    for _ in range(45):
        middle = (low + high) / 2
        low, high = (middle, high) if mixture(x, middle) >= goal else (low, middle)
    return low


def clamp(low, high):
    return max(low, 0.0), min(high, 1.0)


def normal(value, se):
    return [value, se, *clamp(value - Z * se, value + Z * se)]


def figures(rows, clip=10.0, tau=10.0, shrink=100.0, w_max=None):
    """Name: [estimate, se, low, high]."""
    n = len(rows)
    w = [row["w"] for row in rows]
    r = [row["r"] for row in rows]
    wr = [a * b for a, b in zip(w, r)]
    to = {"logged": normal(*mean_se(r)), "ips": normal(*mean_se(wr))}
    ratio = math.fsum(wr) / math.fsum(w)
    residual = math.fsum(a * a * (b - ratio) ** 2 for a, b in zip(w, r))
    to["snips"] = normal(ratio, math.sqrt(residual * n / (n - 1)) / math.fsum(w))
    to["clipped_ips"] = normal(*mean_se([min(a, clip) * b for a, b in zip(w, r)]))
    value, (low, high) = cressie_read(rows, w_max)
    to["cressie_read"] = [value, None, low, high]
    always = [lower(wr, 0.025)]
    if w_max is None:
        always.append(1 - lower([a * (1 - b) for a, b in zip(w, r)], 0.025))
    else:
        always.append(min(1 - lower([a * (1 - b) for a, b in zip(w, r)], 0.0125),
                          w_max * (1 - lower([1 - x / w_max for x in wr], 0.0125))))
    to["ips"] += always
    if all(row["pi"] in (0, 1) for row in rows) and len({row["p"] for row in rows}) == 1:
        to["replay"] = normal(*mean_se([row["r"] for row in rows if row["pi"] == 1]))
    if "q" not in rows[0]:
        return to
    e = [row["e"] for row in rows]
    d = [row["r"] - row["q"] for row in rows]
    to["direct"] = normal(*mean_se(e))
    to["dr"] = normal(*mean_se([x + a * b for x, a, b in zip(e, w, d)]))
    to["switch_dr"] = normal(*mean_se(
        [x + (a * b if a <= tau else 0) for x, a, b in zip(e, w, d)]))
    to["dros"] = normal(*mean_se(
        [x + shrink * a / (a * a + shrink) * b for x, a, b in zip(e, w, d)]))
    part = math.fsum(a * b for a, b in zip(w, d)) / math.fsum(w)
    phi = [x + a * (b - part) / mean(w) for x, a, b in zip(e, w, d)]
    to["sndr"] = normal(mean(e) + part, mean_se(phi)[1])
    if w_max is not None:
        x = [a + b * c for a, b, c in zip(e, w, d)]
        size = 2 * w_max + 1
        to["dr"] += [
            max(0.0, size * lower([(a + w_max) / size for a in x], 0.025) - w_max),
            min(1.0, w_max + 1 - size * lower([(w_max + 1 - a) / size for a in x], 0.025))]
    return to


class Checker:
    def __init__(self, programs):
        self.programs, self.n, self.failed, self.worst = programs, 0, 0, 0.0

    def ok(self, name, wrong=()):
        self.n += 1
        self.failed += bool(wrong)
        print(f"{'not ok' if wrong else 'ok'} {self.n} - {name}")
        for line in list(wrong)[:10]:
            print(f"# {line}")

    def run(self, records, *options):
        """The metric records that bp-evaluate makes of these, by the group's dims."""
        text = "".join(json.dumps(r) + "\n" for r in records).encode()
        for name, args in (("parse", ["--format", "json"]), ("evaluate", options),
                           ("print", ["--format", "json"])):
            text = subprocess.run([f"{self.programs}/bp-{name}", *args], input=text,
                                  stdout=subprocess.PIPE, check=True).stdout
        metrics = [json.loads(line) for line in text.splitlines()]
        return {tuple(m["dims"].values()): m for m in metrics if m.get("event") == "metric"}

    def compare(self, metric, wanted):
        got = dict(metric.get("estimators", {}), logged=metric["logged"])
        wrong = [] if metric["trusted"] else [f"not trusted: {metric['reasons']}"]
        for name, values in wanted.items():
            mine = got.get(name, {})
            keys = ("estimate", "se", "low", "high", "anytime_low", "anytime_high")
            for key, value in zip(keys, values):
                if value is None:
                    continue
                if name == "cressie_read" and key != "estimate":
                    limit = 2e-5  # of our quantile of Student's t
                else:
                    limit = 1e-7 if "anytime" in key else 1e-11
                if key not in mine:
                    wrong.append(f"{name}: no {key} ({mine.get('reason')})")
                    continue
                error = abs(mine[key] - value) / max(abs(value), 1e-6)
                if error > limit:
                    wrong.append(f"{name} {key}: {mine[key]!r}, not {value!r}")
        if not (set(got) >= set(wanted)):
            wrong.append(f"only {sorted(got)}")
        extra = [k for k, v in got.items() if "estimate" in v and k not in wanted]
        return wrong + [f"{k} is given" for k in extra]


def outcome(i, row, **more):
    record = {"event": "outcome", "event_id": f"o{i}", "timestamp": 1700000000000000 + i,
              "position": row.get("position", 0), "creative_id": row.get("id", "a"),
              "probability": row["p"], "reward": row["r"],
              "rewards": {"click": row["r"], "conversion": 0, "value_micros": 0}}
    if "policy" in row:
        record["evaluation"] = {"policy": row["policy"], "probability": row["pi"]}
        if "q" in row:
            record["evaluation"].update(predicted=row["q"], expected=row["e"])
    record.update(more)
    return record


def random_log(rng, modelled, deterministic):
    """A contextual policy on a log of another, both of softmax scores, of 4 banners."""
    rows = []
    for _ in range(rng.randrange(400, 900)):
        shown = [math.exp(rng.uniform(-1, 1)) for _ in range(4)]
        shown = [0.25] * 4 if deterministic else [x / sum(shown) for x in shown]
        other = [math.exp(rng.uniform(-1, 1)) for _ in range(4)]
        other = [x / sum(other) for x in other]
        if deterministic:
            other = [float(x == max(other)) for x in other]
        rates = [rng.uniform(0, 0.4) for _ in range(4)]
        model = [min(max(x + rng.gauss(0, 0.1), 0), 1) for x in rates]
        a = rng.choices(range(4), shown)[0]
        row = {"p": shown[a], "pi": other[a], "w": other[a] / shown[a],
               "r": int(rng.random() < rates[a]), "policy": "other"}
        if modelled:
            row["q"], row["e"] = model[a], sum(x * y for x, y in zip(other, model))
        rows.append(row)
    return rows


def random_rounds(check, rng, rounds):
    for k in range(rounds):
        modelled, deterministic, bound = k % 2 == 0, k % 4 == 3, k % 3 == 0
        rows = random_log(rng, modelled, deterministic)
        w_max = math.ceil(max(row["w"] for row in rows)) + 1.0 if bound else None
        clip, tau, shrink = rng.uniform(1, 3), rng.uniform(1, 3), rng.uniform(1, 50)
        records = [outcome(i, row) for i, row in enumerate(rows)]
        # What is taken back must leave no trace, wherever it stands.
        for i, row in enumerate(random_log(rng, modelled, False)[:50]):
            for weight in (1, -1):
                records.insert(rng.randrange(len(records)),
                               outcome(10000 + i, row, weight=weight))
        options = ["--ess-min=10", f"--clip={clip!r}", f"--switch={tau!r}", f"--shrink={shrink!r}"]
        options += [f"--weight-max={w_max!r}"] if bound else []
        metric = check.run(records, *options)[("other",)]
        wanted = figures(rows, clip, tau, shrink, w_max)
        check.ok(f"{len(rows)} outcomes, {'' if modelled else 'no '}model, "
                 f"{'deterministic' if deterministic else 'stochastic'}, weights "
                 f"{'bounded' if bound else 'unbounded'}", check.compare(metric, wanted))


def shop(data, name):
    path = f"{data}/open-bandit-men-{name}.csv.zst"
    text = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    return [{"position": int(x["position"]) - 1, "id": x["item_id"], "r": int(x["click"]),
             "p": float(x["propensity_score"])}
            for x in csv.DictReader(io.StringIO(text.decode()))]


def write_table(path, table):
    with open(path, "w") as f:
        f.write("position,creative_id,probability\n")
        f.writelines(f"{p},{i},{value!r}\n" for (p, i), value in sorted(table.items()))


def shares(rows):
    """How often each banner is shown at each position: an unbiased table of a policy."""
    n, table = {}, {}
    for row in rows:
        n[row["position"]] = n.get(row["position"], 0) + 1
    for row in rows:
        key = row["position"], row["id"]
        table[key] = table.get(key, 0) + 1
    return {key: value / n[key[0]] for key, value in table.items()}


def open_bandit(check, data, folder):
    uniform, bts = shop(data, "random"), shop(data, "bts")
    table = shares(bts)
    write_table(f"{folder}/bts.csv", table)
    clicks = {}
    for row in bts:
        key = row["position"], row["id"]
        a, b = clicks.get(key, (0, 0))
        clicks[key] = a + row["r"], b + 1
    model = {key: (a + 0.5) / (b + 100) for key, (a, b) in clicks.items()}
    expected = {p: math.fsum(table[k] * model[k] for k in table if k[0] == p)
                for p in range(3)}
    for row in uniform:
        key = row["position"], row["id"]
        row.update(pi=table[key], w=table[key] / row["p"])
    bare = figures(uniform)
    metric = check.run([outcome(i, row) for i, row in enumerate(uniform)],
                       "--policy=bts", f"--policy-table={folder}/bts.csv", "--reward=click")
    check.ok("the random log says what Thompson sampling earns",
             check.compare(metric[("bts",)], bare))
    truth = mean([row["r"] for row in bts])
    check.ok("which is what it did earn, 0.69 %, within every interval",
             [f"{k}: {v}" for k, v in bare.items()
              if k != "logged" and not v[2] <= truth <= v[3]]
             + ([] if truth == 0.0069 else [f"{truth}"]))
    for row in uniform:
        key = row["position"], row["id"]
        row.update(policy="bts", q=model[key], e=expected[row["position"]])
    w_max = 34 * max(table.values())
    metric = check.run([outcome(i, row) for i, row in enumerate(uniform)],
                       f"--weight-max={w_max!r}")
    check.ok("and with a model of clicks and a bound of weights",
             check.compare(metric[("bts",)], figures(uniform, w_max=w_max)))
    for name, values in figures(uniform, w_max=w_max).items():
        print(f"# {name:13} " + " ".join(
            "      -" if v is None else f"{100 * v:7.4f}" for v in values))
    for row in bts:
        row.update(pi=1 / 34, w=1 / 34 / row["p"])
    metric = check.run([outcome(i, row) for i, row in enumerate(bts)], "--policy=uniform",
                       "--actions=34")
    check.ok("Thompson's log says what random choice earns",
             check.compare(metric[("uniform",)], figures(bts)))


def refusals(check, data, folder):
    bts = shop(data, "bts")
    sums, n = {}, {}
    for row in bts:
        key = row["position"], row["id"]
        sums[key], n[key] = sums.get(key, 0) + row["p"], n.get(key, 0) + 1
    write_table(f"{folder}/averages.csv", {k: sums[k] / n[k] for k in sums})
    said = subprocess.run([f"{check.programs}/bp-evaluate", "--policy-table",
                           f"{folder}/averages.csv"], input=b"", capture_output=True)
    # They are averages over when a banner was shown, so over when it was likely.
    check.ok("average propensities are no policy: they are refused", [] if said.returncode
             == 100 and b"position 0 add up to 2.3442, not 1" in said.stderr
             else [said.stderr.decode()])
    for row in bts:  # the wrong log: probabilities of one item
        row.update(policy="bts", pi=row["p"], p=0.5)
    metric = check.run([outcome(i, row) for i, row in enumerate(bts)])[("bts",)]
    check.ok("wrong probabilities are noticed, and no figure is given",
             [f"{metric}"] if metric["trusted"] or "estimators" in metric else [])


def main():
    programs, data = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 12
    seed = int(os.environ.get("SEED", random.randrange(1 << 31)))
    print(f"# SEED={seed}")
    check = Checker(programs)
    with tempfile.TemporaryDirectory() as folder:
        random_rounds(check, random.Random(seed), rounds)
        open_bandit(check, data, folder)
        refusals(check, data, folder)
    print(f"1..{check.n}")
    return check.failed > 0


if __name__ == "__main__":
    sys.exit(main())
