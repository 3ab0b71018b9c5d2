"""scripts/gpu_check --rehearse: the script itself, on programs that are bad in every way that is
known, and on the SIMT twin's where they are built. What it then says of each is compared with what
the program did."""

import json
import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from . import gpu_bench, gpu_train, packed, programs, stage
from .errors import NO_GPU
from .gpu_report import FAILED, NOT_RUN, OK, SKIPPED, UNFINISHED

# Programs of the twin that take a second, and what they stand in for.
_TWIN = ("activation_test", "elementwise_test", "optimizer_test")
# In the order of the manifest: what is good comes last too.
_TESTS = {
    "first_test": stage.PASSES,
    **stage.BAD_TESTS,
    "depthwise_test": stage.PASSES,
    "pointwise_test": stage.PASSES,
    "conv_test": stage.PASSES,
    "last_test": stage.PASSES,
}
# What is to be said: part, row, verdict, words of the detail, words of the messages.
_EXPECTED = (
    ("probe", "gpu_probe", OK, "Made GPU", ""),
    ("epoch", "libraries on", OK, "0.53 s an epoch, the first 0.51 s; loss 2.3", "epoch   3/3"),
    ("epoch", "libraries off", OK, "0.53 s", ""),
    ("dense", "with cuDNN", OK, "4 measured, 1 could not", ""),
    ("dense", "our own", OK, "4 measured", ""),
    ("tests", "first_test", OK, "1 passed", ""),
    ("tests", "fails_test", FAILED, "Sum.IsRight; 1 passed", "sum.cpp:7: Failure, 4 is 5"),
    ("tests", "hangs_test", FAILED, "its time was up in Wait.ForEver; 1 passed", ""),
    ("tests", "ignores_test", FAILED, "its time was up in Wait.Deaf", ""),
    ("tests", "talks_test", FAILED, "Talk.Much", "characters left out"),
    ("tests", "talks_test", FAILED, "Talk.Much", "the tail"),
    ("tests", "dies_test", FAILED, "died by SIGSEGV in Die.Young: about to", "about to"),
    ("tests", "orphan_test", OK, "1 passed", ""),
    ("tests", "skips_test", SKIPPED, "1 skipped: /nowhere/vectors is absent", ""),
    ("tests", "empty_test", FAILED, "ran no test", ""),
    ("tests", "last_test", OK, "1 passed", ""),
    ("suggestion", "cuda_samplers_bench", FAILED, "its result breaks off; ", ""),
    ("layers", "depthwise", OK, "4 measured", ""),
    ("layers", "pointwise", OK, "4 measured", ""),
    ("variants", "convolutions", OK, "4 measured", ""),
    ("variants", "suggestion, dependent", FAILED, "its result breaks off", ""),
    ("peers", "train_peer.py", OK, "1 measured", ""),
    ("peers", "kernels_peer.py", OK, "1 measured", ""),
    ("memcheck", "memcheck depthwise_test", OK, "1 passed", ""),
    ("memcheck", "memcheck conv_test", FAILED, "1 errors. Invalid __global__ read", ""),
    ("profile", "dense", OK, "gather_kernel", "--clock-control none"),
    ("rest", "cuda_ops_bench", OK, "4 measured", ""),
    ("rest", "cuda_int8_bench", NOT_RUN, "does not have cuda_int8_bench", ""),
)


class Rehearsal:
    """What was looked at, and what was not as it should be."""

    def __init__(self, scratch, folder):
        self.scratch, self.programs = Path(scratch), Path(folder).resolve()
        self.seen = []

    def see(self, right, what):
        self.seen.append((right, what))

    def stage(self, name, tests):
        return stage.Stage(self.scratch / name, tests)

    def whole_plan(self):
        """Every part, with programs that are bad in every way."""
        made = self.stage("bad", _TESTS)
        made.write("bin/cuda_samplers_bench", stage.BROKEN_JSON)
        code, out, err = made.run("--time=300", "--part-time=tests=24")
        self.see(code == 1, f"exit code {code} where programs failed:\n{out}{err}")
        self.compare(made.result()["checks"], _EXPECTED)
        size = made.results()[-1].stat().st_size
        self.see(size < 200_000, f"a program that talks much makes a report of {size} bytes")
        self.see("fails_test: FAILED: Sum.IsRight" in out, f"the table names no test:\n{out}")

    def compare(self, checks, expected):
        for part, what, verdict, detail, message in expected:
            rows = [r for r in checks[part]["rows"] if r["what"] == what]
            right = len(rows) == 1 and rows[0]["verdict"] == verdict and detail in rows[0]["detail"]
            right = right and any(message in m for m in [*rows[0]["messages"].values(), ""])
            right = right and (not message or bool(rows[0]["messages"]))
            self.see(right, f"{part}, {what}: {verdict}, '{detail}', '{message}'; got {rows}")

    def dying_driver(self):
        """The GPU goes while tests run: what ended stays, the later parts are not run."""
        made = self.stage("dying", {"kills_test": ""})
        dead = made.path / "bin/dead"
        made.write("bin/kills_test", f"open({str(dead)!r}, 'w'), begin('Kill.It'), sys.exit(1)")
        code, out, err = made.run("right", "fast", "--time=60")
        checks = made.result()["checks"]
        self.see(code == 1, f"exit code {code} where the driver died:\n{out}{err}")
        self.see(checks["epoch"]["verdict"] == OK, "the epoch that ended before is lost")
        for part in ("suggestion", "layers", "variants", "peers", "memcheck", "profile"):
            why = [r["detail"] for r in checks[part]["rows"]]
            right = checks[part]["verdict"] == NOT_RUN and "the device is gone" in "".join(why)
            self.see(right, f"{part} after the driver died: {checks[part]}")

    def failing_probe(self):
        """A probe that fails at first stops nothing while parts succeed."""
        made = self.stage("probe", {"first_test": stage.PASSES})
        made.write("bin/gpu_probe", "sys.exit(3)")
        code, out, err = made.run("epoch", "tests", "--time=60")
        checks = made.result()["checks"]
        self.see(code == 1, f"exit code {code} where the probe failed:\n{out}{err}")
        verdicts = [checks[part]["verdict"] for part in ("probe", "epoch", "tests")]
        self.see(verdicts == [FAILED, OK, OK], f"where the probe failed: {verdicts}")

    def killed(self, number):
        """A signal to gpu_check itself, while a test hangs and another has ended."""
        tests = {"first_test": stage.PASSES, "hangs_test": stage.BAD_TESTS["hangs_test"]}
        made = self.stage(f"killed{number}", tests)
        started = made.start("right", "fast", "--time=100")
        written = made.wait_for(lambda d: d["checks"]["tests"]["rows"])
        os.kill(started.pid, number)
        started.communicate()
        self.see(written, "what ended is not written before all of its part has")
        checks = made.result()["checks"]  # whole JSON, or this throws
        self.see(checks["dense"]["verdict"] == OK, f"{checks['dense']} after signal {number}")
        self.see(checks["tests"]["verdict"] == UNFINISHED, f"{checks['tests']} after {number}")
        self.see(checks["layers"]["verdict"] == NOT_RUN, f"{checks['layers']} after {number}")
        if number == signal.SIGTERM:
            self.see(started.returncode == 130, f"exit code {started.returncode} after SIGTERM")

    def without_a_gpu(self):
        made = self.stage("none", {"first_test": stage.PASSES})
        made.write("bin/gpu_probe", "print('none is seen', file=sys.stderr), sys.exit(77)")
        code, _, err = made.run(CUDA_VISIBLE_DEVICES="odd")
        self.see(code == NO_GPU and not made.results(), f"exit code {code} without a GPU")
        expected = "no GPU here: none is seen (CUDA_VISIBLE_DEVICES is 'odd')\n"
        self.see(err == expected, f"without a GPU it says '{err}'")

    def names(self):
        """That the benchmarks asked for are there, where those of a GPU are built."""
        conv, samplers = (self.programs / f"cuda_{g}_bench" for g in ("conv", "samplers"))
        if not conv.exists() or not samplers.exists():
            return
        environment = packed.Programs(self.programs).environment
        wanted = [(conv, 8 * 3 * 2, gpu_bench.BESIDE_CUDNN), (conv, 8 * 3, gpu_bench.OWN_DENSE)]
        wanted += [(conv, None, p) for p in (*gpu_bench.LAYERS.values(), gpu_bench.PEERS)]
        wanted += [(conv, 1, f"^{benchmark}") for _, _, benchmark in gpu_train.PROFILED]
        # Three ways of a dense convolution; two of a depthwise one, but of its weight gradient.
        wanted += [(conv, 8 * 3 * 3 + 17 * 2 * 2, gpu_bench.VARIANTS)]
        wanted += [(samplers, 4, gpu_bench.SUGGESTION), (samplers, 2, gpu_bench.SUGGESTION_ON_GPU)]
        for program, count, pattern in wanted:
            found = len(programs.names(program, pattern, environment))
            self.see(found == (count or found) > 0, f"{found} benchmarks match {pattern}")

    def on_the_twin(self):
        """The twin's programs, where they are built; whether they were."""
        names = {name: name.replace("_test", "_simt_test") for name in _TWIN}
        names["gpu_probe"] = "gpu_probe_simt"
        if not all((self.programs / twin).exists() for twin in names.values()):
            return False
        made = self.stage("twin", dict.fromkeys(_TWIN, ""))
        for name, twin in names.items():
            (made.path / "bin" / name).unlink()
            (made.path / "bin" / name).symlink_to(self.programs / twin)
        code, out, err = made.run("tests", "--time=120")
        context, checks = made.result()["context"], made.result()["checks"]
        self.see(context["gpu"] == "SIMT twin", f"the GPU is {context['gpu']}:\n{out}{err}")
        verdicts = {r["what"]: r["verdict"] for r in checks["tests"]["rows"]}
        good = set(verdicts) == set(_TWIN) and set(verdicts.values()) <= {OK, SKIPPED}
        self.see(good and code in (0, 4), f"on the twin: {json.dumps(checks['tests'], indent=1)}")
        made.run("tests", "--time=120", PARETINY_SHARED="/nowhere")
        rows = made.result()["checks"]["tests"]["rows"]
        said = all(r["verdict"] == SKIPPED and "/nowhere/vectors" in r["detail"] for r in rows)
        self.see(said, f"on the twin without vectors: {rows}")
        return True


def rehearse(folder):
    """Exit code 0 when all is as it should be; says what is not."""
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor() as pool:
        rehearsal = Rehearsal(scratch, folder)
        # They wait most of the time, so they do it side by side.
        plays = (
            rehearsal.whole_plan,
            rehearsal.without_a_gpu,
            rehearsal.failing_probe,
            rehearsal.names,
            rehearsal.dying_driver,
            partial(rehearsal.killed, signal.SIGKILL),
            partial(rehearsal.killed, signal.SIGTERM),
            rehearsal.on_the_twin,
        )
        *_, twin = [play.result() for play in [pool.submit(play) for play in plays]]
    wrong = [what for right, what in rehearsal.seen if not right]
    for what in wrong:
        print(f"WRONG: {what}")
    print(
        f"{len(rehearsal.seen)} things looked at, {len(wrong)} wrong; the SIMT twin's programs "
        f"{'took part' if twin else f'are not in {folder}'}"
    )
    return 1 if wrong else 0
