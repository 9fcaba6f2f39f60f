//===- LLVMConversions.h - MLIR's own conversions to the llvm dialect ---------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_LLVMCONVERSIONS_H
#define LATHE_COMPILER_TARGETS_LLVMCONVERSIONS_H

#include "mlir/Pass/PassManager.h"

namespace lathe {

/// Adds the passes that lower func, scf, memref, vector, arith and math to the llvm dialect.
void addLLVMConversions(mlir::OpPassManager &pm);

/// Registers these passes by name, so that lathe-opt and crash reproducers can run them.
void registerLLVMConversions();

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_LLVMCONVERSIONS_H
