#!/usr/bin/env python3
"""Runs @main of a module of kernels on this CPU and prints its output.

    run-kernels.py FILE.mlir --lathe-opt PATH

kernel.compute becomes loops by the decompositions of its ops, other kernels become the same code as in executables, for the
CPU that `lm.options` of the module names. mlir-runner, which comes with LLVM, runs @main. From its library,
printMemrefF32 and printMemrefI32 print, and verifyMemRefF32 counts the values with a relative difference above 1e-5.
"""
import argparse
import subprocess
import sys

PASSES = ["--lm-decompose", "--lm-lower-compute", "--lm-lower-kernels", "--canonicalize", "--cse", "--lm-lower-dots",
          "--arith-expand", "--convert-scf-to-cf", "--expand-strided-metadata", "--lower-affine",
          "--convert-vector-to-llvm", "--convert-math-to-llvm", "--convert-arith-to-llvm", "--convert-index-to-llvm",
          "--finalize-memref-to-llvm", "--convert-func-to-llvm", "--convert-cf-to-llvm", "--reconcile-unrealized-casts"]
LIBRARIES = ("libmlir_runner_utils.so", "libmlir_c_runner_utils.so")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--lathe-opt", default="lathe-opt")
    parser.add_argument("--llvm", default="/usr/lib/llvm-22", help="where LLVM is installed")
    args = parser.parse_args()
    lowered = subprocess.run([args.lathe_opt, args.file, *PASSES], stdout=subprocess.PIPE, text=True)
    if lowered.returncode:
        sys.exit(f"run-kernels: exit status {lowered.returncode} of lathe-opt")
    command = [f"{args.llvm}/bin/mlir-runner", "-e", "main", "-entry-point-result=void",
               "-shared-libs=" + ",".join(f"{args.llvm}/lib/{name}" for name in LIBRARIES)]
    sys.exit(subprocess.run(command, input=lowered.stdout, text=True).returncode)


if __name__ == "__main__":
    main()
