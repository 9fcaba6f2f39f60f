//===- Linear.cpp - projections -----------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/Raise.h"
#include "frontends/onnx/rules/Quantized.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

absl::Status setLinear(RuleContext &context, const Term *input, Weight weight, Weight bias) {
  Term *linear = context.make(Kind::Linear, {input}, weight.rows);
  linear->weights = {std::move(weight)};
  if (bias)
    linear->weights.push_back(std::move(bias));
  return context.setRows(0, linear);
}

/// x W, with W [in, out].
absl::Status readMatMul(RuleContext &context) {
  if (!context.isData(0) || context.isData(1))
    return invalid("expected rows times a matrix from the file");
  LATHE_ASSIGN_OR_RETURN(const Term *input, context.rows(0));
  LATHE_ASSIGN_OR_RETURN(Weight weight, matrixOf(context, 1, input->width, /*isTransposed=*/false));
  return setLinear(context, input, std::move(weight), {});
}

absl::Status readGemm(RuleContext &context) {
  if (context.node.real("alpha", 1) != 1 || (context.has(2) && context.node.real("beta", 1) != 1) ||
      context.node.integer("transA", 0) != 0)
    return invalid("expected a product with alpha and beta 1, and rows that are not transposed");
  LATHE_ASSIGN_OR_RETURN(const Term *input, context.rows(0));
  LATHE_ASSIGN_OR_RETURN(Weight weight, matrixOf(context, 1, input->width, context.node.integer("transB", 0) != 0));
  Weight bias;
  if (context.has(2)) {
    LATHE_ASSIGN_OR_RETURN(bias, vectorOf(context, 2, weight.rows));
  }
  return setLinear(context, input, std::move(weight), std::move(bias));
}

absl::Status readMatMulNBits(RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(const Term *input, context.rows(0));
  LATHE_ASSIGN_OR_RETURN(Weight weight, nBitsMatrix(context));
  Weight bias;
  if (context.has(5)) {
    LATHE_ASSIGN_OR_RETURN(bias, vectorOf(context, 5, weight.rows));
  }
  return setLinear(context, input, std::move(weight), std::move(bias));
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::linearRules() {
  static constexpr RuleEntry rules[] = {
      {"", "MatMul", readMatMul},
      {"", "Gemm", readGemm},
      {"com.microsoft", "MatMulNBits", readMatMulNBits},
  };
  return rules;
}
