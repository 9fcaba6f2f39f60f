//===- LMOpModels.h - KernelOpInterface for ops of lm -------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_KERNEL_LMOPMODELS_H
#define LATHE_DIALECTS_KERNEL_LMOPMODELS_H

#include "dialects/kernel/KernelInterface.h"

namespace mlir::kernel {

/// Called by the kernel dialect when it is loaded.
void attachLMOpModels(MLIRContext &context);

/// What an op of lm in kernel.compute takes when it has no answer of its own: two operations for each row and each
/// value of its matrices.
Cost getProductCost(Operation *op);

} // namespace mlir::kernel

#endif // LATHE_DIALECTS_KERNEL_LMOPMODELS_H
