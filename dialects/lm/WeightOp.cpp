//===- WeightOp.cpp - lm.weight: text and verifier ----------------------------------------------------------------===//

#include "dialects/lm/LMOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::lm;

//===--------------------------------------------------------------------------------------------------------------===//
// lm.weight @w : !lm.weight<...> from "a" at 0 scales f32 "a" at 64 recipe [#lm.transpose] offset 128
//===--------------------------------------------------------------------------------------------------------------===//

/// The keyword before a source's segments.
static StringRef keywordOf(SourceRole role) { return role == SourceRole::Values ? "from" : stringifySourceRole(role); }

static ParseResult parseSources(OpAsmParser &parser, Type type, SmallVectorImpl<Attribute> &sources) {
  auto weight = dyn_cast<WeightType>(type);
  auto format = weight ? parser.getBuilder().getStringAttr(weight.getInfo().name) : StringAttr();
  for (uint32_t i = 0; i <= getMaxEnumValForSourceRole(); ++i) {
    std::optional<SourceRole> role = symbolizeSourceRole(i);
    if (!role || failed(parser.parseOptionalKeyword(keywordOf(*role))))
      continue;
    SourceAttr source = SourceAttr::parseSegments(parser, *role, i == 0 ? format : StringAttr());
    if (!source)
      return failure();
    sources.push_back(source);
  }
  return success();
}

ParseResult WeightOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  Type type;
  SmallVector<Attribute> sources;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name), result.attributes) || parser.parseColonType(type) ||
      parseSources(parser, type, sources))
    return failure();
  result.addAttribute(getTypeAttrName(result.name), TypeAttr::get(type));
  Builder &builder = parser.getBuilder();
  if (!sources.empty())
    result.addAttribute(getSourcesAttrName(result.name), builder.getArrayAttr(sources));
  ArrayAttr recipe;
  IntegerAttr offset;
  if (succeeded(parser.parseOptionalKeyword("recipe")) &&
      parser.parseAttribute(recipe, getRecipeAttrName(result.name), result.attributes))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("offset")) &&
      parser.parseAttribute(offset, builder.getI64Type(), getOffsetAttrName(result.name), result.attributes))
    return failure();
  return parser.parseOptionalAttrDict(result.attributes);
}

void WeightOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << " : " << getType();
  if (getSources())
    for (auto source : getSources()->getAsRange<SourceAttr>()) {
      printer << ' ' << keywordOf(source.getRole()) << ' ';
      source.printSegments(printer, source.getRole() != SourceRole::Values ||
                                        source.getFormat().getValue() != getWeightType().getInfo().name);
    }
  if (getRecipe())
    printer << " recipe " << *getRecipe();
  if (getOffset()) {
    printer << " offset ";
    printer.printAttributeWithoutType(getOffsetAttr());
  }
  printer.printOptionalAttrDict((*this)->getAttrs(), {getSymNameAttrName(), getTypeAttrName(), getSourcesAttrName(),
                                                      getRecipeAttrName(), getOffsetAttrName()});
}

//===--------------------------------------------------------------------------------------------------------------===//
// What it means
//===--------------------------------------------------------------------------------------------------------------===//

SourceAttr WeightOp::getSource(SourceRole role) {
  if (getSources())
    for (auto source : getSources()->getAsRange<SourceAttr>())
      if (source.getRole() == role)
        return source;
  return {};
}

lathe::Format WeightOp::getStoredFormat() {
  SourceAttr values = getSource(SourceRole::Values);
  return values ? *lathe::parseFormat(values.getFormat().getValue()) : getWeightType().getFormat();
}

int64_t WeightOp::getParts() {
  return getRecipe() && !getRecipe()->empty() ? cast<RecipeStep>((*getRecipe())[0]).getParts() : 1;
}

FailureOr<SmallVector<StoredShape, 4>> lm::getRecipeShapes(WeightOp weight,
                                                           function_ref<InFlightDiagnostic()> emitError) {
  WeightType type = weight.getWeightType();
  const int64_t columns = type.isVector() ? 1 : type.getColumns();
  SmallVector<StoredShape, 4> shapes;
  shapes.push_back({type.getRows(), columns, columns, type.isVector()});
  if (weight.getRecipe())
    for (Attribute step : llvm::reverse(*weight.getRecipe())) {
      FailureOr<StoredShape> shape = cast<RecipeStep>(step).getInputShape(shapes.back(), emitError);
      if (failed(shape))
        return failure();
      shapes.push_back(*shape);
    }
  std::reverse(shapes.begin(), shapes.end());
  return shapes;
}

/// Bytes or numbers: a bound that no file comes near. Products with a format's bytes stay far from the end of 64 bits.
static constexpr int64_t kMaxStored = int64_t(1) << 50;

/// Rows say where in a block of several rows a segment begins. Nothing else would read them.
static LogicalResult verifyRows(WeightOp op, SourceAttr source, const std::optional<SourceRule> &rule) {
  if (source.getRows().empty() || (rule && rule->rows > 1))
    return success();
  return op.emitOpError() << "expects rows beside scales of blocks of several rows, but found them beside "
                          << stringifySourceRole(source.getRole()) << " of " << source.getFormat().getValue();
}

/// Values come first; what else there is suits their format.
static LogicalResult verifyRoles(WeightOp op) {
  auto sources = llvm::to_vector(op.getSources()->getAsRange<SourceAttr>());
  if (sources.empty() || sources.front().getRole() != SourceRole::Values)
    return op.emitOpError() << "expects a source of values first, but found "
                            << (sources.empty() ? "none" : stringifySourceRole(sources.front().getRole()));
  StringRef name = sources.front().getFormat().getValue();
  std::optional<lathe::Format> format = lathe::parseFormat(name);
  if (!format)
    return op.emitOpError() << "expects a known format of values, but found \"" << name << "\"";
  if (failed(verifyRows(op, sources.front(), std::nullopt)))
    return failure();
  for (SourceAttr source : ArrayRef(sources).drop_front()) {
    StringRef role = stringifySourceRole(source.getRole());
    if (llvm::count_if(sources, [&](SourceAttr other) { return other.getRole() == source.getRole(); }) > 1)
      return op.emitOpError() << "expects one source of each role, but found " << role << " again";
    const std::optional<SourceRule> rule = getSourceRule(*format, source.getRole(), source.getFormat());
    if (!rule)
      return op.emitOpError() << "expects no " << role << " beside values of " << name << ", but found a source";
    if (source.getFormat().getValue() != rule->format)
      return op.emitOpError() << "expects " << role << " of " << rule->format << " beside values of " << name
                              << ", but found " << source.getFormat().getValue();
    if (op.getWeightType().isVector())
      return op.emitOpError() << "expects " << role << " beside a matrix, but found " << op.getType();
    if (failed(verifyRows(op, source, rule)))
      return failure();
  }
  return success();
}

/// A segment for each matrix and part, of which every byte can be counted.
static LogicalResult verifySegments(WeightOp op, const StoredShape &stored) {
  const int64_t matrices = op.getWeightType().getExperts(), parts = op.getParts();
  for (auto source : op.getSources()->getAsRange<SourceAttr>()) {
    if (static_cast<int64_t>(source.getOffsets().size()) != matrices * parts)
      return op.emitOpError() << "expects " << matrices * parts << " offsets of "
                              << stringifySourceRole(source.getRole()) << ", for matrices and parts " << matrices
                              << " x " << parts << ", but found " << source.getOffsets().size();
    if (source.getRows().empty())
      continue;
    const std::optional<SourceRule> rule = getSourceRule(op.getStoredFormat(), source.getRole(), source.getFormat());
    const int64_t perRow = rule->perRow(stored.pitch);
    const int64_t rows = rule->rowOf(*llvm::max_element(source.getRows()) + stored.rows - 1) + 1;
    if (rows > kMaxStored / perRow)
      return op.emitOpError() << "expects at most 2^50 " << stringifySourceRole(source.getRole()) << ", but found "
                              << rows << " rows of " << perRow;
  }
  return success();
}

LogicalResult WeightOp::verify() {
  if (std::optional<int64_t> offset = getOffset(); offset && (*offset < 0 || *offset >= kMaxStored))
    return emitOpError() << "expects an offset from 0 to 2^50, but found " << *offset;
  if (getSources() && failed(verifyRoles(*this)))
    return failure();
  if (getRecipe())
    for (auto [index, step] : llvm::enumerate(getRecipe()->getAsRange<RecipeStep>()))
      if (index > 0 && step.getParts() != 1)
        return emitOpError() << "expects parts to be joined by the first step, but found " << step << " as step "
                             << index;
  FailureOr<SmallVector<StoredShape, 4>> shapes = getRecipeShapes(*this, [&] { return emitOpError(); });
  if (failed(shapes))
    return failure();
  const StoredShape &stored = shapes->front();
  if (stored.rows > kMaxStored / stored.pitch)
    return emitOpError() << "expects at most 2^50 stored values, but found " << stored.rows << " rows of "
                         << stored.pitch;
  const lathe::FormatInfo &info = lathe::getFormatInfo(getStoredFormat());
  // Quantised values whose scales lie apart end with any byte.
  const bool isApart = getSources() && getSource(SourceRole::Scales) && info.isQuantised() && !info.hasTable();
  const int64_t block = isApart ? 8 / info.bits : info.block;
  if (getSources() && stored.pitch % block)
    return emitOpError() << "expects stored rows of whole blocks of " << block << " values for " << info.name
                         << ", but found rows of " << stored.pitch;
  return getSources() ? verifySegments(*this, stored) : success();
}
