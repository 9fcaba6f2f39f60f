//===- Embed.cpp - rows of the embedding table, and learned positions ---------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/onnx/Raise.h"
#include "frontends/onnx/rules/Quantized.h"

using namespace lathe;
using namespace lathe::onnx;

namespace {

absl::Status setEmbed(RuleContext &context, size_t ids, Weight table) {
  const View &view = context.view(ids);
  if (view.operation->kind != Kind::Ids)
    return invalid("expected the ids of tokens as indices, got " + nameOf(view.operation->kind));
  Term *embed = context.make(Kind::Embed, {view.operation}, table.columns);
  embed->weights = {std::move(table)};
  return context.setRows(0, embed);
}

absl::Status readGather(RuleContext &context) {
  if (context.isData(0) || context.node.integer("axis", 0) != 0 || context.evaluated(0).shape.size() != 2)
    return invalid("expected rows of a table");
  LATHE_ASSIGN_OR_RETURN(Weight table, matrixOf(context, 0, context.evaluated(0).shape[1], /*isTransposed=*/true));
  return setEmbed(context, 1, std::move(table));
}

absl::Status readGatherBlockQuantized(RuleContext &context) {
  LATHE_ASSIGN_OR_RETURN(Weight table, gatheredTable(context));
  return setEmbed(context, 1, std::move(table));
}

} // namespace

llvm::ArrayRef<RuleEntry> lathe::onnx::embedRules() {
  static constexpr RuleEntry rules[] = {
      {"", "Gather", readGather},
      {"com.microsoft", "GatherBlockQuantized", readGatherBlockQuantized},
  };
  return rules;
}
