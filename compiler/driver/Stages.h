#ifndef LATHE_COMPILER_DRIVER_STAGES_H
#define LATHE_COMPILER_DRIVER_STAGES_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace lathe {

enum class Stage : uint8_t {
#define LATHE_STAGE(id, name, suffix, folder, holds, question) id,
#include "compiler/driver/Stages.def"
};

/// A row of Stages.def.
struct StageInfo {
  Stage stage;
  llvm::StringLiteral name;
  llvm::StringLiteral suffix; // of dumps
  llvm::StringLiteral folder;
  llvm::StringLiteral holds; // dialects and ops that may be left, separated by spaces
  llvm::StringLiteral question;
};

llvm::ArrayRef<StageInfo> allStages();
const StageInfo &getStageInfo(Stage stage);

/// Checks that the module has only ops of the column `holds`, and its attributes. The diagnostic names the op and the
/// stage that should have removed it.
mlir::LogicalResult verifyStage(mlir::ModuleOp module, Stage stage);

/// Compares the module's attributes (dialects/lm/ModuleAttributes.h) with its ops. Stage object has
/// only a skeleton (Dump.h), which this also accepts.
mlir::LogicalResult verifyAttributes(mlir::ModuleOp module, Stage stage);

/// Compares the costs of phases and lm.program with those of `counted`, which were computed anew.
mlir::LogicalResult verifyCounts(mlir::ModuleOp counted, mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_STAGES_H
