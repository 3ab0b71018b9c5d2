#!/usr/bin/env python3
"""Shows `paretiny ask` and `paretiny tell` driven on a small function: any program in any language can.
Takes some seconds.

    examples/ask_tell/ask_tell.py [STUDY.sqlite] [--trials 24] [--paretiny build/bin/paretiny]

The same command goes on with a study that was cut short: results that were never told are worked
out again.
"""

import argparse
import json
import pathlib
import subprocess

SPACE = pathlib.Path(__file__).with_name("space.toml")


def measure(x, rounds, shape):
    """What is to be minimised, and what has bounds: more rounds cost time and lower the loss."""
    if shape == "square" and rounds == 13:
        raise ValueError("13 squares do not fit")
    centre = 1.0 if shape == "round" else 2.0
    return {
        "objectives": {
            "loss": (x - centre) ** 2 + 8.0 / rounds,
            "seconds": rounds * (1.0 + 0.1 * abs(x)),
        },
        "constraints": {"temperature": 20.0 + 4.0 * rounds + 2.0 * x * x},
    }


def lines_of(arguments, text=""):
    done = subprocess.run(arguments, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", default="ask_tell.sqlite")
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--paretiny", default="build/bin/paretiny")
    given = parser.parse_args()

    asked = []
    if pathlib.Path(given.study).exists():
        asked = lines_of([given.paretiny, "ask", given.study, "--pending"])
    number = -1
    while number + 1 < given.trials:
        if not asked:
            asked = lines_of([given.paretiny, "ask", given.study, "--space", str(SPACE)])
        trial = asked.pop(0)
        number = trial["trial"]
        if number >= given.trials:
            break  # it stays pending, should the study go on
        result = {"trial": number}
        try:
            result.update(measure(**trial["values"]))
        except ValueError as error:
            result["failed"] = str(error)
        for answer in lines_of([given.paretiny, "tell", given.study], json.dumps(result) + "\n"):
            print(answer)


if __name__ == "__main__":
    main()
