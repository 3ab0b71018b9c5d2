"""A folder of made programs in place of those that a GPU runs, to rehearse scripts/gpu_check with."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from . import machine

SCRIPT = machine.ROOT / "scripts/gpu_check"
# What decides for gpu_check, and must not come from whoever rehearses.
_OTHERS = ("CUDA_VISIBLE_DEVICES", "PARETINY_SHARED")

_HEAD = f"""#!{sys.executable}
import json, os, signal, subprocess, sys, time
options = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
def begin(name):
    print(f"[ RUN      ] {{name}}", flush=True)
def end(name, how="      OK"):
    print(f"[ {{how}} ] {{name}} (1 ms)", flush=True)
def one(name):
    begin(name), end(name)
"""

PROBE = """
if os.path.exists(os.path.join(os.path.dirname(sys.argv[0]), "dead")):
    sys.exit(print("CUDA: the device is gone", file=sys.stderr) or 1)
print(json.dumps({"gpu": "Made GPU", "features": "compute capability 0.0",
                  "memory_bytes": 80 << 30, "free_bytes": 79 << 30, "libraries": "none"}))
"""

BENCH = """
shape = "/bf16/512x32x32x48_to48_k3_s1/"
if "benchmark_list_tests" in options:
    sys.exit(print("depthwise/forward/bf16/1x4x4x8_k3_s1/paretiny/iterations:1/manual_time"))
float(options["budget"])
entries = [{"name": op + shape + who, "real_time": time, "run_type": "iteration",
            "time_unit": "us", "share_of_floor": 0.5}
           for op in ("conv/forward", "depthwise/forward")
           for who, time in (("paretiny", 2.0), ("cudnn_nhwc", 5.0))]
entries.append({"name": "conv/forward/bf16/x/cudnn_nhwc", "run_type": "iteration",
                "error_occurred": True, "error_message": "no algorithm"})
text = json.dumps({"context": {"copy GB/s": "1.0"}, "benchmarks": entries}, indent=2)
open(options["benchmark_out"], "w").write(text)
"""
BROKEN_JSON = BENCH.replace(".write(text)", ".write(text[:-120])")

TRAIN = """
for i in (1, 2, 3):
    print(f"epoch   {i}/3  loss 2.{i}000  train 10.00 %  validation -  sparsity 0.000  "
          f"rate 0.1000  99 samples/s  0.5{i} s")
"""

PASSES = 'one("Sum.IsRight")'
BAD_TESTS = {
    "fails_test": """
begin("Sum.IsRight"), print("sum.cpp:7: Failure, 4 is 5"), end("Sum.IsRight", " FAILED ")
one("Sum.Is")
sys.exit(1)
""",
    "hangs_test": 'one("Wait.Once"), begin("Wait.ForEver"), time.sleep(40)',
    "ignores_test": """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
begin("Wait.Deaf"), time.sleep(40)
""",
    "talks_test": """
begin("Talk.Much"), print("the head"), print("x" * (1 << 20)), print("the tail")
end("Talk.Much", " FAILED ")
sys.exit(1)
""",
    "dies_test": """
begin("Die.Young"), print("about to", flush=True)
os.kill(os.getpid(), signal.SIGSEGV)
""",
    "orphan_test": """
one("Leave.AChild")
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(40)"])
""",
    "skips_test": """
begin("Golden.Vectors"), print("golden.cpp:1: Skipped\\n/nowhere/vectors is absent")
end("Golden.Vectors", "SKIPPED ")
""",
    "empty_test": "",
}

SANITIZER = """
if any(a.endswith("conv_test") for a in sys.argv):
    print("========= Invalid __global__ read of size 4 bytes")
    print("========= ERROR SUMMARY: 1 error")
    sys.exit(99)
assert os.environ["PARETINY_CUDA_LIBRARIES"] == "off"
one("Sum.IsRight")
"""
NCU = 'print("Duration 12 us of", " ".join(sys.argv[1:]))'
PYTHON = """
if sys.argv[1] == "-c":
    sys.exit(0)
name = "train/epoch/bf16/made/"
if "kernels_peer" in sys.argv[1]:
    name = sys.stdin.read().split()[0].rpartition("/")[0] + "/"
assert options.get("ways", "eager,graphs") == "eager,graphs"
print(json.dumps({"name": name + "pytorch", "real_time": 1e-5, "time_unit": "s"}))
"""


class Stage:
    """Good programs in bin/ as gpu_check pack would have packed them, and tools/ for the PATH."""

    def __init__(self, path, tests):
        """`tests`: bodies by name."""
        self.path = Path(path)
        for name, body in tests.items():
            self.write(f"bin/{name}", body)
        self.write("bin/gpu_probe", PROBE)
        self.write("bin/paretiny", TRAIN)
        for group in ("conv", "samplers", "ops"):
            self.write(f"bin/cuda_{group}_bench", BENCH)
        self.write("tools/compute-sanitizer", SANITIZER)
        self.write("tools/ncu", NCU)
        self.write("tools/python", PYTHON)
        manifest = {"commit": machine.commit(), "tests": list(tests)}
        (self.path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")

    def write(self, name, body):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_HEAD + body, encoding="utf-8")
        path.chmod(0o755)

    def start(self, *arguments, **environment):
        """Starts gpu_check on these programs."""
        here = ["--programs", self.path, "--out", self.path / "out"]
        here += ["--python", self.path / "tools/python"]
        return subprocess.Popen(
            [sys.executable, "-B", SCRIPT, *arguments, *here],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.path,
            env={
                **{k: v for k, v in os.environ.items() if k not in _OTHERS},
                "PATH": f"{self.path}/tools:{os.environ['PATH']}",
                "CUDA_HOME": "",
                **environment,
            },
        )

    def run(self, *arguments, **environment):
        """Exit code, standard output and error of gpu_check on these programs."""
        started = self.start(*arguments, **environment)
        out, err = started.communicate()
        return started.returncode, out, err

    def results(self):
        """Paths of the results so far, the oldest first."""
        return sorted((self.path / "out").rglob("*.json"), key=lambda p: p.stat().st_mtime_ns)

    def result(self):
        return json.loads(self.results()[-1].read_text(encoding="utf-8"))

    def wait_for(self, condition, seconds=60):
        """Whether the newest result comes to meet a condition."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.results() and condition(self.result()):
                return True
            time.sleep(0.05)
        return False
