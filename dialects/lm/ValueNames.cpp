//===- ValueNames.cpp - names of results and arguments ------------------------------------------------------------===//

#include "dialects/lm/ValueNames.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::lm;

StringRef lm::slotOf(Value value) {
  if (auto use = value.getDefiningOp<UseOp>())
    return use.getSymbol();
  auto argument = dyn_cast<BlockArgument>(value);
  auto function = argument ? dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp()) : FunctionOpInterface();
  auto slot = function && argument.getOwner()->isEntryBlock()
                  ? function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kSlotAttr)
                  : StringAttr();
  return slot ? slot.getValue() : StringRef();
}

/// "q" of a product with the slot "q_proj", also once it was normalised; else empty.
static StringRef productOf(Value value) {
  if (auto norm = value.getDefiningOp<NormOp>())
    return productOf(norm.getInput());
  auto linear = value.getDefiningOp<LinearOp>();
  StringRef slot = linear ? slotOf(linear.getWeight()) : "";
  if (slot == "lm_head")
    return "logits";
  slot.consume_back("_proj");
  return slot;
}

static std::string resultName(Operation *op) {
  if (auto use = dyn_cast<UseOp>(op))
    return use.getSymbol().str();
  if (isa<LinearOp, NormOp, RopeOp>(op)) {
    const StringRef product = productOf(isa<LinearOp>(op) ? op->getResult(0) : op->getOperand(0));
    const StringRef done = isa<NormOp>(op) ? "normed" : isa<RopeOp>(op) ? "rotated" : "";
    if (!product.empty())
      return (product + (done.empty() ? "" : "_") + done).str();
  }
  const StringRef mnemonic = op->getName().stripDialect();
  return llvm::StringSwitch<StringRef>(mnemonic)
      .Cases({"embed", "add", "layers"}, "h")
      .Case("norm", "normed")
      .Case("rope", "rotated")
      .Cases({"attention", "latent_attention", "gated_delta_rule"}, "attended")
      .Case("qkv", "q")
      .Cases({"glu", "gated_linear"}, "gated")
      .Case("activation", "activated")
      .Case("causal_conv1d", "convolved")
      .Case("softcap", "capped")
      .Case("zeros", "pending")
      .Default(mnemonic)
      .str();
}

void lm::nameResults(Operation *op, OpAsmSetValueNameFn setName) {
  for (OpResult result : op->getResults())
    setName(result, resultName(op));
}

void lm::nameArguments(Operation *module) {
  // What a function of the schedule takes besides weights and states (spmd.layers); one of a model takes the position
  // alone.
  constexpr StringLiteral indices[] = {"rows", "position", "first"};
  module->walk([&](FunctionOpInterface function) {
    if (function.isExternal())
      return;
    const bool hasRows =
        llvm::none_of(function.getArguments(), [](Value value) { return isa<TensorType>(value.getType()); });
    size_t next = hasRows ? 0 : 1;
    for (BlockArgument argument : function.getArguments()) {
      StringRef name = slotOf(argument);
      if (name.empty() && isa<TensorType>(argument.getType()))
        name = cast<TensorType>(argument.getType()).getRank() == 1 ? "ids" : "h";
      else if (name.empty() && argument.getType().isIndex() && next < std::size(indices))
        name = indices[next++];
      if (!name.empty())
        argument.setLoc(NameLoc::get(StringAttr::get(function.getContext(), name)));
    }
  });
}
