# SPDX-License-Identifier: MIT
#
# Attacks of bp-simulate, measured: their shares, that visitors are the same without them,
# that the truth names each record, and that each kind is what the page says of it.
# simulate_attacks.py BIN prints TAP.
#
# Each figure has a bound that a right program breaks once in about a million seeds; SEED=
# repeats a run.
import collections, ipaddress, json, math, os, subprocess, sys, tempfile

bin_dir = sys.argv[1]
seed = int(os.environ.get("SEED", int.from_bytes(os.urandom(3), "little")))
print(f"# SEED={seed}")
tests = failed = 0
US = 1e6


def ok(name, good, detail=""):
    global tests, failed
    tests += 1
    failed += not good
    print(f"{'ok' if good else 'not ok'} {tests} - {name}" + (f" # {detail}" if detail else ""))


def share(name, n, of, p, more=0):
    """n of `of`, each with probability p: within 5 deviations, and `more` that is known."""
    bound = 5 * math.sqrt(of * p * (1 - p)) + 1 + more * of
    ok(name, of > 0 and abs(n - of * p) <= bound, f"{n} of {of}, {of * p:.1f} +- {bound:.1f}")


def run(command):
    """The JSON of each of its files, without control records."""
    with tempfile.TemporaryDirectory() as d:
        subprocess.run(["bash", "-c", "set -o pipefail; " + command], check=True, cwd=d,
                       env=dict(os.environ, PATH=f"{bin_dir}:{os.environ['PATH']}"))
        return {f: [r for r in map(json.loads, open(f"{d}/{f}")) if "$ext" not in r]
                for f in os.listdir(d) if "." not in f}


shares = {"crawler": 0.02, "scraper": 0.02, "prefetch": 0.05, "farm": 0.02, "device_farm": 0.02,
          "slow": 0.03, "rotation": 0.01, "stuffing": 0.005, "spraying": 0.06, "takeover": 0.05,
          "stolen_card": 0.02}
friendly = 0.1
attack = ",".join(f"{k}:{v}" for k, v in shares.items()) + f",friendly:{friendly}"
shop = f"--seed {seed} --visitors 6000 --rate 2500"

# --- Visitors are the same with attacks and without ------------------------------------
files = run(f"bp-simulate {shop} --days 1 --attack none | bp-print --format json >clean;"
            f"bp-simulate {shop} --days 1 --attack {attack} --truth t.bp |"
            "bp-print --format json >log; bp-print --format json t.bp >truth")
truth = collections.Counter(t["event_id"] for t in files["truth"])
nobodys = {"item", "creative", "metric"}
ids = collections.Counter(r["event_id"] for r in files["log"] if r["event"] not in nobodys)
ok("each record of somebody has one line of truth, which is of no other", truth == ids,
   f"{len(ids)} records")
visitor = {t["event_id"]: t["visitor"] for t in files["truth"]}
kinds = {r["event_id"]: r["event"] for r in files["log"]}
ok("which says of what kind it is",
   all(t["of"] == kinds[t["event_id"]] for t in files["truth"]))
honest = [r for r in files["log"] if visitor.get(r["event_id"], "human") == "human"]
ok("what is left without attacks is the log without them", honest == files["clean"],
   f"{len(honest)} of {len(files['log'])} records")

# --- A week -----------------------------------------------------------------------------
DAYS = 7
kept = ('"page_view"', '"click"', '"login"', '"sign_up"', '"purchase"', '"chargeback"')
files = run(f"bp-simulate {shop} --days {DAYS} --chargeback-delay 4h --attack {attack} --truth t.bp |"
            f"bp-select 'event in ({', '.join(kept)})' | bp-givt | bp-print --format json >log;"
            f"bp-select 'of in ({', '.join(kept)}, \"impression\")' t.bp |"
            "bp-print --format json -F event_id,of,visitor,visitor_id,session_id,creative_id,clicked >truth")
truth = {t["event_id"]: t for t in files["truth"]}
sessions = collections.defaultdict(set)
of = collections.defaultdict(list)
for r in files["log"]:
    t = truth[r["event_id"]]
    r["session"] = t["session_id"]
    sessions[t["visitor"]].add(t["session_id"])
    of[t["visitor"]].append(r)
del sessions["friendly"]  # is of humans' purchases
total = sum(map(len, sessions.values()))
for kind, p in shares.items():
    share(f"{kind} has its share of sessions", len(sessions[kind]), total, p)


def events(kind, *names):
    return [r for r in of[kind] if r["event"] in names]


def distinct(records, key, by=None):
    """How many of that key there are, of each value of another one."""
    if by is None:
        return len({r[key] for r in records if key in r})
    groups = collections.defaultdict(set)
    for r in records:
        if key in r and by in r:
            groups[r[by]].add(r[key])
    return {k: len(v) for k, v in groups.items()}


def hits(kind):
    return [r for r in of[kind] if "ip" in r]


def flags(r):
    return set(r.get("fraud", {}).get("flags", ()))


users = distinct(hits("human"), "user_id", "ip")
human_devices = {r["device"] for r in hits("human") if "device" in r}
views = events("human", "page_view")

# --- Those whom lists know --------------------------------------------------------------
ok("robots are all known", all("robot" in flags(r) for r in hits("crawler")), len(hits("crawler")))
ok("and are of several kinds", distinct(hits("crawler"), "user_agent") > 3)
ok("prefetches are all known", all("prefetch" in flags(r) for r in hits("prefetch")),
   len(hits("prefetch")))
ahead = {r["device"] for r in hits("prefetch") if "device" in r}
ok("they are of visitors' browsers", len(ahead & human_devices) > 0.4 * len(ahead),
   f"{len(ahead & human_devices)} of {len(ahead)} devices were seen otherwise")
ok("and nobody clicks", not events("prefetch", "click"))
wrong = [r for r in hits("human") if flags(r) - {"datacentre"}]
ok("no browser of a visitor is taken for a robot", not wrong, wrong[:1])
behind = [r for r in hits("human") if flags(r)]
ok("some visitors come by rented machines, as companies do",
   0 < len(behind) < 0.02 * len(hits("human")), f"{len(behind)} of {len(hits('human'))}")
ok("scrapers do not say what they are", not any(flags(r) - {"datacentre"} for r in hits("scraper")))
rented = {r["session"] for r in hits("scraper") if "datacentre" in flags(r)}
share("seven of ten come from rented machines", len(rented), len(sessions["scraper"]), 0.7)

# --- Clicks -----------------------------------------------------------------------------
rate = collections.defaultdict(lambda: [0, 0])
for t in files["truth"]:
    if t["of"] == "impression":
        cell = rate[t["visitor"], t["creative_id"]]
        cell[0] += 1
        cell[1] += t["clicked"]
farmed = {c: k for (v, c), k in rate.items() if v == "farm"}
target = max(farmed, key=lambda c: farmed[c][1])
ok("farms click one banner", sum(k[1] > 0 for k in farmed.values()) == 1)
for kind, any_banner, this in (("crawler", 0.01, 0.01), ("scraper", 0.02, 0.02), ("farm", 0, 0.8),
                               ("device_farm", 0.1, 0.5), ("slow", 0.03, 0.25),
                               ("rotation", 0.05, 0.6)):
    share(f"{kind} clicks it so often", rate[kind, target][1], rate[kind, target][0], this)
    rest = [k for (v, c), k in rate.items() if v == kind and c != target]
    share("and others", sum(k[1] for k in rest), sum(k[0] for k in rest), any_banner)

farm = hits("farm")
ok("farms have fifty accounts, five phones and two lines",
   distinct(farm, "user_id") == 50 and distinct(farm, "device") == 5 and
   len({r["ip"].rsplit(":", 4)[0] for r in farm}) <= 2)
rack = hits("device_farm")
ok("device farms have hundreds of accounts on eight phones and three lines",
   distinct(rack, "user_id") > 100 and distinct(rack, "device") == 8 and
   len({r["ip"].rsplit(":", 4)[0] for r in rack}) <= 3, distinct(rack, "user_id"))
slow = hits("slow")
bots = distinct(slow, "user_id")
clicks_a_day = len(events("slow", "click")) / bots / DAYS
ok("slow robots click a few times a day, each from a line and a device of its own",
   0.3 < clicks_a_day < 6 and distinct(slow, "device") == bots and
   max(distinct(slow, "user_id", "ip").values()) <= 2, f"{clicks_a_day:.2f}, {bots} of them")


def night(kind):
    """At the hours from 17 to 22 UTC, when visitors sleep: a tenth of them."""
    return [sum(r["timestamp"] // 3600000000 % 24 in (17, 18, 19, 20, 21, 22)
                for r in events(kind, "page_view")), len(events(kind, "page_view"))]


ok("they sleep at night, and farms do not",
   night("slow")[0] < 0.2 * night("slow")[1] and night("farm")[0] > 0.2 * night("farm")[1],
   f"{night('human')} {night('slow')} {night('farm')}")
rotation = hits("rotation")
pages = events("rotation", "page_view")
ok("rotation is three devices and hardly an address twice",
   distinct(rotation, "device") == 3 and distinct(pages, "ip") > 0.6 * len(pages) and
   distinct(pages, "asn") > 20, f"{distinct(pages, 'ip')} of {len(pages)}")

# --- Passwords --------------------------------------------------------------------------
first = {}
for r in events("human", "login"):
    first.setdefault(r["session"], r["success"])
new = {r["session"] for r in events("human", "sign_up")}
old = [s for s in first if s not in new]
share("visitors forget their password in one of twelve sessions",
      sum(not first[s] for s in old), len(old), 0.08)
ok("and sign up", len(new) > 20, len(new))
stuffing, spraying = events("stuffing", "login"), events("spraying", "login")
share("stuffing is right once in two hundred times", sum(r["success"] for r in stuffing),
      len(stuffing), 0.005)
per_line = distinct(stuffing, "user_id", "ip")
ok("it tries many accounts from each of 40 machines",
   len(per_line) <= 40 and sum(per_line.values()) / len(per_line) > 20, len(per_line))
share("so is spraying", sum(r["success"] for r in spraying), len(spraying), 0.005)
ok("which comes from one network of 256, and tries few accounts twice",
   len({ipaddress.ip_network(r["ip"] + "/24", strict=False) for r in spraying}) == 1 and
   distinct(spraying, "ip") > 200 and distinct(spraying, "user_id") > 0.5 * len(spraying),
   f"{distinct(spraying, 'user_id')} of {len(spraying)}")
thefts = events("takeover", "login")
accounts = {r["user_id"] for r in of["human"] if "user_id" in r}
ok("a takeover is of a visitor's account",
   sum(r["user_id"] in accounts for r in thefts) > 0.9 * len(thefts), len(thefts))
ok("by a device that is none of the visitors'",
   distinct(thefts, "device") == 10 and
   not {r["device"] for r in thefts} & human_devices)
tries = collections.Counter(r["session"] for r in thefts)
share("the first try is right in seven of ten", sum(n == 1 for n in tries.values()), len(tries), 0.7,
      more=0.01)

# --- Cards ------------------------------------------------------------------------------
end = max(r["timestamp"] for r in files["log"])
orders = {r["transaction_id"]: r for r in files["log"] if r["event"] == "purchase"}
back = {r["transaction_id"]: r for r in files["log"] if r["event"] == "chargeback"}
ok("what is charged back was bought before",
   all(t in orders and b["timestamp"] > orders[t]["timestamp"] for t, b in back.items()), len(back))
whole = {t: o for t, o in orders.items() if o["timestamp"] < end - 48 * 3600 * US}
by = collections.defaultdict(list)
for t, o in whole.items():
    kind = truth[o["event_id"]]["visitor"]
    if kind == "stolen_card":
        kind = "probe" if o["value_micros"] < 5.02e6 else "large"
    by[kind].append((o, t in back))
early = 1e-4  # exp(-12) of them come still later
for kind, p in (("probe", 0.4), ("large", 0.85), ("takeover", 0.85), ("human", friendly)):
    share(f"of {kind} orders so many are charged back", sum(b for _, b in by[kind]), len(by[kind]), p,
          early)
tried = {o["card"]: o["timestamp"] for o, _ in by["probe"]}
used = [o for o, _ in by["large"] if o["card"] in tried]
ok("stolen cards are tried with little first", used and
   all(o["timestamp"] > tried[o["card"]] for o in used) and
   len(used) > 0.8 * len(by["large"]), f"{len(used)} of {len(by['large'])}")
ok("by six devices", distinct(hits("stolen_card"), "device") == 6)
own = distinct(events("human", "purchase"), "card", "user_id")
ok("visitors have a card, or two", max(own.values()) == 2 and
   sum(v == 1 for v in own.values()) > 0.5 * len(own))
price = {}
for o in events("human", "purchase"):
    price[o["transaction_id"]] = o["value_micros"] / o["items"][0]["price_micros"]
big = sum(p > 3.5 for p in price.values())
ok("and buy much at times", 0.005 * len(price) < big < 0.04 * len(price), f"{big} of {len(price)}")

# --- Nobody is easy to tell ---------------------------------------------------------------
busiest = max(users.values())
ok("more visitors share an address than a farm has accounts",
   busiest > 60, f"{busiest} at one of {len(users)} addresses")
kind_of = {r["ip"]: r["asn_kind"] for r in hits("human")}
for kind, least in (("mobile", 60), ("isp", 10), ("vpn", 5)):
    most = max(n for a, n in users.items() if kind_of[a] == kind)
    ok(f"many have an address of {kind} in common", most >= least, most)
devices = distinct(hits("human"), "device", "user_id")
ok("many have several devices", sum(n > 1 for n in devices.values()) > 0.3 * len(devices))
shared = distinct(hits("human"), "user_id", "device")
ok("some share one", 0 < sum(n > 1 for n in shared.values()) < 0.2 * len(shared))
travelled = distinct([r for r in hits("human") if r["asn_kind"] != "vpn"], "country", "user_id")
ok("some travel", 0 < sum(n > 1 for n in travelled.values()) < 0.2 * len(travelled))
clicks = collections.Counter(r["decision_id"] for r in events("human", "click"))
share("some click twice", sum(n > 1 for n in clicks.values()), len(clicks), 0.02)
heavy = collections.Counter(r["user_id"] for r in events("human", "page_view") if "user_id" in r)
bot = collections.Counter(r["user_id"] for r in events("slow", "page_view"))
ok("some come more often than a slow robot", max(heavy.values()) > 2 * sum(bot.values()) / len(bot),
   f"{max(heavy.values())} and {sum(bot.values()) / len(bot):.0f} pages")
six = sum(":" in r["ip"] for r in views)
ok("a quarter or so has IPv6", 0.15 * len(views) < six < 0.4 * len(views),
   f"{six} of {len(views)}")
print(f"1..{tests}")
sys.exit(failed > 0)
