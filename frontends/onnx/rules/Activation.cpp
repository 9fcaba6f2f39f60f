//===- Activation.cpp - activations and gated products ------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/rules/Elementwise.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

Term *activation(RuleContext &context, const Term *x, mlir::lm::Activation which) {
  Term *result = context.make(Kind::Activation, {x}, x->width);
  result->activation = which;
  return result;
}

/// x times `factor`; null if it is something else.
const Term *scaled(const Term *operation, double factor) {
  if (factor == 1)
    return operation;
  return operation->kind == Kind::Scale && isNear(operation->number, factor) ? operation->argument() : nullptr;
}

/// Of 1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)): x; null if it is something else.
const Term *tanhOfGelu(const Term *operation) {
  if (operation->kind != Kind::PlusConstant || operation->number != 1 || operation->argument()->kind != Kind::Tanh)
    return nullptr;
  const Term *sum = scaled(operation->argument()->argument(), 0.7978845608028654);
  if (!sum || sum->kind != Kind::Add)
    return nullptr;
  for (int side : {0, 1}) {
    const Term *x = sum->argument(side), *cube = scaled(sum->argument(1 - side), 0.044715);
    if (cube && cube->kind == Kind::Cube && cube->argument() == x)
      return x;
  }
  return nullptr;
}

} // namespace

Term *lathe::onnx::makeActivation(RuleContext &context, const Term *a, const Term *b) {
  for (int side = 0; side < 2; ++side, std::swap(a, b)) {
    if (b->kind == Kind::Sigmoid && b->argument() == a)
      return activation(context, a, mlir::lm::Activation::Silu);
    if (b->kind == Kind::Sigmoid && scaled(b->argument(), 1.702) == a && a != b->argument())
      return activation(context, a, mlir::lm::Activation::QuickGelu);
    // (x / 2) (1 + tanh) and x (1 + tanh), which is halved later.
    if (const Term *x = tanhOfGelu(b); x && scaled(a, 0.5) == x)
      return activation(context, x, mlir::lm::Activation::GeluTanh);
  }
  for (int side = 0; side < 2; ++side, std::swap(a, b))
    if (a->kind == Kind::Activation || a->kind == Kind::Sigmoid) {
      Term *glu = context.make(Kind::Glu, {a->argument(), b}, a->width);
      glu->activation = a->kind == Kind::Sigmoid ? mlir::lm::Activation::Sigmoid : a->activation;
      return glu;
    }
  return nullptr;
}

namespace {

template <mlir::lm::Activation which> absl::Status readActivation(RuleContext &context) {
  if (context.has(1))
    return invalid("expected an activation without a bias");
  const View &view = context.view(0);
  return context.set(0, activation(context, view.operation, which), view.layout);
}

absl::Status readGelu(RuleContext &context) {
  if (context.node.text("approximate", "none") != "tanh")
    return invalid("expected the tanh form of GELU, got the erf form, which lm does not have");
  return readActivation<mlir::lm::Activation::GeluTanh>(context);
}

absl::Status readQuickGelu(RuleContext &context) {
  const double alpha = context.node.real("alpha", 1.702);
  if (alpha == 1)
    return readActivation<mlir::lm::Activation::Silu>(context);
  if (!isNear(alpha, 1.702))
    return invalid("expected alpha 1.702 or 1, got " + numberString(alpha));
  return readActivation<mlir::lm::Activation::QuickGelu>(context);
}

absl::Status readSwish(RuleContext &context) {
  if (context.node.real("alpha", 1) != 1)
    return invalid("expected alpha 1, got " + numberString(context.node.real("alpha", 1)));
  return readActivation<mlir::lm::Activation::Silu>(context);
}

absl::Status readErfGelu(RuleContext &) {
  return invalid("expected the tanh form of GELU, got the erf form, which lm does not have");
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::activationRules() {
  static constexpr RuleEntry rules[] = {
      {"", "Gelu", readGelu},
      {"", "Swish", readSwish},
      {"com.microsoft", "Gelu", readErfGelu},
      {"com.microsoft", "BiasGelu", readErfGelu},
      {"com.microsoft", "FastGelu", readActivation<mlir::lm::Activation::GeluTanh>},
      {"com.microsoft", "QuickGelu", readQuickGelu},
  };
  return rules;
}
