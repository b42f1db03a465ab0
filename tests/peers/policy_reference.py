#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What lib/model/policy should say, in plain Python doubles from the definitions: the
independent implementation that tests/unit/test_policy.c compares it with.

    tests/peers/policy_reference.py > tests/data/policy-reference.txt

A line is: policy, n, then alpha epsilon temperature gamma floor, then for each candidate
p z variance value probability.

Thompson: P(i is best) is the integral, over candidate i's own logit, of its density times
the probability that each other one is below; adaptive Simpson (Lyness 1969) to 1e-10,
which shares neither the variable, nor the rule, nor the grid with lib/model/thompson."""
import math
import random


def below(c, v, logit):
    """The probability that the candidate's sigmoid x value is below v sigmoid(logit)."""
    mean, variance, value = c
    score = v / (1 + math.exp(-logit))
    if value == 0:
        return 1.0
    if v == 0 or (v != value and score >= value):
        return 0.0 if v == 0 else 1.0
    x = logit if v == value else math.log(score / (value - score))
    if variance == 0:
        return 1.0 if mean < x else 0.0
    return 0.5 * math.erfc(-(x - mean) / math.sqrt(2 * variance))


def adaptive(f, a, fa, m, fm, b, fb, whole, tolerance, depth):
    l, r = (a + m) / 2, (m + b) / 2
    fl, fr = f(l), f(r)
    left, right = (m - a) / 6 * (fa + 4 * fl + fm), (b - m) / 6 * (fm + 4 * fr + fb)
    gap = left + right - whole
    if depth == 0 or abs(gap) <= 15 * tolerance:
        return left + right + gap / 15
    return (adaptive(f, a, fa, l, fl, m, fm, left, tolerance / 2, depth - 1) +
            adaptive(f, m, fm, r, fr, b, fb, right, tolerance / 2, depth - 1))


def integral(f, a, b, tolerance):
    parts = 64
    total = 0.0
    for k in range(parts):
        lo, hi = a + (b - a) * k / parts, a + (b - a) * (k + 1) / parts
        mid = (lo + hi) / 2
        flo, fmid, fhi = f(lo), f(mid), f(hi)
        total += adaptive(f, lo, flo, mid, fmid, hi, fhi,
                          (hi - lo) / 6 * (flo + 4 * fmid + fhi), tolerance / parts, 30)
    return total


def thompson(cs, alpha):
    arms = [(max(-30.0, min(30.0, z)), alpha * alpha * variance, value)
            for _, z, variance, value in cs]
    best = []
    for i, (mean, variance, value) in enumerate(arms):
        others = arms[:i] + arms[i + 1:]

        def given(logit):
            product = 1.0
            for k, c in enumerate(others):
                if variance == 0 and c == arms[i]:
                    product *= 1.0 if k >= i else 0.0  # of equals the first
                else:
                    product *= below(c, value, logit)
                if product < 1e-15:
                    return 0.0
            return product

        if variance == 0:
            best.append(given(mean))
        else:
            s = math.sqrt(variance)
            best.append(integral(
                lambda y: math.exp(-y * y / 2) / math.sqrt(2 * math.pi) *
                given(mean + s * y), -8, 8, 1e-10))
    return best


def probabilities(policy, o, cs):
    n = len(cs)
    s = [p * value for p, _, _, value in cs]
    top = s.index(max(s))
    if policy == 'thompson':
        w = thompson(cs, o['alpha'])
    elif policy == 'linucb':
        u = [v / (1 + math.exp(-max(-30, min(30, z + o['alpha'] * math.sqrt(s2)))))
             for _, z, s2, v in cs]
        w = [1.0 if i == u.index(max(u)) else 0.0 for i in range(n)]
    elif policy == 'epsilon':
        w = [o['epsilon'] / n + (1 - o['epsilon'] if i == top else 0) for i in range(n)]
    elif policy == 'softmax':
        e = [(x / s[top]) ** (1 / o['temperature']) for x in s]
        w = [x / sum(e) for x in e]
    elif policy == 'squarecb':
        most = max(v for _, _, _, v in cs)
        w = [1 / (n + o['gamma'] * (s[top] - x) / most) for x in s]
        w[top] = 1 - sum(w[:top] + w[top + 1:])
    elif policy == 'greedy':
        w = [1.0 if i == top else 0.0 for i in range(n)]
    else:
        w = [1 / n] * n
    f = min(o['floor'], 1 / n)
    return [f + (1 - n * f) * x for x in w]


POLICIES = 'thompson linucb epsilon softmax squarecb greedy uniform'.split()


def candidate(r, kind):
    z = r.gauss(-4, 0.7) if kind < 4 else r.uniform(-30, 30) if kind == 4 else r.gauss(0, 2)
    variance = {0: 0.04, 1: math.exp(r.uniform(-9, 1)), 2: r.choice([0.0, 0.3]),
                3: math.exp(r.uniform(-3, 0)), 4: r.uniform(0, 9),
                5: r.uniform(0.01, 2)}[kind]
    value = r.choice([1.0, 1.0, 0.5, 3.25, 0.0]) if kind in (3, 5) else 1.0
    return 1 / (1 + math.exp(-z)), z, variance, value


def main():
    r = random.Random(20261128)
    for case in range(110):
        policy = 'thompson' if case < 60 else POLICIES[case % 7]
        n = r.choice([1, 2, 3, 4, 5, 8, 13]) if case % 30 else 40
        o = {'alpha': r.choice([0.0, 1.0, 2.5]), 'epsilon': r.choice([0.0, 0.1, 1.0]),
             'temperature': r.choice([0.1, 1.0, 3.0]), 'gamma': r.choice([0.0, 10.0, 1e3]),
             'floor': r.choice([0.0, 0.0, 0.01, 0.3])}
        cs = [candidate(r, case % 6) for _ in range(n)]
        if max(v for _, _, _, v in cs) == 0:
            cs[0] = cs[0][:3] + (1.0,)
        w = probabilities(policy, o, cs)
        print(policy, n, *(repr(o[k]) for k in o),
              *(' '.join(map(repr, c + (x,))) for c, x in zip(cs, w)))


if __name__ == '__main__':
    main()
