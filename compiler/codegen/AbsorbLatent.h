//===- AbsorbLatent.h - latent attention of few rows --------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_ABSORBLATENT_H
#define LATHE_COMPILER_CODEGEN_ABSORBLATENT_H

#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// The pass lm-absorb-latent.
void absorbLatent(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_ABSORBLATENT_H
