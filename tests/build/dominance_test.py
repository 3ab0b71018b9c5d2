import csv
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
COLUMNS = ["number", "state", "rom", "ram", "flops", "metric.test_accuracy_int8"]


def published():
    with open(ROOT / "docs" / "published_networks.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Dominance(unittest.TestCase):
    def run_on(self, trials, columns=COLUMNS):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "trials.csv"
            with open(path, "w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([columns, *trials])
            command = [sys.executable, ROOT / "scripts" / "dominance", path]
            return subprocess.run(command, capture_output=True, text=True)

    def test_no_worse_and_once_better_dominates(self):
        trials = [
            [i, "done", n["rom"], n["ram"], float(n["flops"]) - 1, n["accuracy"]]
            for i, n in enumerate(published())
        ]
        done = self.run_on(trials)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for number in range(len(trials)):
            self.assertIn(f"trial {number}:", done.stdout)

    def test_equal_worse_and_untrained_ones_dominate_nothing(self):
        first = published()[0]
        trials = [
            [0, "done", first["rom"], first["ram"], first["flops"], first["accuracy"]],
            [1, "done", 1, 1, 1, 0.1],
            [2, "infeasible", 1, 1, 1, 0.99],
            [3, "done", 1, 1, 1, ""],
        ]
        done = self.run_on(trials)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertNotIn("by trial", done.stdout)
        self.assertEqual(done.stdout.count("dominated by none"), len(published()))

    def test_another_file_is_refused_with_a_sentence(self):
        done = self.run_on([], columns=["a", "b"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("no column number", done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main()
