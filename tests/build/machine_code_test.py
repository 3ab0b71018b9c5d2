import os
import runpy
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "machine_code"
NAMES = runpy.run_path(str(SCRIPT))

# Stands for cuobjdump: the objects hold the listings themselves.
TOOL = """#!/usr/bin/env python3
import sys
print(open(sys.argv[2]).read())
"""
# A kernel of two loops, one in the other, and what is asked of any kernel here.
LISTING = """
	code for sm_90a
\t\tFunction : _Z6kernelv
        /*0000*/                   LDC R1, c[0x0][0x28] ;    /* 0x00000a00ff017b82 */
                                                             /* 0x000ff00000000800 */
        /*0010*/                   LDGSTS.E.BYPASS.LTC128B.128 [R1], desc[UR4][R2.64] ;   /* 0x0 */
        /*0020*/              @!P0 LDSM.16.M88.4 R4, [R1] ;  /* 0x0 */
        /*0030*/                   HMMA.16816.F32.BF16 R8, R4, R6, R8 ;   /* 0x0 */
        /*0040*/                   HMMA.16816.F32.BF16 R8, R4, R6, R8 ;   /* 0x0 */
        /*0050*/               @P0 BRA 0x20 ;                /* 0x0 */
        /*0060*/                   STG.E.128 desc[UR4][R2.64], R8 ;       /* 0x0 */
        /*0070*/                   HMMA.16816.F32.BF16 R8, R4, R6, R8 ;   /* 0x0 */
        /*0080*/               @P1 BRA 0x10 ;                /* 0x0 */
        /*0090*/                   EXIT ;                    /* 0x0 */
"""


class MachineCode(unittest.TestCase):
    def code(self, listing=LISTING):
        return NAMES["parse"](listing)["sm_90a", "_Z6kernelv"]

    def check(self, listing, *wanted):
        return list(NAMES["check"]("kernel", self.code(listing), wanted))

    def test_instructions_are_found_whatever_guards_them(self):
        self.assertEqual(len(self.code()), 10)
        self.assertEqual(
            self.check(LISTING, "HMMA.16816.F32.BF16", "LDGSTS.128", "STG.128", "LDSM"), [])

    def test_architectures_are_told_apart(self):
        listing = LISTING + LISTING.replace("sm_90a", "sm_80").replace("HMMA", "FFMA")
        functions = NAMES["parse"](listing)
        self.assertEqual([len(code) for code in functions.values()], [10, 10])
        self.assertEqual(functions["sm_80", "_Z6kernelv"][3][1], "FFMA.16816.F32.BF16")

    def test_a_missing_instruction_is_told(self):
        wrong = LISTING.replace("STG.E.128", "STG.E")
        self.assertEqual(self.check(wrong, "HMMA.16816.F32.BF16", "STG.128"), ["kernel has no STG.128"])
        self.assertEqual(self.check(LISTING, "STG.64"), ["kernel has no STG.64"])

    def test_local_memory_is_told(self):
        for name in ("LDL.64 R4, [R1]", "STL [R1], R4"):
            said = self.check(LISTING.replace("LDC R1, c[0x0][0x28]", name))
            self.assertEqual(len(said), 1)
            self.assertIn("local memory, 1 instructions", said[0])

    def test_the_inner_loop_is_the_one_that_works(self):
        loop = NAMES["inner_loop"](self.code(), "HMMA.16816.F32.BF16")
        self.assertEqual([each[0] for each in loop], [0x20, 0x30, 0x40, 0x50])
        self.assertEqual(len(NAMES["inner_loop"](self.code(), "STG.128")), 8)
        self.assertEqual(NAMES["inner_loop"](self.code(), "FFMA"), [])

    def run_script(self, objects, tools, path=os.environ["PATH"]):
        done = subprocess.run([sys.executable, "-B", SCRIPT, "--objects", objects, "--tools", tools],
                              capture_output=True, text=True, env={"PATH": path})  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def test_it_skips_where_it_cannot_look(self):
        with tempfile.TemporaryDirectory() as folder:
            code, out, _ = self.run_script(folder, folder, path=folder)
            self.assertEqual((code, out.count("\n")), (77, 1), out)
            self.tool(folder)
            code, out, _ = self.run_script(folder, folder)
            self.assertEqual((code, out.count("\n")), (77, 1), out)

    def tool(self, folder):
        path = Path(folder) / "cuobjdump"
        path.write_text(TOOL, encoding="utf-8")
        path.chmod(0o755)

    @unittest.skipUnless(shutil.which("c++filt"), "no c++filt")
    def test_kernels_that_are_gone_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            self.tool(folder)
            for name in NAMES["CLAIMS"]:
                path = Path(folder) / f"{name}.cu.o"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(LISTING, encoding="utf-8")
            code, _, said = self.run_script(folder, folder)
            self.assertEqual(code, 1)
            self.assertIn("nn/cuda/conv/conv_gather, sm_90a: there is no kernel gather_kernel<bf16", said)


if __name__ == "__main__":
    unittest.main()
