#!/usr/bin/env python3
"""Twin of cuda_train_bench in PyTorch: the same networks, data, batch, augmentation on the GPU,
optimiser and schedule, in bf16 autocast and channels_last; eager, compiled, and as a CUDA graph of
the whole step. Prints one JSON line a way, of the names that cuda_train_bench uses.

On a small machine: train_peer.py --device=cpu --samples=256 --batch=64 --epochs=2
"""

import argparse
import math
import statistics
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import entries
import made_set
import networks

PEAK, MOMENTUM, DECAY, WARMUP, CROP = 0.2, 0.9, 5e-4, 1, 4
TASKS = {
    "resnet18": (networks.resnet18, (32, 32, 3), 10, 50000, 10000),
    "mobilenet_v3": (networks.mobilenet_v3_series, (1, 1024, 24), 13, 8192, 2048),
}
WAYS = ("eager", "compile", "graphs")


class OutOfTime(Exception):
    pass


def cifar10(folder, device):
    """Images [n, 32, 32, 3] and labels of the training and the test part."""
    folder = Path(folder)
    if (folder / "cifar-10-batches-bin").is_dir():
        folder /= "cifar-10-batches-bin"
    parts = []
    for names in ([f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]):
        data = b"".join((folder / name).read_bytes() for name in names)
        records = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(-1, 3073)
        images = records[:, 1:].view(-1, 3, 32, 32).permute(0, 2, 3, 1).contiguous()
        parts.append((images.to(device), records[:, 0].long().to(device)))
    return parts


class Data:
    """Everything on the device; the network reads value * scale + shift."""

    def __init__(self, name, options, device):
        _, shape, classes, train, test = TASKS[name]
        self.images = shape[0] > 1
        if self.images and options.data:
            self.train, self.test = cifar10(options.data, device)
            if options.samples:
                self.train = tuple(part[: options.samples] for part in self.train)
            values = self.train[0].float().flatten(0, 2)
            self.scale = 1 / values.std(0, correction=0)
            self.shift = -values.mean(0) * self.scale
        else:
            train = options.samples or train
            self.train = made_set.make(shape, classes, train, 0, device)
            self.test = made_set.make(shape, classes, min(test, train), 1 << 20, device)
            self.scale, self.shift = 1 / 64, -2.0

    def batch(self, part, index, augment, generator=None):
        """[n, c, h, w] in channels_last order."""
        values, labels = part
        values = values[index].float() * self.scale + self.shift
        if augment and self.images:
            values = crop_and_flip(values, generator)
        return values.permute(0, 3, 1, 2), labels[index]


def crop_and_flip(x, generator):
    """Each image shifted by -4..4 both ways, zeros coming in, and mirrored or not."""
    n, h, w, _ = x.shape

    def draw(high):
        return torch.randint(high, (n, 1), device=x.device, generator=generator)

    padded = F.pad(x, (0, 0, CROP, CROP, CROP, CROP))
    rows = torch.arange(h, device=x.device) + draw(2 * CROP + 1)
    columns = torch.arange(w, device=x.device).expand(n, w)
    columns = torch.where(draw(2) == 1, w - 1 - columns, columns) + draw(2 * CROP + 1)
    each = torch.arange(n, device=x.device).view(n, 1, 1)
    return padded[each, rows.unsqueeze(2), columns.unsqueeze(1)]


def rate(step, steps, epochs):
    """learning_rate of engine/train/spec.h: linear warm-up, then a cosine to 0."""
    warmup = WARMUP * steps
    if step + 1 < warmup:
        return PEAK * (step + 1) / warmup
    progress = min(max((step - warmup) / max(1.0, epochs * steps - warmup), 0.0), 1.0)
    return PEAK * 0.5 * (1 + math.cos(math.pi * progress))


class Trainer:
    def __init__(self, network, device):
        self.network, self.device = network, device
        weights = [p for p in network.parameters() if p.ndim > 1]
        others = [p for p in network.parameters() if p.ndim <= 1]
        on_gpu = device.type == "cuda"
        # A tensor, so that a captured step reads it anew.
        self.rate = torch.tensor(PEAK, device=device)
        self.optimizer = torch.optim.SGD(
            [{"params": weights, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}],
            lr=self.rate,
            momentum=MOMENTUM,
            nesterov=True,
            fused=on_gpu or None,
        )
        self.model = network
        self.totals = torch.zeros(2, device=device)

    def step(self, x, y):
        with torch.autocast(self.device.type, torch.bfloat16):
            logits = self.model(x)
        logits = logits.float()
        loss = F.cross_entropy(logits, y)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        right = (logits.detach().argmax(1) == y).sum()
        self.totals += torch.stack((loss.detach() * len(y), right))


class Captured:
    """Trainer.step recorded once; batches are copied to where it reads them."""

    def __init__(self, trainer, x, y):
        self.x, self.y = x.clone(memory_format=torch.preserve_format), y.clone()
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                trainer.step(self.x, self.y)
        torch.cuda.current_stream().wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            trainer.step(self.x, self.y)

    def __call__(self, x, y):
        self.x.copy_(x)
        self.y.copy_(y)
        self.graph.replay()


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def accuracy(network, data, batch, device):
    network.eval()
    right = 0
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for index in torch.arange(len(data.test[1]), device=device).split(batch):
            x, y = data.batch(data.test, index, False)
            right += int((network(x).argmax(1) == y).sum())
    return right / len(data.test[1])


def train(name, way, data, options, deadline):
    """Seconds an epoch, all of them, and counters."""
    device = torch.device(options.device)
    torch.manual_seed(1)
    build, _, classes, *_ = TASKS[name]
    network = build(classes)
    networks.initialise(network)
    network = network.to(device, memory_format=torch.channels_last).train()
    trainer = Trainer(network, device)
    step = trainer.step
    if way == "compile":
        trainer.model = torch.compile(network)
    generator = torch.Generator(device).manual_seed(1)
    size = len(data.train[1])
    steps = size // options.batch
    if way == "graphs":
        saved = {k: v.clone() for k, v in network.state_dict().items()}
        index = torch.arange(options.batch, device=device)
        step = Captured(trainer, *data.batch(data.train, index, True, generator))
        network.load_state_dict(saved)  # what it learnt from being recorded is forgotten
        for state in trainer.optimizer.state.values():
            state["momentum_buffer"].zero_()
    seconds = []
    for epoch in range(options.epochs):
        if time.monotonic() > deadline:
            raise OutOfTime
        wait(device)
        began = time.perf_counter()
        trainer.totals.zero_()
        order = torch.randperm(size, device=device, generator=generator)
        for i in range(steps):
            index = order[i * options.batch : (i + 1) * options.batch]
            x, y = data.batch(data.train, index, True, generator)
            trainer.rate.fill_(rate(epoch * steps + i, steps, options.epochs))
            step(x, y)
        train_accuracy = float(trainer.totals[1]) / (steps * options.batch)
        wait(device)
        seconds.append(time.perf_counter() - began)
    return seconds, {
        "accuracy": accuracy(network, data, options.batch, device),
        "train_accuracy": train_accuracy,
        "epochs": options.epochs,
        "parameters": networks.parameters(network),
        "data": made_set.checksum(data.train[0]),
        "first_epoch_s": seconds[0],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="", help="CIFAR-10's binary files, else a made set")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--samples", type=int, default=0, help="of the training part, 0: all")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--models", default=",".join(TASKS))
    parser.add_argument("--budget", type=float, default=1e6, help="seconds")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("no GPU here: PyTorch sees none", file=sys.stderr)
        return 77
    torch.backends.cudnn.benchmark = True
    deadline = time.monotonic() + options.budget
    for name in options.models.split(","):
        shape = TASKS[name][1]
        data = Data(name, options, torch.device(options.device))
        made = "cifar10" if data.images and options.data else "made"
        sample = "x".join(map(str, (1, *shape)))
        for way in options.ways.split(","):
            full = f"train/epoch/bf16/{name}_{sample}_{made}_batch{options.batch}/pytorch_{way}"
            try:
                seconds, counters = train(name, way, data, options, deadline)
            except OutOfTime:
                entries.skipped(full, entries.OUT_OF_TIME)
                continue
            except Exception as error:  # one way that cannot must not keep the others from it
                entries.skipped(full, f"{type(error).__name__}: {str(error).splitlines()[0][:200]}")
                continue
            median = statistics.median(seconds[1:] or seconds)
            samples = len(data.train[1]) // options.batch * options.batch
            entries.entry(full, median, **counters, **{"images/s": samples / median})
    return 0


if __name__ == "__main__":
    sys.exit(main())
