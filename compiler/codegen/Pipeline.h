//===- Pipeline.h - stage 3 ---------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_PIPELINE_H
#define LATHE_COMPILER_CODEGEN_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace lathe {

/// After it: one program per entry point, memory planned, lm.program written.
void populateSchedulePipeline(mlir::OpPassManager &pm);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_PIPELINE_H
