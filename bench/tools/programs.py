"""The benchmark programs: which there are, what they hold, and running them."""

import json
import math
import os
import tempfile
from pathlib import Path

from . import machine, process
from .errors import NO_GPU, USAGE, Failure
from .results import is_entry, parse_partial

KERNELS = ("conv", "ops")
# Seconds that a program has to say which benchmarks it holds.
_LISTING = 60


def default_folder():
    return machine.ROOT / os.environ.get("PARETINY_BUILD", "build") / "bin"


def group_of(program):
    """ "train" for train_bench and cuda_train_bench."""
    return program.name.removesuffix("_bench").removeprefix("cuda_")


def find(folder, groups=()):
    """Programs of the groups (all without one), by name. A group is that of group_of, `kernels`
    (conv and ops), or a program's own name."""
    programs = sorted(p for p in Path(folder).glob("*_bench") if os.access(p, os.X_OK))
    if not programs:
        raise Failure(f"{folder} holds no benchmarks; build them with scripts/build", USAGE)
    known = sorted({group_of(p) for p in programs} | {"kernels"})
    chosen = []
    for group in groups:
        names = KERNELS if group == "kernels" else (group,)
        some = [p for p in programs if group_of(p) in names or p.name == group]
        if not some:
            raise Failure(f"no group or program '{group}'; there are {', '.join(known)}", USAGE)
        chosen += [p for p in some if p not in chosen]
    return chosen if groups else programs


def names(program, pattern="", environment=None):
    """What a program would run."""
    arguments = [str(program), "--benchmark_list_tests=true"]
    if pattern:
        arguments.append(f"--benchmark_filter={pattern}")
    ended = process.run(arguments, _LISTING, environment)
    if ended.code != 0:
        why = process.last_line(ended.err) or ended.why
        raise Failure(f"{program} does not start: {why}")
    return [line for line in ended.out.splitlines() if line and " " not in line]


class Outcome:
    def __init__(self, program, ended, document, broken=False):
        self.program = program
        self.document = document  # Google Benchmark's, None without any
        self.broken = broken  # whether what it wrote breaks off
        self.code = ended.code
        self.said = process.trimmed(ended.err or ended.out)
        self.message = process.last_line(ended.err)
        if ended.code is None or ended.code < 0:
            self.message = ended.why

    @property
    def no_gpu(self):
        return self.code == NO_GPU


def run(
    program, pattern="", repetitions=5, arguments=(), timeout=None, environment=None, quiet=False
):
    """Runs one program; its own table goes to standard error unless `quiet`. After `timeout`
    seconds it is ended, and what it wrote until then counts."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [
            program,
            f"--benchmark_out={out}",
            "--benchmark_out_format=json",
            f"--benchmark_repetitions={repetitions}",
            "--benchmark_display_aggregates_only=true",
        ]
        if pattern:
            command.append(f"--benchmark_filter={pattern}")
        ended = process.run([*command, *arguments], timeout, environment, shown=not quiet)
        text = out.read_text(encoding="utf-8", errors="replace") if out.exists() else ""
    return Outcome(program.name, ended, *parse_partial(text))


def run_peer(command, given, timeout):
    """Runs a program of bench/peers, which prints an entry a line; `given` is its input."""
    ended = process.run(command, timeout, given=given)
    entries = []
    for line in ended.out.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # the last line of one that was stopped
        if is_entry(entry):
            entries.append(entry)
    return Outcome(Path(command[1]).name, ended, {"benchmarks": entries})


def merge(outcomes, context):
    """One document of many: each entry says which program it comes from."""
    merged = {"context": dict(context), "benchmarks": []}
    for outcome in outcomes:
        if outcome.document is None:
            continue
        for key, value in outcome.document.get("context", {}).items():
            merged["context"].setdefault(key, value)
        for entry in outcome.document.get("benchmarks", []):
            merged["benchmarks"].append({**entry, "program": outcome.program})
    return merged


def _standard(value):
    """The value as JSON has it: a number that is none becomes null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _standard(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_standard(one) for one in value]
    return value


def as_text(document):
    return json.dumps(_standard(document), indent=1) + "\n"


def write(document, path):
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(as_text(document), encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}") from error
