#!/usr/bin/env python3
"""Edits the attributes of dumps: each edit is refused in one line, or the program's logits stay the same.

    edited-dumps.py MODEL --lathe LATHE --work DIR [--most N] [--stage STAGE]

In the dump of each stage, names of attributes are misspelt or removed, and integers are changed: in the module's attributes
and in every lm.weight and lm.state. At most N edits per stage, evenly chosen.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

STAGES = ["import", "graph", "schedule", "vector", "llvm", "object"]
NAME = re.compile(r'(?<=[{,] )"?[\w./-]+"?(?= = )|(?<=\{)"?[\w./-]+"?(?= = )|(?<=\{)\w+(?=[,}])|(?<=, )\w+(?=[,}])')
NUMBER = re.compile(r"(?<![\w.%@#-])\d+(?![\w.]*[\w.]*\()(?=[ ,\]>x)}])")


def parts(text):
    """(begin, end, which) of the lines whose names and numbers are edited."""
    at = 0
    for line in text.split("\n"):
        bare = line.removeprefix("#lathe ").lstrip()
        if bare.startswith("module attributes"):
            yield at, at + len(line), "names and numbers"
        elif re.match(r"lm\.(weight|state) ", bare):
            yield at, at + len(line), "names and numbers"
        elif re.match(r"(%\S+ = )?(lm|spmd|kernel|cpu)\.|func\.func|llvm\.func", bare):
            yield at, at + len(line), "names"
        at += len(line) + 1


def without(text, begin, end):
    """The entry whose name is at [begin, end) cut out, to the next comma or brace of its own depth."""
    depth = 0
    for i in range(end, len(text)):
        if text[i] in "{[<(":
            depth += 1
        elif text[i] in "}])>" and depth == 0 or text[i] == "," and depth == 0:
            if text[i] == ",":
                return text[:begin] + text[i + 2:]
            return text[:begin - 2 if text[begin - 2] == "," else begin] + text[i:]
        elif text[i] in "}])>":
            depth -= 1
    return None


def edits(text):
    for begin, end, which in parts(text):
        line = text.count("\n", 0, begin) + 1
        for match in NAME.finditer(text, begin, end):
            name = match[0]
            spelt = name[:-1] + 'x"' if name.endswith('"') else name + "x"
            yield f"line {line}: {name} -> {spelt}", text[:match.start()] + spelt + text[match.end():]
            if which == "names and numbers" and (shorter := without(text, match.start(), match.end())):
                yield f"line {line}: no {name}", shorter
        if which != "names and numbers":
            continue
        for match in NUMBER.finditer(text, begin, end):
            number = int(match[0])
            before = text[max(begin, match.start() - 30):match.start()]
            for other in sorted({number + 1, 2 * number, 500000, 0} - {number}):
                yield f"line {line}: {before}{number} -> {other}", text[:match.start()] + str(other) + text[match.end():]


class Check:
    def __init__(self, args):
        self.args, self.wrong, self.accepted = args, [], 0

    def compile(self, *arguments):
        return subprocess.run([self.args.lathe, "compile", *arguments], capture_output=True, text=True, errors="replace")

    def logits(self, program):
        path = self.args.work / "logits.npy"
        path.unlink(missing_ok=True)
        run = subprocess.run([program, "logits", "--tokens", self.args.tokens, "--chunk", "3", "--out", path],
                             capture_output=True, text=True, errors="replace")
        return path.read_bytes() if run.returncode == 0 else run.stderr

    def check(self, stage, what, text, expected):
        path = self.args.work / f"edited.{stage}.{'s' if stage == 'object' else 'mlir'}"
        path.write_text(text)
        run = self.compile(path, "--from", stage, "-o", self.args.work / "edited")
        lines = [line for line in run.stderr.splitlines() if "to repeat: " not in line and "is compiled without" not in line]
        if run.returncode == 1:
            if len(lines) != 1 or not lines[0].startswith("lathe: "):
                self.wrong.append(f"{stage}: {what}: expected one line that says why, found {run.stderr[:300]!r}")
            elif self.args.verbose:
                print(f"{stage}: {what}: {lines[0][:300]}")
            return
        if run.returncode != 0:
            self.wrong.append(f"{stage}: {what}: status {run.returncode}")
            return
        self.accepted += 1
        if self.args.verbose:
            print(f"{stage}: {what}: ACCEPTED")
        if self.logits(self.args.work / "edited") != expected:
            self.wrong.append(f"{stage}: {what}: other logits without a word")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--most", type=int, default=1 << 30)
    parser.add_argument("--stage", choices=STAGES)
    parser.add_argument("--tokens", default="3,1,4,1,5,9,2,6")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    check = Check(args)
    direct = check.compile(args.model, "--dump-stages", args.work, "-o", args.work / "direct")
    if direct.returncode:
        print(direct.stderr)
        return 1
    expected = check.logits(args.work / "direct")
    total = 0
    for number, stage in enumerate(STAGES, 1):
        if args.stage not in (None, stage):
            continue
        text = (args.work / f"{number}.{stage}.{'s' if stage == 'object' else 'mlir'}").read_text()
        each = list(dict.fromkeys(edits(text)))
        count = min(args.most, len(each))
        for i in range(count):
            check.check(stage, *each[i * len(each) // count], expected)
        total += count
    print("\n".join(check.wrong))
    print(f"{total} edits, {check.accepted} accepted, {len(check.wrong)} wrong")
    return len(check.wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
