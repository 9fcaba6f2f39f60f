#include "frontends/onnx/EmitWeight.h"
#include "frontends/Describe.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static Format formatOf(const Constant &constant) {
  switch (constant.type) {
  case DataType::Float16:
    return Format::F16;
  case DataType::BFloat16:
    return Format::BF16;
  default:
    return Format::F32;
  }
}

int64_t lathe::onnx::countOf(const Weight &weight) {
  return std::max<int64_t>(weight.experts, 1) * weight.rows * weight.columns;
}

lm::WeightType lathe::onnx::typeOf(MLIRContext *context, const Weight &weight) {
  SmallVector<int64_t, 3> shape = {weight.rows};
  if (weight.isMatrix)
    shape.push_back(weight.columns);
  if (weight.experts)
    shape.insert(shape.begin(), weight.experts);
  return lm::WeightType::get(context, shape, formatOf(*weight.stored->constant), {});
}

void lathe::onnx::emitWeight(OpBuilder &builder, StringRef symbol, const Weight &weight) {
  MLIRContext *context = builder.getContext();
  const Constant &constant = *weight.stored->constant;
  const Format format = formatOf(constant);
  const int64_t bytes = getFormatInfo(format).bytes;
  const StringAttr file = builder.getStringAttr(absolutePath(constant.file->path()).str());
  SmallVector<Attribute> steps;
  const Shape &shape = constant.shape;
  int64_t first = weight.firstRow * bytes; // bytes before the first value
  if (weight.storedByColumns) {
    const int64_t pitch = shape.back();
    if (pitch != weight.rows)
      steps.push_back(lm::SliceAttr::get(context, lm::Dimension::Columns, pitch, 1, 1));
    steps.push_back(lm::TransposeAttr::get(context));
  } else if (weight.isMatrix) {
    first *= weight.columns;
  }
  if (weight.group != weight.stride)
    steps.push_back(lm::SliceAttr::get(context, lm::Dimension::Rows, 0, weight.group, weight.stride));
  if (weight.unpermuteHeads)
    steps.push_back(lm::UnpermuteAttr::get(context, weight.unpermuteHeads, 0));
  if (weight.stored->addsOne)
    steps.push_back(lm::AddOneAttr::get(context));
  SmallVector<lm::SourceSegment> segments;
  const int64_t matrices = std::max<int64_t>(weight.experts, 1);
  for (int64_t i = 0; i < matrices; ++i)
    segments.push_back({file, static_cast<int64_t>(constant.offset + i * (constant.bytes / matrices)) + first});
  const Attribute source = lm::SourceAttr::get(context, lm::SourceRole::Values, getFormatInfo(format).name, segments);
  lm::WeightOp::create(builder, NameLoc::get(builder.getStringAttr(constant.name)), symbol, typeOf(context, weight),
                       builder.getArrayAttr(source), steps.empty() ? ArrayAttr() : builder.getArrayAttr(steps),
                       IntegerAttr());
}
