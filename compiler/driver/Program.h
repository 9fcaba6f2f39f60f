//===- Program.h - the description of the model for the runtime ---------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_PROGRAM_H
#define LATHE_COMPILER_DRIVER_PROGRAM_H

#include "absl/status/statusor.h"
#include "compiler/targets/Emit.h"
#include "mlir/IR/BuiltinOps.h"

namespace lathe {

/// Facts that are known only after the weights were packed.
struct ProgramWeights {
  uint64_t contentId[2] = {0, 0}; // both 0: a bare config
  int64_t embeddedBytes = 0;      // of the whole weights file, linked in as weightsSymbol(); 0: not embedded
};

/// Names of module attributes, described in Driver.h.
inline constexpr llvm::StringLiteral kOptionsAttr = "lm.options", kProgramAttr = "lm.program";

/// An entry of a dictionary attribute of the module. Error: names the attribute and the key.
absl::StatusOr<int64_t> moduleInteger(mlir::ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key);
absl::StatusOr<std::string> moduleString(mlir::ModuleOp module, llvm::StringRef dictionary, llvm::StringRef key);

/// `PREFIX_program` of lrt/abi.h as an object, from the module's attributes and states.
absl::StatusOr<llvm::SmallString<0>> emitProgram(mlir::ModuleOp module, llvm::TargetMachine &machine,
                                                 const ProgramWeights &weights);

/// `lrt_main_program` of lrt/abi.h as an object: with it, a program and liblrt.a become an executable.
absl::StatusOr<llvm::SmallString<0>> emitMain(mlir::ModuleOp module, llvm::TargetMachine &machine);

/// The symbol of embedded weights.
std::string weightsSymbol(mlir::ModuleOp module);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_PROGRAM_H
