"""Where and from what a result comes."""

import os
import platform
import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _output(*command):
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def cpu():
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    model = re.search(r"model name\s*: (.*)", text)
    name = model.group(1) if model else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} threads"


def _ask_driver(what):
    """A property of the first GPU, "" without one."""
    answers = _output("nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader")
    return answers.splitlines()[0].strip() if answers else ""


def gpu():
    return _ask_driver("name")


def driver():
    return _ask_driver("driver_version")


def architecture():
    """The GPU's as CMake names it, with Hopper's own instructions: "90a-real"; "" without a GPU."""
    capability = _ask_driver("compute_cap").replace(".", "")
    return {"": "", "90": "90a-real"}.get(capability, f"{capability}-real")


def commit():
    """Short hash, "+" behind it when tracked files differ; "" outside a checkout."""
    short = _output("git", "rev-parse", "--short", "HEAD")
    return short + ("+" if short and _output("git", "status", "--porcelain", "-uno") else "")


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
