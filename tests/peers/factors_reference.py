#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The factors of lib/model/factors.h once more, pair by pair, in double precision.

usage: factors_reference.py K AWARE <examples

Reads one example a line, "GAIN LOSS KEY:X KEY:X ...", and writes what the factors say of it
before it moves them: "Z V". Every feature has a row from its first example on.
"""
import math
import sys

PRIOR, APART, SQUARE_MIN, ROOT3 = 1.0, 0.02, 1e-4, 1.7320508075688772
MASK = (1 << 64) - 1


def mix(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def draw(key, i):
    return (2 * (((mix(key ^ mix(i + 1)) >> 11) + 0.5) / 2**53) - 1) * ROOT3


def main():
    k, aware = int(sys.argv[1]), int(sys.argv[2])
    number, rows, widths = {}, {}, {}  # fields in the order in which they came; (key, part) -> factors
    for line in sys.stdin:
        words = line.split()
        gain, loss = float(words[0]), float(words[1])
        example = [(int(key), float(x)) for key, x in (w.split(":") for w in words[2:])]
        square = {}
        for key, x in example:
            number.setdefault(key >> 48, len(number))
            square[key >> 48] = square.get(key >> 48, 0) + x * x
        pairs = max(len(square) * (len(square) - 1) / 2, 1)

        def row(key, other):
            part = number[other >> 48] if aware else 0
            if (key, part) not in rows:
                variance = widths[key]
                rows[key, part] = [
                    [math.sqrt(APART * variance) * draw(key, part * k + f) for f in range(k)],
                    [variance] * k,
                ]
            return rows[key, part]

        for key, _ in example:
            widths.setdefault(
                key, math.sqrt(PRIOR / (pairs * k)) / max(square[key >> 48], SQUARE_MIN))
        z, slope, of = 0.0, {}, {}
        for i, (a, x) in enumerate(example):
            for b, y in example[:i]:
                if a >> 48 == b >> 48:
                    continue
                u, v = row(a, b), row(b, a)
                for one, u_row, v_row in ((a, u, v), (b, v, u)):
                    part = (one, id(u_row))
                    of[part] = u_row
                    s = slope.setdefault(part, [0.0] * k)
                    for f in range(k):
                        s[f] += v_row[0][f] * x * y
                z += sum(p * q for p, q in zip(u[0], v[0])) * x * y
        v = sum(of[p][1][f] * slope[p][f] ** 2 for p in of for f in range(k))
        print("%.9g %.9g" % (z, v))
        for p, (mean, variance) in of.items():
            for f in range(k):
                s = variance[f] * slope[p][f]
                mean[f] += s * gain
                variance[f] -= s * s * loss


main()
