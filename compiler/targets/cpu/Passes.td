#ifndef LATHE_COMPILER_TARGETS_CPU_PASSES_TD
#define LATHE_COMPILER_TARGETS_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerPhases : Pass<"lm-lower-phases", "::mlir::ModuleOp"> {
  let summary = "phases become loops over a worker's tiles, buffers become views of the arena";
  let description = [{
    Moves a program's functions into the module: its entry as `@decode`, a kind of layer as `@decode.layer`.
    Example: test/targets/cpu/lower-phases.mlir.
  }];
  let options = [Option<"staticTiles", "static-tiles", "bool", "false", "each worker has a fixed range of tiles">,
                 Option<"prefetchBytes", "prefetch-bytes", "int64_t", "32768",
                        "a worker prefetches at most so much while it waits at a barrier">];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::scf::SCFDialect", "::mlir::memref::MemRefDialect",
                           "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"];
}

def LowerCompute : Pass<"lm-lower-compute", "::mlir::ModuleOp"> {
  let summary = "kernel.compute becomes loops";
  let description = "After lm-lower-phases and lm-decompose. Example: test/targets/cpu/lower-compute.mlir.";
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::bufferization::BufferizationDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def LowerKernels : Pass<"lm-lower-kernels", "::mlir::ModuleOp"> {
  let summary = "kernels become vector code";
  let description = [{
    Outlines matrix products, one function per weight format and layout; expands everything else in place. Dot products
    are ops of the cpu dialect until lm-lower-dots. Example: test/targets/cpu/lower-kernels.mlir.
  }];
  let dependentDialects = ["::mlir::cpu::CPUDialect", "::mlir::func::FuncDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect", "::mlir::math::MathDialect", "::mlir::LLVM::LLVMDialect"];
}

def LowerDots : Pass<"lm-lower-dots", "::mlir::ModuleOp"> {
  let summary = "ops of the cpu dialect become the CPU's instructions";
  let description = [{
    Splits vectors that are wider than the instruction. With `plain`, or for a CPU without the instruction, it writes the
    same computation as plain arithmetic, so that another CPU's schedule can run on this machine, slowly. Conversions from
    f32 to bf16, and from f16 to f32, become integer arithmetic on CPUs without an instruction for them.
    Example: test/targets/cpu/lower-dots.mlir.
  }];
  let options = [Option<"mcpu", "mcpu", "std::string", "\"\"", "CPU; default: the module's">,
                 Option<"plain", "plain", "bool", "false", "use no dot instructions">];
  let dependentDialects = ["::mlir::vector::VectorDialect", "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect"];
}

def ExportEntries : Pass<"lm-export-entries", "::mlir::ModuleOp"> {
  let summary = "adds the functions that the runtime calls: they read lrt_step and call the entry points";
  let description = [{
    Adds `PREFIX_decode`, `PREFIX_prefill` and `PREFIX_logits` with the signature of lrt_entry_fn
    (runtime/include/lrt/abi.h), where PREFIX is `lm.options.symbol_prefix` or `lathe`. All other functions become
    internal, so that programs with different prefixes can be linked into one process. Example: test/targets/cpu/export-entries.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // LATHE_COMPILER_TARGETS_CPU_PASSES_TD
