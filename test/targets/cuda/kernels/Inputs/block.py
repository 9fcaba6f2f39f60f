"""Runs a kernel on the simulator of PTX (test/ptxsim): one block, on arrays of Python's standard library.

The scripts beside this file use it: SCRIPT --driver libcuda.so.1. They compare a kernel's results with formulas of their
own, for shapes that tiny models do not have, and print a line when all agree.
"""
import argparse
import array
import ctypes
import random
import re
import struct
import subprocess
import sys

PASSES = ["--lm-lower-block-kernels", "--canonicalize", "--cse", "--arith-expand", "--convert-scf-to-cf",
          "--expand-strided-metadata", "--lower-affine", "--convert-vector-to-llvm", "--convert-math-to-llvm",
          "--convert-arith-to-llvm", "--convert-index-to-llvm", "--finalize-memref-to-llvm",
          "--convert-func-to-llvm=use-bare-ptr-memref-call-conv=1", "--convert-cf-to-llvm", "--reconcile-unrealized-casts"]
DEVICE = ["-mtriple=nvptx64-nvidia-cuda", "-mcpu=sm_80", "-mattr=+ptx80"]


def f32(x):
    """The f32 that is nearest to x."""
    return struct.unpack("f", struct.pack("f", x))[0]


def normals(count, seed):
    """`count` f32 with a normal distribution."""
    source = random.Random(seed)
    return array.array("f", (source.gauss(0, 1) for _ in range(count)))


def expect(condition, text):
    if not condition:
        sys.exit(text)


def is_close(found, expected, tolerance, magnitude=0.0):
    return abs(found - expected) <= tolerance * max(abs(expected), magnitude)


class Device:
    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("--driver", required=True, help="the simulator's libcuda.so.1")
        self.driver = ctypes.CDLL(parser.parse_args().driver)
        self.call("cuInit", 0)
        context = ctypes.c_void_p()
        self.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), 0)
        self.call("cuCtxSetCurrent", context)

    def call(self, function, *arguments):
        status = getattr(self.driver, function)(*arguments)
        expect(status == 0, f"expected status 0 of {function}, found {status}")

    def run(self, arguments, body, threads=256):
        """Runs `body`, ops of MLIR on the function's arguments. `arguments`: a name, and a memref type with its array or
        the value of an index. Arrays hold the results afterwards."""
        names = ", ".join(f"%{name}: {kind}" for name, kind, _ in arguments)
        text = (f'module attributes {{lm.options = {{target = "cuda", tuning = "block_threads={threads}"}}}} {{\n'
                f"func.func @main({names}) {{\n%c0 = arith.constant 0 : index\n%c1 = arith.constant 1 : index\n"
                f"{body}\nreturn\n}}\n}}\n")
        text = self.output(["lathe-opt", "-", *PASSES], text)
        text = re.sub(r"(llvm\.func @main\([^)]*\))", r"\1 attributes {nvvm.kernel}", text)
        text = self.output(["mlir-translate", "--mlir-to-llvmir"], text)
        text = self.output(["opt", "-O3", "-S", *DEVICE[:2]], text)
        self.launch(self.output(["llc", "-O3", *DEVICE], text), [value for _, _, value in arguments], threads)

    @staticmethod
    def output(command, text):
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True)
        expect(done.returncode == 0, f"exit status {done.returncode} of {command[0]}")
        return done.stdout

    def launch(self, ptx, values, threads):
        module, kernel = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("cuModuleLoadData", ctypes.byref(module), ptx.encode() + b"\0")
        self.call("cuModuleGetFunction", ctypes.byref(kernel), module, b"main")
        parameters, copies = [], []
        for value in values:
            parameter = ctypes.c_uint64(value if isinstance(value, int) else 0)
            if not isinstance(value, int):
                size = len(value) * value.itemsize
                host = (ctypes.c_char * size).from_buffer(value)
                self.call("cuMemAlloc_v2", ctypes.byref(parameter), ctypes.c_size_t(size))
                self.call("cuMemcpyHtoD_v2", parameter, host, ctypes.c_size_t(size))
                copies.append((host, parameter, size))
            parameters.append(parameter)
        addresses = (ctypes.c_void_p * len(parameters))(*[ctypes.addressof(p) for p in parameters])
        self.call("cuLaunchKernel", kernel, 1, 1, 1, threads, 1, 1, 0, None, addresses, None)
        self.call("cuCtxSynchronize")
        for host, parameter, size in copies:
            self.call("cuMemcpyDtoH_v2", host, parameter, ctypes.c_size_t(size))
            self.call("cuMemFree_v2", parameter)
        self.call("cuModuleUnload", module)


def memref(kind, *shape):
    return f"memref<{'x'.join(map(str, shape))}x{kind}>"


def weight(name, segment, count):
    """A vector of `count` f32 at the beginning of `segment`, which is a memref of bytes."""
    return (f"%{name} = builtin.unrealized_conversion_cast %{segment}, %c0 : {memref('i8', 4 * count)}, index to "
            f"!lm.weight<{count}xf32>")
