"""The parts of scripts/gpu_check. Each gives rows (what, verdict, detail) within its time."""

import os
import re
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from . import machine, packed, process, programs
from .errors import NO_GPU, Failure
from .results import OURS, plain_name

OK, FAILED, UNFINISHED = "ok", "FAILED", "unfinished"


class Clock:
    """Seconds that are left of a part."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    @property
    def left(self):
        return max(self.end - time.monotonic(), 0)


def run(command, environment, clock):
    """Exit code (None when its time was up) and all it said."""
    if clock.left < 1:
        return None, ""
    ended = process.run(command, clock.left, environment)
    return ended.code, ended.out + ended.err


def in_parallel(jobs, work, items):
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(work, items))


def _failures(output):
    """Names of the tests that failed, and how many passed."""
    failed = re.findall(r"^\[  FAILED  \] (\S+)(?:,| \()", output, re.MULTILINE)
    passed = len(re.findall(r"^\[       OK \]", output, re.MULTILINE))
    return list(dict.fromkeys(failed)), passed


def _no_device(output):
    """Whether a test program skipped everything because it could not use the GPU."""
    return next((x for x in output.splitlines() if "no device to test on" in x), "")


def _last(output):
    lines = output.strip().splitlines()
    return lines[-1][:200] if lines else ""


def tests(built, clock, options):
    """The test programs of the kernels on the GPU."""

    def one(program):
        command = [program, "--gtest_color=no", f"--gtest_filter={options.filter}"]
        code, output = run(command, built.environment, clock)
        failed, passed = _failures(output)
        if code is None:
            return program.name, UNFINISHED, f"{passed} passed before its time was up"
        if code != 0 or failed:
            return program.name, FAILED, ", ".join(failed) or f"exit code {code}: {_last(output)}"
        if reason := _no_device(output):
            return program.name, FAILED, reason
        return program.name, OK, f"{passed} passed"

    return in_parallel(4, one, built.tests), []


_TOOLS = ("memcheck", "racecheck", "initcheck", "synccheck")
_FOUND = 99


def compute_sanitizer():
    places = [shutil.which("compute-sanitizer") or ""]
    for home in filter(None, (os.environ.get("CUDA_HOME"), "/usr/local/cuda", "/opt/cuda")):
        places += [f"{home}/bin/compute-sanitizer", f"{home}/compute-sanitizer/compute-sanitizer"]
    return next((p for p in places if p and os.access(p, os.X_OK)), None)


def sanitize(built, clock, options):
    """Every test program, whose shapes are small, under each tool of compute-sanitizer."""
    tool = compute_sanitizer()
    if tool is None:
        return [("compute-sanitizer", UNFINISHED, "not installed here")], []
    rows = []
    for i, name in enumerate(_TOOLS):
        own = Clock(clock.left / (len(_TOOLS) - i))

        def one(program, name=name, own=own):
            command = [
                tool,
                "--tool",
                name,
                "--error-exitcode",
                str(_FOUND),
                program,
                "--gtest_color=no",
                f"--gtest_filter={options.filter}",
            ]
            code, output = run(command, built.environment, own)
            errors = re.findall(r"ERROR SUMMARY: (\d+)|RACECHECK SUMMARY: (\d+)", output)
            if code is None:
                verdict, detail = UNFINISHED, "its time was up"
            elif code == 0:
                detail = _no_device(output)
                verdict = FAILED if detail else OK
            else:
                first = next(
                    (
                        x
                        for x in output.splitlines()
                        if x.startswith("========= ")
                        and re.search(r"Invalid|Error|Race|Uninitialized|Barrier", x)
                    ),
                    "",
                )
                detail = first[10:200] or _last(output)
                verdict = FAILED
            count = sum(int(a or b) for a, b in errors)
            return (
                f"{name} {program.name}",
                verdict,
                f"{count} errors. {detail}" if count else detail,
            )

        rows += in_parallel(8, one, built.tests)
    return rows, []


# Shares of the time that the programs get, in their order; the rest share what is left.
_SHARES = {"conv": 0.5, "train": 0.4, "ops": 0.5, "int8": 0.5, "search": 0.8}


def bench(built, clock, options):
    """All benchmarks; each program skips what its time is too short for."""
    rows, entries = [], []
    order = list(_SHARES)
    for program in sorted(
        built.benchmarks,
        key=lambda p: order.index(g) if (g := programs.group_of(p)) in order else len(order),
    ):
        group = programs.group_of(program)
        seconds = clock.left * _SHARES.get(group, 0.5)
        if seconds < 5:
            rows.append((program.name, UNFINISHED, "no time left"))
            continue
        arguments = [f"--budget={seconds:.0f}"]
        if group == "train" and options.data:
            arguments.append(f"--data={options.data}")
        if group == "search":
            arguments.append(f"--experiment={machine.ROOT / 'examples/demo.toml'}")
        outcome = programs.run(
            program,
            "",
            options.repetitions,
            arguments,
            min(seconds + 20, clock.left),
            built.environment,
            True,
        )
        rows.append(_judge(outcome))
        entries.append(outcome)
    return rows, entries


def _judge(outcome):
    found = (outcome.document or {}).get("benchmarks", [])
    errors = [e for e in found if e.get("error_occurred")]
    late = sum("time budget" in e.get("error_message", "") for e in errors)
    # A peer that cannot do a shape says nothing of us.
    broken = [e for e in errors if "time budget" not in e.get("error_message", "")]
    ours = [e for e in broken if plain_name(e["name"]).endswith("/" + OURS)]
    text = f"{len(found) - len(errors)} measured"
    if broken:
        first = (ours or broken)[0]
        text += f", {len(broken)} could not: {plain_name(first['name'])}: {first['error_message']}"
    if late:
        text += f", {late} for want of time not"
    if outcome.code not in (0, None):
        return outcome.program, FAILED, f"exit code {outcome.code}: {outcome.message}; {text}"
    if outcome.code is None or late:
        late_text = outcome.message + "; " if outcome.code is None else ""
        return outcome.program, FAILED if ours else UNFINISHED, late_text + text
    return outcome.program, FAILED if ours else OK, text


def peers(built, clock, options):
    """The same in PyTorch, where a Python that has it is given or running this."""
    python = options.python or sys.executable
    code, _ = run([python, "-c", "import torch"], None, clock)
    if code != 0:
        return [("PyTorch", UNFINISHED, f"{python} cannot import torch")], []
    rows, entries = [], []
    folder = machine.ROOT / "bench/peers"
    names = []
    for program in built.benchmarks:
        if programs.group_of(program) == "conv":
            listed = programs.names(program, "wise/.*/bf16/.*/paretiny", built.environment)
            names = list(map(plain_name, listed))
    for script, share in (("train_peer.py", 0.6), ("kernels_peer.py", 1.0)):
        seconds = clock.left * share
        command = [python, folder / script, f"--budget={seconds - 10:.0f}"]
        if script == "kernels_peer.py":
            command.append("--names=-")
        elif options.data:
            command.append(f"--data={options.data}")
        outcome = programs.run_peer(command, "\n".join(names), min(seconds, clock.left))
        rows.append(_judge(outcome))
        entries.append(outcome)
    return rows, entries


PARTS = {"tests": tests, "sanitize": sanitize, "bench": bench, "peers": peers}


def no_gpu(built):
    """Why there is no GPU to check; "" when there is one. Throws Failure when nothing starts."""
    program = built.benchmarks[0]
    code, output = run([program, "--benchmark_filter=^$"], built.environment, Clock(60))
    if code == NO_GPU:
        return _last(output)
    if code != 0:
        raise Failure(f"{program} does not start: {_last(output) or code}")
    return ""


def build(folder, log, clock):
    """Builds what the parts need into `folder` for the GPUs of this machine; whether it worked."""
    benches = [f.stem for f in (machine.ROOT / "bench/cuda").glob("cuda_*_bench.cpp")]
    configure = ["cmake", "-S", machine.ROOT, "-B", folder, "-Wno-dev", "-DPARETINY_CUDA=ON"]
    if shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    if architecture := machine.architecture():
        configure.append(f"-DCMAKE_CUDA_ARCHITECTURES={architecture}")
    compile_all = ["cmake", "--build", folder, "--parallel", os.cpu_count(), "--target"]
    steps = [configure, [*compile_all, *benches, *packed.gpu_tests()]]
    for step in steps:
        code, output = run(step, None, clock)
        log.write(output)
        if code != 0:
            return False
    return True
