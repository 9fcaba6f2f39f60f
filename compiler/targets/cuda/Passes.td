#ifndef LATHE_COMPILER_TARGETS_CUDA_PASSES_TD
#define LATHE_COMPILER_TARGETS_CUDA_PASSES_TD

include "mlir/Pass/PassBase.td"

def ExportKernels : Pass<"lm-export-kernels", "::mlir::ModuleOp"> {
  let summary = "entry points become kernels, barriers become grid barriers";
  let description = [{
    Adds a kernel for each entry point, with the entry's name and one parameter, the lrt_step by value
    (runtime/include/lrt/abi.h). A worker is a block; its thread 0 runs the entry. `lrt_barrier` waits until all blocks of
    the launch have reached it: they must be on the device at the same time, so the launch is cooperative.
    Example: test/targets/cuda/export-kernels.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif // LATHE_COMPILER_TARGETS_CUDA_PASSES_TD
