"""Tables for a terminal, for Markdown and as CSV."""

import csv
import io
import math


def seconds(value):
    """Three digits and a unit: "12.3 us"."""
    if math.isnan(value):
        return ""
    for unit, factor in (("s", 1), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}" if value * factor < 1000 else f"{value:.0f} s"
    return f"{value * 1e9:.3g} ns"


def percent(value, digits=0):
    return "" if math.isnan(value) else f"{100 * value:.{digits}f} %"


def times(value):
    return "" if math.isnan(value) else f"{value:.2f}x"


def text(header, rows, left=1):
    """Columns in line; the first `left` start at the left, the others end at the right."""
    table = [header, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines = []
    for row in table:
        cells = [
            c.ljust(w) if i < left else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * w for w in widths))
    return "\n".join(lines) + "\n"


def markdown(header, rows, left=1):
    rule = ["---" if i < left else "---:" for i in range(len(header))]
    lines = [header, rule, *([c.replace("|", "\\|") for c in row] for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def as_csv(header, rows):
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()
