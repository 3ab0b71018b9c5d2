"""What a program of GoogleTest said of each test, of one that crashed too: no report that it writes
when it ends would then be there."""

import re

from .process import trimmed

_RUN = "[ RUN      ] "


class TestOutput:
    def __init__(self, text):
        self.passed = 0
        self.failed = {}  # by name: what was said between the test's beginning and its end
        self.skipped = {}  # by name: why
        self.open = ""  # the test that was running when the program ended
        _, *runs = text.split(_RUN)
        for one in runs:
            name, _, rest = one.partition("\n")
            self._add(name.strip(), rest)

    def _add(self, name, rest):
        end = re.search(
            r"\[ +(OK|FAILED|SKIPPED) +\] " + re.escape(name) + r"(?:,.*)? \(\d+ ms\)", rest
        )
        if end is None:
            self.open = name
            self.failed[name] = trimmed(rest) or "ended in this test, saying nothing"
            return
        said = rest[: end.start()]
        if end[1] == "OK":
            self.passed += 1
        elif end[1] == "FAILED":
            self.failed[name] = trimmed(said) or "said nothing"
        else:
            self.skipped[name] = trimmed(said.partition("Skipped\n")[2] or said, 400)
