//===- Reproducer.h - files that reproduce a failure of the compiler ----------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_REPRODUCER_H
#define LATHE_COMPILER_DRIVER_REPRODUCER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>

namespace lathe {

/// Runs passes. When one fails or crashes, writes the module from before it and the passes to a file. `note` gets the
/// command that repeats the failure.
mlir::LogicalResult runReproducibly(mlir::PassManager &passes, mlir::ModuleOp module, llvm::StringRef stage,
                                    llvm::function_ref<void(const llvm::Twine &)> note);

/// For code that is no pass: while it lives, a crash writes `dump` to a file and prints `lathe compile FILE <options>`,
/// which repeats it.
class CrashDump {
public:
  CrashDump(llvm::StringRef stage, std::string dump, llvm::StringRef options);
  ~CrashDump();
};

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_REPRODUCER_H
