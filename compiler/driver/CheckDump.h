//===- CheckDump.h - checks of a dump that was edited -------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_CHECKDUMP_H
#define LATHE_COMPILER_DRIVER_CHECKDUMP_H

#include "absl/status/status.h"
#include "compiler/driver/Stages.h"

namespace lathe {

/// Checks all that later stages rely on in a module of stage `from`, except for its files (CheckModel.h). Adds
/// lm.program to a schedule without it. `dump`: the module's name in messages.
absl::Status checkDump(mlir::ModuleOp module, Stage from, llvm::StringRef dump);

/// Checks `names`: ops of lm, separated by commas, or all. `option`: the option's name in messages.
absl::Status checkDecompose(mlir::MLIRContext &context, llvm::StringRef option, llvm::StringRef names);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_CHECKDUMP_H
