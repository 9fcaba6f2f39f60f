#include "frontends/onnx/EmitWeight.h"
#include "frontends/Describe.h"
#include "frontends/onnx/Tensor.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

/// How the file holds the values, and as what they are packed if the user asks for no other format.
struct Formats {
  Format stored, packed;
};

/// Whether float16 holds the scales and what they make of zero points as normal numbers.
bool fitsHalf(const Constant &scales) {
  if (scales.type == DataType::Float16)
    return true;
  const int64_t count = static_cast<int64_t>(scales.bytes / 4);
  for (int64_t i = 0; i < count; ++i) {
    const double size = std::abs(loadReal(scales, i));
    if (!(size == 0 || (size >= 0x1p-14 && size < 65504.0 / 16)))
      return false;
  }
  return true;
}

Formats formatsOf(const Weight &weight) {
  const Stored &stored = *weight.stored;
  if (stored.scales) {
    const bool isPlain = stored.block >= 32 && !stored.zeroPoints;
    const Format format = stored.bits == 8 ? Format::Q8_0 : isPlain ? Format::Q4_0 : Format::Q4_1;
    if (weight.columns % 32 || !fitsHalf(*stored.scales))
      return {format, Format::BF16};
    return {format, stored.block < 32 ? Format::Q8_0 : format};
  }
  const Format format = stored.constant->type == DataType::Float16    ? Format::F16
                        : stored.constant->type == DataType::BFloat16 ? Format::BF16
                                                                      : Format::F32;
  return {format, format};
}

} // namespace

std::optional<Format> lathe::onnx::convertedTo(const Weight &weight) {
  if (!weight.stored->scales)
    return std::nullopt;
  const Formats formats = formatsOf(weight);
  const bool isKept =
      formats.stored == formats.packed && !(formats.packed == Format::Q8_0 && weight.stored->zeroPoints);
  return isKept ? std::nullopt : std::optional<Format>(formats.packed);
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
  return lm::WeightType::get(context, shape, formatsOf(weight).packed, {});
}

namespace {

/// Where the rows of each matrix begin: the constant has one matrix after another.
SmallVector<lm::SourceSegment> segmentsOf(Builder &builder, const Constant &constant, int64_t matrices, int64_t first) {
  const StringAttr file = builder.getStringAttr(absolutePath(constant.file->path()).str());
  SmallVector<lm::SourceSegment> segments;
  for (int64_t i = 0; i < matrices; ++i)
    segments.push_back({file, static_cast<int64_t>(constant.offset + i * (constant.bytes / matrices)) + first});
  return segments;
}

/// Values, and scales and zero points that lie apart.
SmallVector<Attribute> sourcesOf(Builder &builder, const Weight &weight) {
  MLIRContext *context = builder.getContext();
  const Stored &stored = *weight.stored;
  const int64_t matrices = std::max<int64_t>(weight.experts, 1);
  const FormatInfo &info = getFormatInfo(formatsOf(weight).stored);
  SmallVector<Attribute> sources;
  auto add = [&](lm::SourceRole role, StringRef format, const Constant &constant, int64_t rowBytes) {
    sources.push_back(lm::SourceAttr::get(context, role, format,
                                          segmentsOf(builder, constant, matrices, weight.firstRow * rowBytes)));
  };
  if (!stored.scales) {
    add(lm::SourceRole::Values, info.name, *stored.constant,
        info.bytes * (weight.isMatrix && !weight.storedByColumns ? weight.columns : 1));
    return sources;
  }
  const int64_t blocks = (stored.pitch + stored.block - 1) / stored.block;
  const std::string suffix = "_b" + std::to_string(stored.block);
  const bool areHalves = stored.scales->type == DataType::Float16;
  add(lm::SourceRole::Values, info.name, *stored.constant, stored.pitch * stored.bits / 8);
  add(lm::SourceRole::Scales, (areHalves ? "f16" : "f32") + suffix, *stored.scales, blocks * (areHalves ? 2 : 4));
  if (stored.zeroPoints)
    add(lm::SourceRole::ZeroPoints, (stored.bits == 4 ? "u4" : "u8") + suffix, *stored.zeroPoints,
        (blocks * stored.bits + 7) / 8);
  return sources;
}

SmallVector<Attribute> stepsOf(MLIRContext *context, const Weight &weight) {
  SmallVector<Attribute> steps;
  const Stored &stored = *weight.stored;
  // Columns that a row of the file has, if that are more.
  const int64_t whole = stored.scales ? stored.pitch : weight.storedByColumns ? stored.constant->shape.back() : 0;
  if (whole && whole != (weight.storedByColumns ? weight.rows : weight.columns))
    steps.push_back(lm::SliceAttr::get(context, lm::Dimension::Columns, whole, 1, 1));
  if (weight.storedByColumns)
    steps.push_back(lm::TransposeAttr::get(context));
  if (weight.group != weight.stride)
    steps.push_back(lm::SliceAttr::get(context, lm::Dimension::Rows, 0, weight.group, weight.stride));
  if (weight.unpermuteHeads)
    steps.push_back(lm::UnpermuteAttr::get(context, weight.unpermuteHeads, 0));
  if (stored.addsOne)
    steps.push_back(lm::AddOneAttr::get(context));
  return steps;
}

} // namespace

void lathe::onnx::emitWeight(OpBuilder &builder, StringRef symbol, const Weight &weight) {
  const SmallVector<Attribute> steps = stepsOf(builder.getContext(), weight);
  lm::WeightOp::create(builder, NameLoc::get(builder.getStringAttr(weight.stored->constant->name)), symbol,
                       typeOf(builder.getContext(), weight), builder.getArrayAttr(sourcesOf(builder, weight)),
                       steps.empty() ? ArrayAttr() : builder.getArrayAttr(steps), IntegerAttr());
}
