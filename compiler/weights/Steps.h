//===- Steps.h - the steps of a weight's recipe -------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_STEPS_H
#define LATHE_COMPILER_WEIGHTS_STEPS_H

#include "compiler/weights/MatrixReader.h"
#include "dialects/lm/LMOps.h"
#include <memory>

namespace lathe {

/// The shapes of a step: of the matrices that it reads, and of the one that it makes.
struct StepContext {
  Format format;               // of the inputs' rows, where these are still rows as stored
  mlir::lm::StoredShape input; // of each
  mlir::lm::StoredShape result;
};

/// A reader of the result of `step`. `inputs`: a reader for each part of the step.
std::unique_ptr<MatrixReader> makeStepReader(mlir::lm::RecipeStep step, const StepContext &context,
                                             std::vector<std::unique_ptr<MatrixReader>> inputs);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_STEPS_H
