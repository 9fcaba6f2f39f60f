// The table of stages, and the check of a module after each stage.

#include "compiler/driver/Stages.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace lathe;

static constexpr StageInfo stages[] = {
#define LATHE_STAGE(id, name, suffix, folder, holds, question) {Stage::id, name, suffix, folder, holds, question},
#include "compiler/driver/Stages.def"
};

llvm::ArrayRef<StageInfo> lathe::allStages() { return stages; }

const StageInfo &lathe::getStageInfo(Stage stage) { return stages[static_cast<int>(stage)]; }

mlir::LogicalResult lathe::verifyStage(mlir::ModuleOp module, Stage stage) {
  const StageInfo &info = getStageInfo(stage);
  llvm::StringSet<> allowed;
  for (llvm::StringRef name : llvm::split(info.holds, ' '))
    allowed.insert(name);

  mlir::WalkResult result = module.walk([&](mlir::Operation *op) {
    llvm::StringRef name = op->getName().getStringRef(), dialect = op->getName().getDialectNamespace();
    if (allowed.contains(dialect) || allowed.contains(name))
      return mlir::WalkResult::advance();
    op->emitError() << "stage " << info.name << " (" << info.folder << ") left '" << name << "' behind: expected only "
                    << info.holds;
    return mlir::WalkResult::interrupt();
  });
  return result.wasInterrupted() ? mlir::failure() : verifyAttributes(module, stage);
}
