import itertools
import random
import unittest

from bench.tools import rank_test
from bench.tools.rank_test import mann_whitney


def by_enumeration(a, b):
    """The exact p-value from the definition: over all ways to deal the values."""
    values = a + b

    def u(chosen):
        others = [i for i in range(len(values)) if i not in chosen]
        return sum(values[i] > values[j] for i in chosen for j in others)

    middle = len(a) * len(b) / 2
    distance = abs(u(tuple(range(len(a)))) - middle)
    deals = list(itertools.combinations(range(len(values)), len(a)))
    return sum(abs(u(d) - middle) >= distance - 1e-9 for d in deals) / len(deals)


class MannWhitney(unittest.TestCase):
    def test_exact_by_enumeration(self):
        dice = random.Random(1)
        for n, m in [(1, 1), (2, 3), (4, 4), (5, 5), (3, 7), (6, 4)]:
            for _ in range(5):
                a = [dice.random() for _ in range(n)]
                b = [dice.random() + 0.3 for _ in range(m)]
                self.assertAlmostEqual(mann_whitney(a, b), by_enumeration(a, b), places=12)

    def test_apart(self):
        # All of 5 below all of 5: 2 of the 252 orders are as far apart.
        self.assertAlmostEqual(mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]), 2 / 252)
        self.assertAlmostEqual(mann_whitney([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]), 2 / 252)
        # Three against three never reach 0.05.
        self.assertAlmostEqual(mann_whitney([1, 2, 3], [4, 5, 6]), 0.1)

    def test_equal(self):
        self.assertEqual(mann_whitney([1, 1, 1], [1, 1, 1]), 1)
        self.assertGreater(mann_whitney([1, 2, 2, 3], [1, 2, 2, 3]), 0.9)

    def test_ties_by_hand(self):
        # Ranks of a: 1, 2.5, 4; U = 1.5 of 12, 4.5 from the middle, 4 after the correction;
        # variance 12 / 12 * (8 - (8 - 2) / 42); the normal's two tails.
        self.assertAlmostEqual(mann_whitney([1, 2, 3], [2, 4, 5, 6]), 0.1536, places=3)

    def test_normal_agrees_with_exact(self):
        dice = random.Random(2)
        a = [dice.gauss(0, 1) for _ in range(25)]
        b = [dice.gauss(0.5, 1) for _ in range(25)]
        u = sum(x > y for x in a for y in b)
        self.assertAlmostEqual(mann_whitney(a, b), rank_test._normal(u, 25, 25, []), places=2)

    def test_alike_is_rarely_found_different(self):
        dice = random.Random(3)
        found = 0
        for _ in range(400):
            a = [dice.random() for _ in range(8)]
            b = [dice.random() for _ in range(8)]
            found += mann_whitney(a, b) < 0.05
        self.assertLess(found, 36)  # 20 are expected

    def test_needs_values(self):
        with self.assertRaises(ValueError):
            mann_whitney([], [1])


if __name__ == "__main__":
    unittest.main()
