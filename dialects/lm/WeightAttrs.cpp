//===- WeightAttrs.cpp - sources and steps of weights -------------------------------------------------------------===//

#include "dialects/lm/LMOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mlir::lm;

#include "dialects/lm/WeightInterfaces.cpp.inc"

using EmitError = function_ref<InFlightDiagnostic()>;

/// Bounds that no file comes near: sums and products with a format's bytes stay far from the end of 64 bits.
static constexpr int64_t kMaxOffset = int64_t(1) << 50, kMaxCount = int64_t(1) << 40;

static std::string toString(const StoredShape &shape) {
  return shape.isVector ? "a vector of " + std::to_string(shape.rows) + " values"
                        : "a matrix of " + std::to_string(shape.rows) + "x" + std::to_string(shape.columns);
}

//===--------------------------------------------------------------------------------------------------------------===//
// #lm.source<values bf16 "a" at 0, 64, "b" at 0>
//===--------------------------------------------------------------------------------------------------------------===//

/// "f32_b64": what is stored for each block, and how many neighbours of a row are a block.
static SourceRule parseBlockRule(lathe::Format values, SourceRole role, StringRef format) {
  const bool isScales = role == SourceRole::Scales;
  const int64_t valueBytes = lathe::getFormatInfo(values).bits * 32 / 8; // of 32 values
  const auto [number, size] = format.split("_b");
  int64_t block = 0;
  const bool isKnown = isScales ? number == "f32" || number == "f16" : number == "u4" || number == "u8";
  if (!isKnown || size.getAsInteger(10, block) || block < 16 || block > 1 << 16 || !llvm::isPowerOf2_64(block))
    return {values, role, isScales ? "f32_b32" : "u4_b32", isScales ? 4 : 1, 1, isScales ? 32 : 64, valueBytes};
  // Two zero points of 4 bits share a byte.
  const int64_t bytes = number == "f32" ? 4 : number == "f16" ? 2 : 1;
  return {values, role, format, bytes, 1, number == "u4" ? 2 * block : block, valueBytes};
}

std::optional<SourceRule> lm::getSourceRule(lathe::Format values, SourceRole role, StringRef format) {
  const SourceRule rules[] = {
      {lathe::Format::F8E4M3, SourceRole::Scales, "f32", 4, lathe::kScaleBlock, lathe::kScaleBlock, 1},
      {lathe::Format::MXFP4, SourceRole::Scales, "e8m0", 1, 1, 32, 16},
  };
  for (const SourceRule &rule : rules)
    if (rule.values == values && rule.role == role)
      return rule;
  const bool hasZeroPoints = values == lathe::Format::Q4_1 || values == lathe::Format::Q8_0;
  const bool hasScales = hasZeroPoints || values == lathe::Format::Q4_0;
  if ((role == SourceRole::Scales && hasScales) || (role == SourceRole::ZeroPoints && hasZeroPoints))
    return parseBlockRule(values, role, format);
  return std::nullopt;
}

SourceAttr SourceAttr::get(MLIRContext *context, SourceRole role, StringRef format, ArrayRef<SourceSegment> segments) {
  SmallVector<StringAttr> files;
  SmallVector<int64_t> counts, offsets, rows;
  for (const SourceSegment &segment : segments) {
    if (files.empty() || files.back() != segment.file) {
      files.push_back(segment.file);
      counts.push_back(0);
    }
    ++counts.back();
    offsets.push_back(segment.offset);
    rows.push_back(segment.row);
  }
  if (llvm::all_of(rows, [](int64_t row) { return row == 0; }))
    rows.clear();
  return get(context, role, StringAttr::get(context, format), files, counts, offsets, rows);
}

SmallVector<SourceSegment> SourceAttr::getSegments() const {
  SmallVector<SourceSegment> segments;
  for (auto [file, count] : llvm::zip_equal(getFiles(), getCounts()))
    for (int64_t i = 0; i < count; ++i) {
      const size_t index = segments.size();
      segments.push_back({file, getOffsets()[index], getRows().empty() ? 0 : getRows()[index]});
    }
  return segments;
}

SourceAttr SourceAttr::parseSegments(AsmParser &parser, SourceRole role, StringAttr format) {
  SMLoc loc = parser.getCurrentLocation();
  std::string file;
  if (failed(parser.parseOptionalString(&file))) {
    StringRef name;
    if (failed(parser.parseOptionalKeyword(&name))) {
      parser.emitError(loc, "expected a format or a file");
      return {};
    }
    if (parser.parseString(&file))
      return {};
    format = parser.getBuilder().getStringAttr(name);
  }
  if (!format) {
    parser.emitError(loc, "expected the format of ") << stringifySourceRole(role);
    return {};
  }
  SmallVector<StringAttr> files;
  SmallVector<int64_t> counts, offsets, rows;
  bool hasAnother = true; // whether `file` is one more
  while (hasAnother) {
    if (parser.parseKeyword("at"))
      return {};
    if (files.empty() || files.back().getValue() != file) {
      files.push_back(parser.getBuilder().getStringAttr(file));
      counts.push_back(0);
    }
    hasAnother = false;
    do {
      if (parser.parseInteger(offsets.emplace_back()))
        return {};
      ++counts.back();
    } while (succeeded(parser.parseOptionalComma()) && !(hasAnother = succeeded(parser.parseOptionalString(&file))));
  }
  if (succeeded(parser.parseOptionalKeyword("rows")) &&
      parser.parseCommaSeparatedList([&] { return parser.parseInteger(rows.emplace_back()); }))
    return {};
  return SourceAttr::getChecked([&] { return parser.emitError(loc); }, parser.getContext(), role, format,
                                ArrayRef<StringAttr>(files), ArrayRef<int64_t>(counts), ArrayRef<int64_t>(offsets),
                                ArrayRef<int64_t>(rows));
}

void SourceAttr::printSegments(AsmPrinter &printer, bool withFormat) const {
  if (withFormat)
    printer << getFormat().getValue() << ' ';
  ArrayRef<int64_t> offsets = getOffsets();
  for (auto [index, file] : llvm::enumerate(getFiles())) {
    if (index > 0)
      printer << ", ";
    printer.printString(file.getValue());
    printer << " at ";
    llvm::interleaveComma(offsets.take_front(getCounts()[index]), printer);
    offsets = offsets.drop_front(getCounts()[index]);
  }
  if (!getRows().empty()) {
    printer << " rows ";
    llvm::interleaveComma(getRows(), printer);
  }
}

Attribute SourceAttr::parse(AsmParser &parser, Type) {
  StringRef name;
  if (parser.parseLess())
    return {};
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name))
    return {};
  std::optional<SourceRole> role = symbolizeSourceRole(name);
  if (!role)
    return parser.emitError(loc, "unknown role '") << name << "' of a source", Attribute();
  SourceAttr source = parseSegments(parser, *role, {});
  return source && succeeded(parser.parseGreater()) ? source : Attribute();
}

void SourceAttr::print(AsmPrinter &printer) const {
  printer << '<' << stringifySourceRole(getRole()) << ' ';
  printSegments(printer, /*withFormat=*/true);
  printer << '>';
}

LogicalResult SourceAttr::verify(EmitError emitError, SourceRole role, StringAttr, ArrayRef<StringAttr> files,
                                 ArrayRef<int64_t> counts, ArrayRef<int64_t> offsets, ArrayRef<int64_t> rows) {
  // No text can say otherwise.
  assert(files.size() == counts.size() && llvm::sum_of(counts) == static_cast<int64_t>(offsets.size()) &&
         "expects a file for each offset");
  for (int64_t offset : offsets)
    if (offset < 0 || offset >= kMaxOffset)
      return emitError() << "expects offsets of " << stringifySourceRole(role) << " from 0 to 2^50, but found "
                         << offset;
  if (!rows.empty() && rows.size() != offsets.size())
    return emitError() << "expects a row for each of " << offsets.size() << " offsets, but found " << rows.size();
  for (int64_t row : rows)
    if (row < 0 || row >= kMaxCount)
      return emitError() << "expects rows from 0 to 2^40, but found " << row;
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Steps
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult ConcatAttr::verify(EmitError emitError, Dimension, int64_t parts) {
  if (parts < 2 || parts > 1 << 20)
    return emitError() << "expects from 2 to 2^20 parts, but found " << parts;
  return success();
}

FailureOr<StoredShape> ConcatAttr::getInputShape(const StoredShape &result, EmitError emitError) const {
  const bool isRows = getDimension() == Dimension::Rows;
  if (result.isVector || (isRows ? result.rows : result.columns) % getParts())
    return emitError() << "expects a matrix that divides into " << getParts() << " parts of its "
                       << stringifyDimension(getDimension()) << ", but found " << toString(result);
  if (isRows)
    return StoredShape{result.rows / getParts(), result.columns, result.pitch};
  if (result.pitch != result.columns)
    return emitError() << "expects whole rows in parts of their columns, but found " << result.columns << " of "
                       << result.pitch << " columns";
  return StoredShape{result.rows, result.columns / getParts(), result.columns / getParts()};
}

LogicalResult SliceAttr::verify(EmitError emitError, Dimension dimension, int64_t of, int64_t group, int64_t stride) {
  if (group < 1 || stride < group || stride >= kMaxCount)
    return emitError() << "expects groups and a stride that is not smaller, but found " << group << " and " << stride;
  if (dimension == Dimension::Columns ? of < 1 || of >= kMaxCount : of != 0)
    return emitError() << "expects how many columns a stored row has, from 1 to 2^40, and no such number for rows, but "
                       << "found " << of << " for " << stringifyDimension(dimension);
  if (dimension == Dimension::Rows && stride == group)
    return emitError() << "expects groups of rows further apart than their size, but found " << group << " and "
                       << stride;
  return success();
}

FailureOr<StoredShape> SliceAttr::getInputShape(const StoredShape &result, EmitError emitError) const {
  const bool isRows = getDimension() == Dimension::Rows;
  const int64_t count = isRows ? result.rows : result.columns;
  if (count % getGroup() || count / getGroup() > kMaxCount / getStride())
    return emitError() << "expects whole groups of " << getGroup() << " " << stringifyDimension(getDimension())
                       << " of every " << getStride() << ", but found " << toString(result);
  const int64_t span = (count / getGroup() - 1) * getStride() + getGroup();
  if (isRows)
    return StoredShape{span, result.columns, result.pitch, result.isVector};
  if (result.isVector || span > getOf())
    return emitError() << "expects a matrix that takes at most " << getOf() << " columns, but found "
                       << toString(result);
  return StoredShape{result.rows, span, getOf()};
}

FailureOr<StoredShape> TransposeAttr::getInputShape(const StoredShape &result, EmitError emitError) const {
  if (result.isVector)
    return emitError() << "expects a matrix to transpose, but found " << toString(result);
  return StoredShape{result.columns, result.rows, result.rows};
}

LogicalResult UnpermuteAttr::verify(EmitError emitError, int64_t heads, int64_t from) {
  if (heads < 1 || from < 0)
    return emitError() << "expects at least one head, and from its row 0 on, but found " << heads << " and " << from;
  return success();
}

FailureOr<StoredShape> UnpermuteAttr::getInputShape(const StoredShape &result, EmitError emitError) const {
  if (result.rows % getHeads() || getFrom() >= result.rows / getHeads() || (result.rows / getHeads() - getFrom()) % 2)
    return emitError() << "expects rows that divide into halves of " << getHeads() << " heads, but found "
                       << result.rows;
  return result;
}

FailureOr<StoredShape> AddOneAttr::getInputShape(const StoredShape &result, EmitError) const { return result; }

FailureOr<StoredShape> NegateExpAttr::getInputShape(const StoredShape &result, EmitError) const { return result; }
