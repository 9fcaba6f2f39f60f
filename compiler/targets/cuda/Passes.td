#ifndef LATHE_COMPILER_TARGETS_CUDA_PASSES_TD
#define LATHE_COMPILER_TARGETS_CUDA_PASSES_TD

include "mlir/Pass/PassBase.td"

def BlockBarriers : Pass<"lm-block-barriers", "::mlir::ModuleOp"> {
  let summary = "barriers of a block between kernels that use the same memory";
  let description = [{
    After lm-lower-phases. The threads of a block wait for each other before a kernel that reads what kernels since the
    last barrier wrote, or writes what they read. Example: test/targets/cuda/block-barriers.mlir.
  }];
  let dependentDialects = ["::mlir::NVVM::NVVMDialect"];
}

def LowerBlockKernels : Pass<"lm-lower-block-kernels", "::mlir::ModuleOp"> {
  let summary = "kernels become code for the threads of a block";
  let description = [{
    Outlines matrix products, one function per weight format and layout; expands everything else in place.
    Example: test/targets/cuda/lower-block-kernels.mlir.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::scf::SCFDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::arith::ArithDialect",
                           "::mlir::vector::VectorDialect", "::mlir::math::MathDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect"];
}

def GridBarrier : Pass<"lm-grid-barrier", "::mlir::ModuleOp"> {
  let summary = "defines lrt_barrier: the blocks of a launch wait for each other";
  let description = [{
    The blocks count themselves in an lrt_grid (runtime/include/lrt/abi.h), and prefetch into the second cache while they
    wait. They must be on the device at the same time. Example: test/targets/cuda/grid-barrier.mlir.
  }];
  let dependentDialects = ["::mlir::scf::SCFDialect", "::mlir::arith::ArithDialect", "::mlir::LLVM::LLVMDialect",
                           "::mlir::NVVM::NVVMDialect"];
}

def ExportKernels : Pass<"lm-export-kernels", "::mlir::ModuleOp"> {
  let summary = "entry points become kernels";
  let description = [{
    Adds a kernel for each entry point, with the entry's name and one parameter, the lrt_step by value
    (runtime/include/lrt/abi.h). A worker is a block; all of its threads run the entry. Where times are kept, the call ends
    with a barrier. Example: test/targets/cuda/export-kernels.mlir.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect", "::mlir::NVVM::NVVMDialect"];
}

#endif // LATHE_COMPILER_TARGETS_CUDA_PASSES_TD
