# SPDX-License-Identifier: MIT
#
# What bp-simulate writes, measured: from its log and its truth the rates, positions, delays,
# shares, fatigue and drift that its options say. simulate_log.py BIN DATA prints TAP.
#
# Each figure has a bound that a right program breaks once in about a million seeds;
# SEED= repeats a run. Rates that are all wrong by a seventh are found (the numbers of
# clicks are printed).
import collections, csv, datetime, io, json, math, os, subprocess, sys, tempfile

bin_dir, data = sys.argv[1:3]
seed = int(os.environ.get("SEED", int.from_bytes(os.urandom(3), "little")))
print(f"# SEED={seed}")
tests = failed = 0


def ok(name, good, detail=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}" + (f" # {detail}" if detail else ""))


def chi2_bound(k):
    """The quantile of chi-square at 0.999999 (Wilson and Hilferty)."""
    return k * (1 - 2 / (9 * k) + 4.75 * math.sqrt(2 / (9 * k))) ** 3


def fits(name, cells):
    """cells: (observed, expected, variance); independent."""
    cells = [c for c in cells if c[2] > 0]
    x = sum((o - e) ** 2 / v for o, e, v in cells)
    ok(name, cells and x < chi2_bound(len(cells)),
       f"chi-square {x:.1f} of {len(cells)}, bound {chi2_bound(len(cells)):.1f}, "
       f"from {sum(o for o, _, _ in cells):.0f}")


def share(name, n, of, p):
    fits(name, [(n, of * p, of * p * (1 - p))])


def follows(name, values, cdf):
    """Kolmogorov and Smirnov; 2.7 is exceeded once in a million times."""
    values = sorted(values)
    n = len(values)
    d = max(max((i + 1) / n - cdf(v), cdf(v) - i / n) for i, v in enumerate(values))
    ok(name, n > 100 and d * math.sqrt(n) < 2.7, f"D sqrt(n) {d * math.sqrt(n):.2f}, n {n}")


def simulate(options, keep, fields):
    """The records of these kinds, and the truth."""
    with tempfile.TemporaryDirectory() as d:
        command = (f'"$BIN/bp-simulate" --seed {seed} --truth {d}/truth {options} |'
                   f'"$BIN/bp-select" \'event in ({keep})\' |'
                   f'"$BIN/bp-print" --format json >{d}/log &&'
                   f'"$BIN/bp-print" --format json {fields and "-F " + fields} {d}/truth >{d}/told')
        subprocess.run(["bash", "-c", "set -o pipefail; " + command], check=True,
                       env=dict(os.environ, BIN=bin_dir))
        log, told = ([r for r in map(json.loads, open(f"{d}/{f}")) if "$ext" not in r]
                     for f in ("log", "told"))
        return once(log), [t for t in told if t["of"] == "impression"]


def once(log):
    """Without the second ones of double clicks."""
    seen = set()
    return [r for r in log if r["event"] != "click" or
            not (r["decision_id"] in seen or seen.add(r["decision_id"]))]


US = 1e6
rates = {f"c{i}": 0.02 + 0.01 * i for i in range(12)}
table = tempfile.NamedTemporaryFile("w", suffix=".csv")
table.write("creative_id,rate\n" + "".join(f"{c},{r}\n" for c, r in rates.items()))
table.flush()
banners = f"--rates {table.name}"
keys = ("of,timestamp,visitor,visitor_id,session_id,decision_id,creative_id,position,"
        "examination,examined,clicked,probabilities")

# --- Rates, positions, delays, shares ------------------------------------------------
examination = [1, 0.6, 0.35]
log, truth = simulate(
    f"{banners} --visitors 4000 --days 7 --rate 1500 --fatigue 0 --taste 0.7 --consent 0.7 "
    "--examination 1,0.6,0.35 --attack crawler:0.1,farm:0.05 --conversion 0.3 --refunds 0.3 "
    "--click-delay 8s --purchase-delay 20m --refund-delay 2h",
    '"page_view", "click", "purchase", "refund", "begin_checkout"', keys)
names = list(rates)
human = [t for t in truth if t["visitor"] == "human"]

# Each visitor's clicks of a banner less what the rate says: visitors are independent.
sums = collections.defaultdict(lambda: collections.defaultdict(float))
for t in human:
    p = rates[t["creative_id"]] * examination[t["position"]]
    sums[t["creative_id"]][t["visitor_id"]] += t["clicked"] - p
clicks = collections.Counter(t["creative_id"] for t in human if t["clicked"])
fits("each banner is clicked at its rate, over all visitors and positions",
     [(clicks[c], clicks[c] - sum(s.values()), sum(v * v for v in s.values()))
      for c, s in sums.items()])

cells = collections.defaultdict(lambda: [0, 0, 0])
for t in truth:
    p = t["probabilities"][names.index(t["creative_id"])]
    cell = cells[t["creative_id"], t["position"], t["visitor"]]
    cell[0] += t["clicked"]
    cell[1] += p
    cell[2] += p * (1 - p)
fits("clicks are as probable as the truth says, by banner, position and visitor", cells.values())
places = collections.Counter((t["position"], t["examined"]) for t in human)
fits("positions are looked at as often as --examination says",
     [(places[k, True], n * p, n * p * (1 - p)) for k, p in enumerate(examination)
      for n in [places[k, True] + places[k, False]]])
ok("who does not look does not click", not any(t["clicked"] and not t["examined"] for t in truth))
worst = min(rates, key=rates.get)
farm = [t for t in truth if t["visitor"] == "farm" and t["creative_id"] == worst]
share("farms click the worst banner 4 times in 5", sum(t["clicked"] for t in farm), len(farm), 0.8)
ok("and no other", not any(t["clicked"] for t in truth
                           if t["visitor"] == "farm" and t["creative_id"] != worst))

kinds = {t["session_id"]: t["visitor"] for t in truth}
n = collections.Counter(kinds.values())
share("crawlers have their share of sessions", n["crawler"], len(kinds), 0.1)
share("farms have theirs", n["farm"], len(kinds), 0.05)
known = {r["user_id"] for r in log if "user_id" in r}
visitors = {t["visitor_id"] for t in human}
share("visitors consent as often as --consent says", len(known & visitors), len(visitors), 0.7)
ok("who has not consented has no identifier", not any(
    ("user_id" in r or "session_id" in r) and not r["consent"]["ads"] for r in log))

shown = {t["decision_id"]: t for t in truth}
follows("clicks of humans come after an exponential delay",
        [r["timestamp"] - shown[r["decision_id"]]["timestamp"] for r in log if r["event"] == "click" and
         shown[r["decision_id"]]["visitor"] == "human"],
        lambda x: 1 - math.exp(-x / (8 * US)))

# Of sessions without a checkout: their purchases come from banners. No day is cut off.
end = max(r["timestamp"] for r in log)
of = collections.defaultdict(lambda: collections.defaultdict(list))
for r in log:
    if "session_id" in r:
        of[r["session_id"]][r["event"]].append(r["timestamp"])
whole = [s for k, s in of.items() if kinds[k] == "human" and not s["begin_checkout"] and
         s["page_view"] and s["page_view"][0] < end - 86400 * US]
share("clicks lead to purchases as often as --conversion says", sum(len(s["purchase"]) for s in whole),
      sum(len(s["click"]) for s in whole), 0.3)
follows("after a log-normal delay",
        [s["purchase"][0] - s["click"][0] for s in whole
         if len(s["click"]) == 1 and len(s["purchase"]) == 1],
        lambda x: 0.5 * math.erfc(-math.log(x / (1200 * US)) / math.sqrt(2)))
orders = {r["transaction_id"]: r for r in log if r["event"] == "purchase"}
back = {r["transaction_id"]: r for r in log if r["event"] == "refund"}
early = [o for o in orders.values() if o["timestamp"] < end - 86400 * US]
share("purchases are sent back as often as --refunds says",
      sum(o["transaction_id"] in back for o in early), len(early), 0.3)
follows("after an exponential delay",
        [back[o["transaction_id"]]["timestamp"] - o["timestamp"] for o in early
         if o["transaction_id"] in back], lambda x: 1 - math.exp(-x / (7200 * US)))
ok("for what was paid", all(b["value_micros"] == orders[t]["value_micros"] for t, b in back.items()))

# --- When they come ------------------------------------------------------------------
hours, days = collections.Counter(), collections.Counter()
for policy in ("random", "bts"):
    text = subprocess.run(["zstd", "-dcq", f"{data}/open-bandit-men-{policy}.csv.zst"],
                          check=True, capture_output=True, text=True).stdout
    for row in csv.DictReader(io.StringIO(text)):
        t = datetime.datetime.fromisoformat(row["timestamp"])
        hours[t.hour] += 1
        days[t.weekday()] += 1
arrivals = [datetime.datetime.fromtimestamp(r["timestamp"] / US, datetime.timezone.utc)
            for r in log if r["event"] == "page_view" and r["step"] == 0
            and len(r["event_id"]) < 14]
by_hour = collections.Counter(t.hour for t in arrivals)
by_day = collections.Counter(t.weekday() for t in arrivals)
total = 1500 * 7 / 20000
fits("sessions arrive by hours as impressions of a real shop did",
     [(by_hour[h], total * hours[h], total * hours[h]) for h in range(24)])
fits("and by weekdays", [(by_day[d], total * days[d], total * days[d]) for d in range(7)])

# --- Fatigue -------------------------------------------------------------------------
log, truth = simulate(f"{banners} --visitors 300 --days 2 --rate 3000 --fatigue 0.3 --taste 0 "
                      "--attack none", '"metric"', keys)
seen = collections.defaultdict(lambda: collections.deque(maxlen=8))
cells = collections.defaultdict(lambda: [0, 0, 0])
for t in truth:
    # What the positions of a page are worth was decided before any of them was shown.
    page = (t["visitor_id"], t["decision_id"].split("-")[0])
    if t["position"] == 0:
        before = list(seen[t["visitor_id"]])
    n = before.count(t["creative_id"])
    seen[t["visitor_id"]].append(t["creative_id"])
    if t["examined"]:
        p = rates[t["creative_id"]] * 0.7**n
        cells[n][0] += t["clicked"]
        cells[n][1] += p
        cells[n][2] += p * (1 - p)
fits("a banner loses 0.3 of its clicks each time that it was seen", cells.values())
ok("after none to three showings at least", min(cells[n][1] for n in range(3)) > 20)

# --- Drift ---------------------------------------------------------------------------
many = tempfile.NamedTemporaryFile("w", suffix=".csv")
many.write("creative_id,rate\n" + "".join(f"d{i},0.05\n" for i in range(100)))
many.flush()
log, truth = simulate(f"--rates {many.name} --visitors 300 --days 8 --rate 250 --fatigue 0 --taste 0.5 "
                      "--drift 2d --examination 1 --attack none", '"metric"',
                      "of,timestamp,visitor_id,probabilities")
likes = collections.defaultdict(dict)
for t in truth:
    likes[t["timestamp"] // 86400000000][t["visitor_id"]] = [math.log(p) for p in t["probabilities"]]


def correlation(x, y):
    mx, my = sum(x) / len(x), sum(y) / len(y)
    return (sum((a - mx) * (b - my) for a, b in zip(x, y)) /
            math.sqrt(sum((a - mx) ** 2 for a in x) * sum((b - my) ** 2 for b in y)))


first = min(likes)
# The agreement of one banner has a deviation of 0.22 and 0.31; here are 100 of them.
for apart, wanted, within in ((0, 1, 1e-9), (2, 0.5, 0.1), (4, 0.25, 0.12)):
    values = []
    for day in range(8 - apart):
        a, b = likes[first + day], likes[first + day + apart]
        both = sorted(set(a) & set(b))
        values += [correlation([a[v][i] for v in both], [b[v][i] for v in both])
                   for i in range(100)]
    mean = sum(values) / len(values)
    ok(f"likes {apart} days apart agree by {wanted} with a half-life of 2 days",
       abs(mean - wanted) < within, f"{mean:.3f}")

# --- What was earned -----------------------------------------------------------------
log, truth = simulate(f"{banners} --visitors 2000 --rate 2000 --policy oracle", '"metric"', "")
total = log[-1]
best = collections.defaultdict(float)
clicks = mean = shown_p = n = 0
pages = collections.defaultdict(list)
for t in truth:
    if t["visitor"] == "human":
        pages[t["decision_id"].split("-")[0]].append(t)
        clicks += t["clicked"]
oracle = 0
for page in pages.values():
    # Positions of a page differ in examination alone: divide it out.
    p = [x / page[0]["examination"] for x in page[0]["probabilities"]]
    look = sorted((t["examination"] for t in page), reverse=True)
    oracle += sum(a * b for a, b in zip(look, sorted(p, reverse=True)))
    mean += sum(look) * sum(p) / len(p)
    shown_p += sum(t["probabilities"][names.index(t["creative_id"])] for t in page)
    n += len(page)
ok("the metric counts what humans saw and clicked",
   total["impressions"] == n and total["clicks"] == clicks, f"{n} and {clicks}")
for key, value in (("oracle_ctr", oracle), ("uniform_ctr", mean), ("expected_ctr", shown_p)):
    ok(f"{key} is what the truth makes of it", abs(total[key] * n / value - 1) < 1e-9)
ok("the oracle has no regret to speak of", 0.99 < total["share"] <= 1 + 1e-9, f"{total['share']:.4f}")

print(f"1..{tests}")
sys.exit(failed > 0)
