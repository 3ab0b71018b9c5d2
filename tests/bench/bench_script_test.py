"""scripts/bench as a user runs it, on small results and on made programs."""

import csv
import io
import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def entry(name, time, unit="us", **more):
    return {
        "name": name,
        "run_name": name,
        "run_type": "iteration",
        "real_time": time,
        "cpu_time": time,
        "time_unit": unit,
        "iterations": 1,
        **more,
    }


def result(benchmarks, **context):
    context = {"gpu": "A", "cpu": "B", "commit": "c0ffee", **context}
    return {"context": context, "benchmarks": benchmarks}


OURS = "depthwise/forward/bf16/512x16x16x96_k3_s1/paretiny"
PEER = "depthwise/forward/bf16/512x16x16x96_k3_s1/cudnn_nhwc"

# Stands in for a benchmark program: two names, one of which is skipped.
PROGRAM = f"""#!{sys.executable}
import json, sys, time
out, pattern = None, ""
for a in sys.argv[1:]:
    if a.startswith("--benchmark_list_tests"):
        print("first/iterations:1/manual_time")
        sys.exit(0)
    if a.startswith("--benchmark_out="):
        out = a.split("=", 1)[1]
    if a.startswith("--benchmark_repetitions="):
        repetitions = int(a.split("=")[1])
entries = [{{"name": "first/iterations:1/manual_time", "run_type": "iteration", "iterations": 1,
            "real_time": 2.0 + i, "time_unit": "ms", "share_of_floor": 0.5}}
           for i in range(repetitions)]
entries.append({{"name": "second", "run_type": "iteration", "error_occurred": True,
                "error_message": "no twin here"}})
text = json.dumps({{"context": {{"num_cpus": 2}}, "benchmarks": entries}})
open(out, "w").write(text)
"""


class Script(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)

    def file(self, name, content):
        path = self.path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    def program(self, name, text):
        path = Path(self.file(name, text))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def bench(self, *arguments, code=0):
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/bench", *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def compare(self, before, after, *more):
        a, b = self.file("a.json", before), self.file("b.json", after)
        return self.bench("compare", a, b, *more).stdout

    def test_compare_finds_what_differs_and_nothing_else(self):
        before = [entry("slow", t) for t in (10, 11, 12, 13, 14)]
        before += [entry("same", t) for t in (10, 11, 12, 13, 14)]
        after = [entry("slow/iterations:1/manual_time", t) for t in (20, 21, 22, 23, 24)]
        after += [entry("same", t) for t in (10.5, 10.9, 12.2, 13.1, 13.9)]
        lines = self.compare(result(before), result(after)).splitlines()
        slow = next(line for line in lines if line.startswith("slow"))
        same = next(line for line in lines if line.startswith("same"))
        self.assertIn("1.833", slow)
        self.assertIn("0.008", slow)
        self.assertTrue(slow.endswith("slower"), slow)
        self.assertTrue(same.endswith("no difference"), same)
        self.assertIn("1 differ at p < 0.05", "\n".join(lines))
        self.assertFalse(any(line.startswith("warning") for line in lines))

    def test_compare_warns(self):
        before = result([entry("x", 1), entry("only", 1)], commit="c0ffee+")
        after = result([entry("x", 9, "ms"), entry("x", 9, "ms")], gpu="Z", commit="beef")
        text = self.compare(before, after)
        for words in (
            "gpu differs: A and Z",
            "commits differ: c0ffee+ and beef",
            "changes that no commit holds",
            "repetitions differ: 1 and 2",
            "1 repetitions are few",
            "1 benchmarks are in one file alone",
        ):
            self.assertIn(words, text)
        self.assertIn("9000.000", text)  # units are understood
        self.assertIn("no difference", text)

    def test_compare_geomean(self):
        before = [entry("x", 1), entry("y", 1)]
        after = [entry("x", 4), entry("y", 0.25)]
        self.assertIn("over 2: 1.000", self.compare(result(before), result(after)))

    def test_compare_csv(self):
        before = result([entry("x", t) for t in (1, 2, 3)])
        found = list(csv.reader(io.StringIO(self.compare(before, before, "--csv"))))
        self.assertEqual(found[0][-1], "verdict")
        self.assertEqual(found[1][0], "x")
        self.assertEqual(found[1][-1], "no difference")

    def test_show_sets_peers_beside_ours(self):
        shape2 = "depthwise/forward/bf16/8192x7x7x88_k3_s1/"
        path = self.file(
            "r.json",
            result(
                [
                    entry(OURS, 10, share_of_floor=0.9),
                    entry(PEER, 40, share_of_floor=0.225),
                    entry(shape2 + "paretiny", 20, share_of_floor=0.4),
                    entry(shape2 + "cudnn_nhwc", 20),
                ]
            ),
        )
        text = self.bench("show", path).stdout
        row = next(line for line in text.splitlines() if line.startswith(OURS))
        self.assertIn("10 us", row)
        self.assertIn("90 %", row)
        self.assertIn("cudnn_nhwc 4.00x", row)
        self.assertFalse(any(line.startswith(PEER) for line in text.splitlines()))
        total = next(x for x in text.splitlines() if x.startswith("depthwise/forward/bf16 "))
        self.assertIn("60 %", total)  # of 0.9 and 0.4
        self.assertIn("40 %", total)
        self.assertIn("cudnn_nhwc 2.00x of 2", total)
        self.assertIn("| 90 % |", self.bench("show", path, "--markdown").stdout)
        rows = list(csv.DictReader(io.StringIO(self.bench("show", path, "--csv").stdout)))
        self.assertEqual(rows[0]["median_s"], "1e-05")
        self.assertEqual(rows[0]["share_of_floor"], "0.9")

    def test_show_sets_onednn_beside_what_the_cpu_took(self):
        path = self.file("r.json", result([entry("add_forward/0/32/48/1", 10, onednn=1.5)]))
        row = next(x for x in self.bench("show", path).stdout.splitlines() if "add_forward" in x)
        self.assertIn("onednn 1.50x", row)

    def test_run(self):
        self.program("made_bench", PROGRAM)
        out = self.path / "deep" / "out.json"
        done = self.bench(
            "made",
            "--programs",
            self.folder.name,
            "--repetitions",
            "3",
            "--out",
            str(out),
            "--quiet",
        )
        first = next(line for line in done.stdout.splitlines() if line.startswith("first"))
        self.assertIn("3 ms", first)
        self.assertIn("50 %", first)
        self.assertIn("no twin here", done.stdout)
        document = json.loads(out.read_text())
        self.assertEqual(len(document["benchmarks"]), 4)
        self.assertIn("scripts/bench made", document["context"]["command"])
        for key in ("cpu", "commit", "date", "num_cpus"):
            self.assertIn(key, document["context"])

    def test_list(self):
        self.program("made_bench", PROGRAM)
        self.assertEqual(
            self.bench("--list", "--programs", self.folder.name).stdout, "made  first\n"
        )

    def test_without_a_gpu(self):
        self.program("cuda_made_bench", "#!/bin/sh\necho 'no GPU here: none' >&2\nexit 77\n")
        done = self.bench("made", "--programs", self.folder.name, "--quiet", code=77)
        self.assertIn("no GPU here: none", done.stderr)

    def test_a_program_that_fails(self):
        self.program("bad_bench", "#!/bin/sh\necho 'broken' >&2\nexit 9\n")
        done = self.bench("bad", "--programs", self.folder.name, "--quiet", code=1)
        self.assertIn("bad_bench: broken", done.stderr)

    def test_bad_input(self):
        for arguments, code, words in [
            (["show", "/nowhere.json"], 3, "cannot be read"),
            (["show", self.file("x.json", "{")], 3, "no result of a benchmark"),
            (["show", self.file("y.json", "[]")], 3, "no result of a benchmark"),
            (["--programs", self.folder.name], 2, "holds no benchmarks"),
        ]:
            done = self.bench(*arguments, code=code)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.program("made_bench", PROGRAM)
        done = self.bench("kernel", "--programs", self.folder.name, code=2)
        self.assertIn("no group or program 'kernel'; there are kernels, made", done.stderr)


class Partial(unittest.TestCase):
    def test_a_result_cut_short(self):
        from bench.tools.results import parse_partial

        whole = json.dumps(result([entry("a", 1), entry("b", 2)]), indent=2)
        self.assertEqual(parse_partial(whole), (json.loads(whole), False))
        cut = whole[: whole.index('"name": "b"') + 20]
        document, breaks_off = parse_partial(cut)
        self.assertEqual([e["name"] for e in document["benchmarks"]], ["a"])
        self.assertTrue(breaks_off)
        self.assertEqual(parse_partial('{"context": {'), (None, True))
        self.assertEqual(parse_partial(""), (None, False))

    def test_what_is_no_result_at_all(self):
        from bench.tools.results import parse_partial

        for text in ("[]", "3", '{"benchmarks": 1}', '{"benchmarks": [{"name": 2}]}'):
            self.assertEqual(parse_partial(text), (None, True))


if __name__ == "__main__":
    unittest.main()
