"""What the peers print: an entry of Google Benchmark's JSON a line, which scripts/bench reads."""

import json


def entry(name, seconds, **counters):
    emit(
        {
            "name": name,
            "run_type": "iteration",
            "iterations": 1,
            "real_time": seconds,
            "cpu_time": seconds,
            "time_unit": "s",
            **counters,
        }
    )


def skipped(name, reason):
    emit({"name": name, "run_type": "iteration", "error_occurred": True, "error_message": reason})


def emit(fields):
    print(json.dumps(fields), flush=True)


OUT_OF_TIME = "not run: the time budget is spent"
