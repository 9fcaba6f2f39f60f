//===- Retype.h - change weight or cache types everywhere at once -------------------------------------------------===//

#ifndef LATHE_COMPILER_GRAPH_RETYPE_H
#define LATHE_COMPILER_GRAPH_RETYPE_H

#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::lm {

/// Applies `map` to the types of all symbols, values and signatures. Layers of one kind have equal types before, and so
/// afterwards, because the result of `map` depends on the type only.
inline void retype(ModuleOp module, function_ref<Type(Type)> map) {
  module.walk([&](Operation *op) {
    if (auto weight = dyn_cast<WeightOp>(op)) {
      weight.setType(cast<WeightType>(map(weight.getType())));
    } else if (auto state = dyn_cast<StateOp>(op)) {
      state.setType(map(state.getType()));
    }
    for (Value result : op->getResults())
      result.setType(map(result.getType()));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setType(map(argument.getType()));
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      SmallVector<Type> inputs = llvm::map_to_vector(function.getArgumentTypes(), map);
      SmallVector<Type> results = llvm::map_to_vector(function.getResultTypes(), map);
      function.setFunctionType(FunctionType::get(module.getContext(), inputs, results));
    }
  });
}

} // namespace mlir::lm

#endif // LATHE_COMPILER_GRAPH_RETYPE_H
