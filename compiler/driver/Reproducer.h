//===- Reproducer.h - what is left behind when the compiler is wrong ----------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_REPRODUCER_H
#define LATHE_COMPILER_DRIVER_REPRODUCER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>

namespace lathe {

/// Runs passes. When one fails or crashes, the module as it was before is left in a file, with the passes; `note` gets
/// the command that repeats it.
mlir::LogicalResult runReproducibly(mlir::PassManager &passes, mlir::ModuleOp module, llvm::StringRef stage,
                                    llvm::function_ref<void(const llvm::Twine &)> note);

/// While it lives, a crash leaves `dump` in a file and says that `lathe compile FILE <options>` repeats it: for what is
/// not a pass.
class CrashDump {
public:
  CrashDump(llvm::StringRef stage, std::string dump, llvm::StringRef options);
  ~CrashDump();
};

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_REPRODUCER_H
