"""Parts of scripts/gpu_check: epochs of ResNet-18 through the program `paretiny` itself, and what
Nsight Compute says of three kernels."""

import math
import random
import re
import statistics
import tempfile
from pathlib import Path

from . import machine, process, programs
from .gpu_report import FAILED, NOT_RUN, OK, UNFINISHED, row

_EPOCHS = 3  # the first one captures what the others replay
_EPOCH = re.compile(r"^epoch +\d+/\d+ +loss (\S+) .* (\S+) s$", re.MULTILINE)
_SETTINGS = {
    "dataset.validation": 0,
    "training.epochs": _EPOCHS,
    "training.batch": 512,
    "pruning.schedule": "none",
}


def made_cifar10(folder):
    """Files of CIFAR-10's form: 1000 images, ten times in each of them; a class is a pattern of
    coarse levels under noise."""
    draw = random.Random(1)
    levels, noise = int.from_bytes(b"\xe0" * 3072), int.from_bytes(b"\x1f" * 3072)
    patterns = [draw.getrandbits(8 * 3072) & levels for _ in range(10)]
    images = bytearray()
    for i in range(1000):
        image = patterns[i % 10] | (draw.getrandbits(8 * 3072) & noise)
        images += bytes([i % 10]) + image.to_bytes(3072)
    first = Path(folder) / "test_batch.bin"
    first.write_bytes(bytes(images) * 10)
    for i in range(1, 6):
        (Path(folder) / f"data_batch_{i}.bin").symlink_to(first)
    return folder


def epoch(job):
    """Three epochs of ResNet-18, with NVIDIA's libraries and without."""
    program = job.built.program("paretiny")
    if not program.exists():
        yield row("paretiny", NOT_RUN, f"{job.built.folder} does not have it; pack again"), None
        return
    with tempfile.TemporaryDirectory() as scratch:
        data, kind = job.options.data, "cifar10"
        if not data:
            data, kind = made_cifar10(scratch), "made"
        for libraries, who, share in (("on", "paretiny", 0.6), ("off", "own", 1)):
            settings = {**_SETTINGS, "dataset.path": Path(data).resolve()}
            command = [program, "train", machine.ROOT / "examples/cifar10_resnet18.toml"]
            command += ["--device", "cuda"]
            for key, value in settings.items():
                command += ["--set", f"{key}={value}"]
            environment = {**job.built.environment, "PARETINY_CUDA_LIBRARIES": libraries}
            ended = process.run(command, job.clock.left * share, environment, merged=True)
            yield _judge_epochs(ended, f"epoch/bf16/resnet18_{kind}_batch512/{who}", libraries)


def _judge_epochs(ended, name, libraries):
    what = f"libraries {libraries}"
    said = {"output": process.trimmed(ended.out)}
    found = [(float(loss), float(s)) for loss, s in _EPOCH.findall(ended.out)]
    if ended.code != 0:
        why = process.last_line(ended.out + ended.err) or "it says nothing"
        return row(what, FAILED, f"{ended.why} after {len(found)} epochs: {why}", said), None
    if len(found) != _EPOCHS or not all(math.isfinite(loss) for loss, _ in found):
        losses = ", ".join(f"{loss:g}" for loss, _ in found) or "none"
        return row(what, FAILED, f"of {_EPOCHS} epochs the losses are {losses}", said), None
    seconds = [s for _, s in found]
    median = statistics.median(seconds[1:])
    entry = {
        "name": name,
        "run_type": "iteration",
        "real_time": median,
        "time_unit": "s",
        "first_epoch_s": seconds[0],
        "loss": found[-1][0],
    }
    detail = f"{median:.2f} s an epoch, the first {seconds[0]:.2f} s; loss {found[-1][0]:g}"
    return row(what, OK, detail, said), programs.Outcome("paretiny", ended, {"benchmarks": [entry]})


_SECTIONS = ("SpeedOfLight", "MemoryWorkloadAnalysis", "Occupancy", "SchedulerStats", "LaunchStats")
# What, the kernel's name, the benchmark that launches it.
PROFILED = (
    ("depthwise", "correlate_kernel", "depthwise/forward/bf16/512x16x16x96_k3_s1/paretiny"),
    ("pointwise", "pixel_kernel", "pointwise/forward/bf16/1024x32x32x24_to88/paretiny"),
    ("dense", "gather_kernel", "conv/forward/bf16/512x32x32x48_to48_k3_s1/paretiny"),
)


def profile(job):
    """Three kernels under Nsight Compute, at the clock that they are measured at."""
    ncu = machine.cuda_tool("ncu")
    if ncu is None:
        yield row("ncu", NOT_RUN, "not installed here"), None
        return
    sections = [word for name in _SECTIONS for word in ("--section", name)]
    for i, (what, kernel, benchmark) in enumerate(PROFILED):
        command = [ncu, "--clock-control", "none", *sections]
        command += ["--kernel-name", f"regex:^{kernel}$", "--launch-count", 1]
        command += [job.built.program("cuda_conv_bench"), f"--benchmark_filter=^{benchmark}"]
        environment = {**job.built.environment, "PARETINY_CUDA_LIBRARIES": "off"}
        seconds = job.clock.left / (len(PROFILED) - i)
        ended = process.run(command, seconds, environment, merged=True)
        said = {"ncu": process.trimmed(ended.out, 12000)}
        if ended.code == 0 and "No kernels were profiled" not in ended.out:
            yield row(what, OK, kernel, said), None
        else:
            why = next((x for x in ended.out.splitlines() if "ERROR" in x), "")
            yield row(what, UNFINISHED, why or f"{ended.why}, no {kernel} profiled", said), None
