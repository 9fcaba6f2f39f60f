//===- Driver.h - runs a model through the stages -----------------------------------------------------------------===//
//
// These stay with a module through all stages, so that compilation can continue from each dump:
//   lm.model     what the model is and where its files lie (frontends/Describe.h)
//   lm.sampling  what its files say about sampling (frontends/Describe.h)
//   lm.options   what the user asked for that later stages need; written here
//   lm.program   sizes and counts for the runtime; written by compiler/codegen
//   lm.weight, lm.state   where weights come from and go to, and what the caches are; dropped when LLVM IR is made
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_DRIVER_H
#define LATHE_COMPILER_DRIVER_DRIVER_H

#include "absl/status/statusor.h"
#include "compiler/driver/Options.h"
#include "compiler/targets/Target.h"
#include "frontends/Registry.h"
#include "llvm/ADT/SmallString.h"

namespace lathe {

/// `lathe compile`, of models that `frontends` read. The error is one line without "lathe: ". After an error no output
/// is left, not even in part.
absl::Status compile(const Options &options, llvm::ArrayRef<const Frontend *> frontends = allFrontends());

/// A model as objects in memory, from which an executable or a library is linked.
struct ModelObjects {
  llvm::SmallString<0> code;
  llvm::SmallString<0> program; // PREFIX_program of lrt/abi.h
  LinkInputs inputs;            // of the target
};

/// The same up to the link: writes the weights to `options.output`.weights and returns the objects. Weights cannot be
/// embedded.
absl::StatusOr<ModelObjects> compileToObjects(const Options &options,
                                              llvm::ArrayRef<const Frontend *> frontends = allFrontends());

/// Runs a command line of lathe (without the program's name): writes to stdout and stderr, returns the exit status.
int runCommandLine(llvm::ArrayRef<const char *> arguments);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_DRIVER_H
