"""Running a program for so long and no longer."""

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
import threading

# Seconds a process group has between being asked to end and being ended, and then to be gone.
GRACE = 3
# Of what a program says, the first and the last half of so many bytes count.
MOST = 8 << 20
# A file that a program writes, what it says among them, ends it at so many bytes.
_LARGEST_FILE = 1 << 30

_running = set()
_ending = threading.Event()
_lock = threading.Lock()


class Ended:
    def __init__(self, code, out="", err="", left_behind=None):
        self.code = code  # None: its time was up; negative: the signal that it died by
        self.out = out
        self.err = err
        self.left_behind = left_behind  # its process id, when not even SIGKILL ended it

    @property
    def why(self):
        """How it ended, for people."""
        if self.left_behind is not None:
            return f"its time was up and nothing ends it: process {self.left_behind} is left behind"
        if self.code is None:
            return "its time was up"
        if self.code < 0:
            return f"died by {signal_name(-self.code)}"
        return f"exit code {self.code}"


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def run(command, timeout=None, environment=None, given="", shown=False, merged=False):
    """Runs a command with `given` as its input; what it starts in turn ends with it. `shown`: its
    standard output goes to ours for errors as it comes; `merged`: what it says to standard error
    stands in `out`, in its place. A command that does not start has code 127.
    """
    with (
        tempfile.TemporaryFile() as source,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        source.write(given.encode())
        source.seek(0)
        if _ending.is_set():
            return Ended(None)
        try:
            process = subprocess.Popen(
                list(map(str, command)),
                stdin=source,
                stdout=2 if shown else out,
                stderr=subprocess.STDOUT if merged else err,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            return Ended(127, "", str(error))
        with _lock:
            _running.add(process.pid)
        code = None
        try:
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(
                    process.pid, resource.RLIMIT_FSIZE, (_LARGEST_FILE, resource.RLIM_INFINITY)
                )
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(timeout)
        finally:
            # Files, not pipes: nobody waits for what a grandchild holds open.
            gone = _end_group(process)
            with _lock:
                _running.discard(process.pid)
        return Ended(code, _text(out), _text(err), None if gone else process.pid)


def end_all():
    """Ends what other threads run, which then see it end. Nothing starts any more."""
    _ending.set()
    with _lock:
        for group in _running:
            _signal_group(group, signal.SIGKILL)


def _signal_group(group, number):
    with contextlib.suppress(OSError):
        os.killpg(group, number)


def _end_group(process):
    """Whether the process is gone; one that hangs in a driver cannot be ended, nor waited for."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    _signal_group(process.pid, signal.SIGKILL)  # and what it started
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    return process.poll() is not None


def _text(file):
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if size <= MOST:
        return file.read().decode(errors="replace")
    head = file.read(MOST // 2).decode(errors="replace")
    file.seek(-(MOST // 2), os.SEEK_END)
    return f"{head}\n[{size - MOST} bytes left out]\n{file.read().decode(errors='replace')}"


def trimmed(text, most=4000):
    """A text's head and tail, `most` characters together."""
    text = text.strip()
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def last_line(text):
    return "".join(text.strip().splitlines()[-1:])[-300:]
