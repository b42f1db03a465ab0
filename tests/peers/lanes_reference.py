#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A model of lanes in plain Python doubles, one weight at a time: the independent
implementation that tests/unit/test_model.c compares lib/model with.

Prints examples with the progressive prediction of a click by each algorithm:

    tests/peers/lanes_reference.py > tests/data/lanes-reference.txt

A line is: label weight, probability and deviation by lanes, probability by ftrl, adagrad,
sgd and adam, n key:value ... (keys are decimal; some occur twice)."""
import math
import random

PRIORS = [0.005, 0.02, 0.06, 0.3]
LANES = [(s, q) for q in (0.0, 1e-5) for s in PRIORS]
INTERCEPT = 0.25
SHARE = 1e-5
BASE_RATE = 0.2
OFFSET = math.log(BASE_RATE / (1 - BASE_RATE))
FTRL = dict(alpha=0.2, beta=1.0, l1=0.05, l2=0.5)
ADAGRAD = dict(eta=0.1, eps=1.0, l1=0.0, l2=0.01)
SGD = dict(eta=0.05, l1=0.001, l2=0.02)
ADAM = dict(eta=0.02, l2=0.01)


def sigmoid(z):
    return 1.0 / (1.0 + math.exp(-z))


def loss(p, y):
    return -y * math.log(p) - (1 - y) * math.log(1 - p)


class Lane:
    """An extended Kalman filter of independent weights: Bayesian logistic regression."""

    def __init__(self, prior, noise):
        self.prior, self.noise = prior, noise
        self.mean, self.variance = {}, {"bias": INTERCEPT}

    def predict(self, features):
        z, v = OFFSET, 0.0
        for key, x in features:
            z += self.mean.get(key, 0.0) * x
            if key in self.variance:
                v += self.variance[key] * x * x
            elif x != 0:
                v += self.prior
        return z, v

    def learn(self, features, y, weight):
        for key, x in features:
            if key not in self.variance and x != 0:
                self.variance[key] = self.prior / (x * x)
        z, v = self.predict(features)
        p = sigmoid(z)
        h = weight * p * (1 - p)
        gain, damp = weight * (y - p) / (1 + h * v), h / (1 + h * v)
        for key, x in features:
            if x == 0:
                continue
            s = self.variance[key]
            self.mean[key] = self.mean.get(key, 0.0) + s * x * gain
            self.variance[key] = s - s * s * x * x * damp + self.noise


class Mixed:
    """Fixed share over the lanes and a constant (Herbster and Warmuth 1998)."""

    def __init__(self):
        self.lanes = [Lane(*lane) for lane in LANES]
        self.weight = [0.5 / 8] * 8 + [0.5]

    def predict(self, features):
        said = [lane.predict(features) for lane in self.lanes] + [(OFFSET, 0.0)]
        p = sum(w * sigmoid(z) for w, (z, _) in zip(self.weight, said))
        mean = sum(w * z for w, (z, _) in zip(self.weight, said))
        square = sum(w * ((z - mean) ** 2 + v) for w, (z, v) in zip(self.weight, said))
        return p, math.sqrt(square)

    def learn(self, features, y, weight):
        zs = [lane.predict(features)[0] for lane in self.lanes] + [OFFSET]
        for lane in self.lanes:
            lane.learn(features, y, weight)
        posterior = [w * math.exp(-weight * loss(sigmoid(z), y))
                     for w, z in zip(self.weight, zs)]
        total = sum(posterior)
        self.weight = [(1 - SHARE) * w / total + SHARE / 9 for w in posterior]


class Ftrl:
    """McMahan et al., KDD 2013, Algorithm 1, one dict for each sum."""

    def __init__(self, alpha, beta, l1, l2):
        self.z, self.n = {}, {}
        self.alpha, self.beta, self.l1, self.l2 = alpha, beta, l1, l2

    def weight(self, i):
        z, n = self.z.get(i, 0.0), self.n.get(i, 0.0)
        l1, l2 = (0.0, 0.0) if i == "bias" else (self.l1, self.l2)
        if abs(z) <= l1:
            return 0.0
        return -(z - math.copysign(l1, z)) / ((self.beta + math.sqrt(n)) / self.alpha + l2)

    def update(self, i, g, s):
        w, n = self.weight(i), self.n.get(i, 0.0)
        g *= s
        sigma = (math.sqrt(n + g * g) - math.sqrt(n)) / self.alpha
        self.z[i] = self.z.get(i, 0.0) + g - sigma * w
        self.n[i] = n + g * g


class Descent:
    """theta <- theta - eta s (grad + l2 theta), then eta s l1 towards 0; eta constant (SGD)
    or eta / (eps + sqrt(sum of squared gradients)) (AdaGrad)."""

    def __init__(self, eta, l1, l2, eps=None):
        self.theta, self.g2 = {}, {}
        self.eta, self.l1, self.l2, self.eps = eta, l1, l2, eps

    def weight(self, i):
        return self.theta.get(i, 0.0)

    def update(self, i, g, s):
        l1, l2 = (0.0, 0.0) if i == "bias" else (self.l1, self.l2)
        eta = self.eta
        if self.eps is not None:
            self.g2[i] = self.g2.get(i, 0.0) + s * s * g * g
            eta /= self.eps + math.sqrt(self.g2[i])
        w = self.weight(i)
        w -= eta * s * (g + l2 * w)
        self.theta[i] = math.copysign(max(abs(w) - eta * s * l1, 0.0), w)


class Adam:
    """Kingma and Ba, ICLR 2015, Algorithm 1, with decoupled decay (Loshchilov and Hutter,
    ICLR 2019); t counts the touches of the coordinate."""

    def __init__(self, eta, l2):
        self.theta, self.m, self.v, self.t = {}, {}, {}, {}
        self.eta, self.l2 = eta, l2

    def weight(self, i):
        return self.theta.get(i, 0.0)

    def update(self, i, g, s):
        t = self.t[i] = self.t.get(i, 0) + 1
        m = self.m[i] = 0.9 * self.m.get(i, 0.0) + 0.1 * s * g
        v = self.v[i] = 0.999 * self.v.get(i, 0.0) + 0.001 * (s * g) ** 2
        m, v = m / (1 - 0.9 ** t), v / (1 - 0.999 ** t)
        w = self.weight(i) - self.eta * m / (math.sqrt(v) + 1e-8)
        self.theta[i] = w - (0.0 if i == "bias" else self.eta * s * self.l2 * w)


def main():
    rnd = random.Random(5)
    truth = {k: rnd.gauss(0, 1) for k in range(40)}
    mixed = Mixed()
    linear = [Ftrl(**FTRL), Descent(**ADAGRAD), Descent(**SGD), Adam(**ADAM)]
    for _ in range(400):
        keys = rnd.sample(range(40), rnd.randint(1, 8))
        if rnd.random() < 0.2:
            keys.append(rnd.choice(keys))
        values = [1.0 if k < 20 else round(rnd.choice([0, 1, 1, 1]) * rnd.uniform(-2, 2), 3)
                  for k in keys]
        logit = OFFSET + sum(truth[k] * v for k, v in zip(keys, values))
        y = 1 if rnd.random() < sigmoid(logit) else 0
        s = rnd.choice([1.0, 1.0, 1.0, 0.5, 2.0])
        features = list(zip(keys, values))
        predicted = list(mixed.predict(features + [("bias", 1.0)]))
        mixed.learn(features + [("bias", 1.0)], y, s)
        for model in linear:
            p = sigmoid(OFFSET + sum(model.weight(k) * v for k, v in features)
                        + model.weight("bias"))
            predicted.append(p)
            for k, v in features:
                model.update(k, (p - y) * v, s)
            model.update("bias", p - y, s)
        print(y, s, *["%.9f" % p for p in predicted], len(keys),
              *["%d:%.3f" % (k * 2654435761 % 2**32, v) for k, v in features])


main()
