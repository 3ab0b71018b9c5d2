"""The Mann-Whitney U test: whether one of two samples tends to be larger, whatever they are
distributed as (Mann and Whitney, "On a test of whether one of two random variables is
stochastically larger than the other", 1947)."""

import math

_EXACT = 25  # values of one sample up to which every order is counted


def mann_whitney(a, b):
    """Two-sided p-value of the hypothesis that a and b are distributed alike.

    Exact without ties and up to 25 values each, else by the normal approximation with corrections
    for ties and continuity. Two samples of three can never reach 0.05.
    """
    if not a or not b:
        raise ValueError("a rank test needs two samples")
    ranks, ties = _ranks(a + b)
    u = sum(ranks[: len(a)]) - len(a) * (len(a) + 1) / 2
    most = len(a) * len(b)
    if not ties and max(len(a), len(b)) <= _EXACT:
        return _exact(min(u, most - u), len(a), len(b))
    return _normal(u, len(a), len(b), ties)


def _ranks(values):
    """Rank of each value, equal ones sharing their mean, and the sizes of the groups of equals."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    ties = []
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for place in order[begin:end]:
            ranks[place] = (begin + 1 + end) / 2
        if end - begin > 1:
            ties.append(end - begin)
        begin = end
    return ranks, ties


def _exact(u, n, m):
    # ways[k]: orders of the values seen so far whose U is k: the coefficients of the Gaussian
    # binomial, multiplied up factor by factor.
    most = n * m
    ways = [1] + [0] * most
    for i in range(1, n + 1):
        for k in range(most, m + i - 1, -1):
            ways[k] -= ways[k - m - i]
        for k in range(i, most + 1):
            ways[k] += ways[k - i]
    return min(1.0, 2 * sum(ways[: int(u) + 1]) / math.comb(n + m, n))


def _normal(u, n, m, ties):
    total = n + m
    tied = sum(t**3 - t for t in ties) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - tied)
    if variance <= 0:
        return 1.0
    distance = max(abs(u - n * m / 2) - 0.5, 0)
    return math.erfc(distance / math.sqrt(2 * variance))
