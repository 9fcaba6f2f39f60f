//===- CPUTarget.h - x86-64 ---------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H
#define LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H

#include "compiler/targets/Target.h"
#include "compiler/targets/cpu/Passes.h"
#include "mlir/Pass/PassManager.h"

namespace lathe {

std::unique_ptr<Target> createCPUTarget();

/// After it: loops, views of the arena and vectors; dot products are still ops of the cpu dialect.
void populateVectorPipeline(mlir::OpPassManager &pm);

/// After it: the llvm dialect, and the symbols that packing needs.
void populateLLVMPipeline(mlir::OpPassManager &pm);

/// Registers the conversions of MLIR's own that the pipeline runs, so that a crash reproducer with them can be read.
void registerUpstreamLLVMPasses();

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_CPU_CPUTARGET_H
