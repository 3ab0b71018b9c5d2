"""The made set of bench/cuda/made_set.h, bit by bit: the formula stands there."""

import torch

_WORD = 0xFFFFFFFF
_CHUNK = 256


def _mix(v):
    """32-bit words in int64: products wrap modulo 2^64, of which the lower half is right."""
    v = v ^ (v >> 16)
    v = (v * 0x7FEB352D) & _WORD
    v = v ^ (v >> 15)
    v = (v * 0x846CA68B) & _WORD
    return v ^ (v >> 16)


def _pattern(shape, classes, device):
    """[class][h * w * c] bytes."""
    h, w, c = shape
    block = 8 if h > 1 else 32
    rows, columns = (h + 7) // 8, (w + block - 1) // block
    label = torch.arange(classes, device=device).view(-1, 1, 1, 1)
    row = torch.arange(h, device=device).view(1, -1, 1, 1) // 8
    column = torch.arange(w, device=device).view(1, 1, -1, 1) // block
    channel = torch.arange(c, device=device)
    place = (label * rows + row) * columns + column
    return (_mix(1 + place * c + channel) & 255).reshape(classes, -1)


def make(shape, classes, size, first_id, device):
    """Bytes v [size, h, w, c] and labels [size] of one part; first_id: 0, in the test part 2^20."""
    pattern = _pattern(shape, classes, device)
    labels = torch.arange(size, device=device) % classes
    elements = torch.arange(pattern.shape[1], device=device)
    values = torch.empty(size, *shape, dtype=torch.uint8, device=device)
    for begin in range(0, size, _CHUNK):
        ids = torch.arange(begin, min(begin + _CHUNK, size), device=device)
        key = _mix((ids + first_id + 65536) & _WORD).view(-1, 1)
        noise = _mix((key + elements) & _WORD) & 255
        v = (pattern[labels[ids]] + 7 * noise) // 8
        values[begin : begin + len(ids)] = v.to(torch.uint8).view(-1, *shape)
    return values, labels


def checksum(values):
    return int(values.sum(dtype=torch.int64)) & _WORD
