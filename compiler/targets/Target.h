//===- Target.h - the interface of a target -----------------------------------------------------------------------===//
//
// Each target is a folder beside this file with one class that implements this interface: docs/add-a-target.md.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_TARGET_H
#define LATHE_COMPILER_TARGETS_TARGET_H

#include "compiler/support/ModuleAttributes.h"
#include "compiler/support/TargetInfo.h"
#include "compiler/targets/Emit.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"
#include <optional>

namespace lathe {

/// Libraries that an executable is linked with, besides the objects of the model.
struct LinkInputs {
  std::vector<std::string> runtime;   // the runtime's libraries, beside lathe in lib/
  std::vector<std::string> libraries; // static libraries of the host that they need, as "libpcre2-8.a"
  bool isDynamic = false;             // whether the executable loads the host's C library, and may load others
};

/// How the runtime runs entry points that are no functions of the host.
struct DeviceCode {
  std::string open;     // the function of the runtime that lrt_program.open_device points to
  int64_t blockThreads; // lrt_program.block_threads
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

  /// Stage object: translates the functions of stage llvm to an object or to assembly for `host`, the machine that runs
  /// the executable. `skeleton` has the module's attributes. Assembly is of one device: getGPUs() has one name.
  virtual absl::StatusOr<llvm::SmallString<0>> emit(mlir::ModuleOp module, mlir::ModuleOp skeleton,
                                                    llvm::TargetMachine &host, Output output) const = 0;

  /// The assembly of stage object as an object for the host. `name`: the text's name in messages.
  virtual absl::StatusOr<llvm::SmallString<0>> assemble(llvm::StringRef text, llvm::StringRef name,
                                                        mlir::ModuleOp /*skeleton*/, llvm::TargetMachine &host) const {
    return lathe::assemble(text, name, host);
  }

  /// The file suffix of assembly in a dump, and the characters that begin a comment in it.
  virtual llvm::StringRef getAssemblySuffix() const { return "s"; }
  virtual llvm::StringRef getCommentMark() const { return "#"; }

  /// How a device runs the code, if the target is a device: the object then defines a deviceCodeSymbol() for each of
  /// getGPUs(). On other targets the entry points are functions of the host, PREFIX_decode and so on.
  virtual std::optional<DeviceCode> deviceCode(mlir::ModuleOp /*module*/) const { return std::nullopt; }

  /// The devices that code can be made for, by their names for --gpu, and the one without the option; none: the target
  /// is no device.
  virtual std::vector<std::string> knownGPUs() const { return {}; }
  virtual llvm::StringRef getStandardGPU() const { return ""; }

  virtual LinkInputs linkInputs() const = 0;
};

/// The devices that lm.options.gpu names.
llvm::SmallVector<llvm::StringRef> getGPUs(mlir::ModuleOp module);

/// The symbol of a module's code for one of them.
std::string deviceCodeSymbol(mlir::ModuleOp module, llvm::StringRef gpu);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_TARGET_H
