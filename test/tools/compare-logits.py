#!/usr/bin/env python3
"""Compares two float32 .npy files of logits, [tokens, vocabulary].

    compare-logits.py GOLDEN.npy ACTUAL.npy [--tolerance 1e-4] [--kl]

Prints the largest absolute difference relative to the largest |golden|, and fails when it is above the tolerance.
--kl also prints the mean Kullback-Leibler divergence of ACTUAL from GOLDEN (nats per position); then the difference fails
only if --tolerance is given. Needs only Python's standard library.
"""
import argparse
import ast
import math
import sys
from array import array
from operator import mul, sub


class Logits:
    """A C-ordered float32 .npy matrix, read row by row: a real vocabulary times a long prompt does not fit in a list."""

    def __init__(self, path):
        self.file = open(path, "rb")
        magic = self.file.read(8)
        if magic[:6] != b"\x93NUMPY":
            raise ValueError(f"{path}: not a .npy file")
        length = int.from_bytes(self.file.read(2 if magic[6] == 1 else 4), "little")
        header = ast.literal_eval(self.file.read(length).decode("latin-1"))
        if header["descr"] != "<f4" or header["fortran_order"] or len(header["shape"]) != 2:
            raise ValueError(f"{path}: expected a C-ordered float32 matrix, found {header}")
        self.shape = header["shape"]

    def __iter__(self):
        for _ in range(self.shape[0]):
            row = array("f")
            row.fromfile(self.file, self.shape[1])
            if sys.byteorder == "big":
                row.byteswap()
            yield row


def divergence(golden, actual):
    """KL(golden || actual) of one row of logits: sum p (log p - log q)."""
    top, other = max(golden), max(actual)
    weights = [math.exp(g - top) for g in golden]
    total = sum(weights)
    shift = top + math.log(total) - other - math.log(sum([math.exp(a - other) for a in actual]))
    return sum(map(mul, weights, map(sub, golden, actual))) / total - shift


def compare(golden_path, actual_path, kl=False):
    """(relative difference, row where it is largest, mean divergence or None)"""
    golden, actual = Logits(golden_path), Logits(actual_path)
    if golden.shape != actual.shape:
        raise ValueError(f"{actual_path}: expected shape {golden.shape}, found {actual.shape}")
    largest = worst = total = 0.0
    worst_row = 0
    for i, (g, a) in enumerate(zip(golden, actual)):
        if not math.isfinite(sum(a)):
            return math.inf, i, math.inf if kl else None
        largest = max(largest, max(g), -min(g))
        difference = max(map(abs, map(sub, g, a)))
        if difference > worst:
            worst, worst_row = difference, i
        if kl:
            total += divergence(g, a)
    relative = worst / largest if largest else (math.inf if worst else 0.0)
    return relative, worst_row, total / golden.shape[0] if kl else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("golden")
    parser.add_argument("actual")
    parser.add_argument("--tolerance", type=float)
    parser.add_argument("--kl", action="store_true")
    args = parser.parse_args()
    tolerance = args.tolerance if args.tolerance is not None else math.inf if args.kl else 1e-4
    try:
        relative, row, kl = compare(args.golden, args.actual, args.kl)
    except (OSError, ValueError, EOFError) as error:
        sys.exit(f"compare-logits: {error}")
    print(f"largest difference {relative:.3e} of the largest logit, at position {row}")
    if args.kl:
        print(f"mean KL divergence {kl:.3e} nats")
    # A NaN or infinity is a failure at any tolerance.
    sys.exit(not (relative <= tolerance and math.isfinite(relative)))


if __name__ == "__main__":
    main()
