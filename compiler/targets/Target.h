//===- Target.h - the interface of a target -----------------------------------------------------------------------===//
//
// Each target is a folder beside this file with one class that implements this interface: docs/add-a-target.md.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_TARGET_H
#define LATHE_COMPILER_TARGETS_TARGET_H

#include "compiler/support/TargetInfo.h"
#include "compiler/targets/Emit.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace lathe {

/// Libraries that an executable is linked with, besides the objects of the model.
struct LinkInputs {
  std::string runtime;                // file name of the runtime's library in lathe's lib/
  std::vector<std::string> libraries; // the host's static libraries that it needs: "libpcre2-8.a"
};

class Target {
public:
  virtual ~Target() = default;

  /// The name for --target.
  virtual llvm::StringRef getName() const = 0;

  /// The description of the target for passes, from the module's lm.options and lm.tuning. Emits an error that names
  /// the wrong entry.
  virtual mlir::FailureOr<TargetInfo> describe(mlir::ModuleOp module) const = 0;

  /// The error in "KEY=N,..." of --tuning; empty if there is none.
  virtual std::string checkTuning(llvm::StringRef tuning) const = 0;

  /// Registers the target's own dialects.
  virtual void registerDialects(mlir::DialectRegistry &registry) const = 0;

  /// Registers its passes, and stages vector and llvm as pipelines, for lathe-opt and crash reproducers.
  virtual void registerPasses() const = 0;

  /// Stage vector: from phases and kernels to loops and vectors.
  virtual void addLowering(mlir::OpPassManager &pm) const = 0;

  /// Stage llvm: from loops and vectors to the llvm dialect, with the functions that the runtime calls (lrt_entry_fn).
  virtual void addLLVMLowering(mlir::OpPassManager &pm) const = 0;

  /// Stage object: translates the module of stage llvm to an object or to assembly for `host`, the machine that runs
  /// the executable.
  virtual absl::StatusOr<llvm::SmallString<0>> emit(mlir::ModuleOp module, llvm::TargetMachine &host,
                                                    Output output) const = 0;

  virtual LinkInputs linkInputs() const = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_TARGET_H
