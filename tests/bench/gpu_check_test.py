"""scripts/gpu_check on made programs: what it runs, judges, writes, packs and refuses. What it says
of programs that are bad in other ways: scripts/gpu_check --rehearse, a test of its own."""

import json
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from bench.tools import gpu_tests, gpu_train, machine, packed, stage
from bench.tools.errors import Failure

TESTS = {"activation_test": stage.PASSES, "conv_test": stage.PASSES}


class GpuCheck(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        self.made = stage.Stage(self.path, TESTS)

    def check(self, *arguments, code=0, **environment):
        found, out, err = self.made.run(*arguments, **environment)
        self.assertEqual(found, code, out + err)
        return out, err

    def test_everything(self):
        for name in ("train", "int8", "search"):
            self.made.write(f"bin/cuda_{name}_bench", stage.BENCH)
        text, _ = self.check("--time=100", code=1)  # for memcheck
        document = self.made.result()
        checks = document["checks"]
        self.assertEqual(
            list(checks),
            ["probe", "epoch", "dense", "tests", "suggestion", "layers", "variants", "peers"]
            + ["memcheck", "profile", "rest"],
        )
        verdicts = {part["verdict"] for name, part in checks.items() if name != "memcheck"}
        self.assertEqual(verdicts, {"ok"})
        self.assertEqual(checks["memcheck"]["verdict"], "FAILED")
        self.assertIn("memcheck conv_test: FAILED: 1 errors. Invalid __global__ read", text)
        self.assertNotIn("activation_test", text)
        page = self.made.results()[0].with_suffix(".md").read_text()
        self.assertIn("Invalid __global__ read", page)
        self.assertIn("cudnn_nhwc 2.50x", page)
        self.assertIn("own 1.00x", page)
        self.assertIn("scripts/gpu_check", document["context"]["command"])
        self.assertEqual(document["context"]["gpu"], "Made GPU")
        shown = subprocess.run(
            [sys.executable, machine.ROOT / "scripts/bench", "show", self.made.results()[0]],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        self.assertIn("cudnn_nhwc 2.50x", shown)

    def test_groups_run_in_the_order_of_their_worth(self):
        self.check("tests", "epoch", "--time=60")
        self.assertEqual(list(self.made.result()["checks"]), ["probe", "epoch", "tests"])

    def test_an_op_of_ours_that_cannot_fails(self):
        self.made.write("bin/cuda_conv_bench", stage.BENCH.replace("x/cudnn_nhwc", "x/paretiny"))
        text, _ = self.check("dense", code=1)
        self.assertIn("conv/forward/bf16/x/paretiny: no algorithm", text)

    def test_a_program_that_measures_nothing_fails(self):
        self.made.write("bin/cuda_conv_bench", "print('nothing')")
        text, _ = self.check("dense", code=1)
        self.assertIn("dense: our own: FAILED: 0 measured", text)

    def test_numbers_that_are_none_leave_the_result_readable(self):
        self.made.write("bin/cuda_samplers_bench", stage.BENCH.replace("0.5}", "math.nan}"))
        with open(self.path / "bin/cuda_samplers_bench", encoding="utf-8") as file:
            text = file.read().replace("import json,", "import math, json,")
        (self.path / "bin/cuda_samplers_bench").write_text(text)
        self.check("suggestion")
        text = self.made.results()[0].read_text()
        self.assertNotIn("NaN", text)
        self.assertIn("conv/forward", text)

    def test_an_epoch_whose_loss_is_no_number(self):
        self.made.write("bin/paretiny", stage.TRAIN.replace("2.{i}000", "nan"))
        text, _ = self.check("epoch", code=1)
        self.assertIn("libraries on: FAILED: of 3 epochs the losses are nan, nan, nan", text)

    def test_an_epoch_that_fails_says_why(self):
        self.made.write("bin/paretiny", "sys.exit('paretiny: cuDNN says no')")
        text, _ = self.check("epoch", code=1)
        self.assertIn("exit code 1 after 0 epochs: paretiny: cuDNN says no", text)

    def test_data_that_is_given_is_used(self):
        (self.path / "cifar").mkdir()
        body = "assert any(a == f'dataset.path={os.getcwd()}/cifar' for a in sys.argv)\n"
        self.made.write("bin/paretiny", body + stage.TRAIN)
        self.check("epoch", "--data=cifar")
        names = [b["name"] for b in self.made.result()["benchmarks"]]
        self.assertIn("epoch/bf16/resnet18_cifar10_batch512/paretiny", names)

    def test_made_data_is_of_the_right_size(self):
        body = """
folder = next(a for a in sys.argv if a.startswith("dataset.path=")).partition("=")[2]
names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
for name in names:
    assert os.path.getsize(os.path.join(folder, name)) == 10000 * 3073
"""
        self.made.write("bin/paretiny", body + stage.TRAIN)
        self.check("epoch")

    def test_kernels_that_are_profiled_are_there(self):
        sources = "".join(p.read_text() for p in (machine.ROOT / "kernels/nn").rglob("*.cu"))
        for _, kernel, _ in gpu_train.PROFILED:
            self.assertRegex(sources, rf"__global__ [^;{{]*\b{kernel}\(")

    def test_programs_that_memcheck_begins_with_are_there(self):
        self.assertLessEqual(set(gpu_tests.FIRST), set(packed.gpu_tests()))

    def test_tests_that_could_not_use_the_gpu(self):
        self.made.write("bin/conv_test", 'print("no device to test on: old")')
        text, _ = self.check("tests", code=1)
        self.assertIn("conv_test: FAILED: no device to test on: old", text)

    def test_programs_of_a_build_without_all_of_them(self):
        os.remove(self.path / "bin/paretiny")
        os.remove(self.path / "bin/cuda_samplers_bench")
        text, _ = self.check("epoch", "suggestion", "tests", code=4)
        self.assertIn("epoch: paretiny: not run: ", text)
        self.assertIn("suggestion: cuda_samplers_bench: not run: ", text)

    def test_a_gpu_that_others_use(self):
        free = stage.PROBE.replace("79 << 30", "3 << 30")
        self.made.write("bin/gpu_probe", free)
        text, said = self.check("right", code=4)
        self.assertIn("epoch: epoch: not run: 3.0 GiB of GPU memory are free, it needs 4", text)
        self.assertIn("note: other programs hold 77.0 of 80.0 GiB", said)
        self.assertEqual(self.made.result()["checks"]["tests"]["verdict"], "ok")

    def test_an_architecture_that_the_build_lacks(self):
        why = "Old GPU has compute capability 5.0, which this build has no code for"
        self.made.write("bin/gpu_probe", f"sys.exit('{why}')")
        self.made.write("bin/paretiny", f"sys.exit('paretiny: {why}')")
        text, said = self.check("right", code=1)
        self.assertEqual(said.splitlines()[0], f"gpu_probe: {why}")
        self.assertIn(f"tests: tests: not run: the GPU answers no more: gpu_probe: {why}", text)

    def test_a_probe_that_says_nothing_sensible(self):
        self.made.write("bin/gpu_probe", "print('yes')")
        text, _ = self.check("epoch", code=1)
        self.assertIn("probe: gpu_probe: FAILED: gpu_probe prints no JSON: yes", text)
        os.remove(self.path / "bin/gpu_probe")
        text, _ = self.check("epoch", code=1)
        self.assertIn("No such file", text)
        self.assertEqual(self.made.result()["checks"]["epoch"]["verdict"], "ok")

    def test_a_second_gpu(self):
        body = "sys.exit(os.environ.get('CUDA_VISIBLE_DEVICES', 'unset'))"
        self.made.write("bin/gpu_probe", body)
        for seen, index, expected in (("", "1", None), ("4,GPU-7f", "1", "GPU-7f")):
            _, said = self.check(
                "epoch", f"--gpu={index}", CUDA_VISIBLE_DEVICES=seen, code=1 if expected else 2
            )
            self.assertIn(expected or "CUDA_VISIBLE_DEVICES shows 0 ('')", said)

    def test_bad_input(self):
        for arguments, code, words in (
            (["test"], 2, "no part 'test'; there are right, fast, epoch, dense, tests, "),
            (["--gpu=one"], 2, "invalid int value"),
            (["--gpu=-1"], 2, "--gpu 0 or more"),
            (["--time=nan"], 2, "--time is above 0"),
            (["--part-time=bench=3"], 2, "--part-time=bench=3"),
            (["--part-time=tests"], 2, "--part-time=tests"),
            (["--data=nowhere"], 2, "--data=nowhere is no folder"),
        ):
            with self.subTest(arguments=arguments):
                self.assertIn(words, self.check(*arguments, code=code)[1])
        self.assertEqual(self.made.results(), [])

    def test_a_folder_that_cannot_be_written(self):
        (self.path / "out").write_text("a file")
        _, said = self.check("epoch", code=3)
        self.assertIn("cannot be written: Not a directory", said)

    def test_programs_that_are_none(self):
        (self.path / "manifest.json").write_text("{}")
        _, said = self.check(code=3)
        self.assertIn("manifest.json is no manifest of gpu_check pack", said)
        shutil.rmtree(self.path / "bin")
        os.remove(self.path / "manifest.json")
        _, said = self.check(code=3)
        self.assertIn("holds neither GPU benchmarks nor programs.tar.xz", said)
        (self.path / packed.ARCHIVE).write_bytes(lzma.compress(b"cut short" * 999)[:-20])
        _, said = self.check(code=3)
        self.assertIn("cannot be unpacked", said)

    def test_programs_of_another_commit(self):
        manifest = json.loads((self.path / "manifest.json").read_text())
        manifest["commit"] = "0ther"
        (self.path / "manifest.json").write_text(json.dumps(manifest))
        _, said = self.check("epoch")
        self.assertIn("note: the programs are of commit 0ther", said)
        self.assertIn("0ther", self.made.results()[0].name)


class Pack(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = Path(folder.name)
        here = mock.patch.dict(os.environ)
        here.start()
        self.addCleanup(here.stop)
        os.environ.pop("PARETINY_SHARED", None)
        (self.path / "bin").mkdir()
        true = shutil.which("true")
        for name in ("cuda_conv_bench", "activation_test", "paretiny", "gpu_probe"):
            shutil.copy(true, self.path / "bin" / name)
        (self.path / "shared/vectors").mkdir(parents=True)
        (self.path / "shared/vectors/some.npy").write_text("golden")

    def pack(self, *arguments, code=0):
        done = subprocess.run(
            [sys.executable, "-B", stage.SCRIPT, *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.path,
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_there_and_back(self):
        done = self.pack("pack", "packed", "--programs=bin", "--shared=shared")
        self.assertRegex(done.stdout, r"^packed: 4 programs [\d.]+ MiB, golden vectors 0\.0 MiB; ")
        self.assertIn("pool_test", done.stderr)  # not built
        shutil.rmtree(self.path / "bin")
        self.pack("run", "--programs=packed", "cuda_conv_bench")
        self.pack("run", "--programs=packed", "pool_test", code=2)
        built = packed.Programs(self.path / "packed")
        self.assertEqual([t.name for t in built.tests], ["activation_test"])
        vectors = Path(built.environment["PARETINY_SHARED"]) / "vectors/some.npy"
        self.assertEqual(vectors.read_text(), "golden")
        # What was unpacked will do, and a pack that is another is unpacked anew.
        self.assertEqual(packed.Programs(self.path / "packed/unpacked").tests, built.tests)
        os.remove(self.path / "packed/vectors.tar.xz")
        self.assertNotIn("PARETINY_SHARED", packed.Programs(self.path / "packed").environment)

    def test_without_vectors(self):
        done = self.pack("pack", "packed", "--programs=bin", "--shared=nowhere")
        self.assertIn("golden vectors none", done.stdout)
        self.assertIn("nowhere has no vectors: the tests that compare", done.stderr)
        self.assertNotIn("PARETINY_SHARED", packed.Programs(self.path / "packed").environment)

    def test_what_travels_with_the_tree(self):
        def git(*arguments):
            subprocess.run(["git", "-C", self.path, *arguments], check=True, capture_output=True)

        git("init")
        (self.path / "bin").rename(self.path / "pack")
        (self.path / ".gitignore").write_text("/ignored\n")
        (self.path / "ignored").write_text("x" * 1000)
        with mock.patch.object(machine, "ROOT", self.path):
            before = machine.tree_bytes(self.path / "pack")
            (self.path / "another").write_text("x" * 77)
            self.assertEqual(machine.tree_bytes(self.path / "pack"), before + 77)
            self.assertGreater(machine.tree_bytes(self.path / "nowhere"), before + 77)

    def test_what_is_not_built(self):
        os.remove(self.path / "bin/gpu_probe")
        done = self.pack("pack", "packed", "--programs=bin", code=3)
        self.assertIn("holds no gpu_probe, which the check begins with; build first", done.stderr)

    def test_more_than_can_be_carried(self):
        with mock.patch.object(packed, "CARRIED", machine.tree_bytes(self.path) + 1000):
            with self.assertRaisesRegex(Failure, r"MiB of programs and 0\.0 MiB of vectors are more"):
                packed.pack(self.path / "bin", self.path / "packed", self.path / "shared")
        self.assertEqual(list((self.path / "packed").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
