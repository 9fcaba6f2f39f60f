//===- SPMDOps.cpp - the spmd dialect -----------------------------------------------------------------------------===//

#include "dialects/spmd/SPMDOps.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
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
  constexpr int64_t maxBytes = int64_t(1) << 50;
  if (!isa<ModuleOp>(op))
    return lm::refuseAttribute(op, attribute, {});
  if (attribute.getName() != kArenaBytesAttr && attribute.getName() != kScratchBytesAttr)
    return lm::refuseAttribute(op, attribute, {kArenaBytesAttr, kScratchBytesAttr});
  auto number = dyn_cast<IntegerAttr>(attribute.getValue());
  if (number && number.getType().isSignlessInteger(64) && number.getInt() >= 1 && number.getInt() <= maxBytes)
    return success();
  return op->emitOpError() << "expects " << attribute.getName().getValue() << " to be an integer from 1 to " << maxBytes
                           << ", but found " << attribute.getValue();
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

//===--------------------------------------------------------------------------------------------------------------===//
// spmd.program
//===--------------------------------------------------------------------------------------------------------------===//

void ProgramOp::build(OpBuilder &builder, OperationState &state, StringRef name, int64_t rows, StringRef after) {
  state.addAttribute(getSymNameAttrName(state.name), builder.getStringAttr(name));
  state.addAttribute(getRowsAttrName(state.name), builder.getI64IntegerAttr(rows));
  if (!after.empty())
    state.addAttribute(getAfterAttrName(state.name), FlatSymbolRefAttr::get(builder.getContext(), after));
  state.addRegion()->emplaceBlock();
}

bool ProgramOp::isEntry(Operation *function) {
  auto known = dyn_cast_or_null<func::FuncOp>(function);
  return known && known.isPublic() && isa_and_nonnull<ProgramOp>(known->getParentOp());
}

func::FuncOp ProgramOp::getEntry() {
  auto functions = getBody().getOps<func::FuncOp>();
  return *llvm::find_if(functions, [](func::FuncOp function) { return function.isPublic(); });
}

BufferOp ProgramOp::getBuffer(Role role) {
  for (auto buffer : getBody().getOps<BufferOp>())
    if (buffer.getRole() == role)
      return buffer;
  return {};
}

LogicalResult ProgramOp::verifyRegions() {
  if (getRows() < 1 || getRows() > kMaxCallRows)
    return emitOpError() << "expects from 1 to " << kMaxCallRows << " rows, but found " << getRows();
  func::FuncOp entry;
  for (Operation &op : getBody().front()) {
    if (!isa<BufferOp, func::FuncOp>(op))
      return op.emitOpError() << "stands in a program, which expects buffers and functions";
    if (auto buffer = dyn_cast<BufferOp>(op); buffer && buffer.getRole() && getBuffer(*buffer.getRole()) != buffer)
      return op.emitOpError() << "has the role " << stringifyRole(*buffer.getRole()) << ", as @"
                              << getBuffer(*buffer.getRole()).getSymName() << " has: expected one";
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function || !function.isPublic())
      continue;
    if (entry)
      return emitOpError() << "expects one public function, its entry, but found @" << entry.getSymName() << " and @"
                           << function.getSymName();
    entry = function;
  }
  if (!entry)
    return emitOpError() << "expects a public function, its entry, but found none";
  Type index = IndexType::get(getContext());
  auto type = FunctionType::get(getContext(), SmallVector<Type>(kEntryArguments, index), {});
  if (entry.getFunctionType() != type)
    return entry.emitOpError() << "expects the rows, position and first row of a call, " << type << ", but found "
                               << entry.getFunctionType();
  return success();
}

LogicalResult ProgramOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getAfter())
    return success();
  auto before = symbols.lookupNearestSymbolFrom<ProgramOp>((*this)->getParentOp(), getAfterAttr());
  if (!before || before.getAfter())
    return emitOpError() << "expects to come after a program that comes after none, but found " << getAfterAttr();
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// spmd.buffer
//===--------------------------------------------------------------------------------------------------------------===//

int64_t BufferOp::getBytes() {
  MemRefType type = getBufferType();
  return type.getNumElements() * (type.getElementTypeBitWidth() / 8);
}

ProgramOp BufferOp::getProgram() { return dyn_cast_or_null<ProgramOp>((*this)->getParentOp()); }

LogicalResult BufferOp::verify() {
  MemRefType type = getBufferType();
  if (!type.hasStaticShape() || type.getRank() != 2 || !type.getLayout().isIdentity() ||
      !type.getElementType().isIntOrFloat() || type.getElementTypeBitWidth() % 8)
    return emitOpError() << "expects rows by columns of numbers of whole bytes, but found " << type;
  // Bounds that keep sums of bytes far below 2^63.
  int64_t rows = type.getDimSize(0), columns = type.getDimSize(1);
  if (rows < 1 || columns < 1 || rows > (int64_t(1) << 40) / columns)
    return emitOpError() << "expects from 1 to 2^40 numbers, but found " << type;
  if (std::optional<int64_t> offset = getOffset(); offset && (*offset < 0 || *offset >= int64_t(1) << 50))
    return emitOpError() << "expects an offset from 0 to 2^50, but found " << *offset;
  if (getSpace() == Space::Caller && !getRole())
    return emitOpError() << "expects a role, tokens or logits, of the caller's memory, but found none";
  if (getSpace() != Space::Caller && getRole())
    return emitOpError() << "expects a role of the caller's memory alone, but found " << stringifyRole(*getRole())
                         << " in " << stringifySpace(getSpace());
  if (!getProgram() && getSpace() != Space::Arena)
    return emitOpError() << "expects what programs share to lie in the arena, but found " << stringifySpace(getSpace());
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
  auto buffer = lm::lookupSymbol<BufferOp>(access, access.getBufferAttr(), symbols);
  if (!buffer)
    return access.emitOpError() << "expects a buffer, but " << access.getBufferAttr() << " is none";
  if (buffer.getRole() && !ProgramOp::isEntry(access->template getParentOfType<func::FuncOp>()))
    return access.emitOpError() << "expects the program's entry to reach the caller's " << access.getBufferAttr()
                                << ", but stands in another function";
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
  if (!ProgramOp::isEntry((*this)->getParentOp()))
    return emitOpError() << "expects to stand in the entry of a program";
  if (getKinds().empty())
    return emitOpError() << "expects at least one layer";
  return success();
}

LogicalResult LayersOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (auto [layer, name] : llvm::enumerate(getKinds().getAsRange<FlatSymbolRefAttr>())) {
    auto kind = symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, name);
    if (!kind || kind.isExternal() || ProgramOp::isEntry(kind))
      return emitOpError() << "expects a layer kind, but " << name
                           << " is no private function of the program with a body";
    constexpr size_t fixed = kPositionArgument + 1;
    if (kind.getNumArguments() < fixed ||
        !llvm::all_of(kind.getArgumentTypes().take_front(fixed), llvm::IsaPred<IndexType>) || kind.getNumResults() != 0)
      return emitOpError() << "expects " << name << " to take rows and a position, but it is "
                           << kind.getFunctionType();
    if (failed(lm::verifySlots(*this, layer, kind, fixed, symbols)))
      return failure();
  }
  return success();
}
