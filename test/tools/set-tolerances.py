#!/usr/bin/env python3
"""Measures the tiny models and writes the tolerance of every check-model.py line of test/models/**/*.test.

    set-tolerances.py [--build BUILD] [--filter REGEX] [--logs DIR] [--loosen]

Every test runs with code and schedules for AVX2 (--mcpu x86-64-v3) and with schedules for AVX-512 (--schedule-for znver4).
A tolerance is three times the largest difference or divergence of both, rounded up to two digits, and at least 1e-6 or 1e-8
nats: other CPUs estimate reciprocals differently. Without --loosen a tolerance is never increased. A test that fails
with its present tolerance is measured, too; lit's output shows it. --logs keeps the logs, and uses those that exist
already.
"""
import argparse
import math
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OPTIONS = ("--mcpu=x86-64-v3", "--schedule-for=znver4")


def round_up(value):
    """To two digits, as the tests write numbers."""
    exponent = math.floor(math.log10(value))
    digits = math.ceil(round(value / 10 ** (exponent - 1), 6))
    if digits == 100:
        digits, exponent = 10, exponent + 1
    return f"{digits / 10:g}e{exponent}"


def measure(args, work):
    """{the working directory that a test names: the largest difference}"""
    largest = {}
    for option in OPTIONS:
        log = work / f"{option.strip('-')}.log"
        if not log.exists():
            subprocess.run(["/usr/lib/llvm-22/bin/lit", "-j2", "-q", f"--param=log={log}", f"--param=option={option}",
                            f"--filter={args.filter}", args.build / "test/models"])
        for line in log.read_text().splitlines():
            name, value = line.rsplit("\t", 1)
            largest[name] = max(largest.get(name, 0.0), float(value))
    return largest


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--filter", default="")
    parser.add_argument("--logs", type=Path, help="keep the logs here")
    parser.add_argument("--loosen", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        largest = measure(args, (args.logs or Path(folder)).resolve())
    written = missing = 0
    for test in sorted((ROOT / "test/models").rglob("*.test")):
        lines = test.read_text().splitlines(keepends=True)
        output = args.build.resolve() / "test/models" / test.parent.name / "Output" / f"{test.name}.tmp"
        for i, line in enumerate(lines):
            work = re.search(r"%check_model .*--work %t(\S*)", line)
            if not work:
                continue
            value = largest.get(f"{output}{work[1]}")
            if value is None:
                missing += not args.filter
                continue
            option = "--kl" if "--kl " in line else "--tolerance"
            present = re.search(rf" {option} (\S+)", line)
            tolerance = max(3 * value, 1e-8 if option == "--kl" else 1e-6)
            if not args.loosen and tolerance >= (float(present[1]) if present else 1e-4):
                continue
            line = line.replace(present[0], "", 1) if present else line
            lines[i] = line.replace(" --work ", f" {option} {round_up(tolerance)} --work ")
            written += 1
        test.write_text("".join(lines))
    print(f"set-tolerances: wrote {written} tolerances; {missing} lines were not measured")
    sys.exit(missing > 0)


if __name__ == "__main__":
    main()
