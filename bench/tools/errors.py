"""What a user can cause: one sentence, and the exit code it ends with."""

import sys

USAGE = 2
DATA = 3
NO_GPU = 77  # as the benchmark programs of bench/cuda say it


class Failure(Exception):
    def __init__(self, text, code=DATA):
        super().__init__(text)
        self.code = code


def exit_with(name, main):
    """Runs main() as a program: a Failure becomes one line on standard error and its code."""
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"{name}: {failure}", file=sys.stderr)
        sys.exit(failure.code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # nobody reads the rest: `| head`
        sys.exit(0)
