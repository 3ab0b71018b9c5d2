"""Parts of scripts/gpu_check: the test programs of the kernels, and some under compute-sanitizer."""

import re
from concurrent.futures import ThreadPoolExecutor, as_completed

from . import machine, process
from .gpu_report import FAILED, NOT_RUN, OK, SKIPPED, UNFINISHED, row
from .gtest_output import TestOutput

# What all messages of one program may take in the report, and the least of each.
_ROOM, _LEAST = 30000, 400
# Where memcheck begins: the kernels that count their own way through memory most.
FIRST = ("depthwise_test", "pointwise_test", "conv_test")
_OTHER_TOOLS = ("racecheck", "synccheck", "initcheck")
_FOUND = 99  # the exit code that is asked of it for errors


def in_parallel(jobs, work, items):
    """Results as they come. Whoever stops listening waits for nobody."""
    pool = ThreadPoolExecutor(jobs)
    try:
        for future in as_completed([pool.submit(work, item) for item in items]):
            yield future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _room_for(messages):
    each = max(_LEAST, _ROOM // max(len(messages), 1))
    return {name: process.trimmed(text, each) for name, text in messages.items()}


def _some(names, most=6):
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _judge(name, ended, had_its_time, filtered):
    """`had_its_time`: as much as a program ever gets."""
    found = TestOutput(ended.out)
    where = f" in {found.open}" if found.open else ""
    messages = _room_for(found.failed)
    passed = f"{found.passed} passed"
    if ended.code is None:
        hangs = had_its_time or ended.left_behind or set(found.failed) - {found.open}
        verdict = FAILED if hangs else UNFINISHED
        return row(name, verdict, f"{ended.why}{where}; {passed}", messages)
    no_device = next((x for x in ended.out.splitlines() if "no device to test on" in x), "")
    if no_device:
        return row(name, FAILED, no_device)
    if ended.code < 0 or (ended.code != 0 and not found.failed):
        said = process.last_line(ended.out + ended.err)
        messages = messages or {"output": process.trimmed(ended.out + ended.err)}
        return row(name, FAILED, f"{ended.why}{where}: {said}", messages)
    if found.failed:
        return row(name, FAILED, f"{_some(found.failed)}; {passed}", messages)
    if found.skipped:
        why = next(iter(found.skipped.values()))
        detail = f"{passed}, {len(found.skipped)} skipped: {why}"
        return row(name, SKIPPED, detail, _room_for(found.skipped))
    if found.passed == 0 and not filtered:
        return row(name, FAILED, "ran no test", {"output": process.trimmed(ended.out)})
    return row(name, OK, passed)


def _run(job, program, seconds, prefix=(), environment=None):
    command = [*prefix, program, "--gtest_color=no", f"--gtest_filter={job.options.filter}"]
    return process.run(
        command, seconds, {**job.built.environment, **(environment or {})}, merged=True
    )


def tests(job):
    """The test programs of the kernels on the GPU."""
    limit = job.clock.total / 3

    def one(program):
        seconds = min(limit, job.clock.left)
        if seconds < 1:
            return row(program.name, NOT_RUN, "no time left")
        ended = _run(job, program, seconds)
        return _judge(program.name, ended, seconds == limit, job.options.filter != "*")

    if not job.built.tests:
        yield row("tests", UNFINISHED, f"{job.built.folder} has none"), None
    for one_row in in_parallel(4, one, job.built.tests):
        yield one_row, None


def _first_error(output):
    lines = (x[10:] for x in output.splitlines() if x.startswith("========= "))
    found = (x for x in lines if re.search(r"Invalid|Error|Race|Uninitialized|Barrier", x))
    return next(found, "")


def memcheck(job):
    """Three test programs under memcheck, without NVIDIA's libraries, which would take the time; if
    time is left, these under the other tools and the other programs under memcheck."""
    sanitizer = machine.cuda_tool("compute-sanitizer")
    if sanitizer is None:
        yield row("compute-sanitizer", NOT_RUN, "not installed here"), None
        return

    def one(item):
        tool, program = item
        name = f"{tool} {program.name}"
        prefix = [sanitizer, "--tool", tool, "--error-exitcode", _FOUND]
        ended = _run(job, program, job.clock.left, prefix, {"PARETINY_CUDA_LIBRARIES": "off"})
        if ended.code != _FOUND:
            return _judge(name, ended, False, job.options.filter != "*")
        counts = re.findall(r"(?:ERROR|RACECHECK) SUMMARY: (\d+)", ended.out)
        detail = f"{sum(map(int, counts))} errors. {_first_error(ended.out)}"
        return row(name, FAILED, detail, {"output": process.trimmed(ended.out)})

    first = [p for p in job.built.tests if p.name in FIRST]
    for one_row in in_parallel(len(FIRST), one, [("memcheck", p) for p in first]):
        yield one_row, None
    more = [(tool, p) for tool in _OTHER_TOOLS for p in first]
    more += [("memcheck", p) for p in job.built.tests if p not in first]

    def one_more(item):
        """Nothing where its time did not suffice, which was not promised."""
        found = one(item) if job.clock.left > 10 else None
        return None if found is None or found["verdict"] == UNFINISHED else found

    for one_row in in_parallel(4, one_more, more):
        if one_row is not None:
            yield one_row, None
