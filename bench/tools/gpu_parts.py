"""The parts of scripts/gpu_check, in the order of what their results are worth, and running them."""

import os
import shutil
import time

from . import gpu_bench, gpu_probe, gpu_tests, gpu_train, machine, packed, process
from .errors import USAGE, Failure
from .gpu_report import FAILED, UNFINISHED, row


class Part:
    def __init__(self, work, share, gib):
        self.work = work  # a generator of rows, each with what a program measured or None
        self.share = share  # of the whole time; what a part leaves goes to the later ones
        self.gib = gib  # of GPU memory that it needs


PARTS = {
    "epoch": Part(gpu_train.epoch, 20, 4),
    "dense": Part(gpu_bench.dense, 30, 4),
    "tests": Part(gpu_tests.tests, 45, 2),
    "suggestion": Part(gpu_bench.suggestion, 10, 1),
    "layers": Part(gpu_bench.layers, 35, 4),
    "variants": Part(gpu_bench.variants, 25, 4),
    "peers": Part(gpu_bench.peers, 35, 8),
    "memcheck": Part(gpu_tests.memcheck, 25, 2),
    "profile": Part(gpu_train.profile, 15, 4),
    "rest": Part(gpu_bench.rest, 35, 4),
}
GROUPS = {
    "right": ("epoch", "dense", "tests"),
    "fast": ("suggestion", "layers", "variants", "peers", "memcheck", "profile"),
}


class Clock:
    """Seconds that are left of `total`."""

    def __init__(self, seconds):
        self.total = seconds
        self.end = time.monotonic() + seconds

    @property
    def left(self):
        return max(self.end - time.monotonic(), 0)


class Job:
    """What a part works with."""

    def __init__(self, built, clock, options):
        self.built, self.clock, self.options = built, clock, options


def chosen(names):
    """Parts by their names and those of groups, in the order of their worth; all without one."""
    wanted = set()
    for name in names or PARTS:
        if name not in PARTS and name not in GROUPS:
            known = ", ".join([*GROUPS, *PARTS])
            raise Failure(f"no part '{name}'; there are {known}", USAGE)
        wanted |= set(GROUPS.get(name, (name,)))
    return [part for part in PARTS if part in wanted]


def limits(given):
    """Seconds by part, of PART=SECONDS."""
    found = {}
    for text in given:
        part, _, seconds = text.partition("=")
        try:
            found[part] = float(seconds)
        except ValueError:
            raise Failure(f"--part-time={text}: PART=SECONDS is wanted", USAGE) from None
        if part not in PARTS or not found[part] > 0:
            raise Failure(f"--part-time={text}: no such part, or no time", USAGE)
    return found


def run_all(parts, built, clock, options, record, answer, say):
    """Runs parts one after another into the record. After one that failed the GPU is asked again:
    where it answers no more, the later ones are not run."""
    given = limits(options.part_time)
    for i, name in enumerate(parts):
        part = PARTS[name]
        ahead = sum(PARTS[p].share for p in parts[i:])
        seconds = min(given.get(name, clock.left * part.share / ahead), clock.left)
        began = time.monotonic()
        if seconds < 1:
            record.leave_out(name, "no time left")
            continue
        if answer.free_gib is not None and answer.free_gib < part.gib:
            free = f"{answer.free_gib:.1f} GiB of GPU memory are free, it needs {part.gib}"
            record.leave_out(name, free)
            continue
        say(f"{name}, up to {seconds:.0f} s")
        record.begin(name)
        try:
            for one, outcome in part.work(Job(built, Clock(seconds), options)):
                record.add(name, one, outcome)
        except Exception as error:  # a part that breaks must not take the later ones with it
            record.add(name, row(name, FAILED, f"{type(error).__name__}: {error}"))
        record.end(name, time.monotonic() - began)
        verdict = record.checks[name]["verdict"]
        say(f"{name}: {verdict}")
        if verdict not in (FAILED, UNFINISHED) or i + 1 == len(parts):
            continue
        if why := gpu_probe.is_lost(built):
            say(f"the GPU answers no more: {why}")
            for later in parts[i + 1 :]:
                record.leave_out(later, f"the GPU answers no more: {why}")
            return


def build(folder, log, clock):
    """Builds what the parts need into `folder` for the GPU of this machine; whether it worked."""
    benches = [f.stem for f in (machine.ROOT / "bench/cuda").glob("cuda_*_bench.cpp")]
    configure = ["cmake", "-S", machine.ROOT, "-B", folder, "-Wno-dev", "-DPARETINY_CUDA=ON"]
    if shutil.which("ninja"):
        configure += ["-G", "Ninja"]
    if architecture := machine.architecture():
        configure.append(f"-DCMAKE_CUDA_ARCHITECTURES={architecture}")
    compile_all = ["cmake", "--build", folder, "--parallel", os.cpu_count(), "--target"]
    targets = [*benches, *packed.TOOLS, *packed.gpu_tests()]
    for step in (configure, [*compile_all, *targets]):
        ended = process.run(step, clock.left, merged=True)
        log.write(ended.out)
        if ended.code != 0:
            return False
    return True
