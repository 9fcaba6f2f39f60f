//===- CheckDump.h - what was read may have been edited -----------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_CHECKDUMP_H
#define LATHE_COMPILER_DRIVER_CHECKDUMP_H

#include "absl/status/status.h"
#include "compiler/driver/Stages.h"

namespace lathe {

/// All that later stages rely on in a module of stage `from`, its files excepted (CheckModel.h). A schedule without
/// lm.program gets one. `dump` is what messages call it.
absl::Status checkDump(mlir::ModuleOp module, Stage from, llvm::StringRef dump);

/// Names of ops of lm with a comma between them, or all. `option` is what messages call them.
absl::Status checkDecompose(mlir::MLIRContext &context, llvm::StringRef option, llvm::StringRef names);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_CHECKDUMP_H
