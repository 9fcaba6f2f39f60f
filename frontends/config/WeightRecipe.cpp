//===- WeightRecipe.cpp - attributes of lm.weight -----------------------------------------------------------------===//

#include "frontends/config/WeightRecipe.h"
#include "dialects/lm/LMOps.h"
#include "frontends/Describe.h"

using namespace mlir;
using namespace lathe;

namespace {

/// A segment for each matrix. With parts: the first parts of all matrices, then the second ones, so that neighbouring
/// segments are of the same file.
SmallVector<lm::SourceSegment> segmentsOf(const TensorBinding &binding,
                                          function_ref<StringAttr(const TensorInfo &)> pathOf) {
  SmallVector<lm::SourceSegment> segments;
  if (binding.segments.empty()) {
    // The tensor holds several weights: these rows begin at an offset.
    const int64_t width = binding.shape.size() == 2 && !binding.transposedRows ? binding.shape[1] : 1;
    const FormatInfo &info = getFormatInfo(binding.format);
    const int64_t before = binding.firstRow * width / info.block * info.bytes;
    segments.push_back({pathOf(*binding.tensor), static_cast<int64_t>(binding.tensor->offset) + before});
  }
  const size_t parts = binding.cut.rows * binding.cut.columns;
  for (size_t part = 0; part < parts; ++part)
    for (size_t i = part; i < binding.segments.size(); i += parts)
      segments.push_back({pathOf(*binding.segments[i].tensor), static_cast<int64_t>(binding.segments[i].offset)});
  return segments;
}

SmallVector<Attribute> stepsOf(MLIRContext *context, const TensorBinding &binding) {
  SmallVector<Attribute> steps;
  for (auto [dimension, parts] :
       {std::pair(lm::Dimension::Rows, binding.cut.rows), std::pair(lm::Dimension::Columns, binding.cut.columns)})
    if (parts > 1)
      steps.push_back(lm::ConcatAttr::get(context, dimension, parts));
  const bool hasGroups = binding.pitch != binding.group;
  const int64_t group = hasGroups ? binding.group : 1, stride = hasGroups ? binding.pitch : 1;
  const int64_t rows = binding.shape.size() < 2 ? binding.shape[0] : binding.shape[binding.shape.size() - 2];
  if (binding.transposedRows) {
    if (hasGroups || binding.transposedRows != rows)
      steps.push_back(lm::SliceAttr::get(context, lm::Dimension::Columns, binding.transposedRows, group, stride));
    steps.push_back(lm::TransposeAttr::get(context));
  } else if (hasGroups) {
    steps.push_back(lm::SliceAttr::get(context, lm::Dimension::Rows, 0, group, stride));
  }
  if (binding.permuteHeads)
    steps.push_back(lm::UnpermuteAttr::get(context, binding.permuteHeads, binding.permuteFrom));
  if (binding.negateExp)
    steps.push_back(lm::NegateExpAttr::get(context));
  if (binding.add == 1)
    steps.push_back(lm::AddOneAttr::get(context));
  return steps;
}

} // namespace

WeightRecipe lathe::makeRecipe(Builder &builder, const Checkpoint &checkpoint, const TensorBinding &binding) {
  MLIRContext *context = builder.getContext();
  auto pathOf = [&](const TensorInfo &tensor) {
    return builder.getStringAttr(absolutePath(checkpoint.path(tensor)).str());
  };
  SmallVector<Attribute> sources = {lm::SourceAttr::get(
      context, lm::SourceRole::Values, getFormatInfo(binding.format).name, segmentsOf(binding, pathOf))};
  if (!binding.scales.empty()) {
    SmallVector<lm::SourceSegment> scales;
    for (const ScaleSegment &scale : binding.scales)
      scales.push_back({pathOf(*scale.tensor), static_cast<int64_t>(scale.offset), scale.firstRow});
    const std::optional<lm::SourceRule> rule = lm::getSourceRule(binding.format, lm::SourceRole::Scales);
    assert(rule && "a format that has no scales apart");
    sources.push_back(lm::SourceAttr::get(context, lm::SourceRole::Scales, rule->format, scales));
  }
  SmallVector<Attribute> steps = stepsOf(context, binding);
  return {builder.getArrayAttr(sources), steps.empty() ? ArrayAttr() : builder.getArrayAttr(steps)};
}
