#!/usr/bin/env python3
"""Makes errors in a schedule that lm-verify-schedule must find, one at a time, and expects each to be refused.

    mutate-schedule.py SCHEDULE.mlir --lathe-opt build/bin/lathe-opt --work DIR

The mutations: each barrier dropped; each part that a tile writes shifted by a row or a column; each phase with one tile
less; each bound of a tile one less; two buffers, of which a phase reads one and writes the other, at the same offset; every
ring shorter by 16 rows, and by one. Prints a line per mutant: `refused NAME: MESSAGE` or `accepted NAME`. Fails if one is accepted,
if a message names no phase, or if the schedule itself is refused.
"""

import argparse
import itertools
import pathlib
import re
import subprocess
import sys


def mutants(lines):
    """Yields (name, lines) for every mutation."""
    program = function = phase = before = None  # before: the lines before the next barrier
    buffers = {}  # name (with its program, or shared) -> line, of the arena
    logits = set()
    uses = {}     # (function, phase, line of the phase) -> ({reads}, {writes})

    def replaced(at, *new):
        return lines[:at] + list(new) + lines[at + 1:]

    for at, line in enumerate(lines):
        if match := re.match(r"\s*spmd\.program @(\w+)", line):
            program = match[1]
        if match := re.match(r"\s*func\.func (private )?@([\w.]+)", line):
            function, before = f"{program}.{match[2]}" if match[1] else program, "the call"
        if match := re.match(r"\s*spmd\.buffer @([\w.]+) : (.*)", line):
            name = f"{program}.{match[1]}" if line.startswith("    ") else match[1]
            if " arena offset" in match[2]:
                buffers[name] = at
            elif match[2].split()[-2:] == ["role", "logits"]:
                logits.add(name)
        if match := re.match(r'(\s*)spmd\.phase "(\w+)" tiles (%\w+)(.*)', line):
            phase, before = match[2], f'"{match[2]}"'
            key = function, phase, at
            uses[key] = set(), set()
            indent, fewer = match[1], f'  spmd.phase "{phase}" tiles %mutantTiles{match[4]}'
            yield (f'fewer-tiles of "{phase}" of @{function}',
                   replaced(at, f"{indent}%mutantOne = arith.constant 1 : index",
                            f"{indent}%mutantTiles = arith.subi {match[3]}, %mutantOne : index", fewer))
        if line.strip().startswith("spmd.layers"):
            before = "the layers"
        if line.strip() == "spmd.barrier":
            yield f'drop-barrier after {before} of @{function}', replaced(at)
        if match := re.match(r"\s*%\w+ = spmd\.(read|write) @([\w.]+)\[(%\w+), (%\w+)\](.*)", line):
            kind, buffer, row, column, rest = match.groups()
            if f"{program}.{buffer}" in buffers or f"{program}.{buffer}" in logits:
                buffer = f"{program}.{buffer}"
            if buffer in buffers:
                uses[key][kind == "write"].add(buffer)
            if kind == "write" and (buffer in buffers or buffer in logits):
                head = line[:line.index("[")]
                for what, old in ("row", row), ("column", column):
                    index = f"%mutantAt, {column}" if what == "row" else f"{row}, %mutantAt"
                    yield (f'shift-{what} of @{buffer} in "{phase}" of @{function}',
                           replaced(at, "%mutantOne = arith.constant 1 : index",
                                    f"%mutantAt = arith.addi {old}, %mutantOne : index", f"{head}[{index}]{rest}"))
        if match := re.match(r"\s*(%\w+) = (arith\.minui .*)", line):
            yield (f'lower-bound in "{phase}" of @{function}',
                   replaced(at, "%mutantOne = arith.constant 1 : index", f"%mutantBound = {match[2]}",
                            f"{match[1]} = arith.subi %mutantBound, %mutantOne : index"))

    def offset(name):
        return int(re.search(r"offset (\d+)", lines[buffers[name]])[1])

    pairs = {tuple(sorted(pair)) for reads, writes in uses.values() for pair in itertools.product(reads, writes)
             if pair[0] != pair[1]}
    for first, second in sorted(pairs):
        # At the lower offset, so that the buffer stays inside the arena.
        lower, higher = sorted((first, second), key=offset)
        moved = re.sub(r"offset \d+", f"offset {offset(lower)}", lines[buffers[higher]])
        yield f"one-offset for @{first} and @{second}", replaced(buffers[higher], moved)

    rings = set(re.findall(r"window = ([1-9]\d*), rows = (\d+)", "\n".join(lines)))
    for (window, rows), less in itertools.product(sorted(rings), (16, 1)):
        if int(rows) > less:
            yield (f"shorten-ring by {less}",
                   [line.replace(f"window = {window}, rows = {rows}", f"window = {window}, rows = {int(rows) - less}")
                    for line in lines])


def verify(lathe_opt, path, text):
    """The first error of the verifier, or None."""
    path.write_text(text)
    run = subprocess.run([lathe_opt, "--lm-verify-schedule", path, "-o", "/dev/null"], capture_output=True, text=True)
    if run.returncode == 0:
        return None
    errors = re.findall(r"error: (.*)", run.stderr)
    return errors[0] if errors else f"exit status {run.returncode}: {run.stderr.strip()[-300:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schedule", type=pathlib.Path)
    parser.add_argument("--lathe-opt", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    mutant = arguments.work / "mutant.mlir"

    text = arguments.schedule.read_text()
    if error := verify(arguments.lathe_opt, mutant, text):
        sys.exit(f"the schedule itself is refused: {error}")
    wrong, count = [], 0
    for name, lines in mutants(text.split("\n")):
        count += 1
        error = verify(arguments.lathe_opt, mutant, "\n".join(lines))
        print(f"refused {name}: {error}" if error else f"accepted {name}")
        if not error:
            wrong.append(f"{name}: accepted")
        elif 'phase "' not in error:
            wrong.append(f"{name}: the message names no phase: {error}")
        if wrong and wrong[-1].startswith(name):
            mutant.rename(arguments.work / f"wrong.{len(wrong)}.mlir")
    print(f"{count} mutants, {len(wrong)} wrong")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
