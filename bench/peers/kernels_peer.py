#!/usr/bin/env python3
"""Depthwise and pointwise convolutions in PyTorch (channels_last, bf16) at the shapes of
cuda_conv_bench, whose names it reads from --names (a file, or - for standard input):

  scripts/bench --list kernels 'wise/.*/bf16' | sed 's/.* //' |
      bench/peers/kernels_peer.py --names=-

Prints one JSON line a shape and direction: the median of CUDA graph replays over sets of inputs
that no cache holds. forward_fused is the layer with a whole batch norm and hard-swish behind it.
"""

import argparse
import math
import re
import statistics
import sys
import time

import torch
import torch.nn.functional as F

import entries

_NAME = re.compile(
    r"^(?P<op>depthwise|pointwise)/(?P<direction>\w+)/bf16/"
    r"(?P<n>\d+)x(?P<h>\d+)x(?P<w>\d+)x(?P<c>\d+)"
    r"(?:_k(?P<k>[\dx]+)_s(?P<s>[\dx]+))?(?:_to(?P<out>\d+))?/paretiny"
)
_REPLAYS = 11


def pair(text):
    """ "3" is (3, 3), "1x5" is (1, 5)."""
    parts = [int(p) for p in (text or "1").split("x")]
    return parts * 2 if len(parts) == 1 else parts


class Layer:
    def __init__(self, match):
        self.op, self.direction = match["op"], match["direction"]
        n, h, w, self.c = (int(match[k]) for k in "nhwc")
        self.out = int(match["out"]) if match["out"] else self.c
        self.groups = self.c if self.op == "depthwise" else 1
        kernel, self.stride = pair(match["k"]), pair(match["s"])
        self.padding = [k // 2 for k in kernel]
        self.x_shape = (n, self.c, h, w)
        self.w_shape = (self.out, self.c // self.groups, *kernel)
        self.y_shape = (n, self.out, *(math.ceil(e / s) for e, s in zip((h, w), self.stride)))

    def tensors(self, device):
        def random(shape):
            made = torch.randn(shape, device=device, dtype=torch.bfloat16)
            return made.contiguous(memory_format=torch.channels_last)

        return random(self.x_shape), random(self.w_shape), random(self.y_shape)

    def call(self, device):
        """A function of (x, w, dy), or None for a direction it has no counterpart of."""
        if self.direction.startswith("forward"):
            gamma = torch.ones(self.out, device=device)
            beta, mean, var = (torch.zeros(self.out, device=device) for _ in range(3))

            def forward(x, w, _):
                y = F.conv2d(x, w, None, self.stride, self.padding, 1, self.groups)
                if self.direction == "forward":
                    return y
                return F.hardswish(F.batch_norm(y, mean, var, gamma, beta, True))

            return forward
        mask = {"backward_data": [True, False, False], "backward_weights": [False, True, False]}
        if self.direction not in mask:
            return None
        return lambda x, w, dy: torch.ops.aten.convolution_backward(
            dy,
            x,
            w,
            None,
            self.stride,
            self.padding,
            [1, 1],
            False,
            [0, 0],
            self.groups,
            mask[self.direction],
        )

    @property
    def bytes(self):
        return 2 * (math.prod(self.x_shape) + math.prod(self.y_shape) + math.prod(self.w_shape))


def seconds_on_gpu(layer, call):
    cache = torch.cuda.get_device_properties(0).L2_cache_size
    sets = max(2, min(128, math.ceil(4 * cache / layer.bytes)))
    inputs = [layer.tensors("cuda") for _ in range(sets)]
    calls = sets * math.ceil(8 / sets)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            call(*inputs[0])
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(calls):
            call(*inputs[i % sets])
    graph.replay()
    times = []
    for _ in range(_REPLAYS):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e-3)
    return statistics.median(times) / calls


def seconds_on_cpu(layer, call):
    inputs = layer.tensors("cpu")
    times = []
    for _ in range(3):
        began = time.perf_counter()
        call(*inputs)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", required=True, help="file of names, - for standard input")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--budget", type=float, default=1e6, help="seconds")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: PyTorch sees none", file=sys.stderr)
        return 77
    torch.backends.cudnn.benchmark = True
    deadline = time.monotonic() + options.budget
    seconds_of = seconds_on_gpu if options.device == "cuda" else seconds_on_cpu
    with open(0 if options.names == "-" else options.names, encoding="utf-8") as file:
        matches = [m for line in file if (m := _NAME.match(line.strip()))]
    for match in matches:
        layer = Layer(match)
        name = match[0].removesuffix("paretiny") + "pytorch"
        call = layer.call(options.device)
        if call is None:
            continue
        if time.monotonic() > deadline:
            entries.skipped(name, entries.OUT_OF_TIME)
            continue
        try:
            with torch.no_grad():
                seconds = seconds_of(layer, call)
        except Exception as error:  # one shape that cannot must not keep the others from it
            entries.skipped(name, f"{type(error).__name__}: {str(error).splitlines()[0][:200]}")
            continue
        entries.entry(name, seconds, **{"GB/s": 1e-9 * layer.bytes / seconds})
    return 0


if __name__ == "__main__":
    sys.exit(main())
