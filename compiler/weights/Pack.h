//===- Pack.h - the weights file ----------------------------------------------------------------------------------===//
//
// Runs the recipes of a module's lm.weight operations and writes runtime/include/lrt/weights.h, in one pass from the
// mapped checkpoint to the file: memory does not grow with the model.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_PACK_H
#define LATHE_COMPILER_WEIGHTS_PACK_H

#include "absl/status/statusor.h"
#include "compiler/support/OutputFile.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>

namespace lathe {

struct PackOptions {
  int64_t tensorsBytes = 0;                                  // of the tensor section, lrt_program.weights_bytes
  unsigned threads = 0;                                      // 0: as many as cores
  std::function<void(uint64_t done, uint64_t all)> progress; // bytes of the file, now and then
};

struct PackedWeights {
  uint64_t contentId[2]; // of the tensors and of the tokenizer
  uint64_t bytes;        // of the file
};

/// Whether the model has any values: false for a bare config.
bool hasWeights(mlir::ModuleOp module);

/// Writes the weights file to `output`: every lm.weight packed at its offset, and the `tokenizer` section. Every
/// lm.weight needs an offset and a type that isPackable. An error names the checkpoint's file and the weight, or the
/// output.
absl::StatusOr<PackedWeights> packWeights(mlir::ModuleOp module, llvm::StringRef tokenizer, OutputFile &output,
                                          const PackOptions &options);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_PACK_H
