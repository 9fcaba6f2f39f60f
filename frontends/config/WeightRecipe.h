//===- WeightRecipe.h - a binding as lm.weight says it ------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H
#define LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H

#include "frontends/config/Checkpoint.h"
#include "frontends/config/Tensors.h"
#include "mlir/IR/Builders.h"

namespace lathe {

/// Attributes of an lm.weight; null where it has none.
struct WeightRecipe {
  mlir::ArrayAttr sources, steps;
};

/// Of a binding to a tensor of `checkpoint`.
WeightRecipe makeRecipe(mlir::Builder &builder, const Checkpoint &checkpoint, const TensorBinding &binding);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H
