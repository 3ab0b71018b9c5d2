"""Programs that run where they were not built: gathering them with the libraries they need, and
the environment they need there."""

import contextlib
import functools
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

from . import gpu_probe, machine
from .errors import Failure

ARCHIVE = "programs.tar.xz"
VECTORS = "vectors.tar.xz"
MANIFEST = "manifest.json"
_UNPACKED = "unpacked"
# What may be carried to a borrowed machine, the tree included.
CARRIED = 64 << 20
# Python 3.11.4 and later can refuse what would leave the folder.
_SAFELY = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
# What is no benchmark and no test.
TOOLS = ("paretiny", gpu_probe.PROGRAM)

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


@contextlib.contextmanager
def _archive(path):
    # One window over all of it: the programs share most of their code.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 64 << 20}]
    with (
        lzma.open(path, "wb", filters=filters) as stream,
        tarfile.open(fileobj=stream, mode="w") as archive,
    ):
        yield archive


def _names(binaries):
    """Benchmarks, tests and tools to pack; says what is not built."""
    benchmarks = sorted(p.stem for p in binaries.glob("cuda_*_bench"))
    tests = [t for t in gpu_tests() if (binaries / t).exists()]
    if not benchmarks or not tests:
        raise Failure(f"{binaries} holds no GPU {'benchmarks' if tests else 'tests'}; build first")
    for name in TOOLS:
        if not (binaries / name).exists():
            raise Failure(f"{binaries} holds no {name}, which the check begins with; build first")
    if missing := sorted(set(gpu_tests()) - set(tests)):
        print(f"not built and left out: {', '.join(missing)}", file=sys.stderr)
    return benchmarks, tests


def pack(binaries, target, shared):
    """Writes target/programs.tar.xz: the benchmarks, the tests that a GPU can run, which must be
    built, the tools and their libraries; and target/vectors.tar.xz, the golden vectors of the folder
    `shared`, where it has some. Returns how many programs there are and the bytes of the two. Throws
    Failure, and leaves nothing, when they are more than can be carried beside the tree."""
    binaries, target = Path(binaries), Path(target)
    benchmarks, tests = _names(binaries)
    target.mkdir(parents=True, exist_ok=True)
    libraries = {}
    manifest = {"commit": machine.commit(), "tests": tests, "benchmarks": benchmarks}
    names = [*benchmarks, *tests, *TOOLS]
    with tempfile.TemporaryDirectory() as scratch, _archive(target / ARCHIVE) as archive:
        for name in names:
            libraries.update(_libraries(binaries / name))
            archive.add(_stripped(binaries / name, scratch), f"bin/{name}")
        for name, path in sorted(libraries.items()):
            archive.add(path.resolve(), f"lib/{name}")
        content = json.dumps(manifest).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    (target / VECTORS).unlink(missing_ok=True)
    if (Path(shared) / "vectors").is_dir():
        with _archive(target / VECTORS) as archive:
            archive.add(Path(shared) / "vectors", "shared/vectors")
    sizes = [f.stat().st_size if f.exists() else 0 for f in (target / ARCHIVE, target / VECTORS)]
    shutil.rmtree(target / _UNPACKED, ignore_errors=True)
    room = budget(target)
    if sum(sizes) > room:
        for archive in (ARCHIVE, VECTORS):
            (target / archive).unlink(missing_ok=True)
        raise Failure(
            f"{target}: {mib(sizes[0])} of programs and {mib(sizes[1])} of vectors are more than "
            f"the {mib(room)} that can be carried beside the tree"
        )
    return len(names), *sizes


def budget(target):
    """Bytes that can be carried in `target`: two variants of the programs should fit, the other of
    which counts as part of the tree where it lies there."""
    return max(CARRIED - machine.tree_bytes(target), 0)


def mib(size):
    return f"{size / 2**20:.1f} MiB"


class Programs:
    """Programs to run: `folder`, `tests`, `benchmarks`, `commit` and their `environment`."""

    def __init__(self, path):
        """A folder of programs as built; or one that pack() wrote, which is unpacked beside it; or
        what was unpacked."""
        path = Path(path).resolve()
        if (path / ARCHIVE).exists():
            path = _unpack(path)
        self.folder, self.commit, self._variables = path, machine.commit(), {}
        tests = gpu_tests()
        if (path / MANIFEST).exists():
            manifest = _read_manifest(path / MANIFEST)
            self.folder, self.commit, tests = path / "bin", manifest["commit"], manifest["tests"]
            if (path / "shared").is_dir():
                self._variables["PARETINY_SHARED"] = str(path / "shared")
        self.tests = [self.folder / t for t in tests if (self.folder / t).exists()]
        self.benchmarks = sorted(self.folder.glob("cuda_*_bench"))
        if not self.benchmarks:
            raise Failure(f"{path} holds neither GPU benchmarks nor {ARCHIVE}")

    def program(self, name):
        return self.folder / name

    @functools.cached_property
    def environment(self):
        folders = [str(self.folder.parent / "lib")] if self._is_packed else []
        folders += [str(f) for f in cuda_libraries()]
        folders += filter(None, os.environ.get("LD_LIBRARY_PATH", "").split(":"))
        return {
            **os.environ,
            "LD_LIBRARY_PATH": ":".join(folders),
            "PARETINY_TEST_DEVICE": "cuda",
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "4"),
            **self._variables,
        }

    @property
    def _is_packed(self):
        return (self.folder.parent / MANIFEST).exists()


def _read_manifest(path):
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return {"commit": str(manifest["commit"]), "tests": [str(t) for t in manifest["tests"]]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} is no manifest of gpu_check pack; pack again") from error


def _unpack(path):
    """The folder with what both archives hold, unpacked anew when one is another than before."""
    into = path / _UNPACKED
    archives = [a for a in (path / ARCHIVE, path / VECTORS) if a.exists()]
    mark = " ".join(f"{a.name} {a.stat().st_mtime_ns} {a.stat().st_size}" for a in archives)
    stamp = into / ".from"
    try:
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != mark:
            shutil.rmtree(into, ignore_errors=True)
            for archive in archives:
                with tarfile.open(archive) as stream:
                    stream.extractall(into, **_SAFELY)
            stamp.write_text(mark, encoding="utf-8")
    except (OSError, EOFError, lzma.LZMAError, tarfile.TarError) as error:
        raise Failure(f"{path} cannot be unpacked: {error}; was it carried whole?") from error
    return into


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
