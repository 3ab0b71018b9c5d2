"""Whether there is a GPU that works, and which: asked by the program gpu_probe, one kernel."""

import json
import os
import time

from . import process
from .errors import NO_GPU, USAGE, Failure

PROGRAM = "gpu_probe"
# Seconds for the first answer, for which a driver may have to start, and for later ones.
FIRST, LATER = 60, 20
_VISIBLE = "CUDA_VISIBLE_DEVICES"


class Answer:
    def __init__(self, code, why, facts):
        self.code = code
        self.why = why  # one sentence; "" when it works
        self.facts = facts  # of a GPU that works: what gpu_probe prints

    @property
    def works(self):
        return not self.why

    @property
    def no_gpu(self):
        return self.code == NO_GPU

    @property
    def free_gib(self):
        """Memory that can be allocated, None where the GPU says nothing."""
        free = self.facts.get("free_bytes")
        return free / 2**30 if isinstance(free, int) else None


def ask(built, seconds=FIRST):
    ended = process.run([built.program(PROGRAM)], seconds, built.environment)
    if ended.code == 0:
        try:
            facts = json.loads(ended.out)
        except ValueError:
            facts = None
        if isinstance(facts, dict):
            return Answer(0, "", facts)
        return Answer(0, f"{PROGRAM} prints no JSON: {process.trimmed(ended.out, 100)}", {})
    why = process.last_line(ended.err) or ended.why
    if ended.code != NO_GPU:
        why = f"{PROGRAM}: {why}"
    if _VISIBLE in os.environ:
        why += f" ({_VISIBLE} is '{os.environ[_VISIBLE]}')"
    return Answer(ended.code, why, {})


def is_lost(built, pause=2):
    """Why the GPU answers no more, asked twice; "" when it does."""
    if ask(built, LATER).works:
        return ""
    time.sleep(pause)
    return ask(built, LATER).why


def choose(index):
    """Lets programs see one GPU alone: the one of this index among those that may be seen."""
    seen = os.environ.get(_VISIBLE)
    chosen = str(index)
    if seen is not None:
        names = [name.strip() for name in seen.split(",") if name.strip()]
        if index >= len(names):
            raise Failure(f"--gpu={index}: {_VISIBLE} shows {len(names)} ('{seen}')", USAGE)
        chosen = names[index]
    os.environ[_VISIBLE] = chosen
    # As nvidia-smi counts them, not the fastest first.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")


def held_by_others(facts):
    """A sentence where others hold much of the memory, else ""."""
    free, total = facts.get("free_bytes"), facts.get("memory_bytes")
    if not isinstance(free, int) or not isinstance(total, int):
        return ""
    own = 2 << 30  # what a context and the libraries may take, generously
    if total - free <= own:
        return ""
    return (
        f"other programs hold {(total - free) / 2**30:.1f} of {total / 2**30:.1f} GiB of the GPU's "
        "memory: times are not to be trusted"
    )
