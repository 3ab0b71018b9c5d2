#!/usr/bin/env python3
"""Runs the TFLite and ONNX files that write_formats wrote in the runtimes they are meant for and
counts how far the outputs are from the int8 network's, in units of the output scale.

    python3 -m venv VENV && VENV/bin/pip install -r tests/peers/requirements.txt
    build/bin/write_formats FOLDER && VENV/bin/python tests/peers/check_formats.py FOLDER

Exits with 1 if a file does not load or LiteRT's reference kernels give another byte.
"""

import argparse
import collections
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from ai_edge_litert.interpreter import Interpreter, OpResolverType

FARTHEST = 5  # differences of as much and more are counted as one


def with_litert(path, inputs, resolver):
    interpreter = Interpreter(
        model_path=str(path), experimental_op_resolver_type=resolver, num_threads=1
    )
    interpreter.allocate_tensors()
    x = interpreter.get_input_details()[0]
    y = interpreter.get_output_details()[0]
    outputs = []
    for sample in inputs.reshape(-1, *x["shape"]):
        interpreter.set_tensor(x["index"], sample)
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(y["index"]).flatten())
    return np.array(outputs), x, y


def with_onnxruntime(path, inputs, x, y):
    onnx.checker.check_model(str(path), full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    scale, zero_point = x["quantization"]
    samples = inputs.reshape(-1, *x["shape"][1:]).astype(np.float32)
    feed = {session.get_inputs()[0].name: (samples - zero_point) * np.float32(scale)}
    values = session.run(None, feed)[0]
    scale, zero_point = y["quantization"]
    return np.rint(values / scale).astype(int) + zero_point


class Tally:
    """Outputs by their distance, and samples whose class is another."""

    def __init__(self):
        self.distances = collections.Counter()
        self.samples = 0
        self.other_class = 0

    def add(self, outputs, wanted):
        distances = np.abs(outputs.astype(int) - wanted)
        self.distances.update(np.minimum(distances, FARTHEST).flatten().tolist())
        self.samples += len(outputs)
        self.other_class += int((outputs.argmax(1) != wanted.argmax(1)).sum())
        return int(distances.max())

    def row(self, name):
        total = self.distances.total()
        shares = [f"{100 * self.distances[d] / total:.2f} %" for d in range(FARTHEST + 1)]
        classes = f"{self.other_class} of {self.samples}"
        return "| " + " | ".join([name, *shares, classes]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    models = sorted(folder.glob("*.tflite"))
    if not models:
        sys.exit(f"{folder}: no .tflite files; write them with write_formats")
    tallies = collections.defaultdict(Tally)
    failures = 0
    for path in models:
        kind = "random graphs" if path.stem.startswith("random") else path.stem
        inputs = np.fromfile(path.with_suffix(".inputs"), np.int8)
        reference, x, y = with_litert(path, inputs, OpResolverType.BUILTIN_REF)
        wanted = np.fromfile(path.with_suffix(".outputs"), np.int8).reshape(reference.shape)
        ways = {
            "LiteRT, reference kernels": reference,
            "LiteRT, optimised kernels": with_litert(
                path, inputs, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            )[0],
            "LiteRT, XNNPACK": with_litert(path, inputs, OpResolverType.AUTO)[0],
            "onnxruntime": with_onnxruntime(path.with_suffix(".onnx"), inputs, x, y),
        }
        farthest = [
            tallies[way, kind].add(outputs, wanted.astype(int)) for way, outputs in ways.items()
        ]
        failures += farthest[0] > 0
        print(f"{path.stem}: farthest {farthest}", file=sys.stderr)
    print("| runtime | networks | equal | 1 | 2 | 3 | 4 | 5 and more | another class |")
    print("|---|---|---|---|---|---|---|---|---|")
    for way, kind in sorted(tallies):
        print(tallies[way, kind].row(f"{way} | {kind}"))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
