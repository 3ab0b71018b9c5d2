"""Programs that run where they were not built: gathering them with the libraries they need, and
the environment they need there."""

import io
import json
import lzma
import os
import re
import shutil
import site
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from . import machine
from .errors import Failure

ARCHIVE = "programs.tar.xz"
MANIFEST = "manifest.json"
LIMIT = 60 << 20

# Always there: the C library's parts, and the compiler's, older ones of which could break others.
_SYSTEM = re.compile(
    r"^(linux-vdso|ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|stdc\+\+|gcc_s))\.so"
)
# The toolkit's, hundreds of megabytes: that machine has them.
_TOOLKIT = re.compile(r"^lib(cuda|cudnn|cublas|cufft|curand|cusolver|cusparse|nv)")


def gpu_tests():
    """Names of the test programs whose device PARETINY_TEST_DEVICE chooses."""
    tests = machine.ROOT / "tests"
    files = [f for f in tests.rglob("*_test.cpp") if tests / "simt" not in f.parents]
    return sorted(f.stem for f in files if "test_stream(" in f.read_text(encoding="utf-8"))


def _libraries(program):
    """What the loader finds for a program, by name."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    found = {}
    for line in done.stdout.splitlines():
        match = re.match(r"\s*(\S+) => (\S+)", line)
        if not match or _SYSTEM.match(match[1]) or _TOOLKIT.match(match[1]):
            continue
        if match[2] == "not":
            raise Failure(f"{program} needs {match[1]}, which is not here")
        found[match[1]] = Path(match[2])
    return found


def _stripped(program, folder):
    """A copy without symbols, or the program itself where there is no strip."""
    copy = Path(folder) / program.name
    if shutil.which("strip") is None:
        return program
    subprocess.run(["strip", "-o", copy, program], check=True)
    return copy


def pack(binaries, target):
    """Writes target/programs.tar.xz: the benchmarks and the tests that a GPU can run, which must be
    built, and their libraries. Returns the names and the archive's size."""
    binaries, target = Path(binaries), Path(target)
    names = sorted(p.stem for p in binaries.glob("cuda_*_bench"))
    tests = [t for t in gpu_tests() if (binaries / t).exists()]
    if not names or not tests:
        raise Failure(f"{binaries} holds no GPU {'benchmarks' if tests else 'tests'}; build first")
    if missing := sorted(set(gpu_tests()) - set(tests)):
        print(f"not built and left out: {', '.join(missing)}", file=sys.stderr)
    target.mkdir(parents=True, exist_ok=True)
    libraries = {}
    manifest = {"commit": machine.commit(), "tests": tests, "benchmarks": names}
    # One window over all of it: the programs share most of their code.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 64 << 20}]
    with (
        tempfile.TemporaryDirectory() as scratch,
        lzma.open(target / ARCHIVE, "wb", filters=filters) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        for name in names + tests:
            libraries.update(_libraries(binaries / name))
            archive.add(_stripped(binaries / name, scratch), f"bin/{name}")
        for name, path in sorted(libraries.items()):
            archive.add(path.resolve(), f"lib/{name}")
        content = json.dumps(manifest).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    size = (target / ARCHIVE).stat().st_size
    if size > LIMIT:
        raise Failure(f"{target / ARCHIVE} has {size >> 20} MiB, more than {LIMIT >> 20}")
    return names + tests, size


class Programs:
    """Programs to run: `folder`, `tests`, `benchmarks`, `commit` and their `environment`."""

    def __init__(self, path):
        """A folder of programs as built, or one that pack() wrote, which is unpacked beside it."""
        path = Path(path).resolve()
        self.folder, self.library, self.commit = path, None, machine.commit()
        if (path / ARCHIVE).exists():
            self._unpack(path)
            manifest = json.loads((self.folder.parent / MANIFEST).read_text(encoding="utf-8"))
            self.commit = manifest["commit"]
            tests = manifest["tests"]
        else:
            tests = gpu_tests()
        self.tests = [self.folder / t for t in tests if (self.folder / t).exists()]
        self.benchmarks = sorted(self.folder.glob("cuda_*_bench"))
        if not self.benchmarks:
            raise Failure(f"{path} holds neither GPU benchmarks nor {ARCHIVE}")

    def _unpack(self, path):
        into = path / "unpacked"
        stamp = into / ".from"
        archive = path / ARCHIVE
        mark = f"{archive.stat().st_mtime_ns} {archive.stat().st_size}"
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != mark:
            shutil.rmtree(into, ignore_errors=True)
            with tarfile.open(archive) as stream:
                stream.extractall(into)
            stamp.write_text(mark, encoding="utf-8")
        self.folder, self.library = into / "bin", into / "lib"

    @property
    def environment(self):
        folders = [str(self.library)] if self.library else []
        folders += [str(f) for f in cuda_libraries()]
        folders += filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
        return {
            **os.environ,
            "LD_LIBRARY_PATH": ":".join(folders),
            "PARETINY_TEST_DEVICE": "cuda",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "4"),
        }


def cuda_libraries():
    """Folders with CUDA's libraries: the toolkit's, and those that Python packages bring."""
    homes = [os.environ.get("CUDA_HOME", ""), "/usr/local/cuda"]
    folders = [Path(home) / part for home in homes if home for part in ("lib64", "lib")]
    roots = {Path(p) for p in [*sys.path, *site.getsitepackages(), *_other_python()] if p}
    for root in sorted(roots):
        folders += sorted(root.glob("nvidia/*/lib"))
    seen = {}
    for folder in folders:
        if folder.is_dir() and any(folder.glob("lib*.so*")):
            seen.setdefault(folder.resolve(), None)
    return list(seen)


def _other_python():
    """Where the python3 of the path keeps packages, if it is not this one."""
    python = shutil.which("python3")
    if python is None or Path(python).resolve() == Path(sys.executable).resolve():
        return []
    code = "import site, sys; print('\\n'.join(sys.path + site.getsitepackages()))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.split("\n")
