"""A result as a table: median, spread, share of the floor, and the ratio to each peer."""

import math

from . import table
from .results import OURS, geomean

HEADER = ["benchmark", "median", "spread", "of floor", "peers"]


def rows(results):
    """One row a benchmark; a peer stands in the row of ours, alone when that is not there."""
    ours = {b.shape for b in results.benchmarks.values() if b.who == OURS and b.times}
    found = []
    for one in results.benchmarks.values():
        if one.who != OURS and one.shape in ours:
            continue
        if one.error:
            found.append([one.name, one.error, "", "", ""])
            continue
        ratios = ", ".join(f"{who} {table.times(ratio)}" for who, ratio in results.peers(one))
        found.append(
            [
                one.name,
                table.seconds(one.median),
                table.percent(one.spread, 1),
                table.percent(one.share_of_floor),
                ratios,
            ]
        )
    return found


SUMMARY = ["op", "shapes", "of floor, geomean", "least", "peers, geomean"]


def summary_rows(results):
    """One row an op/direction/type: over all shapes of ours, of at least two."""
    groups = {}
    for one in results.benchmarks.values():
        if one.who == OURS and one.times and one.name.count("/") >= 3:
            groups.setdefault("/".join(one.name.split("/")[:3]), []).append(one)
    found = []
    for name, members in groups.items():
        if len(members) < 2:
            continue
        shares = [m.share_of_floor for m in members if not math.isnan(m.share_of_floor)]
        ratios = {}
        for member in members:
            for who, ratio in results.peers(member):
                ratios.setdefault(who, []).append(ratio)
        peers = ", ".join(f"{w} {table.times(geomean(r))} of {len(r)}" for w, r in ratios.items())
        least = min(shares, default=math.nan)
        found.append(
            [name, str(len(members)), table.percent(geomean(shares)), table.percent(least), peers]
        )
    return found


def render(results, how):
    """`how`: table.text or table.markdown."""
    out = [f"{key}: {value}\n" for key, value in describe(results.context)]
    if how is table.markdown:
        out = ["- " + line for line in out]
    out += ["\n", how(HEADER, rows(results))]
    if summary := summary_rows(results):
        out += ["\n", how(SUMMARY, summary)]
    return "".join(out)


def as_csv(results):
    counters = sorted({c for b in results.benchmarks.values() for c in b.counters})
    header = ["name", "median_s", "spread", "repetitions", "error", *counters]
    found = []
    for one in results.benchmarks.values():
        numbers = [one.median, one.spread, len(one.times)]
        values = [one.counter(c) for c in counters]
        found.append([one.name, *map(_number, numbers), one.error, *map(_number, values)])
    return table.as_csv(header, found)


def _number(value):
    return "" if math.isnan(value) else f"{value:.9g}"


def describe(context):
    """What a reader must know of where a result comes from."""
    keys = ("gpu", "cpu", "commit", "date", "command")
    found = [(key, context[key]) for key in keys if context.get(key)]
    found += [(k, v) for k, v in context.items() if k.endswith("/s") or k == "libraries"]
    return found
