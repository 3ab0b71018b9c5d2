"""Parts of scripts/gpu_check that measure: benchmark programs, and the peers in PyTorch."""

import sys

from . import machine, process, programs
from .gpu_report import FAILED, NOT_RUN, OK, UNFINISHED, row
from .results import OURS, plain_name

# Filters of names. The layers of ResNet-18 scaled:
_RESNET = r"^conv/.*/bf16/512x(32x32x(3|48)_to(48|96)|16x16x96_to(96|192)|8x8x192_to192)_.*"
BESIDE_CUDNN = f"{_RESNET}/({OURS}|cudnn_nhwc)"
OWN_DENSE = f"{_RESNET}/{OURS}"
SUGGESTION = r"^suggestion/ars\+?/.*/150/"
SUGGESTION_ON_GPU = r"^suggestion/ars\+?/cuda.*/150/"
LAYERS = {
    "depthwise": f"^depthwise/.*/bf16/.*/({OURS}|cudnn_nhwc|cudnn_separate)",
    "pointwise": f"^pointwise/.*/bf16/.*/({OURS}|cublaslt|cublaslt_separate)",
}
VARIANTS = f"({_RESNET}|^depthwise/.*/bf16/.*)/variant_"
PEERS = f"wise/.*/bf16/.*/{OURS}"
_SPENT = "time budget"


def _judge(outcome, name=None):
    name = name or outcome.program
    found = (outcome.document or {}).get("benchmarks", [])
    errors = [e for e in found if e.get("error_occurred")]
    late = sum(_SPENT in e.get("error_message", "") for e in errors)
    # A peer that cannot do a shape says nothing of us.
    broken = [e for e in errors if _SPENT not in e.get("error_message", "")]
    ours = [e for e in broken if plain_name(e["name"]).endswith("/" + OURS)]
    text = f"{len(found) - len(errors)} measured"
    if broken:
        first = (ours or broken)[0]
        text += f", {len(broken)} could not: {plain_name(first['name'])}: {first['error_message']}"
    if late:
        text += f", {late} for want of time not"
    said = {"output": outcome.said} if outcome.said else {}
    if outcome.code is None:
        return row(name, FAILED if ours else UNFINISHED, f"{outcome.message}; {text}", said)
    if outcome.code != 0:
        message = outcome.message or "it says nothing"
        return row(name, FAILED, f"exit code {outcome.code}: {message}; {text}", said)
    if outcome.broken:
        return row(name, FAILED, f"its result breaks off; {text}", said)
    if ours:
        return row(name, FAILED, text, said)
    if late:
        return row(name, UNFINISHED, text)
    return row(name, OK if found else FAILED, text, {} if found else said)


def _measure(job, group, share, pattern="", name=None, arguments=(), more=()):
    """A row and an outcome of one run of the group's program, in a share of the time left; with
    `more` in its environment."""
    program = job.built.program(f"cuda_{group}_bench")
    name = name or program.name
    if not program.exists():
        return row(name, NOT_RUN, f"{job.built.folder} does not have {program.name}"), None
    seconds = job.clock.left * share
    if seconds < 2:
        return row(name, NOT_RUN, "no time left"), None
    outcome = programs.run(
        program,
        pattern,
        job.options.repetitions,
        [f"--budget={max(seconds / 2, seconds - 15):.1f}", *arguments],
        seconds,
        {**job.built.environment, **dict(more)},
        True,
    )
    return _judge(outcome, name), outcome


def _rename(outcome, ours, to):
    """Benchmarks of another environment go by another name."""
    if outcome is not None and outcome.document is not None:
        for entry in outcome.document["benchmarks"]:
            entry["name"] = entry["name"].replace(ours, to)


def dense(job):
    """The convolutions of ResNet-18: as a training step has them beside cuDNN's, then our own."""
    yield _measure(job, "conv", 0.6, BESIDE_CUDNN, "with cuDNN")
    off = {"PARETINY_CUDA_LIBRARIES": "off"}
    one, outcome = _measure(job, "conv", 1, OWN_DENSE, "our own", more=off)
    _rename(outcome, "/" + OURS, "/own")
    yield one, outcome


def suggestion(job):
    """One suggestion of ARS at 150 trials, on the GPU and on the CPU beside it."""
    yield _measure(job, "samplers", 1, SUGGESTION)


def layers(job):
    """Depthwise and pointwise convolutions, plain and fused."""
    for (op, pattern), share in zip(LAYERS.items(), (0.5, 1), strict=True):
        yield _measure(job, "conv", share, pattern, op)


def variants(job):
    """The rivals for kernels/core/cuda/variants.cu: ways to convolve in turns in one process, then
    suggestions with each way to launch."""
    yield _measure(job, "conv", 0.6, VARIANTS, "convolutions")
    for way, share in (("serial", 0.5), ("dependent", 1)):
        more = {"PARETINY_CUDA_VARIANTS": f"launch={way}"}
        name = f"suggestion, {way}"
        one, outcome = _measure(job, "samplers", share, SUGGESTION_ON_GPU, name, more=more)
        _rename(outcome, "suggestion/", f"suggestion_{way}/")
        yield one, outcome


def rest(job):
    """What the other parts leave out: training, the other ops, int8, a whole search."""
    experiment = f"--experiment={machine.ROOT / 'examples/demo.toml'}"
    data = [f"--data={job.options.data}"] if job.options.data else []
    yield _measure(job, "train", 0.3, arguments=data)
    yield _measure(job, "ops", 0.4)
    yield _measure(job, "int8", 0.4)
    yield _measure(job, "search", 0.7, arguments=[experiment])
    yield _measure(job, "samplers", 1)


def peers(job):
    """The same in PyTorch, eager and as graphs: compiling it could not be interrupted."""
    python = job.options.python or sys.executable
    ended = process.run([python, "-c", "import torch"], job.clock.left)
    if ended.code != 0:
        yield row("PyTorch", NOT_RUN, f"{python} cannot import torch"), None
        return
    program = job.built.program("cuda_conv_bench")
    listed = programs.names(program, PEERS, job.built.environment)
    folder = machine.ROOT / "bench/peers"
    data = [f"--data={job.options.data}"] if job.options.data else []
    for script, share, arguments in (
        ("train_peer.py", 0.6, ["--ways=eager,graphs", *data]),
        ("kernels_peer.py", 1, ["--names=-"]),
    ):
        seconds = job.clock.left * share
        budget = f"--budget={max(seconds / 2, seconds - 10):.1f}"
        command = [python, folder / script, budget, *arguments]
        outcome = programs.run_peer(command, "\n".join(map(plain_name, listed)), seconds)
        yield _judge(outcome), outcome
