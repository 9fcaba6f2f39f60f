#!/usr/bin/env python3
"""Resumes from each stage's dump of tiny models and expects the same bytes.

    resume-dumps.py MODEL... --lathe LATHE --work DIR [--until llvm|exe] [--target NAME]

Each dump must give the next one, byte for byte; with --until exe also the executable and its weights. So the executable is
the same from every dump, although this takes only the time of one compilation.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

STAGES = ["import", "graph", "schedule", "vector", "llvm", "object"]


def dump(folder, stage):
    return next(folder.glob(f"{STAGES.index(stage) + 1}.{stage}.*"))  # assembly has the target's suffix


def first_difference(path, other):
    a, b = path.read_bytes().split(b"\n"), other.read_bytes().split(b"\n")
    for number, (line, other_line) in enumerate(zip(a, b), 1):
        if line != other_line:
            return f"line {number}: {line[:200]!r}, then {other_line[:200]!r}"
    return f"{len(a)} lines, then {len(b)}"


def check(lathe, model, work, until, target):
    def compile(*arguments):
        run = subprocess.run([lathe, "compile", *arguments], capture_output=True, text=True)
        return None if run.returncode == 0 else run.stderr.strip()

    stages = STAGES if until == "exe" else STAGES[:STAGES.index(until) + 1]
    direct = ["-o", work / "direct"] if until == "exe" else ["--emit", until, "-o", work / "last"]
    if wrong := compile(model, "--target", target, "--dump-stages", work, "--verify-stages", *direct):
        return wrong
    for stage, following in zip(stages, stages[1:]):
        if wrong := compile(dump(work, stage), "--from", stage, "--emit", following, "-o", work / "next"):
            return f"--from {stage}: {wrong}"
        if (work / "next").read_bytes() != dump(work, following).read_bytes():
            return f"--from {stage}: another {following}: {first_difference(dump(work, following), work / 'next')}"
    if until == "exe":
        if wrong := compile(dump(work, "object"), "--from", "object", "-o", work / "resumed"):
            return f"--from object: {wrong}"
        for suffix in ["", ".weights"]:
            if (work / f"direct{suffix}").read_bytes() != (work / f"resumed{suffix}").read_bytes():
                return f"--from object: another {'file of weights' if suffix else 'executable'}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--until", choices=["llvm", "exe"], default="llvm")
    parser.add_argument("--target", default="cpu")
    args = parser.parse_args()
    failed = 0
    for model in args.models:
        work = args.work / f"{model.parent.name}.{model.name}"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        wrong = check(args.lathe, model, work, args.until, args.target)
        if wrong:
            print(f"{model.parent.name}/{model.name}: {wrong}", flush=True)
        else:
            shutil.rmtree(work)
        failed += wrong is not None
    print(f"{len(args.models)} models, {failed} not the same")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
