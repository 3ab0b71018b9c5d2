import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_namespaces"

RIGHT = {
    "base/error.h": "paretiny",
    "kernels/core/random.h": "paretiny",
    "kernels/core/cuda/launch.h": "paretiny::cuda",
    "kernels/nn/conv.h": "paretiny::nn",
    "kernels/nn/training/loss.h": "paretiny::nn",
    "kernels/nn/cpu/row.h": "paretiny::cpu",
    "kernels/nn/cuda/depthwise/depthwise.h": "paretiny::cuda::depthwise",
    "engine/workers.h": "paretiny",
    "engine/deploy/formats/onnx.h": "paretiny::deploy::onnx",
    "nas/study/study.h": "paretiny::study",
}


class CheckNamespaces(unittest.TestCase):
    def check(self, headers):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
            for path, namespace in headers.items():
                header = Path(folder) / path
                header.parent.mkdir(parents=True, exist_ok=True)
                header.write_text(f"#pragma once\n\nnamespace {namespace} {{\n}}\n", encoding="utf-8")
            subprocess.run(["git", "add", "."], cwd=folder, check=True)
            return subprocess.run([sys.executable, SCRIPT], cwd=folder, capture_output=True, text=True)

    def test_namespaces_of_folders_pass(self):
        done = self.check(RIGHT)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn(f"{len(RIGHT)} headers", done.stdout)

    def test_another_namespace_is_named(self):
        for path, namespace in [
            ("nas/study/study.h", "paretiny"),
            ("nas/study/study.h", "paretiny::studying"),
            ("kernels/nn/conv.h", "paretiny::bayes"),
            ("kernels/nn/cpu/row.h", "paretiny::nn"),
            ("kernels/core/random.h", "paretiny::core"),
            ("base/error.h", "paretiny::base"),
        ]:
            with self.subTest(path=path, namespace=namespace):
                done = self.check({**RIGHT, path: namespace})
                self.assertEqual(done.returncode, 1)
                self.assertEqual(done.stdout.count("\n"), 1, done.stdout)
                self.assertIn(f"{path}:3: opens {namespace};", done.stdout)


if __name__ == "__main__":
    unittest.main()
