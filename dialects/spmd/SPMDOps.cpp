//===- SPMDOps.cpp - the spmd dialect -----------------------------------------------------------------------------===//

#include "dialects/spmd/SPMDOps.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::spmd;

#include "dialects/spmd/SPMDDialect.cpp.inc"
#include "dialects/spmd/SPMDEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/spmd/SPMDAttrs.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/spmd/SPMDOps.cpp.inc"

void SPMDDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/spmd/SPMDAttrs.cpp.inc"
      >();
  lm::addStrictOperations<
#define GET_OP_LIST
#include "dialects/spmd/SPMDOps.cpp.inc"
      >(*this);
}

LogicalResult SPMDDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  constexpr int64_t maxBytes = int64_t(1) << 50, maxRows = 1 << 16;
  const StringRef name = attribute.getName();
  auto verifyInteger = [&](int64_t max) -> LogicalResult {
    auto number = dyn_cast<IntegerAttr>(attribute.getValue());
    if (number && number.getType().isSignlessInteger(64) && number.getInt() >= 1 && number.getInt() <= max)
      return success();
    return op->emitOpError() << "expects " << name << " to be an integer from 1 to " << max << ", but found "
                             << attribute.getValue();
  };
  if (isa<ModuleOp>(op))
    return name == kArenaBytesAttr || name == kScratchBytesAttr
               ? verifyInteger(maxBytes)
               : lm::refuseAttribute(op, attribute, {kArenaBytesAttr, kScratchBytesAttr});
  if (!isa<FunctionOpInterface>(op))
    return lm::refuseAttribute(op, attribute, {});
  if (name == kRowsAttr)
    return verifyInteger(maxRows);
  if (name != kEntryAttr)
    return lm::refuseAttribute(op, attribute, {kEntryAttr, kRowsAttr});
  auto entry = dyn_cast<StringAttr>(attribute.getValue());
  if (!entry || !llvm::is_contained({"decode", "prefill", "head"}, entry.getValue()))
    return op->emitOpError() << "expects " << kEntryAttr << " to be decode, prefill or head, but found "
                             << attribute.getValue();
  return success();
}

LogicalResult SPMDDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}
LogicalResult SPMDDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}

LogicalResult CostAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t weights, int64_t lookup,
                               int64_t expert, int64_t experts, int64_t chosen, int64_t state, int64_t position,
                               int64_t window, int64_t chunk, int64_t f32, int64_t bf16, int64_t int8, int64_t attend,
                               int64_t attendBf16) {
  for (int64_t number :
       {weights, lookup, expert, experts, chosen, state, position, window, chunk, f32, bf16, int8, attend, attendBf16})
    if (number < 0 || number >= int64_t(1) << 50)
      return emitError() << "expects costs from 0 to 2^50, but found " << number;
  if (experts && expert > (int64_t(1) << 50) / experts)
    return emitError() << "expects experts of 2^50 bytes at most, but found " << experts << " of " << expert;
  return success();
}

int64_t BufferOp::getBytes() {
  MemRefType type = getBufferType();
  return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
}

LogicalResult BufferOp::verify() {
  MemRefType type = getBufferType();
  if (!type.hasStaticShape() || type.getRank() != 2 || !type.getLayout().isIdentity() ||
      !type.getElementType().isIntOrFloat() || type.getElementTypeBitWidth() % 8)
    return emitOpError() << "expects rows by columns of numbers of whole bytes, but found " << type;
  // Bounds that keep sums of bytes far below 2^63.
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  if (rows < 1 || columns < 1 || rows > (int64_t(1) << 40) / columns)
    return emitOpError() << "expects from 1 to 2^40 numbers, but found " << type;
  if (std::optional<int64_t> place = getPlace(); place && (*place < 0 || *place >= int64_t(1) << 50))
    return emitOpError() << "expects a place from 0 to 2^50, but found " << *place;
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// spmd.read, spmd.write
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
MemRefType viewType(MemRefType buffer, OpFoldResult rows, OpFoldResult columns) {
  auto size = [](OpFoldResult value) { return getConstantIntValue(value).value_or(ShapedType::kDynamic); };
  auto layout = StridedLayoutAttr::get(buffer.getContext(), ShapedType::kDynamic, {buffer.getDimSize(1), 1});
  return MemRefType::get({size(rows), size(columns)}, buffer.getElementType(), layout);
}

template <typename Access>
void buildAccess(OpBuilder &builder, OperationState &state, BufferOp buffer, OpFoldResult row, OpFoldResult column,
                 OpFoldResult rows, OpFoldResult columns) {
  auto value = [&](OpFoldResult size) { return getValueOrCreateConstantIndexOp(builder, state.location, size); };
  Access::build(builder, state, viewType(buffer.getBufferType(), rows, columns), buffer.getSymName(), value(row),
                value(column), value(rows), value(columns));
}

template <typename Access> LogicalResult verifyAccess(Access access, SymbolTableCollection &symbols) {
  auto buffer = symbols.lookupNearestSymbolFrom<BufferOp>(access, access.getBufferAttr());
  if (!buffer)
    return access.emitOpError() << "expects a buffer, but " << access.getBufferAttr() << " is none";
  MemRefType expected =
      viewType(buffer.getBufferType(), getAsOpFoldResult(access.getRows()), getAsOpFoldResult(access.getColumns()));
  if (access.getResult().getType() != expected)
    return access.emitOpError() << "expects a result of type " << expected << ", but found "
                                << access.getResult().getType();
  return success();
}
} // namespace

void ReadOp::build(OpBuilder &builder, OperationState &state, BufferOp buffer, OpFoldResult row, OpFoldResult column,
                   OpFoldResult rows, OpFoldResult columns) {
  buildAccess<ReadOp>(builder, state, buffer, row, column, rows, columns);
}
void WriteOp::build(OpBuilder &builder, OperationState &state, BufferOp buffer, OpFoldResult row, OpFoldResult column,
                    OpFoldResult rows, OpFoldResult columns) {
  buildAccess<WriteOp>(builder, state, buffer, row, column, rows, columns);
}
LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyAccess(*this, symbols); }
LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection &symbols) { return verifyAccess(*this, symbols); }

//===--------------------------------------------------------------------------------------------------------------===//
// spmd.phase, spmd.layers
//===--------------------------------------------------------------------------------------------------------------===//

void PhaseOp::build(OpBuilder &builder, OperationState &state, StringRef name, Value tiles) {
  state.addAttribute("name", builder.getStringAttr(name));
  state.addOperands(tiles);
  state.addRegion()->emplaceBlock();
  state.addRegion()->emplaceBlock().addArgument(builder.getIndexType(), state.location);
}

/// Phases, barriers and layers are not inside conditions or loops, so every worker reaches each of them.
static LogicalResult verifyInSequence(Operation *op) {
  if (!isa<func::FuncOp>(op->getParentOp()) || !op->getBlock()->isEntryBlock())
    return op->emitOpError() << "expects to stand in the first block of a function";
  return success();
}

LogicalResult BarrierOp::verify() { return verifyInSequence(*this); }

LogicalResult PhaseOp::verify() {
  if (failed(verifyInSequence(*this)))
    return failure();
  if (!getPrologue().empty() && getPrologue().front().getNumArguments() != 0)
    return emitOpError() << "expects a prologue without arguments";
  Block &body = getBody().front();
  if (body.getNumArguments() != 1 || !body.getArgument(0).getType().isIndex())
    return emitOpError() << "expects a body with one argument, the tile";
  return success();
}

LogicalResult LayersOp::verify() {
  if (failed(verifyInSequence(*this)))
    return failure();
  if (!(*this)->getParentOp()->hasAttr(kEntryAttr))
    return emitOpError() << "expects to stand in an entry point";
  if (getKinds().empty())
    return emitOpError() << "expects at least one layer";
  return success();
}

LogicalResult LayersOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (auto [layer, name] : llvm::enumerate(getKinds().getAsRange<FlatSymbolRefAttr>())) {
    auto kind = symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, name);
    if (!kind || kind.isExternal() || kind->hasAttr(kEntryAttr))
      return emitOpError() << "expects a layer kind, but " << name << " is no function with a body, or an entry point";
    constexpr size_t fixed = 2;
    if (kind.getNumArguments() < fixed ||
        !llvm::all_of(kind.getArgumentTypes().take_front(fixed), llvm::IsaPred<IndexType>) || kind.getNumResults() != 0)
      return emitOpError() << "expects " << name << " to take rows and a position, but it is "
                           << kind.getFunctionType();
    if (failed(lm::verifySlots(*this, layer, kind, fixed, symbols)))
      return failure();
  }
  return success();
}
