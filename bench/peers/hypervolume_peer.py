#!/usr/bin/env python3
"""moocore (the reference implementations of Fonseca, Guerreiro, Lopez-Ibanez, Paquete and others)
at the points of hypervolume_bench, which it runs as well: a table of both with the ratio.

  bench/peers/hypervolume_peer.py [--program=build/bin/hypervolume_bench] [--filter=hypervolume/4]

Times are processor time of one thread. moocore's are those of its Python functions, of which the
row `call` is the least. Fails where the two disagree on a hypervolume.
"""

import argparse
import math
import os
import re
import sys
import time
from pathlib import Path

import moocore
import numpy

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.tools import machine, process, programs, report, results, table  # noqa: E402

_NAME = re.compile(r"^(?P<op>hypervolume|contributions)/(?P<m>\d+)/(?P<n>\d+)/paretiny$")
_IMPROVEMENT = re.compile(r"^improvement/(?P<m>\d+)/(?P<n>\d+)/paretiny$")
_PRIMES = (2, 3, 5, 7, 11, 13)
_FRONT = 100


def sequence(first, n, objectives):
    """As in hypervolume_bench."""
    multiples = numpy.outer(numpy.arange(first, first + n), numpy.sqrt(_PRIMES[:objectives]))
    return multiples - numpy.floor(multiples)


def front(n, objectives):
    points = sequence(1, n, objectives)
    return 1 - points / numpy.sqrt((points * points).sum(axis=1, keepdims=True))


def entries_of(name, call, repetitions):
    """Google Benchmark's: a mean over at least 20 ms each."""
    began = time.process_time()
    call()
    once = max(time.process_time() - began, 1e-7)
    count = max(1, math.ceil(0.02 / once))
    found = []
    for _ in range(repetitions):
        began = time.process_time()
        for _ in range(count):
            call()
        seconds = (time.process_time() - began) / count
        found.append({"name": name, "real_time": seconds, "time_unit": "s"})
    return found


def one_by_one(objectives, n):
    """What each of n points adds to a front, as differences of hypervolumes."""
    others = front(_FRONT, objectives)
    points = sequence(_FRONT + 1, n, objectives)
    reference = numpy.full(objectives, 1.1)

    def call():
        before = moocore.hypervolume(others, ref=reference)
        return [
            moocore.hypervolume(numpy.vstack((others, point)), ref=reference) - before
            for point in points
        ]

    return call


def call_of(name):
    """What moocore does in the place of a benchmark of ours, None where there is nothing."""
    if match := _NAME.match(name):
        points = front(int(match["n"]), int(match["m"]))
        reference = numpy.full(int(match["m"]), 1.1)
        if match["op"] == "hypervolume":
            return lambda: moocore.hypervolume(points, ref=reference)
        return lambda: moocore.hv_contributions(points, ref=reference)
    if match := _IMPROVEMENT.match(name):
        return one_by_one(int(match["m"]), int(match["n"]))
    return None


def disagreements(found):
    for one in found.benchmarks.values():
        ours = one.counter("hypervolume")
        call = call_of(one.name)
        if call is not None and not math.isnan(ours) and abs(call() - ours) > 1e-12 * ours:
            yield f"{one.name}: {ours!r}, moocore {call()!r}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=programs.default_folder() / "hypervolume_bench")
    parser.add_argument("--filter", default="", help="regular expression on names")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    ours = programs.run(
        Path(options.program),
        options.filter,
        options.repetitions,
        environment=one_thread,
        quiet=True,
    )
    if ours.document is None:
        print(f"{options.program}: {ours.message}", file=sys.stderr)
        return 1
    for entry in ours.document["benchmarks"]:
        entry["real_time"] = entry.get("cpu_time")
    names = dict.fromkeys(results.plain_name(e["run_name"]) for e in ours.document["benchmarks"])
    single = numpy.zeros((1, 2))
    entries = entries_of("call/moocore", lambda: moocore.hypervolume(single, ref=(1, 1)), 5)
    for name in names:
        call = call_of(name)
        if call is not None:
            entries += entries_of(name.replace("paretiny", "moocore"), call, options.repetitions)
    peer = programs.Outcome("hypervolume_peer.py", process.Ended(0), {"benchmarks": entries})
    found = results.Results(programs.merge([ours, peer], machine.context("hypervolume_peer.py")))
    print(report.render(found, table.text), end="")
    wrong = list(disagreements(found))
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
