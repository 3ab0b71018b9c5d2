"""The networks of engine/models in PyTorch, as one would write them there: NCHW modules, series as
images of height 1. Strided layers pad alike on both sides where ours pad one more behind, which is
the same work."""

import math

import torch
from torch import nn


def scaled(channels, width):
    return max(4, 4 * math.floor(channels * width / 4 + 0.5))


class ConvNorm(nn.Sequential):
    def __init__(self, into, out, kernel, stride=1, groups=1, activation=None, flat=False):
        self_kernel = (1, kernel) if flat else kernel
        self_stride = (1, stride) if flat else stride
        padding = (0, kernel // 2) if flat else kernel // 2
        layers = [
            nn.Conv2d(into, out, self_kernel, self_stride, padding, groups=groups, bias=False),
            nn.BatchNorm2d(out),
        ]
        if activation:
            layers.append(activation(inplace=True))
        super().__init__(*layers)


class BasicBlock(nn.Module):
    def __init__(self, into, out, stride):
        super().__init__()
        self.branch = nn.Sequential(
            ConvNorm(into, out, 3, stride, activation=nn.ReLU), ConvNorm(out, out, 3)
        )
        self.shortcut = ConvNorm(into, out, 1, stride) if stride > 1 else nn.Identity()
        self.last_norm = self.branch[1][1]

    def forward(self, x):
        return torch.relu(self.shortcut(x) + self.branch(x))


def resnet18(classes, channels=3):
    """Three stages of two blocks, 48, 96, 192 channels."""
    layers = [ConvNorm(channels, 48, 3, activation=nn.ReLU)]
    into = 48
    for stage in range(3):
        for block in range(2):
            out = 48 << stage
            layers.append(BasicBlock(into, out, 2 if stage > 0 and block == 0 else 1))
            into = out
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(into, classes)]
    return nn.Sequential(*layers)


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        reduced = scaled(channels, 0.25)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, reduced, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(reduced, channels, 1),
            nn.Hardsigmoid(inplace=True),
        )

    def forward(self, x):
        return x * self.gate(x)


class InvertedResidual(nn.Module):
    def __init__(self, into, expanded, out, kernel, stride, squeeze, activation, expands, flat):
        super().__init__()
        layers = []
        if expands:
            layers.append(ConvNorm(into, expanded, 1, activation=activation))
        else:
            expanded = into
        layers.append(ConvNorm(expanded, expanded, kernel, stride, expanded, activation, flat))
        if squeeze:
            layers.append(SqueezeExcite(expanded))
        layers.append(ConvNorm(expanded, out, 1))
        self.branch = nn.Sequential(*layers)
        self.adds = stride == 1 and into == out
        self.last_norm = layers[-1][1] if self.adds else None

    def forward(self, x):
        return x + self.branch(x) if self.adds else self.branch(x)


# kernel, expanded, channels, squeeze-and-excite, hard-swish, stride
_BLOCKS = (
    (3, 16, 16, True, False, 2), (3, 72, 24, False, False, 2), (3, 88, 24, False, False, 1),
    (5, 96, 40, True, True, 2), (5, 240, 40, True, True, 1), (5, 240, 40, True, True, 1),
    (5, 120, 48, True, True, 1), (5, 144, 48, True, True, 1), (5, 288, 96, True, True, 2),
    (5, 576, 96, True, True, 1), (5, 576, 96, True, True, 1),
)  # fmt: skip


def mobilenet_v3_series(classes, channels=24, width=1.25):
    """MobileNetV3-Small with 1 x k kernels."""
    into = scaled(16, width)
    layers = [ConvNorm(channels, into, 3, 2, activation=nn.Hardswish, flat=True)]
    for kernel, expanded, out, squeeze, swish, stride in _BLOCKS:
        layers.append(
            InvertedResidual(
                into,
                scaled(expanded, width),
                scaled(out, width),
                kernel,
                stride,
                squeeze,
                nn.Hardswish if swish else nn.ReLU,
                expanded != out,
                True,
            )
        )
        into = scaled(out, width)
    last, head = scaled(576, width), scaled(1024, width)
    layers += [
        ConvNorm(into, last, 1, activation=nn.Hardswish),
        nn.AdaptiveAvgPool2d(1),
        nn.Conv2d(last, head, 1),
        nn.Hardswish(inplace=True),
        nn.Flatten(),
        nn.Linear(head, classes),
    ]
    return nn.Sequential(*layers)


def initialise(network):
    """As engine/graph/parameters.h describes a fresh network."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
            nn.init.normal_(module.weight, 0, math.sqrt(2 / fan_out))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.in_features)
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if getattr(module, "last_norm", None) is not None:
            nn.init.zeros_(module.last_norm.weight)


def parameters(network):
    return sum(p.numel() for p in network.parameters())
