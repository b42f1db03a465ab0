#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile values in templates, read back by another parser of HTML: a banner has the
elements and attributes that its template has, no URL leads but to the web, and every text
comes back as it went. The template of bp-compose(1) is among them."""
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from sockets import done, ok, same  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
HARMLESS = "harmless"
PARTS = ["headline", "image_url", "call_to_action", "colour", "text"]

# Of the kinds in OWASP's XSS Filter Evasion Cheat Sheet, and what breaks out of each place.
VECTORS = [
    "<script>alert(1)</script>", "\"><script>alert(1)</script>", "'><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)", "' onfocus='alert(1)' autofocus='", "` onclick=`alert(1)",
    "x onload=alert(1)", "</title><script>alert(1)</script>", "</textarea><svg onload=alert(1)>",
    "-->", "--><b>", "<!--", "]]>", "<![CDATA[", "<svg/onload=alert(1)>", "<math><mi//xlink:href=x>",
    "&lt;script&gt;", "&#34;onclick=1", "&quot; x=&quot;", "&", "&amp;amp;", "<", ">", "\"", "'",
    "{{headline}}", "{{#if x}}", "}}{{", "\\\"", "\\'", "\\x3cscript\\x3e", "\\u003cb\\u003e", "%3Cb%3E",
    "%22%3E%3Cb%3E", "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)",
    "\tjavascript:alert(1)", "java\tscript:alert(1)", "java\nscript:alert(1)", "java\r\nscript:alert(1)",
    "\x01javascript:alert(1)", "\u00a0javascript:alert(1)", "javascript&colon;alert(1)",
    "javascript&#58;alert(1)", "javascript&#x3a;alert(1)", "&#106;avascript:alert(1)",
    "javascript%3Aalert(1)", "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=", "vbscript:msgbox(1)", "livescript:x", "mocha:x",
    "feed:javascript:alert(1)", "view-source:javascript:alert(1)", "jar:x", "blob:x", "file:///etc/passwd",
    "//evil.example/x", "/\\evil.example", "\\\\evil.example", "https://a\" onclick=\"alert(1)",
    "https://a/'><b>", "http://[::1]/", "https:javascript:alert(1)", "red;background:url(//evil)",
    "red\";x:\"", "expression(alert(1))", "url(javascript:alert(1))", "\\65xpression(1)",
    "red/*", "*/red", "}b{color:red", "rgb(1,2,3);x:y", "rgb(expression(1))", "red!important",
    "@import 'x'", "-moz-binding:url(x)", "behavior:url(x)", "#fff;x:url(y)", "\x00<b>", "a\x0bb", "a\x0cb",
    "a\x1bb", "\x7f", "\u2028", "\u2029", "\ufeff<b>", "\ufffe", "\U0001f600", "é<é>", "\u202e<b>",
    "+ADw-script+AD4-", "\u00bcscript\u00be", "<scr\x00ipt>", "<<script>>", "<b", "</b", "<b/", "x" * 1000,
    "\"'<>&" * 100, "\r\n\r\n<b>", " ", "0", "=",
]

WIDE = """<!doctype html>
<title>{{text}}</title>
<p class="a {{text}} b" title='{{text}}' data-x="{{text}}" aria-label='{{text}}'>{{text}}</p>
<a href="{{text}}">{{text}}</a><a href='{{text}}/x?y={{text}}#{{text}}'>x</a>
<a href="/a/{{text}}?b={{text}}&amp;c={{text}}">y</a><a href='https://shop.example/{{text}}'>z</a>
<img src='{{text}}' alt="{{text}}"><video poster="{{text}}" src="{{text}}"></video>
<i style="color:{{text}}; --x: {{text}};background:url('/a;b(.png');width:{{text}}px">s</i>
<i {{#if text}}lang="{{text}}" {{else}}dir=ltr {{/if}}style='color:{{text}}'>t</i>
<textarea>{{text}}</textarea><!-- static - - > "' --><script>if (1<2) x("</p>" + '"')</script>
"""


class Reader(HTMLParser):
    """What a document is made of, and what is in it."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.bones, self.values, self.text = [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.bones.append((tag, [name for name, _ in attrs]))
        self.values += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        self.bones.append("/" + tag)

    def handle_comment(self, data):
        self.bones.append(("comment", data))

    def handle_decl(self, decl):
        self.bones.append(("declaration", decl))

    def handle_pi(self, data):
        self.bones.append(("instruction", data))

    def unknown_decl(self, data):
        self.bones.append(("unknown", data))

    def handle_data(self, data):
        self.text.append(data)


def banners(template, values):
    """The banner of each value, which is every part and the link."""
    with open("template.html", "w") as f:
        f.write(template)
    with open("in.json", "w") as f:
        for i, value in enumerate(values):
            picture = {"src": value, "alt": value}
            f.write(json.dumps({"event": "creative", "event_id": f"c{i}", "creative_id": f"c{i}",
                                "timestamp": 1, "url": value, "parts":
                                {**{name: value for name in PARTS}, "picture": picture}}) + "\n")
            f.write(json.dumps({"event": "decision", "event_id": f"d{i}", "timestamp": 1,
                                "creative_id": f"c{i}", "impression_url": value}) + "\n")
    out = subprocess.run(
        "bp-parse --format json in.json | bp-compose --template template.html |"
        "bp-select 'event == \"decision\"' | bp-print --format json",
        shell=True, check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line)["html"] for line in out.decode().split("\n") if line]


def clean(value):
    """As a text comes back: without control characters, line ends as they are."""
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "\ufffd", value)


def scheme(url):
    """As browsers find it (URL Living Standard, 4.4)."""
    url = re.sub("[\t\n\r]", "", url).lstrip("".join(map(chr, range(33))))
    found = re.match("([A-Za-z][A-Za-z0-9+.-]*):", url)
    return found[1].lower() if found else ""


CSS = re.compile(r"#[0-9a-fA-F]{3,8}|[-+.%0-9A-Za-z]*|(rgb|hsl)a?\([-0-9 ,.%/]*\)")


def style_is_sound(style, harmless):
    """The same properties in the same order, each value of the template's own or strict."""
    rules, wanted = style.split(";"), harmless.split(";")
    return len(rules) == len(wanted) and all(
        rule == want or (rule.split(":")[0] == want.split(":")[0] and rule.count(":") == 1 and
                         CSS.fullmatch(rule.split(":")[1].strip()))
        for rule, want in zip(rules, wanted))


def wrong_with(html, harmless, value):
    got, wanted = Reader(html), Reader(harmless)
    if got.bones != wanted.bones:
        return "other elements"
    for (tag, name, have), (_, _, want) in zip(got.values, wanted.values):
        if name in ("href", "src", "poster") and scheme(have) not in ("", "http", "https", "about"):
            return f"{name}={have}"
        if name in ("href", "src", "poster") and scheme(have) == "about" and have != "about:invalid" \
                and not have.startswith("about:invalid/"):
            return f"{name}={have}"
        if name == "style" and not style_is_sound(have, want):
            return f"style={have}"
        if name in ("title", "alt", "class", "data-x", "aria-label", "lang") and \
                have != want.replace(HARMLESS, clean(value)):
            return f"{name}={have}, not {value}"
    # This parser takes \r\n in text for what it is; browsers make a line end of it.
    if "".join(got.text) != "".join(wanted.text).replace(HARMLESS, clean(value)):
        return "another text"
    return None


page = open(os.path.join(ROOT, "filters", "compose.1")).read()
of_page = re.search(r"^\.Ss Templates\n.*?^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S)[1]
built_in = open(os.path.join(ROOT, "lib", "compose", "built_in.c")).read()
built_in = "".join(json.loads(text) for text in re.findall(r'^ *("(?:[^"\\]|\\.)*")', built_in, re.M)
                   if "lib/" not in text)
ok("{{#if impression_url}}" in of_page and "{{headline}}" in built_in, "templates to try")
for name, template in [("of the page", of_page), ("built in", built_in), ("of all places", WIDE)]:
    harmless, *hostile = banners(template, [HARMLESS] + VECTORS)
    same(len(hostile), len(VECTORS), f"the template {name} has a banner of each value")
    found = [(value[:40], wrong_with(html, harmless, value))
             for value, html in zip(VECTORS, hostile) if wrong_with(html, harmless, value)]
    same(found, [], f"the template {name} keeps all of them values")
    # What is looked for would be found.
    raw = [harmless.replace(HARMLESS, value) for value in VECTORS]
    found = [value for value, html in zip(VECTORS, raw) if wrong_with(html, harmless, value)]
    ok(len(found) > len(VECTORS) * 2 // 3, f"and would not, unescaped: {len(found)}")
done()
