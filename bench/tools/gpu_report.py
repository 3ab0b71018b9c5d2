"""What scripts/gpu_check writes: one JSON, which scripts/bench reads too, and one Markdown page."""

import re

from . import report, table
from .gpu_parts import FAILED, OK, UNFINISHED
from .results import Results


def slug(gpu):
    """A folder's name for a GPU: "nvidia-h200"."""
    return re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-") or "unknown-gpu"


def verdict(rows):
    found = {row[1] for row in rows}
    return next((v for v in (FAILED, UNFINISHED) if v in found), OK)


def summary(checks):
    """One row a part: verdict, how many of what, seconds."""
    rows = []
    for part, check in checks.items():
        verdicts = [row[1] for row in check["rows"]]
        counts = ", ".join(
            f"{verdicts.count(v)} {v}" for v in (OK, UNFINISHED, FAILED) if v in verdicts
        )
        rows.append([part, check["verdict"], counts, f"{check['seconds']:.0f} s"])
    return rows


def page(document):
    """The Markdown page."""
    context = document["context"]
    lines = [f"# {context.get('gpu') or 'GPU'}, {context['date'][:10]}\n\n"]
    lines += [f"- {key}: {value}\n" for key, value in report.describe(context)]
    lines += [
        "\n",
        table.markdown(["part", "verdict", "of what", "time"], summary(document["checks"])),
    ]
    for part, check in document["checks"].items():
        lines.append(f"\n## {part}\n\n")
        rows = [list(row) for row in check["rows"]]
        if part == "sanitize":  # what is fine needs no line of its own
            rows = [row for row in rows if row[1] != OK]
        if rows:
            lines.append(table.markdown(["", "", ""], rows, left=3))
    found = Results(document)
    if found.benchmarks:
        lines.append("\n## Ops, over all shapes\n\n")
        lines.append("The ratio to a peer is its time over ours, geometric mean.\n\n")
        lines.append(table.markdown(report.SUMMARY, report.summary_rows(found)))
        lines.append("\n## Every benchmark\n\n")
        lines.append(table.markdown(report.HEADER, report.rows(found)))
    return "".join(lines)
