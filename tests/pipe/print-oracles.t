#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What bp-parse reads and bp-print writes, judged by Python's json and csv, on random
# records; SEED repeats those of an earlier run.
. "${0%/*}/lib.sh"

SEED=${SEED:-1}
export SEED
echo "# SEED=$SEED"

cat >oracle.py <<'PYTHON'
import csv, json, math, os, random, struct, sys

rnd = random.Random(int(os.environ["SEED"]))
TEXT = ['a', 'Z', '7', '-', '.', ' ', ',', '"', '\\', '/', '\n', '\r', '\t', '\0', '\x1f',
        '\x7f', '\u00e9', '\u20ac', '\u2028', '\U0001f600', '$', '=', '{', ']', ':']

def text():
    return ''.join(rnd.choice(TEXT) for _ in range(rnd.randrange(12)))

def number():
    kind = rnd.randrange(5)
    if kind == 0:
        return rnd.randrange(-2**63, 2**64)
    if kind == 1:
        return rnd.randrange(-200, 70000)
    if kind == 2:
        return rnd.randrange(10**9) / 10**rnd.randrange(9)
    value = struct.unpack('>d', rnd.randbytes(8))[0]
    return value if math.isfinite(value) else 0.5

def scalar():
    return rnd.choice([text, number, lambda: None, lambda: rnd.random() < .5])()

def value(depth):
    if depth < 5 and rnd.random() < .2:
        return [value(depth + 1) for _ in range(rnd.randrange(20))]
    if depth < 5 and rnd.random() < .2:
        return {text(): value(depth + 1) for _ in range(rnd.randrange(5))}
    return scalar()

def same(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return type(a) is type(b) and struct.pack('>d', a) == struct.pack('>d', b)
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return type(b) is list and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b

def write_json():
    for i in range(2000):
        record = {'event': 'x', 'n': i, **{text(): value(2) for _ in range(rnd.randrange(8))}}
        print(json.dumps(record, ensure_ascii=rnd.random() < .5,
            separators=rnd.choice([(',', ':'), (', ', ' : ')])))

def compare_json(a, b):
    ours, theirs = ([json.loads(line) for line in open(f, newline='\n')] for f in (a, b))
    assert len(ours) == len(theirs) > 0, (len(ours), len(theirs))
    for x, y in zip(theirs, ours):
        assert same(x, y), f'{x}\n{y}'

FIELDS = ['k', 'with space', 'comma,', 'quote"', 'n']

def write_rows(dialect):
    out = csv.writer(sys.stdout, lineterminator='\r\n',
        quoting=csv.QUOTE_ALL if dialect == 'all' else csv.QUOTE_MINIMAL)
    out.writerow(FIELDS)
    out.writerow(['first'] * len(FIELDS))  # the first record names the columns
    for i in range(2000):
        out.writerow(['x%d' % i] + [text().replace('\0', '') for _ in FIELDS[1:]])

def compare_rows(a, b):
    rows = []
    for name in (a, b):
        with open(name, newline='', encoding='utf-8') as f:
            rows.append(list(csv.reader(f)))
    assert len(rows[0]) == 2002
    for x, y in zip(*rows):
        assert x == y, f'{x}\n{y}'
    assert len(rows[0]) == len(rows[1])

globals()[sys.argv[1]](*sys.argv[2:])
PYTHON

round_trip() {
	bp-parse --format "$1" "in.$1" >records &&
		bp-print --format "$1" records >"out.$1"
}

python3 oracle.py write_json >in.json
ok 'JSON of Python passes through records' round_trip json
ok 'and means the same to Python' python3 oracle.py compare_json out.json in.json
bp-parse --format json out.json | bp-print --format json >again.json
ok 'a second time gives the same bytes' cmp out.json again.json

for dialect in minimal all; do
	python3 oracle.py write_rows $dialect >in.csv
	ok "CSV of Python, quotes $dialect, passes through records" round_trip csv
	ok 'and means the same to Python' python3 oracle.py compare_rows out.csv in.csv
done
done_testing
