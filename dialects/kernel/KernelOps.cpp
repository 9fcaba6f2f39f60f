//===- KernelOps.cpp - the kernel dialect -------------------------------------------------------------------------===//

#include "dialects/kernel/KernelOps.h"
#include "dialects/kernel/LMOpModels.h"
#include "dialects/lm/QuantizedRow.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;
using namespace mlir::kernel;
using lathe::QuantizedRow;
using mlir::lm::parseReal, mlir::lm::printReal;

#include "dialects/kernel/KernelDialect.cpp.inc"
#define GET_OP_CLASSES
#include "dialects/kernel/KernelOps.cpp.inc"

void KernelDialect::initialize() {
  lm::addStrictOperations<
#define GET_OP_LIST
#include "dialects/kernel/KernelOps.cpp.inc"
      >(*this);
  attachLMOpModels(*getContext());
}

// The kernel dialect has no attributes for ops of other dialects.
LogicalResult KernelDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}
LogicalResult KernelDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}
LogicalResult KernelDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned, NamedAttribute attribute) {
  return lm::refuseAttribute(op, attribute, {});
}

//===--------------------------------------------------------------------------------------------------------------===//
// kernel.compute
//===--------------------------------------------------------------------------------------------------------------===//

/// Rows in memory as a tensor of any number of rows: the type ops of `lm` work on.
static RankedTensorType rowsType(Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  return RankedTensorType::get({ShapedType::kDynamic, type.getDimSize(1)}, type.getElementType());
}

void ComputeOp::build(OpBuilder &builder, OperationState &state, ValueRange ins, ValueRange outs) {
  state.addOperands(ins);
  state.addOperands(outs);
  state.getOrAddProperties<Properties>().operandSegmentSizes = {static_cast<int32_t>(ins.size()),
                                                                static_cast<int32_t>(outs.size())};
  Block &body = state.addRegion()->emplaceBlock();
  for (Value in : ins)
    body.addArgument(rowsType(in), state.location);
}

LogicalResult ComputeOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != getIns().size())
    return emitOpError() << "expects a tensor for each of " << getIns().size() << " inputs, but found "
                         << block.getNumArguments();
  for (auto [in, argument] : llvm::zip(getIns(), block.getArguments()))
    if (argument.getType() != rowsType(in))
      return emitOpError() << "expects " << rowsType(in) << " for an input " << in.getType() << ", but found "
                           << argument.getType();
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield)
    return emitOpError() << "expects kernel.yield at its end, but found " << block.back().getName();
  if (yield.getValues().size() != getOuts().size())
    return emitOpError() << "expects a result for each of " << getOuts().size() << " outputs, but found "
                         << yield.getValues().size();
  for (auto [out, value] : llvm::zip(getOuts(), yield.getValues()))
    if (value.getType() != rowsType(out))
      return emitOpError() << "expects " << rowsType(out) << " for an output " << out.getType() << ", but found "
                           << value.getType();
  WalkResult onTensors = getBody().walk([](KernelOpInterface op) -> WalkResult {
    if (isa<KernelDialect>(op->getDialect()))
      return op.emitOpError() << "expects to stand outside kernel.compute";
    return WalkResult::advance();
  });
  return failure(onTensors.wasInterrupted());
}

//===--------------------------------------------------------------------------------------------------------------===//
// Verifiers check what an expansion relies on. Sizes that are known only at run time are not checked here.
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
int64_t columnsOf(Value rows) { return cast<MemRefType>(rows.getType()).getDimSize(1); }
bool isKnown(int64_t size) { return !ShapedType::isDynamic(size); }

/// Checks the number of columns.
LogicalResult checkColumns(Operation *op, Value rows, int64_t columns, StringRef what) {
  if (columnsOf(rows) != columns)
    return op->emitOpError() << "expects " << what << " of " << columns << " columns, but found " << rows.getType();
  return success();
}

/// Checks that `rows` has at least the rows and columns of `part`, as far as both are known.
LogicalResult checkCovers(Operation *op, Value rows, Value part, StringRef what) {
  auto type = cast<MemRefType>(rows.getType()), partType = cast<MemRefType>(part.getType());
  for (auto [size, needed] : llvm::zip_equal(type.getShape(), partType.getShape()))
    if (isKnown(size) && isKnown(needed) && size < needed)
      return op->emitOpError() << "expects " << what << " to cover " << partType << ", but found " << type;
  return success();
}

/// Checks that each row divides into parts of `size` values.
LogicalResult checkDivides(Operation *op, Value rows, int64_t size, StringRef what) {
  int64_t columns = columnsOf(rows);
  if (size < 1 || (isKnown(columns) && columns % size))
    return op->emitOpError() << "expects rows of whole " << what << " of " << size << " values, but found "
                             << rows.getType();
  return success();
}

LogicalResult checkPacked(Operation *op, Value weight) {
  auto type = cast<lm::WeightType>(weight.getType());
  if (type.isVector() || !type.getLayout())
    return op->emitOpError() << "expects a packed matrix, but found " << type;
  return success();
}

LogicalResult checkVector(Operation *op, Value weight, StringRef what) {
  auto type = cast<lm::WeightType>(weight.getType());
  if (!type.isVector() || type.getFormat() != lathe::Format::F32)
    return op->emitOpError() << "expects " << what << " to be a vector of f32, but found " << type;
  return success();
}
} // namespace

LogicalResult EmbedOp::verify() {
  if (failed(checkPacked(*this, getTable())) || failed(checkColumns(*this, getIds(), 1, "ids")))
    return failure();
  return checkColumns(*this, getOut(), cast<lm::WeightType>(getTable().getType()).getColumns(), "out");
}

LogicalResult ValuesOp::verify() {
  auto type = cast<lm::WeightType>(getWeight().getType());
  MemRefType out = getOut().getType();
  if (!type.isVector() && failed(checkPacked(*this, getWeight())))
    return failure();
  int64_t rows = type.isVector() ? 1 : type.getExperts() * type.getRows();
  if (out.getDimSize(0) != rows || out.getDimSize(1) != type.getColumns())
    return emitOpError() << "expects out to have " << rows << " x " << type.getColumns() << " values, but found "
                         << out;
  return success();
}

LogicalResult CachedOp::verify() {
  auto type = cast<lm::CacheType>(getCache().getType());
  if (type.getRows() < 1)
    return emitOpError() << "expects a cache with rows, but found " << type;
  return checkColumns(*this, getOut(), type.getHeads() * (getValues() ? type.getValueDim() : type.getDim()), "out");
}

LogicalResult AddOp::verify() {
  if (failed(checkCovers(*this, getLhs(), getOut(), "lhs")))
    return failure();
  return checkCovers(*this, getRhs(), getOut(), "rhs");
}

LogicalResult ConcatOp::verify() {
  int64_t sum = 0;
  for (Value input : getInputs()) {
    if (!isKnown(columnsOf(input)))
      return emitOpError() << "expects known numbers of columns, but found " << input.getType();
    sum += columnsOf(input);
  }
  return checkColumns(*this, getOut(), sum, "out");
}

/// Rows of one known width.
static LogicalResult checkAlike(Operation *op, Value rows, Value out, StringRef what) {
  if (!isKnown(columnsOf(rows)))
    return op->emitOpError() << "expects a known number of columns, but found " << rows.getType();
  return checkColumns(op, out, columnsOf(rows), what);
}

LogicalResult MultiplyOp::verify() {
  if (failed(checkVector(*this, getWeight(), "the weight")) || failed(checkAlike(*this, getInput(), getOut(), "out")))
    return failure();
  return checkColumns(*this, getInput(), cast<lm::WeightType>(getWeight().getType()).getRows(), "input");
}

LogicalResult SparsifyOp::verify() { return checkAlike(*this, getInput(), getOut(), "out"); }

LogicalResult MatchMagnitudeOp::verify() {
  if (failed(checkAlike(*this, getInput(), getLike(), "like")))
    return failure();
  return checkAlike(*this, getInput(), getOut(), "out");
}

LogicalResult AltUpPredictOp::verify() {
  int64_t pairs = columnsOf(getCoefficients()), count = 1;
  while (count < 64 && count * count < pairs)
    ++count;
  if (count * count != pairs || columnsOf(getStreams()) % count)
    return emitOpError() << "expects coefficients for every pair of streams, but found " << getCoefficients().getType()
                         << " for " << getStreams().getType();
  return checkAlike(*this, getStreams(), getOut(), "out");
}

LogicalResult AltUpCorrectOp::verify() {
  int64_t width = columnsOf(getActivated()), count = columnsOf(getCoefficients());
  if (!isKnown(width) || count < 1 || count > 64 || columnsOf(getStreams()) != width * count)
    return emitOpError() << "expects a coefficient for each stream, but found " << getCoefficients().getType()
                         << " for " << getStreams().getType();
  return checkAlike(*this, getStreams(), getOut(), "out");
}

LogicalResult AltUpInjectOp::verify() {
  if (!isKnown(columnsOf(getInput())) || failed(checkDivides(*this, getStreams(), columnsOf(getInput()), "streams")))
    return failure();
  return checkAlike(*this, getStreams(), getOut(), "out");
}

LogicalResult CopyOp::verify() { return checkCovers(*this, getInput(), getOut(), "input"); }

LogicalResult AddPositionsOp::verify() {
  if (failed(checkPacked(*this, getTable())))
    return failure();
  return checkColumns(*this, getOut(), cast<lm::WeightType>(getTable().getType()).getColumns(), "out");
}

LogicalResult NormOp::verify() {
  for (auto [vector, what] : {std::pair(getWeight(), "the weight"), {getBias(), "the bias"}}) {
    if (vector && failed(checkVector(*this, vector, what)))
      return failure();
    if (vector && cast<lm::WeightType>(vector.getType()).getRows() != static_cast<int64_t>(getGroup()))
      return emitOpError() << "expects " << what << " of a group's " << getGroup() << " values, but found "
                           << vector.getType();
  }
  if (getBias() && !getWeight())
    return emitOpError() << "expects a weight beside a bias, but found none";
  if (failed(checkCovers(*this, getOut(), getInput(), "out")))
    return failure();
  return checkDivides(*this, getInput(), getGroup(), "groups");
}

LogicalResult AddBiasOp::verify() {
  if (failed(checkVector(*this, getBias(), "the bias")))
    return failure();
  int64_t size = cast<lm::WeightType>(getBias().getType()).getRows(), columns = columnsOf(getOut());
  int64_t each = getEach();
  if (getExpert()) {
    if (failed(checkColumns(*this, getExpert(), 1, "expert")))
      return failure();
    if (each < 1 || size % each)
      return emitOpError() << "expects as many values for each expert, but found " << each << " of " << size;
    size = each;
  }
  if (isKnown(columns) && columns > size)
    return emitOpError() << "expects at most the bias's " << size << " columns, but found " << getOut().getType();
  return success();
}

LogicalResult ScaleRowsOp::verify() { return checkColumns(*this, getFactors(), 1, "factors"); }

/// Rows of `columns` quantised values, if that number is known.
static LogicalResult checkCodes(Operation *op, Value codes, int64_t columns, bool isWide) {
  int64_t found = columnsOf(codes), bytes = QuantizedRow(isWide).bytesOf(columns);
  if (isKnown(columns) && found != bytes)
    return op->emitOpError() << "expects " << bytes << " bytes for a row's codes, but found " << codes.getType();
  return success();
}

LogicalResult QuantizeOp::verify() {
  int64_t columns = columnsOf(getInput());
  if (isKnown(columns) && columns % QuantizedRow::kBlock)
    return emitOpError() << "expects rows of whole blocks of " << QuantizedRow::kBlock << " values, but found "
                         << getInput().getType();
  return checkCodes(*this, getOut(), columns, getWide());
}

LogicalResult RoundOp::verify() { return checkColumns(*this, getOut(), columnsOf(getInput()), "out"); }

LogicalResult MatmulOp::verify() {
  if (failed(checkPacked(*this, getWeight())))
    return failure();
  auto type = cast<lm::WeightType>(getWeight().getType());
  if (type.isExperts() != (static_cast<bool>(getExpert()) != static_cast<bool>(getHead())))
    return emitOpError()
           << "expects an expert's or head's number where there are experts' matrices, and only there, but found "
           << type;
  if (getExpert() && (failed(checkColumns(*this, getExpert(), 1, "expert")) ||
                      cast<MemRefType>(getExpert().getType()).getDimSize(0) != 1))
    return emitOpError() << "expects one expert's number, but found " << getExpert().getType();
  Type element = cast<MemRefType>(getInput().getType()).getElementType();
  bool isQuantised = type.getInfo().isQuantised();
  bool isPairs = type.getFormat() == lathe::Format::BF16 && type.getLayout().getDepth() == 2;
  if (isQuantised ? !element.isInteger(8) : !element.isF32() && !(element.isBF16() && isPairs))
    return emitOpError() << "expects "
                         << (isQuantised ? "codes"
                             : isPairs   ? "f32 or bf16"
                                         : "f32")
                         << " to multiply with " << type << ", but found " << element;
  if (isQuantised) {
    if (failed(checkCodes(*this, getInput(), type.getColumns(), type.hasWideCodes())))
      return failure();
  } else if (failed(checkColumns(*this, getInput(), type.getColumns(), "input"))) {
    return failure();
  }
  if (int64_t columns = columnsOf(getOut()); isKnown(columns) && columns > type.getRows())
    return emitOpError() << "expects at most the weight's " << type.getRows() << " outputs, but found "
                         << getOut().getType();
  return success();
}

LogicalResult RouteOp::verify() {
  int64_t top = columnsOf(getExperts());
  if (!isKnown(columnsOf(getScores())) || !isKnown(top) || top > columnsOf(getScores()))
    return emitOpError() << "expects known numbers of scores and, not more, of experts, but found "
                         << getScores().getType() << " and " << getExperts().getType();
  if (getCorrection() && (failed(checkVector(*this, getCorrection(), "the correction")) ||
                          cast<lm::WeightType>(getCorrection().getType()).getRows() != columnsOf(getScores())))
    return emitOpError() << "expects a correction for each score, but found " << getCorrection().getType();
  int64_t experts = columnsOf(getScores()), groups = getGroups();
  int64_t topGroups = getTopGroups(), terms = getGroupTerms();
  if (groups < 1 || groups > lm::kMaxGroups || experts % groups || topGroups < 1 || topGroups > groups || terms < 1 ||
      terms > std::min<int64_t>(2, experts / groups))
    return emitOpError() << "expects equal groups of the " << experts << " experts, but found " << topGroups << " of "
                         << groups << " by " << terms;
  if ((getTopGroups() < getGroups()) != static_cast<bool>(getScratch()))
    return emitOpError() << "expects scratch for scores where some groups are left out, and only there";
  if (getScratch() && failed(checkCovers(*this, getScratch(), getScores(), "scratch")))
    return failure();
  return checkColumns(*this, getWeights(), top, "weights");
}

LogicalResult DispatchOp::verify() {
  auto rows = [](Value memory) { return cast<MemRefType>(memory.getType()).getDimSize(0); };
  if (failed(checkColumns(*this, getOrder(), 1, "order")) || failed(checkColumns(*this, getBlocks(), 1, "blocks")))
    return failure();
  if (!isKnown(columnsOf(getExperts())) || failed(checkColumns(*this, getSlots(), columnsOf(getExperts()), "slots")))
    return failure();
  if (!isKnown(rows(getOrder())) || !isKnown(rows(getBlocks())) || rows(getOrder()) % rows(getBlocks()))
    return emitOpError() << "expects whole blocks of slots, but found " << getOrder().getType() << " for "
                         << getBlocks().getType();
  if (getCount() < 1 || getCount() > 1 << 16)
    return emitOpError() << "expects from 1 to 65536 experts, but found " << getCount();
  return success();
}

LogicalResult GatherOp::verify() {
  auto in = cast<MemRefType>(getInput().getType()), out = cast<MemRefType>(getOut().getType());
  if (failed(checkColumns(*this, getRows(), 1, "rows")))
    return failure();
  if (in.getElementType() != out.getElementType() || !isKnown(in.getDimSize(1)) ||
      in.getDimSize(1) != out.getDimSize(1))
    return emitOpError() << "expects rows of one kind, but found " << in << " and " << out;
  return success();
}

LogicalResult CombineOp::verify() {
  int64_t top = columnsOf(getWeights());
  if (!isKnown(top))
    return emitOpError() << "expects a known number of weights, but found " << getWeights().getType();
  if (getUnweighted() && failed(checkColumns(*this, getWeights(), 1, "weights")))
    return failure();
  if (getSlots() && failed(checkColumns(*this, getSlots(), top, "slots")))
    return failure();
  if (getGate() && failed(checkColumns(*this, getGate(), 1, "gate")))
    return failure();
  if (getShared() && failed(checkCovers(*this, getShared(), getOut(), "shared")))
    return failure();
  int64_t columns = columnsOf(getInput());
  if (isKnown(columns) && isKnown(columnsOf(getOut())) && columns < columnsOf(getOut()))
    return emitOpError() << "expects input as wide as out, but found " << getInput().getType() << " for "
                         << getOut().getType();
  return success();
}

LogicalResult RopeTableOp::verify() { return checkColumns(*this, getOut(), getRope().getDim(), "out"); }

LogicalResult RopeOp::verify() {
  int64_t head = getHead(), rotary = columnsOf(getTable());
  if (!isKnown(rotary) || rotary < 2 || rotary % 2 || rotary + static_cast<int64_t>(getFrom()) > head)
    return emitOpError() << "expects a table of an even number of columns, at most the head's " << head
                         << ", but found " << getTable().getType();
  return checkDivides(*this, getOut(), head, "heads");
}

LogicalResult AppendOp::verify() {
  auto type = cast<lm::CacheType>(getCache().getType());
  if (type.getRows() < 1)
    return emitOpError() << "expects a cache with rows, but found " << type;
  if (failed(checkDivides(*this, getInput(), type.getDim(), "heads")))
    return failure();
  if (int64_t columns = columnsOf(getInput()); isKnown(columns) && columns > type.getHeads() * type.getDim())
    return emitOpError() << "expects at most the cache's " << type.getHeads() << " heads, but found "
                         << columns / type.getDim();
  return success();
}

/// The operands of attention of one row to one KV split.
template <typename Op> LogicalResult checkPiece(Op op, int64_t heads) {
  if (op.getSplit() && (!op.getSplits() || !op.getStatistics()))
    return op.emitOpError() << "expects the number of splits, and memory for their statistics";
  if (!op.getSplit() && (op.getSplits() || op.getStatistics()))
    return op.emitOpError() << "expects the split's number";
  return op.getStatistics() ? checkColumns(op, op.getStatistics(), 2 * heads, "statistics") : success();
}

/// Query heads of one row, or one of several rows: 0 after an error.
template <typename Op> int64_t checkHeads(Op op, lm::CacheType cache) {
  int64_t columns = columnsOf(op.getQuery()), heads = columns / cache.getDim();
  if (!isKnown(columns) || heads < 1) {
    op.emitOpError() << "expects a known number of query heads, but found " << op.getQuery().getType();
    return 0;
  }
  if (failed(checkDivides(op, op.getQuery(), cache.getDim(), "heads")) ||
      failed(checkColumns(op, op.getOut(), heads * cache.getValueDim(), "out")))
    return 0;
  if (int64_t rows = cast<MemRefType>(op.getQuery().getType()).getDimSize(0); heads > 1 && rows != 1) {
    op.emitOpError() << "expects several heads of one row alone, but found " << op.getQuery().getType();
    return 0;
  }
  return heads;
}

LogicalResult AttentionOp::verify() {
  auto type = cast<lm::CacheType>(getCache().getType());
  if (type.getRows() < 1 || type.getLatent())
    return emitOpError() << "expects a cache with rows, keys and values, but found " << type;
  int64_t heads = checkHeads(*this, type);
  if (!heads)
    return failure();
  if (int64_t rows = cast<MemRefType>(getScores().getType()).getDimSize(0); isKnown(rows) && rows < heads)
    return emitOpError() << "expects scratch for the scores of " << heads << " heads, but found "
                         << getScores().getType();
  if (!getSplit() && !getSinks() != !getSink())
    return emitOpError() << "expects the first of the sinks beside them";
  if (getSplit() && getSinks())
    return emitOpError() << "expects sinks to enter the sum of all splits";
  if (failed(checkPiece(*this, heads)))
    return failure();
  if (getSinks() && failed(checkVector(*this, getSinks(), "sinks")))
    return failure();
  if (columnsOf(getScores()) < type.getRows())
    return emitOpError() << "expects scratch for the scores of " << type.getRows() << " rows, but found "
                         << getScores().getType();
  if (!(getSoftcap().convertToDouble() >= 0))
    return emitOpError() << "expects a softcap that is not negative, but found " << getSoftcapAttr();
  if (getRounded() && (!type.getElement().isBF16() || type.getDim() % 16))
    return emitOpError() << "expects keys of bf16 and a multiple of 16 dims to round queries for, but found " << type;
  return success();
}

AbsorbedScratch::AbsorbedScratch(lm::CacheType cache, int64_t rows, int64_t positions) {
  constexpr int64_t vector = 16;
  lanes = llvm::alignTo(rows, vector);
  sumRows = llvm::alignTo(cache.getLatent(), vector);
  values = 0;
  sums = values + kValues * positions;
  weights = sums + sumRows * lanes;
  scores = weights + lanes * positions;
  state = scores + lanes * positions;
  size = state + 3 * lanes;
}

LogicalResult AbsorbedAttentionOp::verify() {
  auto cache = cast<lm::CacheType>(getCache().getType());
  if (cache.getRows() < 1 || !cache.getLatent())
    return emitOpError() << "expects a latent cache with rows, but found " << cache;
  int64_t heads = checkHeads(*this, cache);
  if (!heads || failed(checkPiece(*this, heads)))
    return failure();
  if (getPositions() < 16 || getPositions() % 16 || getPositions() > 1024)
    return emitOpError() << "expects blocks of a multiple of 16 positions, but found " << getPositions();
  if (heads > 1 && getPerHead())
    return emitOpError() << "expects rows of several heads or heads of one row, but found " << getQuery().getType();
  int64_t rows = heads > 1 ? heads : cast<MemRefType>(getQuery().getType()).getDimSize(0);
  if (static_cast<int64_t>(getRows()) < (isKnown(rows) ? rows : 1) || getRows() > 1024)
    return emitOpError() << "expects scratch for the rows of " << getQuery().getType() << ", but found " << getRows();
  if (int64_t size = AbsorbedScratch(cache, getRows(), getPositions()).size; columnsOf(getScratch()) != size)
    return emitOpError() << "expects scratch of " << size << " values, but found " << getScratch().getType();
  return success();
}

LatentScratch::LatentScratch(lm::WeightType keys, lm::WeightType values, lm::CacheType cache, int64_t positions) {
  constexpr int64_t lanes = 16;
  int64_t own = keys.getColumns(), width = own + cache.getDim() - cache.getLatent(), valueDim = values.getRows();
  matrixRows = valueDim + own;
  matrixColumns = llvm::alignTo(cache.getLatent(), lanes);
  // Values are transposed 16 at a time.
  rowsPerPanel = std::max<int64_t>(valueDim + width, llvm::alignTo(valueDim, lanes));
  transposed = positions / lanes * rowsPerPanel;
  panelRows = transposed + llvm::alignTo(valueDim, lanes) / lanes * positions;
  scores = llvm::alignTo(width, lanes);
  sums = scores + positions;
  state = sums + llvm::alignTo(valueDim, lanes);
  rowColumns = state + lanes;
}

LogicalResult LatentAttentionOp::verify() {
  auto cache = cast<lm::CacheType>(getCache().getType());
  auto keys = cast<lm::WeightType>(getKUp().getType()), values = cast<lm::WeightType>(getVUp().getType());
  if (cache.getRows() < 1 || !cache.getLatent())
    return emitOpError() << "expects a latent cache with rows, but found " << cache;
  if (failed(checkPacked(*this, getKUp())) || failed(checkPacked(*this, getVUp())))
    return failure();
  if (!keys.isExperts() || keys.getRows() != cache.getLatent() || !values.isExperts() ||
      values.getColumns() != cache.getLatent() || values.getExperts() != keys.getExperts())
    return emitOpError() << "expects k_up and v_up of as many heads and " << cache.getLatent()
                         << " latent values, but found " << keys << " and " << values;
  if (getPositions() < 16 || getPositions() % 16)
    return emitOpError() << "expects blocks of a multiple of 16 positions, but found " << getPositions();
  LatentScratch scratch(keys, values, cache, getPositions());
  auto checkScratch = [&](Value memory, std::optional<int64_t> rows, int64_t columns, StringRef what) -> LogicalResult {
    auto type = cast<MemRefType>(memory.getType());
    auto [strides, offset] = type.getStridesAndOffset();
    if (type.getDimSize(1) == columns && (!rows || (type.getDimSize(0) == *rows && strides[0] == columns)))
      return success();
    return emitOpError() << "expects " << what << " of " << (rows ? std::to_string(*rows) + " x " : std::string())
                         << columns << " values, but found " << type;
  };
  if (failed(checkScratch(getMatrices(), scratch.matrixRows, scratch.matrixColumns, "matrices")) ||
      failed(checkScratch(getPanels(), scratch.panelRows, 16, "panels")) ||
      failed(checkScratch(getRows(), std::nullopt, scratch.rowColumns, "rows")) ||
      failed(checkCovers(*this, getRows(), getOut(), "rows")))
    return failure();
  int64_t width = keys.getColumns() + cache.getDim() - cache.getLatent();
  if (failed(checkColumns(*this, getQuery(), width, "query")))
    return failure();
  return checkColumns(*this, getOut(), values.getRows(), "out");
}

LogicalResult CombinePartialsOp::verify() {
  int64_t columns = columnsOf(getStatistics());
  if (!isKnown(columns) || columns < 2 || columns % 2)
    return emitOpError() << "expects statistics of a peak and a sum for each head, but found "
                         << getStatistics().getType();
  if (!isKnown(columnsOf(getOut())) || columnsOf(getOut()) % (columns / 2))
    return emitOpError() << "expects " << columns / 2 << " heads, but found " << getOut().getType();
  if (cast<MemRefType>(getOut().getType()).getDimSize(0) != 1)
    return emitOpError() << "expects one row, but found " << getOut().getType();
  if (getSinks() && failed(checkVector(*this, getSinks(), "sinks")))
    return failure();
  return checkColumns(*this, getInput(), columnsOf(getOut()), "input");
}

LogicalResult Conv1dOp::verify() {
  int64_t channels = columnsOf(getInput()), width = getWidth();
  auto state = cast<lm::RecurrentStateType>(getState().getType());
  if (width < 2 || width > 64 || !isKnown(channels) || state.getValues() != channels * (width - 1))
    return emitOpError() << "expects a part of the state with " << width - 1 << " inputs of each channel, but found "
                         << state << " for " << getInput().getType();
  if (failed(checkVector(*this, getWeight(), "the weight")))
    return failure();
  return checkColumns(*this, getOut(), channels, "out");
}

LogicalResult DeltaRuleOp::verify() {
  int64_t keys = columnsOf(getKey()), values = columnsOf(getValue()), heads = columnsOf(getA());
  auto state = cast<lm::RecurrentStateType>(getState().getType());
  if (!isKnown(keys) || !isKnown(values) || state.getValues() != keys * values)
    return emitOpError() << "expects a part of the state for the keys and values, but found " << state << " for "
                         << getKey().getType() << " and " << getValue().getType();
  for (auto [vector, what] : {std::pair(getDecay(), "the decay"), {getBias(), "the bias"}}) {
    if (failed(checkVector(*this, vector, what)))
      return failure();
    if (cast<lm::WeightType>(vector.getType()).getRows() != heads)
      return emitOpError() << "expects " << what << " of " << heads << " heads, but found " << vector.getType();
  }
  if (failed(checkColumns(*this, getQuery(), keys, "query")) || failed(checkColumns(*this, getB(), heads, "b")))
    return failure();
  return checkColumns(*this, getOut(), values, "out");
}

LogicalResult GluOp::verify() {
  if (failed(checkCovers(*this, getGate(), getOut(), "gate")))
    return failure();
  return checkCovers(*this, getUp(), getOut(), "up");
}

LogicalResult SoftcapOp::verify() {
  if (!(getCap().convertToDouble() > 0))
    return emitOpError() << "expects a positive cap, but found " << getCapAttr();
  return success();
}
