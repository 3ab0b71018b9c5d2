"""Two results side by side, without reading noise as news."""

import math

from . import table
from .rank_test import mann_whitney
from .results import geomean

LEVEL = 0.05
ENOUGH = 5

HEADER = ["benchmark", "A", "B", "B / A", "p", ""]


class Comparison:
    def __init__(self, a, b):
        self.a, self.b = a, b
        self.rows = []
        self.ratios = []
        self.changed = 0
        for name, before in a.benchmarks.items():
            after = b.benchmarks.get(name)
            if after is None or not before.times or not after.times:
                continue
            p = mann_whitney(before.times, after.times)
            ratio = after.median / before.median
            self.ratios.append(ratio)
            verdict = "no difference"
            if p < LEVEL and ratio != 1:
                verdict = "slower" if ratio > 1 else "faster"
                self.changed += 1
            self.rows.append(
                [
                    name,
                    table.seconds(before.median),
                    table.seconds(after.median),
                    f"{ratio:.3f}",
                    f"{p:.3f}",
                    verdict,
                ]
            )

    def warnings(self):
        """Why the comparison may mean less than it seems to."""
        found = []
        for key in ("gpu", "cpu", "num_cpus", "driver", "library_build_type"):
            before, after = (c.context.get(key) for c in (self.a, self.b))
            if before != after and (before or after):
                found.append(f"{key} differs: {before or 'unknown'} and {after or 'unknown'}")
        commits = [c.context.get("commit") or "unknown" for c in (self.a, self.b)]
        if commits[0] != commits[1]:
            found.append(f"commits differ: {commits[0]} and {commits[1]}")
        if any(c.endswith("+") for c in commits):
            found.append("made with changes that no commit holds")
        counts = [self.a.repetitions, self.b.repetitions]
        if counts[0] != counts[1]:
            found.append(f"repetitions differ: {counts[0]} and {counts[1]}")
        if self.rows and min(counts) < ENOUGH:
            found.append(
                f"{min(counts)} repetitions are few; with {ENOUGH} or more a difference can show"
            )
        if only := len(self.a.benchmarks.keys() ^ self.b.benchmarks.keys()):
            found.append(f"{only} benchmarks are in one file alone and are left out")
        return found

    def conclusion(self):
        if not self.rows:
            return "the two have no benchmark in common\n"
        chance = LEVEL * len(self.rows)
        text = f"geomean of B / A over {len(self.rows)}: {geomean(self.ratios):.3f}\n"
        text += f"{self.changed} differ at p < {LEVEL}"
        if chance >= 1 and math.isfinite(chance):
            text += f"; about {chance:.0f} would by chance alone"
        return text + "\n"

    def render(self, how):
        lines = "".join(f"warning: {w}\n" for w in self.warnings())
        body = how(HEADER, self.rows) if self.rows else ""
        return lines + ("\n" if lines else "") + body + "\n" + self.conclusion()
