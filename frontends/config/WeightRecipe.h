//===- WeightRecipe.h - attributes of lm.weight -------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H
#define LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H

#include "frontends/config/Checkpoint.h"
#include "frontends/config/Tensors.h"
#include "mlir/IR/Builders.h"

namespace lathe {

/// Sources and recipe of an lm.weight; null: it has none.
struct WeightRecipe {
  mlir::ArrayAttr sources, steps;
};

/// For a binding to tensors of `checkpoint`.
WeightRecipe makeRecipe(mlir::Builder &builder, const Checkpoint &checkpoint, const TensorBinding &binding);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H
