//===- Steps.h - what a recipe does to matrices -------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_STEPS_H
#define LATHE_COMPILER_WEIGHTS_STEPS_H

#include "compiler/weights/MatrixReader.h"
#include "dialects/lm/LMOps.h"
#include <memory>

namespace lathe {

/// Between the matrices that a step reads and the one it makes.
struct StepContext {
  Format format;               // of stored rows, where the inputs still have them
  mlir::lm::StoredShape input; // of each
  mlir::lm::StoredShape result;
};

/// Reads the result of `step`. Inputs: as many as the step has parts.
std::unique_ptr<MatrixReader> makeStepReader(mlir::lm::RecipeStep step, const StepContext &context,
                                             std::vector<std::unique_ptr<MatrixReader>> inputs);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_STEPS_H
