"""Where and from what a result comes."""

import glob
import os
import platform
import re
import shutil
from datetime import datetime, timezone
from pathlib import Path

from . import process

ROOT = Path(__file__).resolve().parents[2]
# Seconds for an answer: a driver that has died gives none.
_PATIENCE = 20


def _output(*command):
    ended = process.run(command, _PATIENCE)
    return ended.out.strip() if ended.code == 0 else ""


def cpu():
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    model = re.search(r"model name\s*: (.*)", text)
    name = model.group(1) if model else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} threads"


def _ask_driver(what):
    """A property of the first GPU that programs may see, "" without one."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    choice = [] if seen is None else ["--id", seen.split(",")[0]]
    answers = _output("nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader", *choice)
    return answers.splitlines()[0].strip() if answers else ""


def gpu():
    return _ask_driver("name")


def driver():
    return _ask_driver("driver_version")


def architecture():
    """The GPU's as CMake names it, with Hopper's own instructions: "90a-real"; "" without a GPU."""
    capability = _ask_driver("compute_cap").replace(".", "")
    return {"": "", "90": "90a-real"}.get(capability, f"{capability}-real")


def cuda_tool(name):
    """Path of a program of the toolkit, such as compute-sanitizer or ncu; None where it is not."""
    places = [shutil.which(name) or ""]
    for home in filter(None, (os.environ.get("CUDA_HOME"), "/usr/local/cuda", "/opt/cuda")):
        places += [f"{home}/bin/{name}", f"{home}/{name}/{name}"]
        places += sorted(glob.glob(f"{home}/nsight-compute*/{name}"))
    places += sorted(glob.glob(f"/opt/nvidia/nsight-compute/*/{name}"))
    return next((p for p in places if p and os.access(p, os.X_OK)), None)


def commit():
    """Short hash, "+" behind it when tracked files differ; "" outside a checkout."""
    short = _output("git", "-C", ROOT, "rev-parse", "--short", "HEAD")
    changed = short and _output("git", "-C", ROOT, "status", "--porcelain", "-uno")
    return short + ("+" if changed else "")


def tree_bytes(without):
    """Bytes of the files that travel with the tree: those that git knows or does not ignore, less
    the folder `without`."""
    names = _output("git", "-C", ROOT, "ls-files", "-z", "-co", "--exclude-standard").split("\0")
    files = [ROOT / name for name in names if name]
    travelling = (f for f in files if Path(without).resolve() not in f.parents)
    return sum(f.lstat().st_size for f in travelling if f.exists())


def context(command):
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "host_name": platform.node(),
        "cpu": cpu(),
        "gpu": gpu(),
        "driver": driver(),
        "commit": commit(),
        "command": command,
    }
