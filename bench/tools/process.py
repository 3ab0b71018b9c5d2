"""Running a program for so long and no longer."""

import os
import signal
import subprocess
import tempfile


class Ended:
    def __init__(self, code, out, err):
        self.code = code  # None: its time was up
        self.out = out
        self.err = err


def run(command, timeout=None, environment=None, given="", shown=False):
    """Runs a command with `given` as its input; what it starts in turn ends with it. `shown`: its
    standard output goes to ours for errors as it comes. A command that does not start has code 127.
    """
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out:
        with tempfile.TemporaryFile() as err:
            source.write(given.encode())
            source.seek(0)
            try:
                process = subprocess.Popen(
                    list(map(str, command)),
                    stdin=source,
                    stdout=2 if shown else out,
                    stderr=err,
                    env=environment,
                    start_new_session=True,
                )
            except OSError as error:
                return Ended(127, "", str(error))
            code = None
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
            finally:
                # Files, not pipes: nobody waits for what a grandchild holds open.
                _end_group(process)
            return Ended(code, _text(out), _text(err))


def _end_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _text(file):
    file.seek(0)
    return file.read().decode(errors="replace")
