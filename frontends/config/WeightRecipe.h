//===- WeightRecipe.h - attributes of lm.weight -------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H
#define LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H

#include "frontends/config/Checkpoint.h"
#include "frontends/config/Tensors.h"
#include "mlir/IR/Builders.h"

namespace lathe {

/// The attributes `sources` and `recipe` of an lm.weight; null where the weight has none.
struct WeightRecipe {
  mlir::ArrayAttr sources, steps;
};

/// The sources and recipe of a weight that is read from tensors of `checkpoint`, as `binding` says.
WeightRecipe makeRecipe(mlir::Builder &builder, const Checkpoint &checkpoint, const TensorBinding &binding);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_WEIGHTRECIPE_H
