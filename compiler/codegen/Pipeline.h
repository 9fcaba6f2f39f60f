//===- Pipeline.h - stage 3 ---------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_PIPELINE_H
#define LATHE_COMPILER_CODEGEN_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace lathe {

/// The passes of stage schedule. After them the module has one program per entry point, memory is planned and
/// lm.program is written.
void populateSchedulePipeline(mlir::OpPassManager &pm);

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_PIPELINE_H
