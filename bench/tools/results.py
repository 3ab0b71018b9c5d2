"""Results in Google Benchmark's JSON format, and what is read off them."""

import json
import math
import re
import statistics

from .errors import Failure

OURS = "paretiny"
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
# What Google Benchmark appends to a name.
_SUFFIX = re.compile(
    r"/(iterations:\d+|repeats:\d+|manual_time|real_time|process_time|threads:\d+)"
)
# Where a benchmark says what share of its floor it reached, the first there is.
_SHARES = ("share_of_floor", "bf16_floor", "share")
_FIXED = {
    "name", "run_name", "run_type", "repetitions", "repetition_index", "threads", "iterations",
    "real_time", "cpu_time", "time_unit", "family_index", "per_family_instance_index", "label",
    "error_occurred", "error_message", "aggregate_name", "aggregate_unit",
}  # fmt: skip


class Benchmark:
    """One name with the times of its repetitions, in seconds."""

    def __init__(self, name):
        self.name = name
        self.times = []
        self.entries = []
        self.error = ""

    @property
    def median(self):
        return statistics.median(self.times) if self.times else math.nan

    @property
    def spread(self):
        """Half the range of the middle half, over the median."""
        if len(self.times) < 4:
            return math.nan
        low, _, high = statistics.quantiles(self.times, n=4)
        return (high - low) / 2 / self.median

    def counter(self, name):
        """Median of a counter over the repetitions; NaN where there is none."""
        values = [e[name] for e in self.entries if isinstance(e.get(name), (int, float))]
        return statistics.median(values) if values else math.nan

    @property
    def counters(self):
        names = {k for e in self.entries for k, v in e.items() if isinstance(v, (int, float))}
        return sorted(names - _FIXED)

    @property
    def share_of_floor(self):
        for name in _SHARES:
            if not math.isnan(value := self.counter(name)):
                return value
        return math.nan

    @property
    def shape(self):
        """The name without its last part, which tells who computed it."""
        return self.name.rpartition("/")[0]

    @property
    def who(self):
        return self.name.rpartition("/")[2]


def plain_name(name):
    return _SUFFIX.sub("", name)


class Results:
    """A result file: `context`, and benchmarks by name in the file's order."""

    def __init__(self, document):
        self.context = document.get("context", {})
        self.benchmarks = {}
        for entry in document["benchmarks"]:
            if entry.get("run_type", "iteration") != "iteration":
                continue
            name = plain_name(entry["name"])
            one = self.benchmarks.setdefault(name, Benchmark(name))
            if entry.get("error_occurred"):
                one.error = entry.get("error_message", "failed")
            elif not isinstance(entry.get("real_time"), (int, float)):
                one.error = "its time is no number"
            else:
                one.times.append(entry["real_time"] * _SECONDS[entry.get("time_unit", "ns")])
                one.entries.append(entry)

    @property
    def repetitions(self):
        return min((len(b.times) for b in self.benchmarks.values() if b.times), default=0)

    def peers(self, one):
        """The others of a benchmark of ours at the same shape, as (who, their time over ours). The
        programs of the CPU measure oneDNN themselves, and say the ratio as a counter."""
        if one.who != OURS:
            ratio = one.counter("onednn")
            return [] if math.isnan(ratio) else [("onednn", ratio)]
        return [
            (other.who, other.median / one.median)
            for other in self.benchmarks.values()
            if other.shape == one.shape and other is not one and other.times and one.times
        ]


def load(path):
    """Throws Failure for a file that cannot be read or is no result."""
    try:
        with open(path, encoding="utf-8") as file:
            return Results(json.load(file))
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(f"{path} is no result of a benchmark (Google Benchmark's JSON)") from error


def is_entry(value):
    return isinstance(value, dict) and isinstance(value.get("name"), str)


def parse_partial(text):
    """A document and whether it breaks off, because its program was stopped while it wrote: then it
    goes up to its last whole entry. None when there is not even a beginning."""
    document = _parsed(text)
    if document is not None:
        return document, False
    for match in reversed(list(re.finditer(r"\n    \}", text))):
        document = _parsed(text[: match.end()] + "]}")
        if document is not None:
            return document, True
    return None, bool(text)


def _parsed(text):
    try:
        document = json.loads(text)
    except ValueError:
        return None
    entries = document.get("benchmarks") if isinstance(document, dict) else None
    return document if isinstance(entries, list) and all(map(is_entry, entries)) else None


def geomean(values):
    values = [v for v in values if v > 0 and math.isfinite(v)]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else math.nan
