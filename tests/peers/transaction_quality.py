#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How good scores of the simulated transactions are, by definition, from lines
timestamp,user_id,scenario,score on standard input:

    transaction_quality.py FROM TO       average precision and AUC of these days
    transaction_quality.py week          the Handbook's reference week, 2018-08-08 to 14

The week is judged as chapter 3 of the Fraud Detection Handbook does it: customers of whom
fraud was known are left out (those of the week of training, two weeks before, and of every
day up to a week before the day), and card precision is the share of customers with fraud
among the 100 highest of a day."""
import sys

START, DAY = 1522540800000000, 86400000000


def average_precision(rows):
    """Of (score, fraud); equal scores are one threshold."""
    rows = sorted(rows, reverse=True)
    frauds = total = seen = 0
    best = 0.0
    all_frauds = sum(fraud for _, fraud in rows)
    while seen < len(rows):
        score, before = rows[seen][0], frauds
        while seen < len(rows) and rows[seen][0] == score:
            frauds += rows[seen][1]
            seen += 1
        best += (frauds - before) * frauds / seen
        total = all_frauds
    return best / total


def auc(rows):
    rows = sorted(rows)
    below = won = at = 0
    while at < len(rows):
        end, frauds = at, 0
        while end < len(rows) and rows[end][0] == rows[at][0]:
            frauds += rows[end][1]
            end += 1
        sound = end - at - frauds
        won += frauds * (below + sound / 2)
        below += sound
        at = end
    return won / (below * (len(rows) - below))


def card_precision(rows, most=100):
    highest, fraud = {}, {}
    for user, score, bad in rows:
        highest[user] = max(score, highest.get(user, score))
        fraud[user] = bad or fraud.get(user, False)
    top = sorted(highest, key=lambda user: -highest[user])[:most]
    return sum(fraud[user] for user in top) / most


def read(lines):
    days = {}
    for line in lines:
        when, user, scenario, score = line.rstrip().split(",")
        if when.isdigit():
            day = (int(when) - START) // DAY
            days.setdefault(day, []).append((user, float(score), scenario != "0"))
    return days


def week(days):
    first, known, rows, cards = 129, set(), [], []
    for day in range(first - 14, first - 7):
        known |= {user for user, _, bad in days[day] if bad}
    for day in range(first, first + 7):
        known |= {user for user, _, bad in days[day - 8] if bad}
        left = [row for row in days[day] if row[0] not in known]
        rows += [row[1:] for row in left]
        cards.append(card_precision(left))
    return rows, sum(cards) / 7


def main():
    days = read(sys.stdin)
    if sys.argv[1] == "week":
        rows, cards = week(days)
    else:
        rows = [row[1:] for day in range(int(sys.argv[1]), int(sys.argv[2]) + 1)
                for row in days.get(day, [])]
        cards = None
    print(f"n {len(rows)} fraud {sum(bad for _, bad in rows)} "
          f"average_precision {average_precision(rows):.4f} auc {auc(rows):.4f}"
          + (f" card_precision_100 {cards:.3f}" if cards is not None else ""))


main()
