#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bp-rank where money decides, beside what its page says, written again: what an impression
is worth by bids, values and predictions, floors, who must not stand beside whom, and the
price of the second-price auction; and every policy by these worths (policy_reference.py).

    tests/peers/money_reference.py BIN      SEED=7 repeats a run"""
import math
import sys

import policy_reference
import rank_reference as base
from rank_reference import check, keys, r, run, time

OPTIONS = {'alpha': 1.0, 'epsilon': 0.2, 'temperature': 0.7, 'gamma': 50.0, 'floor': 0.0}


def outcomes(n):
    for i in range(n):
        c, s = r.randrange(8), r.randrange(3)
        click = r.random() < 0.1 + 0.05 * ((c + s) % 5)
        yield {'event': 'outcome', 'event_id': 'o%d' % i, 'timestamp': time(i),
               'features': keys(1 << 48 | s, 2 << 48 | c, 3 << 48 | 8 * s + c),
               'rewards': {'click': click,
                           'conversion': click and r.random() < 0.1 + 0.1 * (c % 3)}}


def offer(q):
    """A bid or a value such that each kind wins now and then."""
    kind = r.choice(['cpm', 'cpc', 'cpa', 'value', 'house'])
    if kind == 'house':
        return None, None
    micros = r.randrange(1, 400) * {'cpm': 100000, 'cpc': 500, 'cpa': 2000, 'value': 1500}[kind]
    return (None if kind == 'value' else kind), micros if r.random() < 0.95 else 0


def request(i):
    n, s = r.choice([1, 2, 3, 5, 8, 8]), r.randrange(3)
    chosen = r.sample(range(8), n)
    q = {'event': 'request', 'event_id': 'q%d' % i, 'timestamp': time(i), 'request_id': 'r%d' % i,
         'k': r.choice([1, 2, 3, 9]), 'candidates': ['c%d' % c for c in chosen],
         'shared_features': keys(1 << 48 | s),
         'candidate_features': [keys(2 << 48 | c, 3 << 48 | 8 * s + c) for c in chosen]}
    offers = [offer(q) for _ in chosen]
    if any(v is not None for _, v in offers):
        q['candidate_values'] = [v for _, v in offers]
    if any(t is not None for t, _ in offers):
        q['candidate_bid_types'] = [t for t, _ in offers]
    if r.random() < 0.5:
        q['candidate_campaigns'] = [r.choice([None, 'x', 'y', 7]) for _ in chosen]
        limits = {None: None, 'x': r.choice([1, 2, None]), 'y': r.choice([1, 2, None]), 7: 1}
        q['candidate_limits'] = [limits[c] for c in q['candidate_campaigns']]
    if r.random() < 0.5:
        q['candidate_groups'] = [r.choice([None, 'shoe', 'hat', ['hat', 3]]) for _ in chosen]
    if r.random() < 0.5:
        q['floor_micros'] = r.choice([0, 500, 4000.5, 12000, 90000])
    if r.random() < 0.6:
        q['auction'] = r.choice(['second', 'second', 'first'])
    return q


def at(q, name, i):
    return q[name][i] if name in q else None


def groups_of(q, i):
    g = at(q, 'candidate_groups', i)
    return set() if g is None else set(g) if isinstance(g, list) else {g}


def parts(q, i, said, reward):
    """The probability of what is paid for, and what that is worth: micros."""
    kind, value = at(q, 'candidate_bid_types', i), at(q, 'candidate_values', i)
    if kind == 'cpm':
        return 1.0, value / 1000
    p = said[i][{'cpc': 'click', 'cpa': 'conversion', None: reward}[kind]]
    return p, 1.0 if value is None else value


def price(q, i, left, worth):
    """What was needed to win, in the terms of the bid."""
    bid, kind = q['candidate_values'][i], q['candidate_bid_types'][i]
    if q.get('auction') != 'second':
        return bid
    own = at(q, 'candidate_campaigns', i)
    rivals = [worth[j] for j in left if j != i and at(q, 'candidate_values', j) is not None and
              (own is None or at(q, 'candidate_campaigns', j) != own)]
    needed = max(rivals + [q.get('floor_micros', 0)])
    rate = 1e-3 if kind == 'cpm' else worth[i] / bid if bid else 0
    return bid if rate == 0 else min(bid, max(1, math.ceil(needed / rate)))


class Answer:
    """Who is left at each position, given who was shown at those before."""

    def __init__(self, q, said, reward):
        self.q, self.left = q, list(range(len(q['candidates'])))
        self.parts = [parts(q, i, said, reward) for i in self.left]
        self.worth = [p * v for p, v in self.parts]
        self.shown = []

    def enter(self):
        floor = self.q.get('floor_micros', 0)
        self.left = [i for i in self.left if at(self.q, 'candidate_values', i) is None or
                     self.worth[i] >= floor]
        return bool(self.left) and len(self.shown) < self.q['k']

    def show(self, i):
        q = self.q
        self.shown.append(i)

        def stays(j):
            c, limit = at(q, 'candidate_campaigns', j), at(q, 'candidate_limits', j)
            had = sum(at(q, 'candidate_campaigns', k) == c for k in self.shown)
            return (j != i and not groups_of(q, i) & groups_of(q, j) and
                    (c is None or limit is None or had < limit))

        self.left = [j for j in self.left if stays(j)]


def compare(policy, answer, d, wrong):
    q, left, name = answer.q, answer.left, d['decision_id']
    ids = [q['candidates'][i] for i in left]
    if name != '%s-%d' % (q['request_id'], len(answer.shown)) or d['candidates'] != ids:
        wrong.append('%s: %r, not %r at %d' % (name, d['candidates'], ids, len(answer.shown)))
        return False
    i = left[ids.index(d['creative_id'])]
    for key in ('candidate_values', 'candidate_bid_types'):
        if d.get(key) != ([q[key][j] for j in left] if key in q else None):
            wrong.append('%s: %s is %r' % (name, key, d.get(key)))
    if policy != 'linucb' and any(abs(s - answer.worth[j]) > 1e-9 * max(1, s)
                                  for s, j in zip(d['scores'], left)):
        wrong.append('%s: scores %r of %r' % (name, d['scores'], answer.worth))
    if policy == 'greedy' and i != max(left, key=lambda j: (answer.worth[j], -j)):
        wrong.append('%s: %r is not the best' % (name, d['creative_id']))
    if policy not in ('thompson', 'linucb') and max(answer.worth[j] for j in left) > 0:
        cs = [(answer.parts[j][0], 0.0, 0.0, answer.parts[j][1]) for j in left]
        w = policy_reference.probabilities(policy, OPTIONS, cs)
        if any(abs(a - b) > 1e-9 for a, b in zip(w, d['probabilities'])):
            wrong.append('%s: %r, not %r' % (name, d['probabilities'], w))
    kind = at(q, 'candidate_bid_types', i)
    pays = None if kind is None else price(q, i, left, answer.worth)
    # A quotient that is whole but for its last bits may be rounded up.
    if d.get('bid_type') != kind or (d.get('price_micros') is None) != (pays is None) or \
            abs((pays or 0) - d.get('price_micros', 0)) > 1:
        wrong.append('%s pays %r, not %r' % (name, d.get('price_micros'), pays))
    answer.show(i)
    return True


def policies(model):
    for policy in 'greedy epsilon softmax squarecb uniform thompson linucb'.split():
        reward = r.choice(['click', 'conversion'])
        requests = [request(i) for i in range(250)]
        command = ('bp-rank --model %s --policy %s --epsilon 0.2 --temperature 0.7 --gamma 50 '
                   '--reward %s --keep --seed %d' % (model, policy, reward, base.SEED))
        scored = iter(run('bp-score --model ' + model, [
            {'event': 'outcome', 'event_id': '%d.%d' % (i, c), 'timestamp': time(i),
             **base.features_of(q, c)}
            for i, q in enumerate(requests) for c in range(len(q['candidates']))]))
        decisions = run(command, requests)
        wrong, next_one, kinds, empty, cheaper = [], iter(decisions), set(), 0, 0
        for q in requests:
            answer = Answer(q, [next(scored)['prediction'] for _ in q['candidates']], reward)
            while answer.enter():
                d = next(next_one, None)
                if d is None or not compare(policy, answer, d, wrong):
                    break
                kinds.add(d.get('bid_type', 'value' if answer.shown else None))
                cheaper += d.get('price_micros', 0) < q.get(
                    'candidate_values', [0] * 9)[answer.shown[-1]] if 'bid_type' in d else 0
            empty += not answer.shown
        if next(next_one, None) is not None:
            wrong.append('there are more decisions than there should be')
        if not {'cpm', 'cpc', 'cpa', 'value'} <= kinds or empty < 3 or cheaper < 10:
            wrong.append('too little was tried: %r, %d, %d' % (kinds, empty, cheaper))
        check('%s: worth, floors, company and prices' % policy, wrong)
        trailing = run(command + ' --what-if', decisions)
        check('%s: what if it decided again? the same' % policy,
              [d['decision_id'] for d, j in zip(decisions, trailing)
               if abs(j['evaluation']['probability'] - d['probability']) > 1e-12])


def certain(model):
    """Thompson: a bid cpm is certain, so it is shown as often as no click is worth more."""
    q = request(0)
    for key in list(q):
        if key.startswith('candidate_') or key in ('floor_micros', 'auction'):
            del q[key]
    q.update(k=1, candidates=['m', 'c'], candidate_values=[0, 100000],
             candidate_bid_types=['cpm', 'cpc'],
             candidate_features=[keys(2 << 48 | 100), keys(2 << 48 | 1, 3 << 48 | 1)])
    shares = []
    for bid in (0, 10000000, 20000000, 30000000, 1000000000):
        d = run('bp-rank --model ' + model, [{**q, 'candidate_values': [bid, 100000]}])[0]
        shares.append(d['probabilities'][0])
    check('thompson: the share of a certain bid grows with it, from none to all',
          [] if shares == sorted(shares) and shares[0] < 0.001 and shares[-1] > 0.999 and
          any(0.02 < s < 0.98 for s in shares) else [repr(shares)])


def main():
    print('# SEED=%d' % base.SEED)
    run('bp-learn --model both.bp -t click,conversion --report 0', outcomes(6000))
    policies('both.bp')
    certain('both.bp')
    run('bp-learn --model click.bp --report 0', outcomes(100))
    q = {**request(0), 'candidates': ['a', 'b'], 'candidate_values': [1, 1],
         'candidate_bid_types': ['cpa', 'cpm'],
         'candidate_features': [keys(2 << 48), keys(2 << 48)]}
    for key in ('candidate_campaigns', 'candidate_limits', 'candidate_groups'):
        q.pop(key, None)
    got = run("bp-rank --model click.bp --max-rejects 1 --rejects rejected >none;"
              " cat none rejected", [q])
    check('a bid cpa is refused where the model knows no conversions',
          [] if len(got) == 1 and 'knows no conversions' in got[0]['reason'] else got)
    print('1..%d' % base.tests)
    sys.exit(base.failed > 0)


if __name__ == '__main__':
    main()
