"""bench/tools/process.py: what is ended, how, and what is left behind."""

import os
import signal
import sys
import time
import unittest
import warnings
from unittest import mock

from bench.tools import process


def python(code):
    return [sys.executable, "-c", f"import os, signal, subprocess, sys, time\n{code}"]


class Process(unittest.TestCase):
    def setUp(self):
        grace = mock.patch.object(process, "GRACE", 0.5)
        grace.start()
        self.addCleanup(grace.stop)

    def test_an_end_of_its_own(self):
        ended = process.run(python("print('out'); print('err', file=sys.stderr); sys.exit(5)"), 60)
        self.assertEqual((ended.code, ended.out, ended.err), (5, "out\n", "err\n"))
        self.assertEqual(ended.why, "exit code 5")

    def test_a_program_that_is_not_there(self):
        self.assertEqual(process.run(["/nowhere/program"], 60).code, 127)

    def test_a_signal(self):
        ended = process.run(python("os.kill(os.getpid(), signal.SIGABRT)"), 60)
        self.assertEqual(ended.why, "died by SIGABRT")

    def test_it_is_asked_first(self):
        code = "signal.signal(15, lambda *_: sys.exit(print('asked')))\n"
        ended = process.run(python(code + "print('up', flush=True); time.sleep(60)"), 3)
        self.assertEqual((ended.code, ended.out), (None, "up\nasked\n"))

    def test_one_that_does_not_listen(self):
        began = time.monotonic()
        ended = process.run(python("signal.signal(15, signal.SIG_IGN); time.sleep(60)"), 1)
        self.assertIsNone(ended.code)
        self.assertIsNone(ended.left_behind)
        self.assertLess(time.monotonic() - began, 40)

    def test_what_it_started_ends_with_it(self):
        child = "signal.signal(15, signal.SIG_IGN); time.sleep(60)"
        code = f"child = subprocess.Popen({python(child)!r}); print(child.pid)"
        for rest in ("", "\nsys.stdout.flush(); time.sleep(60)"):
            ended = process.run(python(code + rest), 2)
            pid = int(ended.out)
            for _ in range(200):
                if not _lives(pid):
                    break
                time.sleep(0.05)
            self.assertFalse(_lives(pid))

    def test_one_that_nothing_ends_is_left_behind(self):
        # As one that waits in a driver: signals do not reach it.
        warnings.simplefilter("ignore", ResourceWarning)  # that it still runs is what is wanted
        with mock.patch.object(process, "_signal_group"):
            ended = process.run(python("time.sleep(60)"), 0.5)
        self.addCleanup(os.kill, ended.left_behind, signal.SIGKILL)
        self.assertIsNone(ended.code)
        self.assertIn("is left behind", ended.why)

    def test_much_is_cut_in_the_middle(self):
        with mock.patch.object(process, "MOST", 1000):
            ended = process.run(python("print('head'); print('x' * 10**6); print('tail')"), 60)
        self.assertTrue(ended.out.startswith("head\nx"))
        self.assertTrue(ended.out.endswith("x\ntail\n"))
        self.assertIn("bytes left out", ended.out)
        self.assertLess(len(ended.out), 1100)

    def test_a_file_that_grows_without_end(self):
        with mock.patch.object(process, "_LARGEST_FILE", 1 << 20):
            ended = process.run(python("time.sleep(0.5)\nwhile True: print('x' * 9999)"), 60)
        self.assertNotIn(ended.code, (0, None))


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


if __name__ == "__main__":
    unittest.main()
