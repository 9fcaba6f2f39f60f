"""kernel.quantize: every byte of the row is as dialects/lm/QuantizedRow.h and the op's rounding say."""
import array
import struct

from block import Device, expect, f32, memref, normals

BLOCK = 32


def block_of(values, wide):
    """The bytes of a block, computed with f32."""
    steps = 256 if wide else 1
    peak = max(map(abs, values))
    scale = f32(peak * f32(1 / 127 / steps))
    inverse = f32(f32(127 * steps) / peak) if peak else 0.0
    quantised = [round(f32(x * inverse)) for x in values]  # to nearest, ties to even
    total = -128 * sum(quantised)
    if wide:
        return struct.pack("<32hfi", *quantised, scale, total)
    halves = [-128 * sum(quantised[:16]), -128 * sum(quantised[16:])]
    return struct.pack("<32bfif2i", *quantised, scale, total, f32(f32(scale / 128) * f32(total)), *halves)


def check(device, rows, columns, wide, threads=256, stride=None):
    stride = stride or columns
    values = normals(rows * stride, seed=columns)
    for i in range(len(values)):
        values[i] *= 10.0 ** (i // BLOCK % 7 - 3)
    values[:BLOCK] = array.array("f", [0.0] * BLOCK)  # a block without a scale
    size = len(block_of(values[:BLOCK], wide))
    out = array.array("B", bytes(rows * columns // BLOCK * size))
    part, result = f"memref<{rows}x{columns}xf32, strided<[{stride}, 1]>>", memref("i8", rows, columns // BLOCK * size)
    device.run([("all", memref("f32", rows, stride), values), ("out", result, out)],
               f"%x = memref.subview %all[0, 0] [{rows}, {columns}] [1, 1] : {memref('f32', rows, stride)} to {part}\n"
               f"kernel.quantize {'wide' if wide else ''} %x to %out : {part}, {result}", threads)
    expected = b"".join(block_of(values[row * stride + first:row * stride + first + BLOCK], wide)
                        for row in range(rows) for first in range(0, columns, BLOCK))
    for at in range(0, len(expected), size):
        expect(out[at:at + size].tobytes() == expected[at:at + size],
               f"block {at // size} of {rows} x {columns}: expected {expected[at:at + size].hex()}, "
               f"found {out[at:at + size].tobytes().hex()}")


device = Device()
for wide in (False, True):
    check(device, 1, 64, wide)
    check(device, 1, 2048, wide)
    check(device, 3, 96, wide, threads=32)
    check(device, 5, 64, wide, stride=66)
print("quantize: as expected")
