#!/usr/bin/env python3
"""Compiles configs without weights to object files, one after another.

    compile-configs.py --lathe PATH [--seconds 10] [--megabytes 1000] [--work DIR] CONFIG...

Prints the time and the peak memory of each; fails when one does not compile or exceeds --seconds or --megabytes.
"""
import argparse
import os
import subprocess
import sys
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="+", type=Path)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--megabytes", type=float, default=1000)
    parser.add_argument("--work", type=Path, required=True)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    failed = 0
    for config in args.configs:
        out = args.work / (config.stem + ".o")
        started = time.time()
        process = subprocess.Popen([args.lathe, "compile", config, "--emit", "object", "-o", out],
                                   stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds, megabytes = time.time() - started, usage.ru_maxrss / 1024
        good = status == 0 and out.exists() and seconds <= args.seconds and megabytes <= args.megabytes
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {config.stem:<36} {seconds:5.1f} s {megabytes:6.0f} MB", flush=True)
        out.unlink(missing_ok=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
