#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Online logistic regression in plain Python doubles, straight from the papers: the
independent implementation that tests/unit/test_logistic.c compares lib/model with.

Prints the examples with the progressive prediction of each algorithm:

    tests/peers/logistic_reference.py > tests/data/logistic-reference.txt

A line is: label weight ftrl adagrad sgd n key:value ... (keys are decimal)."""
import math
import random

ALPHA, BETA, L1, L2 = 0.2, 1.0, 0.05, 0.5      # of FTRL-Proximal
ADA_ETA, ADA_EPS, ADA_L2 = 0.1, 1.0, 0.01
SGD_ETA, SGD_L2 = 0.05, 0.02
BASE_RATE = 0.2


class Ftrl:
    """McMahan et al., KDD 2013, Algorithm 1, one dict for each sum."""

    def __init__(self, l1=L1, l2=L2):
        self.z, self.n, self.l1, self.l2 = {}, {}, l1, l2

    def weight(self, i):
        z, n = self.z.get(i, 0.0), self.n.get(i, 0.0)
        if abs(z) <= self.l1:
            return 0.0
        sign = 1.0 if z > 0 else -1.0
        return -(z - sign * self.l1) / ((BETA + math.sqrt(n)) / ALPHA + self.l2)

    def update(self, i, g):
        w, n = self.weight(i), self.n.get(i, 0.0)
        sigma = (math.sqrt(n + g * g) - math.sqrt(n)) / ALPHA
        self.z[i] = self.z.get(i, 0.0) + g - sigma * w
        self.n[i] = n + g * g


class Descent:
    """theta <- theta - eta grad - eta lambda theta; eta constant (SGD) or
    eta / (eps + sqrt(sum of squared gradients)) (AdaGrad). The penalty of an example of
    weight s counts s times, like its gradient."""

    def __init__(self, eta, l2, eps=None):
        self.theta, self.g2, self.eta, self.l2, self.eps = {}, {}, eta, l2, eps

    def weight(self, i):
        return self.theta.get(i, 0.0)

    def update(self, i, g, s=1.0):
        eta = self.eta
        if self.eps is not None:
            self.g2[i] = self.g2.get(i, 0.0) + g * g
            eta /= self.eps + math.sqrt(self.g2[i])
        w = self.weight(i)
        self.theta[i] = w - eta * g - eta * self.l2 * s * w


def sigmoid(z):
    return 1.0 / (1.0 + math.exp(-z))


def main():
    rnd = random.Random(5)
    truth = {k: rnd.gauss(0, 1) for k in range(40)}
    models = [
        (Ftrl(), Ftrl(0.0, 0.0)),
        (Descent(ADA_ETA, ADA_L2, ADA_EPS), Descent(ADA_ETA, 0.0, ADA_EPS)),
        (Descent(SGD_ETA, SGD_L2), Descent(SGD_ETA, 0.0)),
    ]
    offset = math.log(BASE_RATE / (1 - BASE_RATE))
    for _ in range(400):
        keys = rnd.sample(range(40), rnd.randint(1, 8))
        values = [1.0 if k < 20 else round(rnd.uniform(-2, 2), 3) for k in keys]
        logit = offset + sum(truth[k] * v for k, v in zip(keys, values))
        y = 1 if rnd.random() < sigmoid(logit) else 0
        s = rnd.choice([1.0, 1.0, 1.0, 0.5, 2.0])
        predicted = []
        for features, bias in models:
            z = offset + bias.weight(0)
            z += sum(features.weight(k) * v for k, v in zip(keys, values))
            p = sigmoid(z)
            predicted.append(p)
            for k, v in zip(keys, values):
                if isinstance(features, Ftrl):
                    features.update(k, s * (p - y) * v)
                else:
                    features.update(k, s * (p - y) * v, s)
            bias.update(0, s * (p - y))
        print(y, s, *["%.9f" % p for p in predicted], len(keys),
              *["%d:%.3f" % (k * 2654435761 % 2**32, v) for k, v in zip(keys, values)])


main()
