"""What scripts/gpu_check writes: one JSON, which scripts/bench reads too, and one Markdown page.
Both are whole after every result."""

import os
import re
import sys

from . import process, programs, report, table
from .errors import Failure
from .results import Results

OK, SKIPPED, UNFINISHED, NOT_RUN, FAILED = "ok", "skipped", "unfinished", "not run", "FAILED"
_WORST_FIRST = (FAILED, NOT_RUN, UNFINISHED, SKIPPED, OK)


def row(what, verdict, detail="", messages=None):
    """A line of a part. `messages`: by name, what is too long for the line."""
    return {
        "what": what,
        "verdict": verdict,
        "detail": process.trimmed(" ".join(detail.split()), 600).replace("\n", " "),
        "messages": messages or {},
    }


def worst(verdicts):
    verdicts = set(verdicts)
    return next((v for v in _WORST_FIRST if v in verdicts), OK)


def slug(gpu):
    """A folder's name for a GPU: "nvidia-h200"."""
    return re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-") or "unknown-gpu"


class Record:
    """The results so far. What is planned stands in it as not run from the beginning."""

    def __init__(self, path, context, parts):
        """`path` without its ending. Throws Failure where nothing can be written there."""
        self.path = path
        self.document = {"context": context, "benchmarks": [], "checks": {}}
        for part in parts:
            self.document["checks"][part] = {"verdict": NOT_RUN, "rows": [], "seconds": 0.0}
        self._save()

    @property
    def checks(self):
        return self.document["checks"]

    def begin(self, part):
        self.checks[part]["verdict"] = UNFINISHED
        self.save()

    def add(self, part, one, outcome=None):
        """A row of a part that began, and what a program measured for it."""
        check = self.checks[part]
        check["rows"].append(one)
        check["verdict"] = worst([*_verdicts(check), UNFINISHED])
        if outcome is not None:
            merged = programs.merge([outcome], self.document["context"])
            self.document["context"] = merged["context"]
            self.document["benchmarks"] += merged["benchmarks"]
        self.save()

    def end(self, part, seconds):
        check = self.checks[part]
        check["verdict"], check["seconds"] = worst(_verdicts(check)), seconds
        self.save()

    def leave_out(self, part, why):
        check = self.checks[part]
        check["verdict"], check["rows"] = NOT_RUN, [row(part, NOT_RUN, why)]
        self.save()

    def save(self):
        """A disk that is full now must not cost what is still to be measured."""
        try:
            self._save()
        except Failure as failure:
            print(failure, file=sys.stderr)

    def _save(self):
        _write_whole(programs.as_text(self.document), f"{self.path}.json")
        _write_whole(page(self.document), f"{self.path}.md")

    @property
    def verdict(self):
        return worst(check["verdict"] for check in self.checks.values())


def _verdicts(check):
    return [one["verdict"] for one in check["rows"]]


def _write_whole(text, path):
    """At no moment is there half a file of this name."""
    unfinished = f"{path}.unfinished"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(unfinished, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(unfinished, path)
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error


def summary(checks):
    """One row a part: verdict, how many of what, seconds."""
    rows = []
    for part, check in checks.items():
        verdicts = _verdicts(check)
        counts = ", ".join(
            f"{verdicts.count(v)} {v}" for v in reversed(_WORST_FIRST) if v in verdicts
        )
        rows.append([part, check["verdict"], counts, f"{check['seconds']:.0f} s"])
    return rows


SUMMARY = ["part", "verdict", "of what", "time"]


def troubles(checks):
    """A line for all that is not as it should be."""
    return [
        f"{part}: {one['what']}: {one['verdict']}: {one['detail']}"
        for part, check in checks.items()
        for one in check["rows"]
        if one["verdict"] != OK
    ]


def page(document):
    """The Markdown page."""
    context, checks = document["context"], document["checks"]
    lines = [f"# {context.get('gpu') or 'GPU'}, {context['date'][:10]}\n\n"]
    lines += [f"- {key}: {value}\n" for key, value in report.describe(context)]
    lines += [f"- note: {note}\n" for note in context.get("notes", [])]
    lines += ["\n", table.markdown(SUMMARY, summary(checks))]
    for part, check in checks.items():
        rows = [[one["what"], one["verdict"], one["detail"]] for one in check["rows"]]
        if rows:
            lines += [f"\n## {part}\n\n", table.markdown(["", "", ""], rows, left=3)]
        for one in check["rows"]:
            for name, message in one["messages"].items():
                lines.append(f"\n{one['what']}, {name}:\n\n{_fenced(message)}")
    found = Results(document)
    if found.benchmarks:
        lines.append("\n## Ops, over all shapes\n\n")
        lines.append("The ratio to a peer is its time over ours, geometric mean.\n\n")
        lines.append(table.markdown(report.SUMMARY, report.summary_rows(found)))
        lines.append("\n## Every benchmark\n\n")
        lines.append(table.markdown(report.HEADER, report.rows(found)))
    return "".join(lines)


def _fenced(text):
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}\n"
