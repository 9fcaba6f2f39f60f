//===- LLVMConversions.h - MLIR's own conversions to the llvm dialect ---------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_LLVMCONVERSIONS_H
#define LATHE_COMPILER_TARGETS_LLVMCONVERSIONS_H

#include "mlir/Pass/PassManager.h"

namespace lathe {

/// From func, scf, memref, vector, arith and math to the llvm dialect.
void addLLVMConversions(mlir::OpPassManager &pm);

/// For lathe-opt and crash reproducers.
void registerLLVMConversions();

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_LLVMCONVERSIONS_H
