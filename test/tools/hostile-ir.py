#!/usr/bin/env python3
"""Feeds broken dumps to the compiler. It may refuse them, but must not crash or hang.

    hostile-ir.py MODEL --lathe LATHE --lathe-opt LATHE_OPT --work DIR [--most N] [--stage STAGE]

Each stage's dump of MODEL is broken in many ways: attributes of another type or absurd size, or missing; functions and
symbols missing; numbers, types and names replaced. lathe-opt runs the next stage's pipeline on all mutants in one
process (at most N per stage, evenly chosen); `lathe compile --from` on a few of them must end with one line that says
why.
"""
import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

PIPELINES = {"import": "--lm-graph", "graph": "--lm-schedule-stage", "schedule": "--lm-vector", "vector": "--lm-llvm"}
NEXT = {"import": "graph", "graph": "schedule", "schedule": "vector", "vector": "llvm", "llvm": "object"}
VALUES = ['"text"', "-1 : i64", "0 : i64", "1099511627776 : i64", "9223372036854775807 : i64", "1.5 : f64", "[1]", "{}"]
NUMBERS = ["0", "-1", "3", "1099511627776", "9223372036854775807"]


def entries(text, start):
    """(begin, end) of each `key = value` of the dictionary whose brace is at `start`."""
    depth, begin, quoted = 0, start + 1, False
    for i in range(start, len(text)):
        c = text[i]
        if c == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif c in "{[<(":
            depth += 1
        elif c in "}])>":
            depth -= 1
        if (c == "," and depth == 1) or depth == 0:
            yield begin, i
            begin = i + 1
        if depth == 0:
            return


def attribute_mutants(text):
    head = re.search(r"module attributes (\{)", text)
    dictionaries = [head.start(1)] if head else []
    dictionaries += [match.start(1) for match in re.finditer(r"lm\.(?:model|options|program) = (\{)", text)]
    for start in dictionaries:
        for begin, end in entries(text, start):
            key = text[begin:end].split("=")[0].strip()
            # Without the entry and the comma before or after it.
            cut = (begin, end + 1) if text[end] == "," else (begin - (text[begin - 1] == ","), end)
            yield f"no {key}", text[:cut[0]] + text[cut[1]:]
            for value in VALUES:
                yield f"{key} = {value}", f"{text[:begin]} {key} = {value}{text[end:]}"


def replaced(text, pattern, values):
    """The group of `pattern` replaced, in all places and in each."""
    matches = list(re.finditer(pattern, text))
    for value in values:
        if matches:
            yield f"{pattern} -> {value} everywhere", re.sub(
                pattern, lambda m: m[0][:m.start(1) - m.start()] + value + m[0][m.end(1) - m.start():], text)
        for match in matches:
            line = text.count("\n", 0, match.start()) + 1
            yield f"line {line}: {pattern} -> {value}", text[:match.start(1)] + value + text[match.end(1):]


# Patterns of numbers and words in a dump, with their replacements.
PLACES = [r"\boffset (\d+)", r"\bat (\d+)", r"\brows = (\d+)", r"window = (\d+)", r"cache<(\d+) x", r"cache<\d+ x (\d+) x",
          r"\bheads (\d+)", r"groups (\d+)",
          r"\bhead (\d+)", r"dim = (\d+)", r"memref<(\d+)x", r"memref<\d+x(\d+)x",
          r"tensor<\?x(\d+)x", r"constant (\d+) : index", r"weight<(\d+)x", r"weight<\d+x(\d+)x", r"<(\d+) x \d>",
          r"<16 x (\d)>", r"vector<(\d+)x", r"\((\d+) : i64\)", r"@\w+ rows (\d+)", r"strided<\[(\d+),"]
WORDS = {r"\d(xf32)\b": ["xbf16", "xq4_0", "xi1"], r"\d(xbf16)\b": ["xf32", "xq8_0"],
         r" x (f32), window": ["bf16", "i8"],
         r"(offset \d+)": [""], r"(, <16 x \d>)>": [""],
         r"\[(@[\w.]+)[,\]]": ["@forward", "@nothing", "@decode", "@entry", ""],
         r"after (@\w+)": ["@logits", "@nothing", "@prefill.stream"], r"lm\.slot = (\"[\w.]+\")": ['"other"', "7 : i64"],
         r"( after @\w+)": [""], r"(role +\w+)": ["role tokens", "role logits", ""],
         r"\b(arena)\b": ["caller", "scratch"], r"@(decode|prefill|logits|forward|layer|entry)\b\(": ["renamed"],
         r"spmd\.program @(\w+)": ["other", "decode"],
         r"call @([\w.]+)": ["decode", "nothing"]}
LINES = r"\s*(lm\.(weight|state|append)|spmd\.(buffer|barrier|layers)|kernel|memref\.(store|global)|vector\.store)\b"


def ir_mutants(text):
    for pattern in PLACES:
        yield from replaced(text, pattern, NUMBERS)
    for pattern, values in WORDS.items():
        yield from replaced(text, pattern, values)
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if (indent := re.match(r"( +)func\.func ", line)) and line.endswith("{"):
            end = lines.index(indent[1] + "}", i)
            yield f"line {i + 1}: no function", "\n".join(lines[:i] + lines[end + 1:])
            declared = indent[1] + "func.func private " + re.search(r"@[\w.]+", line)[0] + "()"
            yield f"line {i + 1}: no body", "\n".join(lines[:i] + [declared] + lines[end + 1:])
        elif re.match(LINES, line):
            yield f"line {i + 1}: gone", "\n".join(lines[:i] + lines[i + 1:])
            yield f"line {i + 1}: twice", "\n".join(lines[:i + 1] + lines[i:])


def mutants(text, most):
    seen = {text}
    unique = []
    for name, mutant in [*attribute_mutants(text), *ir_mutants(text)]:
        if mutant not in seen:
            seen.add(mutant)
            unique.append((name, mutant))
    # Half of the mutants change the module or all lines, half change one line.
    def evenly(items, count):
        return items if len(items) <= count else [items[i * len(items) // count] for i in range(count)]

    wide = [each for each in unique if not each[0].startswith("line ")]
    return evenly(wide, most // 2) + evenly([each for each in unique if each[0].startswith("line ")], most - most // 2)


class Check:
    def __init__(self, args):
        self.args, self.failed = args, 0
        self.environment = os.environ | {"TMPDIR": str(args.work)}  # reproducers

    def report(self, what, why):
        print(f"{what}: {why}", flush=True)
        self.failed += 1

    def pipeline(self, stage, batch):
        """Runs all mutants in one process. If it crashes, runs each half alone."""
        path = self.args.work / "mutants.mlir"
        path.write_text("\n// -----\n".join(mutant for _, mutant in batch))
        try:
            run = subprocess.run([self.args.lathe_opt, "--split-input-file", PIPELINES[stage], "-o", "/dev/null", path],
                                 capture_output=True, text=True, errors="replace", timeout=20 + len(batch),
                                 env=self.environment)
            if run.returncode in (0, 1):
                return
            why = f"status {run.returncode}"
        except subprocess.TimeoutExpired:
            why = "takes too long"
        if len(batch) == 1:
            kept = self.args.work / f"crash-{stage}-{self.failed}.mlir"
            kept.write_text(batch[0][1])
            self.report(f"{PIPELINES[stage]} of {kept}: {batch[0][0]}", why)
            return
        self.pipeline(stage, batch[:len(batch) // 2])
        self.pipeline(stage, batch[len(batch) // 2:])

    def compile(self, stage, name, mutant):
        path = self.args.work / f"mutant.{stage}.mlir"
        path.write_text(mutant)
        run = subprocess.run([self.args.lathe, "compile", path, "--from", stage, "--emit", NEXT[stage], "-o",
                              self.args.work / "out"],
                             capture_output=True, text=True, errors="replace", timeout=60, env=self.environment)
        lines = [line for line in run.stderr.splitlines() if "to repeat: lathe-opt --run-reproducer" not in line]
        if run.returncode not in (0, 1):
            self.report(f"--from {stage}: {name}", f"status {run.returncode}")
        elif run.returncode == 1 and (len(lines) != 1 or not lines[0].startswith("lathe: ") or len(lines[0]) > 1000):
            self.report(f"--from {stage}: {name}", "expected one line that says why, found " + repr(run.stderr[:2000]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--lathe-opt", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--most", type=int, default=200)
    parser.add_argument("--compiled", type=int, default=12)
    parser.add_argument("--stage", choices=PIPELINES)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    subprocess.run([args.lathe, "compile", args.model, "--dump-stages", args.work, "--emit", "llvm", "-o",
                    args.work / "last"], check=True, stderr=subprocess.DEVNULL)
    check, total = Check(args), 0
    for number, stage in enumerate(PIPELINES, 1):
        if args.stage not in (None, stage):
            continue
        batch = mutants((args.work / f"{number}.{stage}.mlir").read_text(), args.most)
        total += len(batch)
        check.pipeline(stage, batch)
        for i in range(min(args.compiled, len(batch))):
            check.compile(stage, *batch[i * len(batch) // args.compiled])
    print(f"{total} mutants, {check.failed} crashed or hung or gave no reason")
    return check.failed > 0


if __name__ == "__main__":
    sys.exit(main())
