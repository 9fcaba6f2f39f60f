//===- Emit.h - from the llvm dialect to machine code -------------------------------------------------------------===//
//
// LLVM IR, optimisation, objects and assembly for the host CPU. Every target uses it for the code that the host runs.
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

/// LLVM's name of a CPU. For "native", `features` says how this machine differs from it ("-avx512f,+avx2").
struct CPUName {
  std::string name;
  std::string features;
};

/// `mcpu` is "native" or one of LLVM's -mcpu names. An error begins with `option`: `--mcpu: ...`.
absl::StatusOr<CPUName> resolveCPU(llvm::StringRef mcpu, llvm::StringRef option = "--mcpu");

/// An error if LLVM does not know a feature, or if one is missing that every x86-64 has.
absl::Status checkFeatures(const CPUName &cpu);

/// All CPU names that `resolveCPU` accepts, besides "native".
std::vector<std::string> knownCPUs();

/// A machine for static x86-64 Linux executables. It has only those of the CPU's features that a program checks at
/// start (LRT_FEATURES).
std::unique_ptr<llvm::TargetMachine> createTargetMachine(const CPUName &cpu);

/// Translates the module's functions to LLVM IR. The module must have no symbols of other dialects. Null after a
/// diagnostic.
std::unique_ptr<llvm::Module> translateToLLVM(mlir::ModuleOp module, llvm::LLVMContext &context,
                                              llvm::TargetMachine &machine);

/// Runs the passes of -O3 for the machine.
void optimize(llvm::Module &module, llvm::TargetMachine &machine);

enum class Output : uint8_t { Object, Assembly };

/// Generates code. This changes `module`, which can be emitted only once.
absl::StatusOr<llvm::SmallString<0>> emit(llvm::Module &module, llvm::TargetMachine &machine, Output output);

/// The three above, one after another. Error: the diagnostic, in one line.
absl::StatusOr<llvm::SmallString<0>> emitModule(mlir::ModuleOp module, llvm::TargetMachine &machine, Output output);

/// A text and the symbol of its first byte.
struct NamedText {
  std::string symbol, text;
};

/// An object of the host that defines the symbols; each text ends with a 0.
absl::StatusOr<llvm::SmallString<0>> emitTexts(llvm::ArrayRef<NamedText> texts, llvm::TargetMachine &host);

/// Assembles `text` to an object. Messages call the text `name`.
absl::StatusOr<llvm::SmallString<0>> assemble(llvm::StringRef text, llvm::StringRef name, llvm::TargetMachine &machine);

} // namespace lathe

#endif // LATHE_COMPILER_TARGETS_EMIT_H
