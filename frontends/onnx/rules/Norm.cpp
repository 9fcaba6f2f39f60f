//===- Norm.cpp - ops that are norms ------------------------------------------------------------------------------===//
//
// Norms that are spelt out as squares, means and roots are in Elementwise.cpp.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/Raise.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// A norm over the last dimension of a view: it may be a part of each row.
absl::Status setNorm(RuleContext &context, View input, size_t weight, int bias, bool isCentered, size_t output) {
  LATHE_ASSIGN_OR_RETURN(input, context.compact(input));
  const Dimension &last = input.layout.dimensions.back();
  if (last.size() != 1 || last[0].kind != AxisKind::Column || last[0].stride != 1)
    return invalid("expected a norm over columns in order");
  const int64_t size = last[0].size;
  Term *norm = context.make(Kind::Norm, {input.operation}, input.operation->width);
  LATHE_ASSIGN_OR_RETURN(Weight scale, vectorOf(context, weight, size));
  norm->weights = {std::move(scale)};
  norm->groups = norm->width / size;
  norm->number = context.node.real("epsilon", 1e-5);
  norm->index = isCentered;
  if (bias >= 0 && context.has(bias)) {
    LATHE_ASSIGN_OR_RETURN(Weight shift, vectorOf(context, bias, size));
    norm->weights.push_back(std::move(shift));
  }
  return context.set(output, norm, input.layout);
}

absl::Status checkAxis(RuleContext &context) {
  const int64_t rank = static_cast<int64_t>(context.evaluated(0).shape.size());
  if (normalizeAxis(context.node.integer("axis", -1), rank) != rank - 1)
    return invalid("expected a norm over the last dimension, got axis " +
                   llvm::Twine(context.node.integer("axis", -1)));
  return absl::OkStatus();
}

absl::Status readRmsNorm(RuleContext &context) {
  LATHE_RETURN_IF_ERROR(checkAxis(context));
  return setNorm(context, context.view(0), 1, -1, /*isCentered=*/false, 0);
}

absl::Status readLayerNorm(RuleContext &context) {
  LATHE_RETURN_IF_ERROR(checkAxis(context));
  return setNorm(context, context.view(0), 1, 2, /*isCentered=*/true, 0);
}

/// norm(input + skip), and the sum as output 3.
absl::Status readSkipNorm(RuleContext &context) {
  const bool isCentered = context.node.op == "SkipLayerNormalization";
  const size_t bias = isCentered ? 4 : 3;
  if (context.has(bias))
    return invalid("expected no bias before the norm, got one");
  LATHE_ASSIGN_OR_RETURN(const Term *input, context.rows(0));
  LATHE_ASSIGN_OR_RETURN(const Term *skip, context.rows(1));
  if (input->width != skip->width)
    return invalid("expected rows of one width");
  Term *sum = context.make(Kind::Add, {input, skip}, input->width);
  LATHE_RETURN_IF_ERROR(context.setRows(3, sum));
  const Layout layout = context.view(0).layout;
  return setNorm(context, {sum, layout}, 2, isCentered ? 3 : -1, isCentered, 0);
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::normRules() {
  static constexpr RuleEntry rules[] = {
      {"", "SimplifiedLayerNormalization", readRmsNorm},
      {"com.microsoft", "SimplifiedLayerNormalization", readRmsNorm},
      {"", "RMSNormalization", readRmsNorm},
      {"", "LayerNormalization", readLayerNorm},
      {"com.microsoft", "SkipSimplifiedLayerNormalization", readSkipNorm},
      {"com.microsoft", "SkipLayerNormalization", readSkipNorm},
  };
  return rules;
}
