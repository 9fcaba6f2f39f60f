//===- Pipelines.h - dialects, passes and the pipelines of the stages ---------------------------------------------===//
//
// The driver, lathe-opt and the other tools use these, so that a test runs exactly what the compiler runs.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_PIPELINES_H
#define LATHE_COMPILER_DRIVER_PIPELINES_H

#include "absl/status/status.h"
#include "compiler/driver/Stages.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace lathe {

/// Registers the dialects of all stages, and the translations to LLVM IR.
void registerDialects(mlir::DialectRegistry &registry);

/// Registers all passes, and the stages as --lm-graph, --lm-schedule, --lm-vector and --lm-llvm.
void registerPasses();

/// Adds the passes of one of those stages, with the options in the module.
absl::Status populateStage(Stage stage, mlir::ModuleOp module, mlir::OpPassManager &pm);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_PIPELINES_H
