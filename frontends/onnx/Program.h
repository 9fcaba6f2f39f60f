//===- Program.h - a graph as a language model --------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_PROGRAM_H
#define LATHE_FRONTENDS_ONNX_PROGRAM_H

#include "frontends/onnx/Mask.h"
#include "frontends/onnx/Raise.h"
#include "frontends/onnx/RopeTable.h"

namespace lathe::onnx {

/// Operations from the residual stream to the residual stream: those after `first` up to `last`.
struct LayerRange {
  size_t first, last; // numbers in Program::order
};

struct Program {
  std::vector<InputRole> roles;
  Raised raised;
  std::vector<const Term *> order; // what the logits depend on, arguments first; without ids and past caches
  std::vector<LayerRange> layers;  // one after another
  llvm::DenseMap<const Term *, Window> windows;        // of each attention
  llvm::DenseMap<const Term *, Frequencies> rotations; // of each rope
  int64_t maxPositions = 0;                            // that tables in the file hold; 0: any number
  int64_t context = 0;                                 // capacity of the caches
};

/// Raises the graph for several lengths; all must give the same operations. `context`: 0 for the model's own, at most
/// `fallbackContext`. Errors name the node or the tensor.
absl::StatusOr<std::unique_ptr<Program>> analyze(const ModelFile &model, int64_t context, int64_t fallbackContext);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_PROGRAM_H
