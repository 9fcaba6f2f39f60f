//===- LMDialect.cpp - types and attributes of the lm dialect -----------------------------------------------------===//

#include "dialects/lm/LMDialect.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/ModuleAttributes.h"
#include "dialects/lm/ValueNames.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace mlir::lm;

#include "dialects/lm/LMDialect.cpp.inc"
#include "dialects/lm/LMEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/lm/LMAttrs.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/lm/LMTypes.cpp.inc"

namespace {
/// Frequencies are long: they are printed once at the top of the module, as the alias #rope.
struct LMAliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &stream) const override {
    if (!isa<RopeAttr>(attr))
      return AliasResult::NoAlias;
    stream << "rope";
    return AliasResult::FinalAlias;
  }
};
} // namespace

void LMDialect::initialize() {
  addInterfaces<LMAliases>();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/lm/LMAttrs.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/lm/LMTypes.cpp.inc"
      >();
  addStrictOperations<
#define GET_OP_LIST
#include "dialects/lm/LMOps.cpp.inc"
      >(*this);
  nameResultsOf<
#define GET_OP_LIST
#include "dialects/lm/LMOps.cpp.inc"
      >(getContext());
}

LogicalResult LMDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  return isa<ModuleOp>(op) ? verifyModuleAttribute(op, attribute) : refuseAttribute(op, attribute, {});
}

LogicalResult LMDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  if (attribute.getName() != kSlotAttr)
    return refuseAttribute(op, attribute, {kSlotAttr});
  if (!isa<StringAttr>(attribute.getValue()))
    return op->emitOpError() << "expects " << kSlotAttr << " to be a string, but found " << attribute.getValue();
  return success();
}

LogicalResult LMDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return refuseAttribute(op, attribute, {});
}

/// No model comes near these bounds. They keep sizes in bytes and sums of them far below 2^63.
static constexpr int64_t kMaxValues = int64_t(1) << 40, kMaxPanel = 1024;

/// Whether the product of positive sizes is at most kMaxValues.
static bool isFeasible(ArrayRef<int64_t> sizes) {
  int64_t left = kMaxValues;
  for (int64_t size : sizes)
    left /= size;
  return left > 0;
}

//===--------------------------------------------------------------------------------------------------------------===//
// !lm.weight<576x1536xq4_1, <16 x 4>>
//===--------------------------------------------------------------------------------------------------------------===//

Type WeightType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  StringRef name;
  PanelsAttr layout;
  if (parser.parseLess() || parser.parseDimensionList(shape, /*allowDynamic=*/false, /*withTrailingX=*/true))
    return {};
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword(&name))
    return {};
  std::optional<lathe::Format> format = lathe::parseFormat(name);
  if (!format)
    return parser.emitError(loc, "unknown weight format '") << name << "'", Type();
  if (succeeded(parser.parseOptionalComma()) && parser.parseCustomAttributeWithFallback(layout))
    return {};
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), shape, *format, layout);
}

void WeightType::print(AsmPrinter &printer) const {
  printer << '<';
  for (int64_t size : getShape())
    printer << size << 'x';
  printer << getInfo().name;
  if (getLayout()) {
    printer << ", ";
    printer.printStrippedAttrOrType(getLayout());
  }
  printer << '>';
}

LogicalResult WeightType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<int64_t> shape,
                                 lathe::Format format, PanelsAttr layout) {
  if (shape.empty() || shape.size() > 3)
    return emitError() << "expects a vector, a matrix or experts' matrices, but the shape has " << shape.size()
                       << " dimensions";
  for (int64_t size : shape)
    if (size < 1)
      return emitError() << "expects positive sizes, but found " << size;
  if (!isFeasible(shape))
    return emitError() << "expects at most 2^40 values, but found " << shape[0] << "x" << shape.back();
  const lathe::FormatInfo &info = lathe::getFormatInfo(format);
  if (shape.back() % info.block)
    return emitError() << "expects a multiple of " << info.block << " columns for " << info.name << ", but found "
                       << shape.back();
  auto isPanelSize = [](int64_t size) { return size >= 1 && size <= kMaxPanel; };
  if (layout && (shape.size() < 2 || !isPanelSize(layout.getRows()) || !isPanelSize(layout.getDepth())))
    return emitError() << "expects panels of a matrix with sizes from 1 to " << kMaxPanel << ", but found " << layout;
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// !lm.cache<3 x 64 x bf16, window = 512, rows = 1024>
//===--------------------------------------------------------------------------------------------------------------===//

Type CacheType::parse(AsmParser &parser) {
  int64_t heads, dim, window = 0, rows = 0, latent = 0;
  Type element;
  SMLoc loc = parser.getCurrentLocation();
  auto by = [&] { return parser.parseKeyword("x"); };
  if (parser.parseLess() || parser.parseInteger(heads) || by() || parser.parseInteger(dim) || by() ||
      parser.parseType(element))
    return {};
  SmallVector<int64_t *, 3> given;
  bool isChunked = false;
  while (succeeded(parser.parseOptionalComma())) {
    StringRef name;
    SMLoc nameLoc = parser.getCurrentLocation();
    if (parser.parseKeyword(&name) || parser.parseEqual())
      return {};
    int64_t *number = llvm::StringSwitch<int64_t *>(name)
                          .Case("latent", &latent)
                          .Cases({"window", "chunk"}, &window)
                          .Case("rows", &rows)
                          .Default(nullptr);
    if (!number)
      return parser.emitError(nameLoc, "expected latent, window, chunk or rows, found ") << name, Type();
    if (llvm::is_contained(given, number))
      return parser.emitError(nameLoc, "expected ") << name << " once, and either a window or chunks", Type();
    given.push_back(number);
    isChunked |= name == "chunk";
    if (parser.parseInteger(*number))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(), heads, dim, element, window, rows,
                    isChunked, latent);
}

void CacheType::print(AsmPrinter &printer) const {
  printer << '<' << getHeads() << " x " << getDim() << " x " << getElement();
  if (getLatent())
    printer << ", latent = " << getLatent();
  if (getWindow())
    printer << (getChunked() ? ", chunk = " : ", window = ") << getWindow();
  if (getRows())
    printer << ", rows = " << getRows();
  printer << '>';
}

LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t heads, int64_t dim, Type element,
                                int64_t window, int64_t rows, bool chunked, int64_t latent) {
  if (heads < 1 || dim < 1)
    return emitError() << "expects at least one head of at least one value, but found " << heads << " x " << dim;
  if (!element.isF32() && !element.isBF16())
    return emitError() << "expects f32 or bf16 values, but found " << element;
  // bf16 values are stored in pairs (dialects/lm/Layout.h).
  if (element.isBF16() && dim % 2)
    return emitError() << "expects an even number of bf16 values in a head, but found " << dim;
  if (window < 0 || rows < 0)
    return emitError() << "expects no negative window or rows, but found " << window << " and " << rows;
  if (chunked && window == 0)
    return emitError() << "expects chunks of at least one position, but found none";
  if (latent < 0 || latent > dim || (latent && heads != 1))
    return emitError() << "expects a latent part of the values of one head, but found " << latent << " of " << heads
                       << " x " << dim;
  if (latent && window)
    return emitError() << "expects a latent cache to keep all positions, but found a window of " << window;
  if (!isFeasible({heads, dim, std::max<int64_t>({window, rows, 1})}))
    return emitError() << "expects at most 2^40 values, but found " << heads << " x " << dim << " for a window of "
                       << window << " and " << rows << " rows";
  return success();
}

LogicalResult RecurrentStateType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t parts, int64_t values) {
  if (parts < 1 || values < 1 || !isFeasible({parts, values}))
    return emitError() << "expects from 1 to 2^40 values, but found " << parts << " x " << values;
  return success();
}

LogicalResult TemperatureAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t length, Real scale,
                                      bool stepped) {
  if (length < 1 || length > int64_t(1) << 40)
    return emitError() << "expects a length from 1 to 2^40, but found " << length;
  if (!std::isfinite(scale.value))
    return emitError() << "expects a finite scale, but found " << scale.value;
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// #lm.rope
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult RopeAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t dim, Real theta,
                               StringAttr scaling, Real attentionFactor, ArrayRef<Single> frequencies) {
  if (dim < 2 || dim % 2)
    return emitError() << "expects an even rotary width, but found " << dim;
  if (!(theta.value > 0 && std::isfinite(theta.value)))
    return emitError() << "expects a positive theta, but found " << theta.value;
  if (static_cast<int64_t>(frequencies.size()) != dim / 2)
    return emitError() << "expects " << dim / 2 << " frequencies, but found " << frequencies.size();
  auto verifyFinite = [&](double number) -> LogicalResult {
    if (std::isfinite(number))
      return success();
    return emitError() << "expects finite frequencies and factor, but found " << number;
  };
  if (failed(verifyFinite(attentionFactor)))
    return failure();
  for (float number : frequencies)
    if (failed(verifyFinite(number)))
      return failure();
  return success();
}
