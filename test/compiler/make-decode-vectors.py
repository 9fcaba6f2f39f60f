#!/usr/bin/env python3
"""Writes Inputs/decode-vectors.txt with the gguf package: a line per row, `format bytes floats`, the last two in hex.

Run after adding a format: python3 test/compiler/make-decode-vectors.py (needs gguf and numpy).
"""
import pathlib
import numpy as np
from gguf import GGMLQuantizationType as Type, GGML_QUANT_SIZES
from gguf.quants import dequantize

# Where a block's float16 numbers are: random bits there would be infinities.
HALVES = {Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
          Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208]}
# Ordinary, negative, the largest, the smallest normal, a subnormal, zero.
SCALES = [0.0123, -0.75, 65504.0, 6.104e-05, 5.96e-08, 0.0]

random = np.random.default_rng(7)
lines = []
for type, places in HALVES.items():
    values, size = GGML_QUANT_SIZES[type]
    blocks = [random.integers(0, 256, size, dtype=np.uint8) for _ in SCALES[:2 if values == 256 else 6]]
    if values == 256:
        blocks += [np.zeros(size, np.uint8), np.full(size, 255, np.uint8)]
    for i, block in enumerate(blocks):
        for j, place in enumerate(places):
            scale = np.float16(SCALES[(i + 2 * j) % len(SCALES)])
            block[place:place + 2] = np.frombuffer(scale.tobytes(), np.uint8)
    row = np.concatenate(blocks)
    lines.append(f"{type.name.lower()} {row.tobytes().hex()} {dequantize(row, type).astype('<f4').tobytes().hex()}")

halves = np.array([0, 0x8000, 1, 0x8001, 0x3ff, 0x400, 0x3c00, 0xc000, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x3555], "<u2")
lines.append(f"f16 {halves.tobytes().hex()} {halves.view('<f2').astype('<f4').tobytes().hex()}")
lines.append(f"bf16 {halves.tobytes().hex()} {(halves.astype('<u4') << 16).tobytes().hex()}")
floats = np.array([0.0, -1.5, 3e38, 1e-45], "<f4").tobytes().hex()
lines.append(f"f32 {floats} {floats}")
(pathlib.Path(__file__).parent / "Inputs" / "decode-vectors.txt").write_text("\n".join(lines) + "\n")
