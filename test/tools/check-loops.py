#!/usr/bin/env python3
"""Checks in x86-64 assembly that the innermost loops of products keep everything in registers and begin cache lines.

    check-loops.py FILE.s [--functions REGEX]

An innermost loop is a block that jumps to its own label. In each function the loops with the most dot products are checked (the
tile for the most rows): none may touch the stack, and all must be aligned to 64 bytes. Prints a line for each function; fails
if a loop spills or is not aligned, or if a function has no loop with dot products.
"""
import argparse
import re
import sys
from pathlib import Path

DOT = re.compile(r"\s(vpmaddubsw|vpmaddwd|vpdpbusd|vdpbf16ps|vfmadd\w+ps)\s")
STACK = re.compile(r"\(%rsp\)")  # with an index it is an access to a buffer, not a spill
ALIGNED = re.compile(r"\s+\.p2align\s+6\b")
LABEL = re.compile(r"^(\.L\w+):")
FUNCTION = re.compile(r'^"?([\w.]+)"?:')


def loops(lines):
    """The lines of every block that ends in a jump to its own label, and whether it is aligned."""
    for at, line in enumerate(lines):
        label = LABEL.match(line)
        if not label:
            continue
        for end in range(at + 1, len(lines)):
            if LABEL.match(lines[end]):
                break
            jump = re.match(r"\s+j\w+\s+(\.L\w+)", lines[end])
            if jump:
                if jump.group(1) == label.group(1):
                    yield lines[at:end], at > 0 and bool(ALIGNED.match(lines[at - 1]))
                break


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--functions", default=r"product\.")
    args = parser.parse_args()

    functions, current = {}, None
    for line in args.file.read_text().splitlines():
        name = FUNCTION.match(line)
        if name and not line.startswith(".L"):
            current = functions.setdefault(name.group(1), [])
        elif current is not None:
            current.append(line)

    failed = False
    chosen = {name: lines for name, lines in functions.items() if re.match(args.functions, name)}
    for name, lines in chosen.items():
        found = [(sum(bool(DOT.search(line)) for line in loop), loop, aligned) for loop, aligned in loops(lines)]
        dots = max((count for count, _, _ in found), default=0)
        worst = [line.strip() for count, loop, _ in found if count == dots for line in loop if STACK.search(line)]
        astray = sum(count == dots and not aligned for count, _, aligned in found)
        failed |= dots == 0 or bool(worst) or astray > 0
        where = f"{len(worst)} times on the stack" if worst else "all in registers"
        if astray:
            where += f", {astray} not aligned to 64 bytes"
        asking = sum(any("prefetch" in line for line in loop) for count, loop, _ in found if count)
        print(f"{name}: {dots} dots in the innermost loop, {where}; {asking} of {len(found)} loops prefetch")
    if not chosen:
        print(f"{args.file}: expected functions {args.functions}, found none")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
