import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "check_tidy"

# Stands for clang-tidy: notes the sources of a unit, and finds something where one says "bad".
TIDY = """#!/usr/bin/env python3
import re, sys
from pathlib import Path
if "--version" in sys.argv:
    print("LLVM version 14.0.6")
    sys.exit()
unit = Path(sys.argv[sys.argv.index("--") - 1]).read_text()
sources = re.findall('#include "(.*)"', unit)
assert sources[0] == "pch.hxx" and "-include" not in sys.argv
sources = sources[1:]
with open(Path(__file__).parent / "log", "a") as log:
    log.write(" ".join(Path(s).name for s in sources) + "\\n")
if any("bad" in Path(s).read_text() for s in sources):
    print("a finding")
    sys.exit(1)
"""


class CheckTidy(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.bin = self.folder / "bin"
        self.repo = self.folder / "repo"
        self.write(self.bin / "clang-tidy-14", TIDY).chmod(0o755)
        self.git("init", "-q", self.repo, cwd=self.folder)
        self.write(self.repo / "scripts" / "check_tidy", SCRIPT.read_text(encoding="utf-8"))
        self.commit({"kernels/a.cpp": "", "kernels/c.cpp": '#include "kernels/b.h"\n',
                     "kernels/b.cpp": '#include "kernels/b.h"\n', "kernels/b.h": "",
                     "nas/x.cpp": "", "nas/y.cpp": "", "tests/t.cpp": "", "tests/simt/left_out.cpp": "bad"})  # fmt: skip

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def git(self, *arguments, cwd=None):
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *who, *arguments], cwd=cwd or self.repo, check=True)

    def commit(self, files):
        for path, text in files.items():
            self.write(self.repo / path, text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", "change")

    def run_script(self, *arguments, repo=None):
        """Exit code, what it said, and the sources of each unit in the order they were checked."""
        repo = repo or self.repo
        unity = repo / "build" / "Unity" / "unity_0_cxx.cxx"
        self.write(unity, "".join(f'#include "{repo}/nas/{name}.cpp"\n' for name in "xy"))
        sources = sorted(p for p in repo.glob("*/*.cpp") if p.parent.name != "nas") + [unity]
        sources += repo.glob("tests/simt/*.cpp")
        call = f"/usr/bin/ccache c++ -I{repo} -include pch.hxx -o x.o -c "
        entries = [{"file": str(p), "command": call + str(p)}
                   for p in sources]  # fmt: skip
        self.write(repo / "build" / "compile_commands.json", json.dumps(entries))
        self.write(repo / ".gitignore", "build\n")
        (self.bin / "log").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, repo / "scripts" / "check_tidy", "--jobs", "1", *arguments],
            env={**os.environ, "PATH": f"{self.bin}:{os.environ['PATH']}"},
            cwd=repo, capture_output=True, text=True)  # fmt: skip
        log = self.bin / "log"
        units = log.read_text().splitlines() if log.exists() else []
        return done.returncode, done.stdout + done.stderr, units

    def test_what_changed_last_comes_first(self):
        self.commit({"kernels/a.cpp": "// changed\n"})
        self.commit({"nas/y.cpp": "// changed\n"})
        self.write(self.repo / "tests" / "t.cpp", "// not yet committed\n")
        code, said, units = self.run_script()
        self.assertEqual(code, 0, said)
        self.assertEqual(units[:3], ["t.cpp", "y.cpp x.cpp", "a.cpp"])
        self.assertEqual(sorted(units[3:]), ["b.cpp", "c.cpp"])
        self.assertIn("6 sources checked\n", said)

    def test_a_header_is_checked_in_the_source_of_its_name(self):
        self.commit({"kernels/b.h": "// changed\n"})
        self.assertEqual(self.run_script()[2][0], "b.cpp")
        self.assertEqual(self.run_script("kernels/b.h")[2], ["b.cpp"])

    def test_a_clone_of_one_commit_is_checked_whole(self):
        self.commit({"kernels/a.cpp": "// changed\n"})
        clone = self.folder / "clone"
        self.git("clone", "-q", "--depth", "1", f"file://{self.repo}", clone)
        code, said, units = self.run_script(repo=clone)
        self.assertEqual(code, 0, said)
        self.assertEqual(sorted(" ".join(units).split()),
                         ["a.cpp", "b.cpp", "c.cpp", "t.cpp", "x.cpp", "y.cpp"])  # fmt: skip

    def test_findings_fail(self):
        self.commit({"kernels/a.cpp": "bad"})
        code, said, _ = self.run_script()
        self.assertEqual(code, 1)
        self.assertIn("a finding", said)

    def test_what_time_leaves_out_is_said(self):
        code, said, units = self.run_script("--minutes", "0")
        self.assertEqual((code, units), (0, []))
        self.assertIn("0 sources checked, 6 left out", said)

    def test_another_version_is_none(self):
        self.write(self.bin / "clang-tidy-14", TIDY.replace("14.0.6", "19.1.0"))
        self.write(self.bin / "clang-tidy", "#!/bin/sh\nexit 1\n").chmod(0o755)
        self.assertEqual(self.run_script()[0], 77)


if __name__ == "__main__":
    unittest.main()
