//===- Target.h - what a target is to the compiler ----------------------------------------------------------------===//
//
// A target is a folder beside this file with one class like this. docs/add-a-target.md goes through it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_TARGET_H
#define LATHE_COMPILER_TARGETS_TARGET_H

#include "compiler/support/TargetInfo.h"
#include "compiler/targets/Emit.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace lathe {

/// What an executable is linked from, besides the objects of the model.
struct LinkInputs {
  std::string runtime;                // the runtime's library, beside lathe in lib/
  std::vector<std::string> libraries; // static libraries of the host's that it needs, as "libpcre2-8.a"
};

class Target {
public:
  virtual ~Target() = default;

  /// As --target calls it.
  virtual llvm::StringRef getName() const = 0;

  /// What passes ask of it, from the module's lm.options and lm.tuning. An error names what of them is wrong.
  virtual mlir::FailureOr<TargetInfo> describe(mlir::ModuleOp module) const = 0;

  /// What is wrong with "KEY=N,..." of --tuning; empty: nothing.
  virtual std::string checkTuning(llvm::StringRef tuning) const = 0;

  /// Dialects of its own.
  virtual void registerDialects(mlir::DialectRegistry &registry) const = 0;

  /// Its passes, and stages vector and llvm as pipelines, for lathe-opt and for reading crash reproducers.
  virtual void registerPasses() const = 0;

  /// Stage vector: from phases and kernels to loops and vectors.
  virtual void addLowering(mlir::OpPassManager &pm) const = 0;

  /// Stage llvm: from there to the llvm dialect, with the functions that the runtime calls (lrt_entry_fn).
  virtual void addLLVMLowering(mlir::OpPassManager &pm) const = 0;

  /// Stage object: the module of stage llvm as an object, or as assembly, for the host machine that the executable runs
  /// on.
  virtual absl::StatusOr<llvm::SmallString<0>> emit(mlir::ModuleOp module, llvm::TargetMachine &host,
                                                    Output output) const = 0;

  virtual LinkInputs linkInputs() const = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_TARGET_H
