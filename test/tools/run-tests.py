#!/usr/bin/env python3
"""Runs every kind of test of a build and counts the results.

    run-tests.py --build DIR [-j N] [--filter REGEX] [--cuda] [KIND]...      KIND: unit runtime ptxsim threads lit source;
                                                                    default: all but threads

Failures are printed with their output. The last line is `N passed, N failed`; the exit status is 0 only when nothing
failed and something ran. --filter is lit's: tests whose path matches. --cuda runs the tiny models of test/models with --target cuda, on
the simulator of PTX.
"""
import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

TEST = Path(__file__).resolve().parents[1]
LIT = "/usr/lib/llvm-22/bin/lit"
CUDA = ("--param", "target=cuda")


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0


def stream(command, on_line, limit):
    """Runs a command, hands over its lines as they come; the exit status, or None after `limit` seconds."""
    process = subprocess.Popen(["timeout", "-k", "10", str(limit)] + [str(part) for part in command],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
    for line in process.stdout:
        on_line(line.rstrip("\n"))
    status = process.wait()
    return None if status in (124, 137) else status


def report(kind, status, counts, started):
    """Reports a test program that crashed, hung or ran no test."""
    if status is None:
        print(f"{kind}: stopped, it took too long", flush=True)
    elif status != 0 and counts.failed == 0:
        print(f"{kind}: ended with status {status} before it was through", flush=True)
    elif status == 0 and counts.passed == 0:
        print(f"{kind}: expected tests, found none", flush=True)
    if (status != 0 and counts.failed == 0) or (status == 0 and counts.passed == 0):
        counts.failed += 1
    skipped = f", {counts.skipped} skipped" if counts.skipped else ""
    print(f"== {kind} tests: {counts.passed} ok, {counts.failed} not{skipped} ({time.time() - started:.0f} s)", flush=True)


def google_test(program, counts):
    """Runs a GoogleTest executable and prints everything but successes."""
    held = []

    def on_line(line):
        if re.match(r"\[ RUN +\]", line):
            held[:] = [line]
        elif re.match(r"\[ +OK \]", line):
            counts.passed += 1
            held.clear()
        elif re.match(r"\[  SKIPPED \] .*\(\d+ ms\)$", line):
            counts.skipped += 1
            held.clear()
        elif re.match(r"\[  FAILED  \] .*\(\d+ ms\)$", line):
            counts.failed += 1
            print("\n".join(held + [line]), flush=True)
            held.clear()
        elif not re.match(r"\[[-=]+\]|\[  PASSED  \]|Note: |Running main|$", line):
            held.append(line)

    status = stream([program, "--gtest_color=no"], on_line, 900)
    if status != 0 and counts.failed == 0:
        print("\n".join(held), flush=True)
    return status


def lit(build, jobs, pattern, counts, parameters=()):
    """lit's own lines: one per test, the output of those that fail."""
    def on_line(line):
        match = re.match(r"(PASS|XFAIL|UNSUPPORTED|FAIL|XPASS|UNRESOLVED|TIMEOUT): lathe :: ", line)
        if match:
            if match[1] in ("PASS", "XFAIL"):
                counts.passed += 1
            elif match[1] == "UNSUPPORTED":
                counts.skipped += 1
            elif line.endswith(")"):  # the list at the end repeats the names without (1 of 40)
                counts.failed += 1
            else:
                return
        if not re.match(r"(Total Discovered Tests|  (Passed|Unsupported|Failed|Expectedly Failed) *:|Testing Time|\*+$|$)", line):
            print(line, flush=True)

    command = [LIT, "-v", "--no-progress-bar", f"-j{jobs}", *parameters, build / "test"]
    return stream(command + ([f"--filter={pattern}"] if pattern else []), on_line, 3600)


def source_checks(counts):
    """Scripts that need the sources only."""
    worst = 0
    for script in sorted((TEST / "tools").glob("check-*.py")):
        if script.name in ("check-loops.py", "check-model.py", "check-op.py", "check-phases.py"):  # lit's
            continue
        status = stream([sys.executable, script], lambda line: print(line, flush=True), 120)
        counts.passed += status == 0
        counts.failed += status != 0
        worst = worst or status
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("-j", type=int, default=max(2, os.cpu_count() or 2))
    parser.add_argument("--filter")
    parser.add_argument("--cuda", action="store_true")
    parser.add_argument("kinds", nargs="*", metavar="KIND")
    args = parser.parse_args()
    build = args.build.resolve()
    kinds = {
        "source": source_checks,
        "unit": lambda counts: google_test(build / "bin" / "lathe-unit-tests", counts),
        "runtime": lambda counts: google_test(build / "bin" / "lathe-runtime-tests", counts),
        "ptxsim": lambda counts: google_test(build / "bin" / "ptxsim-tests", counts),
        "threads": lambda counts: google_test(build / "bin" / "lathe-runtime-tsan-tests", counts),
        "lit": lambda counts: lit(build, args.j, args.filter, counts),
    }
    if args.cuda:
        kinds = {"cuda": lambda counts: lit(build, args.j, args.filter or ":: models/", counts, CUDA)}
    unknown = set(args.kinds) - set(kinds)
    if unknown:
        parser.error(f"expected {', '.join(kinds)}, got {', '.join(sorted(unknown))}")
    passed = failed = skipped = 0
    for kind, runner in kinds.items():
        if kind not in (args.kinds or set(kinds) - {"threads"}):
            continue
        print(f"== {kind} tests", flush=True)
        counts, started = Counts(), time.time()
        report(kind, runner(counts), counts, started)
        passed, failed, skipped = passed + counts.passed, failed + counts.failed, skipped + counts.skipped
    if skipped:
        print(f"{skipped} skipped: what they require is not here", flush=True)
    print(f"{passed} passed, {failed} failed", flush=True)
    return failed > 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
