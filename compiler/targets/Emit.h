//===- Emit.h - from the llvm dialect to bytes the machine runs ---------------------------------------------------===//
//
// LLVM IR, optimisation, objects and assembly for the CPU. All targets come through here with the part of a module that
// the host runs.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_TARGETS_EMIT_H
#define LATHE_COMPILER_TARGETS_EMIT_H

#include "absl/status/statusor.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>
#include <vector>

namespace lathe {

/// A CPU by LLVM's name, and what the machine at hand does differently ("-avx512f,+avx2"; empty for a named CPU).
struct CPUName {
  std::string name;
  std::string features;
};

/// "native" or one of LLVM's -mcpu names. Error: `--mcpu: ...`.
absl::StatusOr<CPUName> resolveCPU(llvm::StringRef mcpu, llvm::StringRef option = "--mcpu");

/// Whether LLVM knows the features, and can make code for what they leave of x86-64.
absl::Status checkFeatures(const CPUName &cpu);

/// Every name `resolveCPU` takes.
std::vector<std::string> knownCPUs();

/// For static x86-64 Linux executables. Of the CPU's features it has those that a program checks at start
/// (LRT_FEATURES).
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const CPUName &cpu);

/// The module's functions as LLVM IR; other dialects' symbols must be gone. Null: a diagnostic said why.
std::unique_ptr<llvm::Module> translateToLLVM(mlir::ModuleOp module, llvm::LLVMContext &context,
                                              llvm::TargetMachine &machine);

/// -O3 for the machine.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

enum class Output : uint8_t { Object, Assembly };

/// Leaves `module` in the state of code generation: it can be emitted once.
absl::StatusOr<llvm::SmallString<0>> emit(llvm::Module &module, llvm::TargetMachine &machine, Output output);

/// The three above, one after another. Error: the diagnostic, in one line.
absl::StatusOr<llvm::SmallString<0>> emitHost(mlir::ModuleOp module, llvm::TargetMachine &machine, Output output);

/// Assembly text -> object. `name` is what messages call the text.
absl::StatusOr<llvm::SmallString<0>> assemble(llvm::StringRef text, llvm::StringRef name, llvm::TargetMachine &machine);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_EMIT_H
