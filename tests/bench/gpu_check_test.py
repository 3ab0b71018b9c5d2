"""scripts/gpu_check on made programs: what it runs, judges, writes and returns."""

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BENCH = f"""#!{sys.executable}
import json, os, sys
options = dict(a[2:].partition("=")[::2] for a in sys.argv[1:])
if os.environ.get("MADE_GPU") == "none":
    sys.exit(print("no GPU here: made up", file=sys.stderr) or 77)
if options.get("benchmark_filter") == "^$":
    sys.exit(0)
if "benchmark_list_tests" in options:
    print("depthwise/forward/bf16/1x4x4x8_k3_s1/paretiny/iterations:1/manual_time")
    sys.exit(0)
float(options["budget"])
entries = []
for who, time in (("paretiny", 2.0), ("cudnn_nhwc", 5.0)):
    entries.append({{"name": "depthwise/forward/bf16/1x4x4x8_k3_s1/" + who, "real_time": time,
                    "run_type": "iteration", "time_unit": "us", "share_of_floor": 0.5}})
entries.append({{"name": "conv/forward/bf16/x/MISSING", "run_type": "iteration",
                "error_occurred": True, "error_message": "REASON"}})
open(options["benchmark_out"], "w").write(json.dumps({{"context": {{}}, "benchmarks": entries}}))
"""

TEST = f"""#!{sys.executable}
import os, sys
assert os.environ["PARETINY_TEST_DEVICE"] == "cuda"
print("[       OK ] Suite.one (0 ms)")
BODY
"""

SANITIZER = f"""#!{sys.executable}
import os, sys
tool = sys.argv[sys.argv.index("--tool") + 1]
program = os.path.basename(sys.argv[5])
if tool == "racecheck" and program == "pool_test":
    print("========= Error: Race reported between Write access and Read access")
    print("========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)")
    sys.exit(99)
print("========= ERROR SUMMARY: 0 errors")
"""

PYTHON = f"""#!{sys.executable}
import json, sys
if sys.argv[1] == "-c":
    sys.exit(0)
if "kernels_peer" in sys.argv[1]:
    names = sys.stdin.read().split()
    shape = names[0].rsplit("/", 1)[0]
    print(json.dumps({{"name": shape + "/pytorch", "real_time": 1e-5, "time_unit": "s"}}))
"""


class GpuCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        for name in ("bin", "tools"):
            (self.path / name).mkdir()
        self.write("bin/cuda_conv_bench", BENCH.replace("MISSING", "cudnn_nhwc"))
        self.write("bin/activation_test", TEST.replace("BODY", ""))
        self.write("bin/pool_test", TEST.replace("BODY", ""))
        self.write("tools/compute-sanitizer", SANITIZER)
        self.write("tools/python", PYTHON)

    def write(self, name, text):
        path = self.path / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def check(self, *arguments, code=0, **environment):
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/gpu_check", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.path,
            env={
                **os.environ,
                "PATH": f"{self.path}/tools:{os.environ['PATH']}",
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def run_parts(self, *parts, code=0, more=()):
        done = self.check(
            *parts,
            "--programs",
            "bin",
            "--out",
            "out",
            "--python",
            str(self.path / "tools/python"),
            *more,
            code=code,
        )
        found = list((self.path / "out").rglob("*.json"))
        self.assertEqual(len(found), 1)
        page = found[0].with_suffix(".md").read_text()
        return done.stdout, json.loads(found[0].read_text()), page

    def test_everything(self):
        text, document, page = self.run_parts(code=1)  # for the race
        self.assertEqual(list(document["checks"]), ["tests", "sanitize", "bench", "peers"])
        verdicts = {name: part["verdict"] for name, part in document["checks"].items()}
        self.assertEqual(verdicts["tests"], "ok")
        self.assertEqual(verdicts["sanitize"], "FAILED")
        self.assertEqual(verdicts["bench"], "ok")  # the peer's missing algorithm is not ours
        self.assertEqual(verdicts["peers"], "ok")
        self.assertIn("racecheck pool_test: FAILED", text)
        self.assertNotIn("memcheck", text)
        self.assertIn("Race reported", page)
        self.assertIn("cudnn_nhwc 2.50x", page)
        self.assertIn("pytorch 5.00x", page)
        self.assertIn("scripts/gpu_check", document["context"]["command"])
        shown = subprocess.run(
            [sys.executable, ROOT / "scripts/bench", "show", next(self.path.rglob("out/*/*.json"))],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertIn("pytorch 5.00x", shown)

    def test_a_failing_test_is_named_and_the_rest_goes_on(self):
        failing = 'print("[  FAILED  ] Suite.two (3 ms)"); sys.exit(1)'
        self.write("bin/activation_test", TEST.replace("BODY", failing))
        text, document, _ = self.run_parts("tests", "bench", code=1)
        self.assertIn("activation_test: FAILED: Suite.two", text)
        self.assertEqual(document["checks"]["bench"]["verdict"], "ok")

    def test_an_op_of_ours_that_cannot_fails(self):
        self.write("bin/cuda_conv_bench", BENCH.replace("MISSING", "paretiny"))
        text, _, _ = self.run_parts("bench", code=1)
        self.assertIn("conv/forward/bf16/x/paretiny: REASON", text)

    def test_tests_that_could_not_use_the_gpu(self):
        self.write("bin/pool_test", TEST.replace("BODY", 'print("no device to test on: old")'))
        text, _, _ = self.run_parts("tests", code=1)
        self.assertIn("pool_test: FAILED: no device to test on: old", text)

    def test_time(self):
        self.write(
            "bin/pool_test",
            TEST.replace("BODY", "import subprocess; subprocess.run(['sleep', '60'])"),
        )
        began = time.monotonic()
        text, _, _ = self.run_parts("tests", code=4, more=["--part-time", "tests=2"])
        self.assertLess(time.monotonic() - began, 30)
        self.assertIn("pool_test: unfinished", text)

    def test_without_a_gpu(self):
        done = self.check("--programs", "bin", code=77, MADE_GPU="none")
        self.assertEqual(done.stderr, "no GPU here: made up\n")

    def test_bad_input(self):
        done = self.check("test", "--programs", "bin", code=2)
        self.assertIn("no part 'test'; there are tests, sanitize, bench, peers", done.stderr)
        done = self.check("--programs", "nowhere", code=3)
        self.assertIn("holds neither GPU benchmarks nor programs.tar.xz", done.stderr)

    def test_pack(self):
        true = shutil.which("true")
        for name in ("cuda_conv_bench", "activation_test"):
            os.remove(self.path / "bin" / name)
            shutil.copy(true, self.path / "bin" / name)
        os.remove(self.path / "bin/pool_test")
        done = self.check("pack", "packed", "--programs", "bin")
        self.assertIn("2 programs", done.stdout)
        self.assertIn("pool_test", done.stderr)  # not built
        shutil.rmtree(self.path / "bin")
        self.check("run", "--programs", "packed", "cuda_conv_bench")
        self.check("run", "--programs", "packed", "pool_test", code=2)
        text = self.check("tests", "--programs", "packed", "--out", "out").stdout
        self.assertIn("1 ok", text)
        manifest = json.loads((self.path / "packed/unpacked/manifest.json").read_text())
        self.assertEqual(manifest["tests"], ["activation_test"])


if __name__ == "__main__":
    unittest.main()
