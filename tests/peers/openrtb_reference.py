# SPDX-License-Identifier: MIT
"""OpenRTB 2.6 from the side of an exchange, after the specification's own tables (IAB Tech
Lab, sections 3, 4.2 and 4.4; lists of AdCOM 1.0): makes bid requests by chance, says which
creatives of a catalogue may be bid for each impression, and looks at every part of what is
answered. It shares nothing with the program."""
import html.parser
import re
import urllib.parse

INT, NUMBER, TEXT, TEXTS, INTS = range(5)
# 4.2.3; what a banner may have of it.
BID = {"id": TEXT, "impid": TEXT, "price": NUMBER, "nurl": TEXT, "burl": TEXT, "lurl": TEXT,
       "adm": TEXT, "adid": TEXT, "adomain": TEXTS, "bundle": TEXT, "iurl": TEXT, "cid": TEXT,
       "crid": TEXT, "tactic": TEXT, "cattax": INT, "cat": TEXTS, "attr": INTS, "apis": INTS,
       "api": INT, "protocol": INT, "qagmediarating": INT, "language": TEXT, "langb": TEXT,
       "dealid": TEXT, "w": INT, "h": INT, "wratio": INT, "hratio": INT, "exp": INT,
       "dur": INT, "mtype": INT, "slotinpod": INT}
# 4.4
MACROS = {"AUCTION_ID", "AUCTION_BID_ID", "AUCTION_IMP_ID", "AUCTION_SEAT_ID",
          "AUCTION_AD_ID", "AUCTION_PRICE", "AUCTION_CURRENCY", "AUCTION_MBR",
          "AUCTION_LOSS", "AUCTION_MIN_TO_WIN", "AUCTION_MULTIPLIER", "AUCTION_IMP_TS"}


def is_of(value, kind):
    if kind == TEXT:
        return isinstance(value, str)
    if kind == INT:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == NUMBER:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, list) and all(
        is_of(v, TEXT if kind == TEXTS else INT) for v in value)


class Page(html.parser.HTMLParser):
    """What a browser makes of a markup."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


class Exchange:
    def __init__(self, shop, base, seat, currency):
        self.campaigns = {r["campaign_id"]: r for r in shop if r["event"] == "campaign"}
        self.creatives = {str(r["creative_id"]): r for r in shop if r["event"] == "creative"}
        self.base, self.seat, self.currency = base, seat, currency

    # --- What may be bid for

    @staticmethod
    def domains(creative):
        if "adomain" in creative:
            return creative["adomain"]
        host = urllib.parse.urlsplit(creative.get("url", "")).hostname or ""
        return [host[4:] if host.startswith("www.") else host] if host else []

    def sizes(self, imp):
        banner = imp["banner"]
        listed = banner["format"] if banner.get("format") else [banner]
        return [(f["w"], f["h"]) for f in listed if "w" in f and "h" in f]

    def may(self, request, imp, creative):
        """The deal's id, "" for none; None: it may not."""
        price = self.campaigns[creative["campaign_id"]]["bid_micros"] / 1e6
        sizes, banner = self.sizes(imp), imp["banner"]
        if "width" in creative and sizes and (creative["width"], creative["height"]) not in sizes:
            return None
        deal, floor = creative.get("deal_id", ""), imp.get("bidfloor", 0)
        pmp = imp.get("pmp", {})
        if deal:
            found = [d for d in pmp.get("deals", []) if d["id"] == deal]
            if not found or (found[0].get("wseat") and self.seat not in found[0]["wseat"]):
                return None
            floor = found[0].get("bidfloor", 0)
            if floor > 0 and found[0].get("bidfloorcur", "USD") != self.currency:
                return None
        elif pmp.get("private_auction") == 1:
            return None
        if price < floor:
            return None
        for domain in self.domains(creative):
            if any(domain == b or domain.endswith("." + b) for b in request.get("badv", [])):
                return None
        cats = creative.get("cat", [])
        within = lambda c, of: any(c == o or c.startswith(o + "-") for o in of)  # noqa: E731
        if any(within(c, request.get("bcat", [])) for c in cats):
            return None
        if request.get("acat") and not any(within(c, request["acat"]) for c in cats):
            return None
        if set(creative.get("attr", [])) & set(banner.get("battr", [])):
            return None
        image = creative.get("parts", {}).get("image_url")
        if (2 if image else 1) in banner.get("btype", []):
            return None
        if imp.get("secure") == 1 and image and not image.startswith("https:"):
            return None
        if request.get("wlang") and creative.get("language", request["wlang"][0]) not in request["wlang"]:
            return None
        return deal

    def admitted(self, request, imp):
        """{creative_id: deal}, and the reason (nbr) why there can be none."""
        if request.get("tmax", 99) < 10:
            return {}, 15
        if request.get("cur") and self.currency not in request["cur"]:
            return {}, 500
        if (request.get("wseat") and self.seat not in request["wseat"]) or \
                self.seat in request.get("bseat", []):
            return {}, 501
        if "banner" not in imp or (imp["banner"].get("format") and not self.sizes(imp)):
            return {}, 502
        closed = imp.get("pmp", {}).get("private_auction") == 1
        if imp.get("bidfloor", 0) > 0 and not closed and \
                imp.get("bidfloorcur", "USD") != self.currency:
            return {}, 500
        found = {i: self.may(request, imp, c) for i, c in self.creatives.items()}
        found = {i: deal for i, deal in found.items() if deal is not None}
        return found, 503 if closed and not found else 0

    # --- What is answered

    def check(self, request, status, answer):
        """Everything that is wrong with it."""
        imps = {i["id"]: i for i in request["imp"]}
        admitted = {i: self.admitted(request, imp) for i, imp in imps.items()}
        if status == 204 or "nbr" in (answer or {}):
            code = next((nbr for _, nbr in admitted.values() if nbr), 0)
            if any(found for found, _ in admitted.values()):
                return ["no bid, though there is something to bid"]
            if status == 204:
                return [f"no reason, though there is {code}"] if code else []
            return [] if answer == {"id": request["id"], "nbr": code} else [f"reason, not {code}"]
        if status != 200:
            return [f"status {status}"]
        wrong = []
        if set(answer) - {"id", "seatbid", "bidid", "cur", "customdata", "nbr", "ext"}:
            wrong.append("a key that is none of a BidResponse")
        if answer.get("id") != request["id"] or answer.get("cur", "USD") != self.currency:
            wrong.append("id or currency")
        if len(answer["seatbid"]) < 1 or any(
                set(s) - {"bid", "seat", "group", "ext"} or len(s["bid"]) < 1 or
                s.get("seat") != self.seat for s in answer["seatbid"]):
            wrong.append("seatbid")
        bids = [b for s in answer["seatbid"] for b in s["bid"]]
        if len({b["id"] for b in bids}) != len(bids):
            wrong.append("two bids of one id")
        if {b["impid"] for b in bids} != {i for i, (found, _) in admitted.items() if found}:
            wrong.append("other impressions than those that can be bid for")
        for bid in bids:
            if bid["impid"] in imps:
                wrong += self.check_bid(imps[bid["impid"]], admitted[bid["impid"]][0], bid)
        return wrong

    def check_bid(self, imp, admitted, bid):
        wrong = [f"{k} is {v!r}" for k, v in bid.items() if k not in BID or not is_of(v, BID[k])]
        if bid["crid"] not in admitted:
            return wrong + [f"{bid['crid']} may not be bid"]
        creative = self.creatives[bid["crid"]]
        expected = {"dealid": admitted[bid["crid"]] or None, "cid": creative["campaign_id"],
                    "adid": bid["crid"], "mtype": 1, "cat": creative.get("cat"),
                    "attr": creative.get("attr"), "adomain": self.domains(creative) or None,
                    "price": self.campaigns[creative["campaign_id"]]["bid_micros"] / 1e6,
                    "iurl": creative.get("parts", {}).get("image_url"),
                    "language": creative.get("language")}
        wrong += [f"{k} is {bid.get(k)!r}, not {v!r}" for k, v in expected.items() if bid.get(k) != v]
        sizes = self.sizes(imp)
        if sizes and (bid.get("w"), bid.get("h")) not in sizes:
            wrong.append("a size that is not wanted")
        if "width" in creative and (bid["w"], bid["h"]) != (creative["width"], creative["height"]):
            wrong.append("a size that is not the creative's")
        for name, wanted in [("nurl", {"AUCTION_PRICE"}), ("burl", {"AUCTION_PRICE"}),
                             ("lurl", {"AUCTION_PRICE", "AUCTION_LOSS", "AUCTION_MIN_TO_WIN"})]:
            macros = set(re.findall(r"\$\{(\w+)", bid[name]))
            if macros != wanted or macros - MACROS or not bid[name].startswith(self.base + "/"):
                wrong.append(f"{name}: {bid[name]}")
        return wrong + self.check_markup(imp, creative, bid)

    def check_markup(self, imp, creative, bid):
        page, wrong, parts = Page(bid["adm"]), [], creative.get("parts", {})
        if "${" in bid["adm"]:
            wrong.append("a macro in the markup")
        if [t for t, _ in page.tags if t not in ("a", "div", "img", "span")]:
            wrong.append("a tag that could run")
        sources = [a["src"] for t, a in page.tags if t == "img"]
        links = [a["href"] for t, a in page.tags if t == "a"]
        if not sources or not sources[-1].startswith(self.base + "/v1/impression?"):
            wrong.append("no pixel")
        if links and not links[0].startswith(self.base + "/v1/click?"):
            wrong.append("a link past us")
        if bool(links) != creative.get("url", "").startswith("http"):
            wrong.append("a link or none")
        elif links and dict(urllib.parse.parse_qsl(links[0]))["u"] != creative["url"]:
            wrong.append("it leads elsewhere")
        if imp.get("secure") == 1 and any(not s.startswith("https:") for s in sources + links):
            wrong.append("not secure")
        if parts.get("image_url"):
            alt = [a["alt"] for t, a in page.tags if t == "img"][0]
            # As browsers read a URL (WHATWG): these are escaped.
            picture = parts["image_url"].replace('"', "%22").replace("'", "%27")
            if sources[0] != picture or alt != parts.get("headline", ""):
                wrong.append("another picture")
        if " ".join(page.text.split()) != " ".join(" ".join(
                parts.get(k, "") for k in ("headline", "call_to_action")).split()):
            wrong.append(f"another text: {page.text!r}")
        return wrong

    # --- What is asked

    def request(self, chance, number):
        some = lambda items, p=0.25: [i for i in items if chance.random() < p]  # noqa: E731
        maybe = lambda p=0.3: chance.random() < p  # noqa: E731
        r = {"id": f"q{number}-\u00e4\"<", "at": chance.choice([1, 2]),
             "imp": [self.imp(chance, i + 1) for i in range(chance.choice([1, 1, 1, 2, 3, 5]))]}
        if maybe():
            r["bcat"] = some(["IAB3", "IAB7-39", "IAB3-1", "IAB25", "IAB7"])
        elif maybe(0.15):
            r["acat"] = some(["IAB3", "IAB7", "IAB1"], 0.5)
        if maybe():
            r["badv"] = some(["shop.example", "example", "other.example", "op.example"])
        if maybe(0.1):
            r["wseat"] = some([self.seat, "s2", "s3"], 0.6)
        elif maybe(0.1):
            r["bseat"] = some([self.seat, "s2"], 0.3)
        if maybe():
            r["cur"] = some([self.currency, "EUR", "JPY"], 0.7)
        if maybe():
            r["tmax"] = chance.choice([5, 10, 120, 1000])
        if maybe(0.1):
            r["wlang"] = some(["de", "en"], 0.6)
        if maybe(0.6):
            r["site"] = {"id": "1", "domain": "news.example", "cat": ["IAB12"],
                         "page": "https://news.example/a?session=77#x",
                         "publisher": {"id": "p", "ext": {"any": [1, {"thing": None}]}}}
        elif maybe():
            r["app"] = {"bundle": "com.foo.mygame", "publisher": {"domain": "foo.example"}}
        if maybe(0.6):
            r["device"] = {"ua": "Mozilla/5.0", "ip": "123.145.167.10", "language": "en",
                           "devicetype": 2, "geo": {"country": "DEU", "city": "K\u00f6ln"}}
        if maybe(0.6):
            r["user"] = {"id": f"person-{number}", "buyeruid": f"buyer-{number}"}
        if maybe():
            r["ext"] = {"anything": {"at": ["all", 1.5, None, True]}}
        return r

    def imp(self, chance, number):
        maybe = lambda p=0.3: chance.random() < p  # noqa: E731
        imp = {"id": str(number), "secure": chance.choice([0, 1])}
        if maybe(0.05):
            imp["video"] = {"mimes": ["video/mp4"]}
            return imp
        sizes = [{"w": w, "h": h} for w, h in [(300, 250), (728, 90), (320, 50), (1, 1)]]
        banner = imp["banner"] = {}
        if maybe(0.5):
            banner["format"] = chance.sample(sizes, chance.choice([1, 2, 3]))
        elif maybe(0.8):
            banner.update(chance.choice(sizes))
        elif maybe(0.3):
            banner["format"] = [{"wratio": 6, "hratio": 5, "wmin": 100}]
        if maybe():
            banner["battr"] = chance.sample(range(1, 17), 3)
        if maybe(0.2):
            banner["btype"] = chance.sample([1, 2, 3, 4], 2)
        if maybe(0.5):
            imp["bidfloor"] = chance.choice([0, 0.03, 1, 1.5, 2, 2.345678, 2.345679, 50])
            if maybe(0.2):
                imp["bidfloorcur"] = chance.choice(["USD", "EUR"])
        if maybe():
            imp["tagid"] = "top"
        if maybe():
            imp["pmp"] = {"private_auction": chance.choice([0, 1]), "deals": [
                {"id": d, "bidfloor": chance.choice([0, 1, 9]), "wseat": chance.choice(
                    [[], [self.seat], ["s2"]])} for d in ("d1", "d2") if maybe(0.6)]}
        return imp
