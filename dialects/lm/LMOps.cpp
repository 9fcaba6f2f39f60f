//===- LMOps.cpp - verifiers and builders of the lm dialect -------------------------------------------------------===//

#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::lm;

#define GET_OP_CLASSES
#include "dialects/lm/LMOps.cpp.inc"

namespace {
int64_t columns(Value rows) { return cast<RankedTensorType>(rows.getType()).getDimSize(1); }

/// A vector of `size` values.
LogicalResult checkVector(Operation *op, Value weight, int64_t size, StringRef what) {
  auto type = cast<WeightType>(weight.getType());
  if (!type.isVector() || type.getRows() != size)
    return op->emitOpError() << "expects a " << what << " of " << size << " values, but found " << type;
  return success();
}

/// A matrix [out, in].
LogicalResult checkMatrix(Operation *op, Value weight, int64_t out, int64_t in, StringRef what) {
  auto type = cast<WeightType>(weight.getType());
  if (!type.isMatrix() || type.getRows() != out || type.getColumns() != in)
    return op->emitOpError() << "expects " << what << " to be " << out << "x" << in << ", but found " << type;
  return success();
}

/// A row of the table for each of `rows`.
LogicalResult checkTable(Operation *op, Value table, Value rows) {
  auto type = cast<WeightType>(table.getType());
  if (!type.isMatrix() || type.getColumns() != columns(rows))
    return op->emitOpError() << "expects a table with " << columns(rows) << " columns, but found " << type;
  return success();
}

/// Heads of queries for the heads of a cache.
LogicalResult checkHeads(Operation *op, int64_t heads, CacheType cache) {
  if (heads < 1 || heads % cache.getHeads())
    return op->emitOpError() << "expects query heads that are a multiple of the cache's " << cache.getHeads()
                             << " heads, but found " << heads;
  return success();
}
} // namespace

LogicalResult RouteOp::verify() {
  int64_t experts = columns(getScores()), top = getTop();
  if (top < 1 || top > experts)
    return emitOpError() << "expects to choose from 1 to " << experts << " experts, but found " << top;
  for (Value result : getResults())
    if (columns(result) != top)
      return emitOpError() << "expects results of " << top << " columns, but found " << result.getType();
  int64_t groups = getGroups(), topGroups = getTopGroups(), terms = getGroupTerms();
  if (groups < 1 || groups > kMaxGroups || experts % groups || topGroups < 1 || topGroups > groups || terms < 1 ||
      terms > experts / groups || terms > 2 || top > topGroups * (experts / groups))
    return emitOpError() << "expects groups of at least " << terms << " of the " << experts
                         << " experts, and enough of them to choose " << top << ", but found " << topGroups << " of "
                         << groups;
  return getCorrection() ? checkVector(*this, getCorrection(), experts, "correction") : success();
}

LogicalResult ExpertsOp::verify() {
  int64_t top = columns(getWeights()), hidden = columns(getInput());
  if (columns(getExperts()) != top)
    return emitOpError() << "expects a weight for each expert of a row, but found " << getWeights().getType() << " and "
                         << getExperts().getType();
  if (getShared() && getShared().getType() != getInput().getType())
    return emitOpError() << "expects shared rows like the input's, but found " << getShared().getType();
  if (getSharedGate() && (!getShared() || columns(getSharedGate()) != 1))
    return emitOpError() << "expects a gate of one column beside shared rows, but found " << getSharedGate().getType();
  if (getScalesInput() && top != 1)
    return emitOpError() << "expects one expert for each row where it scales its input, but found " << top;
  if (!(getLimit().convertToDouble() >= 0))
    return emitOpError() << "expects a limit that is not negative, but found " << getLimitAttr();
  auto gate = cast<WeightType>(getGate().getType());
  for (auto [bias, out, what] : {std::tuple(getGateBias(), gate.getRows(), "bias for gate"),
                                 {getUpBias(), gate.getRows(), "bias for up"},
                                 {getDownBias(), hidden, "bias for down"}})
    if (bias && failed(checkVector(*this, bias, gate.getExperts() * out, what)))
      return failure();
  for (auto [weight, out, in, what] : {std::tuple(getGate(), gate.getRows(), hidden, "gate"),
                                       {getUp(), gate.getRows(), hidden, "up"},
                                       {getDown(), hidden, gate.getRows(), "down"}}) {
    auto type = cast<WeightType>(weight.getType());
    if (!type.isExperts() || type.getExperts() != gate.getExperts() || type.getRows() != out || type.getColumns() != in)
      return emitOpError() << "expects " << what << " to be " << gate.getExperts() << "x" << out << "x" << in
                           << ", but found " << type;
  }
  return success();
}

LogicalResult StateOp::verify() {
  if (!isa<CacheType, RecurrentStateType>(getType()))
    return emitOpError() << "expects a cache or a recurrent state, but found " << getType();
  if (std::optional<int64_t> offset = getOffset(); offset && (*offset < 0 || *offset >= int64_t(1) << 50))
    return emitOpError() << "expects an offset from 0 to 2^50, but found " << *offset;
  return success();
}

LogicalResult StateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getShares())
    return success();
  auto target = symbols.lookupNearestSymbolFrom<StateOp>(*this, getSharesAttr());
  if (!target || target.getShares() || target.getType() != getType())
    return emitOpError() << "expects a state of its own type to share, but " << getSharesAttr() << " is none";
  return success();
}

LogicalResult UseOp::verifySymbolUses(SymbolTableCollection &symbols) {
  Operation *target = lookupSymbol(*this, getSymbolAttr(), symbols);
  Type type;
  if (auto weight = dyn_cast_or_null<WeightOp>(target))
    type = weight.getWeightType();
  else if (auto state = dyn_cast_or_null<StateOp>(target))
    type = state.getType();
  else
    return emitOpError() << "expects a weight or state, but " << getSymbolAttr() << " is none";
  if (type != getResult().getType())
    return emitOpError() << "expects the type of " << getSymbolAttr() << ", " << type << ", but found "
                         << getResult().getType();
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// lm.layers
//===--------------------------------------------------------------------------------------------------------------===//

void LayersOp::build(OpBuilder &builder, OperationState &state, ValueRange stream, Value position, ArrayAttr kinds) {
  build(builder, state, stream.getTypes(), stream, position, kinds);
}

std::string LayersOp::bind(int64_t layer, StringRef slot) {
  if (slot.consume_front("previous."))
    layer = std::max<int64_t>(layer - 1, 0);
  return "layers." + std::to_string(layer) + "." + slot.str();
}

Operation *lm::lookupSymbol(Operation *from, FlatSymbolRefAttr name, SymbolTableCollection &symbols) {
  for (Operation *table = SymbolTable::getNearestSymbolTable(from); table;
       table = table->getParentOp() ? SymbolTable::getNearestSymbolTable(table->getParentOp()) : nullptr)
    if (Operation *op = symbols.lookupSymbolIn(table, name.getAttr()))
      return op;
  return nullptr;
}

LogicalResult lm::verifySlots(Operation *layers, int64_t layer, func::FuncOp kind, size_t first,
                              SymbolTableCollection &symbols) {
  for (size_t i = first; i < kind.getNumArguments(); ++i) {
    auto slot = kind.getArgAttrOfType<StringAttr>(i, kSlotAttr);
    if (!slot)
      return layers->emitOpError() << "expects argument " << i << " of @" << kind.getSymName() << " to have a "
                                   << kSlotAttr;
    if (slot.getValue() == kLayerSlot && kind.getArgumentTypes()[i].isIndex())
      continue;
    auto symbol = FlatSymbolRefAttr::get(layers->getContext(), LayersOp::bind(layer, slot.getValue()));
    Operation *target = lookupSymbol(layers, symbol, symbols);
    Type type = isa_and_nonnull<WeightOp>(target)  ? Type(cast<WeightOp>(target).getWeightType())
                : isa_and_nonnull<StateOp>(target) ? cast<StateOp>(target).getType()
                                                   : Type();
    if (!type)
      return layers->emitOpError() << "layer " << layer << " expects a weight or state " << symbol;
    if (type != kind.getArgumentTypes()[i])
      return layers->emitOpError() << "layer " << layer << " expects " << symbol << " to be "
                                   << kind.getArgumentTypes()[i] << ", but it is " << type;
  }
  return success();
}

LogicalResult LayersOp::verify() {
  if (getStream().getTypes() != getResults().getTypes())
    return emitOpError() << "expects results of the stream's types";
  if (getKinds().empty())
    return emitOpError() << "expects at least one layer";
  return success();
}

LogicalResult LayersOp::verifySymbolUses(SymbolTableCollection &symbols) {
  DenseMap<Attribute, func::FuncOp> kinds;
  for (auto [layer, name] : llvm::enumerate(getKinds().getAsRange<FlatSymbolRefAttr>())) {
    auto [entry, isNew] = kinds.try_emplace(name);
    if (isNew) {
      entry->second = symbols.lookupNearestSymbolFrom<func::FuncOp>(*this, name);
      if (!entry->second || !llvm::hasSingleElement(entry->second.getBody()))
        return emitOpError() << "expects a layer kind, but " << name << " is no function with a body of one block";
    }
    func::FuncOp kind = entry->second;
    size_t fixed = getStream().size() + 1;
    if (kind.getNumArguments() < fixed ||
        TypeRange(kind.getArgumentTypes()).take_front(fixed - 1) != getStream().getTypes() ||
        !kind.getArgumentTypes()[fixed - 1].isIndex() || kind.getResultTypes() != getStream().getTypes())
      return emitOpError() << "expects " << name << " to map the stream and a position to the stream, but it is "
                           << kind.getFunctionType();
    if (failed(verifySlots(*this, layer, kind, fixed, symbols)))
      return failure();
  }
  return success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// Rows in, rows out
//===--------------------------------------------------------------------------------------------------------------===//

LogicalResult EmbedOp::verify() { return checkTable(*this, getTable(), getResult()); }

void NormOp::build(OpBuilder &builder, OperationState &state, Value input, Value weight, double eps, int64_t groups,
                   Value bias) {
  build(builder, state, input.getType(), input, weight, bias, builder.getF64FloatAttr(eps),
        builder.getI64IntegerAttr(groups));
}

LogicalResult NormOp::verify() {
  int64_t groups = getGroups(), size = columns(getInput());
  if (groups < 1 || size % groups)
    return emitOpError() << "expects groups that divide the row, but found " << groups << " groups of " << size;
  if (getBias() && (!getWeight() || failed(checkVector(*this, getBias(), size / groups, "bias"))))
    return getWeight() ? failure() : emitOpError() << "expects a weight beside a bias, but found none";
  return getWeight() ? checkVector(*this, getWeight(), size / groups, "weight") : success();
}

LogicalResult AddPositionsOp::verify() { return checkTable(*this, getTable(), getResult()); }

void LinearOp::build(OpBuilder &builder, OperationState &state, Type result, Value input, Value weight, Value bias,
                     double scale) {
  build(builder, state, result, input, weight, bias, builder.getF64FloatAttr(scale));
}

LogicalResult LinearOp::verify() {
  if (failed(checkMatrix(*this, getWeight(), columns(getResult()), columns(getInput()), "the weight")))
    return failure();
  return getBias() ? checkVector(*this, getBias(), columns(getResult()), "bias") : success();
}

LogicalResult RopeOp::verify() {
  int64_t size = columns(getInput()), heads = getHeads(), from = getFrom();
  if (heads < 1 || size % heads || from < 0 || from > size / heads || getRope().getDim() > size / heads - from)
    return emitOpError() << "expects heads at least as wide as the rotary part, but found " << heads << " heads in "
                         << size << " values and a rotary part of " << getRope().getDim();
  return success();
}

LogicalResult AppendOp::verify() {
  auto type = cast<CacheType>(getCache().getType());
  int64_t size = type.getHeads() * type.getDim();
  if (columns(getKeys()) != size || columns(getValues()) != size)
    return emitOpError() << "expects keys and values of " << size << " for the cache, but found " << columns(getKeys())
                         << " and " << columns(getValues());
  return success();
}

void AttentionOp::build(OpBuilder &builder, OperationState &state, Value query, Value cache, Value position,
                        int64_t heads, double scale, double softcap, Value sinks, TemperatureAttr temperature) {
  build(builder, state, query, cache, position, sinks, builder.getI64IntegerAttr(heads), builder.getF64FloatAttr(scale),
        builder.getF64FloatAttr(softcap), temperature);
}

LogicalResult AttentionOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location, Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto query = dyn_cast<RankedTensorType>(adaptor.getQuery().getType());
  auto cache = dyn_cast<CacheType>(adaptor.getCache().getType());
  if (!query || query.getRank() != 2 || query.isDynamicDim(1) || !cache)
    return emitOptionalError(location, "expects rows of queries and a cache");
  int64_t columns = query.getDimSize(1) / cache.getDim() * cache.getValueDim();
  types.push_back(RankedTensorType::get({ShapedType::kDynamic, columns}, query.getElementType()));
  return success();
}

LogicalResult AttentionOp::verify() {
  auto type = cast<CacheType>(getCache().getType());
  int64_t heads = getHeads();
  if (failed(checkHeads(*this, heads, type)))
    return failure();
  if (columns(getQuery()) != heads * type.getDim())
    return emitOpError() << "expects " << heads << " query heads of " << type.getDim() << " values, but found "
                         << columns(getQuery());
  if (!(getSoftcap().convertToDouble() >= 0))
    return emitOpError() << "expects a softcap that is not negative, but found " << getSoftcapAttr();
  if (type.getLatent() && (getSinks() || getTemperature() || getSoftcap().convertToDouble() != 0))
    return emitOpError() << "expects neither sinks, a softcap nor a temperature with latent vectors";
  return getSinks() ? checkVector(*this, getSinks(), heads, "sink for each head") : success();
}

/// A latent cache.
static LogicalResult checkLatent(Operation *op, CacheType cache) {
  if (!cache.getLatent())
    return op->emitOpError() << "expects a latent cache, but found " << cache;
  return success();
}

LogicalResult AppendLatentOp::verify() {
  auto cache = cast<CacheType>(getCache().getType());
  if (failed(checkLatent(*this, cache)))
    return failure();
  if (columns(getLatent()) != cache.getLatent() || columns(getRotated()) != cache.getDim() - cache.getLatent())
    return emitOpError() << "expects " << cache.getLatent() << " and " << cache.getDim() - cache.getLatent()
                         << " values for the cache, but found " << columns(getLatent()) << " and "
                         << columns(getRotated());
  return success();
}

LogicalResult LatentAttentionOp::verify() {
  auto cache = cast<CacheType>(getCache().getType());
  if (failed(checkLatent(*this, cache)))
    return failure();
  auto keys = cast<WeightType>(getKUp().getType()), values = cast<WeightType>(getVUp().getType());
  int64_t rotated = cache.getDim() - cache.getLatent(), heads = keys.getExperts();
  if (!keys.isExperts() || keys.getRows() != cache.getLatent() ||
      columns(getQuery()) != heads * (keys.getColumns() + rotated))
    return emitOpError() << "expects k_up to make keys of " << cache.getLatent() << " values that, with " << rotated
                         << " more, meet queries of " << columns(getQuery()) << ", but found " << keys;
  if (!values.isExperts() || values.getExperts() != heads || values.getColumns() != cache.getLatent() ||
      columns(getResult()) != heads * values.getRows())
    return emitOpError() << "expects v_up to make " << columns(getResult()) << " values of " << heads << " heads from "
                         << cache.getLatent() << ", but found " << values;
  return success();
}

LogicalResult CausalConv1dOp::verify() {
  int64_t size = columns(getInput()), width = getWidth();
  auto state = cast<RecurrentStateType>(getState().getType());
  if (width < 2 || width > 64)
    return emitOpError() << "expects a width from 2 to 64, but found " << width;
  if (size % state.getParts() || state.getValues() != size / state.getParts() * (width - 1))
    return emitOpError() << "expects a state of " << width - 1 << " inputs of " << size << " channels, but found "
                         << state;
  return checkVector(*this, getWeight(), size * width, "weight");
}

LogicalResult GatedDeltaRuleOp::verify() {
  int64_t keyHeads = getHeads(), heads = columns(getA()), keys = columns(getKey()), values = columns(getValue());
  auto state = cast<RecurrentStateType>(getState().getType());
  if (keyHeads < 1 || heads % keyHeads || keys % keyHeads || values % heads || columns(getQuery()) != keys)
    return emitOpError() << "expects " << keyHeads << " heads of queries and keys that divide " << heads
                         << " heads of values, but found rows of " << columns(getQuery()) << ", " << keys << " and "
                         << values;
  if (columns(getB()) != heads || columns(getResult()) != values)
    return emitOpError() << "expects " << heads << " and " << values << " columns in b and the result, but found "
                         << columns(getB()) << " and " << columns(getResult());
  if (state.getParts() % heads || values % state.getParts() ||
      state.getValues() != keys / keyHeads * (values / state.getParts()))
    return emitOpError() << "expects a state of " << heads << " times " << keys / keyHeads << " x " << values / heads
                         << " values in parts of some columns, but found " << state;
  if (failed(checkVector(*this, getDecay(), heads, "decay")))
    return failure();
  return checkVector(*this, getBias(), heads, "bias");
}

LogicalResult HeadLinearOp::verify() {
  auto type = cast<WeightType>(getWeight().getType());
  int64_t in = columns(getInput()), heads = type.getExperts();
  if (!type.isExperts() || in % heads || in / heads < type.getColumns())
    return emitOpError() << "expects a matrix for each head of " << in << " values, but found " << type;
  if (int64_t out = heads * (type.getRows() + in / heads - type.getColumns()); columns(getResult()) != out)
    return emitOpError() << "expects a result of " << out << " columns, but found " << columns(getResult());
  return success();
}

LogicalResult MultiplyOp::verify() { return checkVector(*this, getWeight(), columns(getInput()), "weight"); }

LogicalResult PartOp::verify() {
  int64_t all = columns(getInput()), width = columns(getResult());
  if (all % width)
    return emitOpError() << "expects parts that divide " << all << " columns, but found " << width;
  if (!getIndex() == !getNumber())
    return emitOpError() << "expects a part's number or an index, one of both";
  if (int64_t number = getNumber().value_or(0); number < 0 || number >= all / width)
    return emitOpError() << "expects a number below " << all / width << ", but found " << number;
  return success();
}

LogicalResult ConcatOp::verify() {
  int64_t sum = 0;
  for (Value input : getInputs())
    sum += columns(input);
  if (getInputs().empty() || columns(getResult()) != sum)
    return emitOpError() << "expects a result of " << sum << " columns, but found " << columns(getResult());
  return success();
}

LogicalResult AltUpPredictOp::verify() {
  int64_t all = columns(getStreams()), count = 1;
  while (count * count < columns(getCoefficients()))
    ++count;
  if (count * count != columns(getCoefficients()) || count > 64 || all % count)
    return emitOpError() << "expects coefficients for every pair of streams in " << all << " columns, but found "
                         << columns(getCoefficients());
  return success();
}

LogicalResult AltUpCorrectOp::verify() {
  int64_t all = columns(getStreams()), width = columns(getActivated()), count = columns(getCoefficients());
  if (count > 64 || all != count * width)
    return emitOpError() << "expects a coefficient for each stream of " << width << " in " << all
                         << " columns, but found " << count;
  return success();
}

LogicalResult AltUpInjectOp::verify() {
  if (columns(getStreams()) % columns(getInput()))
    return emitOpError() << "expects streams of " << columns(getInput()) << " columns, but found "
                         << columns(getStreams());
  return success();
}

LogicalResult SoftcapOp::verify() {
  if (!(getCap().convertToDouble() > 0))
    return emitOpError() << "expects a positive cap, but found " << getCapAttr();
  return success();
}

void AddNormOp::build(OpBuilder &builder, OperationState &state, Value input, Value pending, Value post, Value weight,
                      double eps) {
  build(builder, state, TypeRange{input.getType(), input.getType()}, input, pending, post, weight,
        builder.getF64FloatAttr(eps));
}

LogicalResult AddNormOp::verify() {
  if (getPost() && failed(checkVector(*this, getPost(), columns(getInput()), "post norm")))
    return failure();
  return checkVector(*this, getWeight(), columns(getInput()), "weight");
}

LogicalResult QKVOp::verify() {
  auto cache = cast<CacheType>(getCache().getType());
  int64_t heads = getHeads(), dim = cache.getDim(), in = columns(getInput());
  int64_t queries = columns(getResult()), keys = cache.getHeads() * dim;
  if (failed(checkHeads(*this, heads, cache)))
    return failure();
  if (queries != heads * dim)
    return emitOpError() << "expects " << heads << " query heads of " << dim << " values, but found " << queries;
  if (failed(checkMatrix(*this, getQ(), queries, in, "q")) || failed(checkMatrix(*this, getK(), keys, in, "k")) ||
      failed(checkMatrix(*this, getV(), keys, in, "v")))
    return failure();
  for (auto [vector, size, what] : {std::tuple(getQBias(), queries, "bias for q"),
                                    {getKBias(), keys, "bias for k"},
                                    {getVBias(), keys, "bias for v"},
                                    {getQNorm(), dim, "norm for q"},
                                    {getKNorm(), dim, "norm for k"}})
    if (vector && failed(checkVector(*this, vector, size, what)))
      return failure();
  if (getRope() && getRope()->getDim() > dim)
    return emitOpError() << "expects heads at least as wide as the rotary part, but found " << dim
                         << " values and a rotary part of " << getRope()->getDim();
  return success();
}

LogicalResult GatedLinearOp::verify() {
  int64_t out = columns(getResult()), in = columns(getInput());
  if (failed(checkMatrix(*this, getGate(), out, in, "gate")) || failed(checkMatrix(*this, getUp(), out, in, "up")))
    return failure();
  if (getGateBias() && failed(checkVector(*this, getGateBias(), out, "bias for gate")))
    return failure();
  return getUpBias() ? checkVector(*this, getUpBias(), out, "bias for up") : success();
}

//===--------------------------------------------------------------------------------------------------------------===//
// What decompositions use
//===--------------------------------------------------------------------------------------------------------------===//

namespace {
RankedTensorType valuesType(WeightType type) {
  return RankedTensorType::get(type.getShape(), Float32Type::get(type.getContext()));
}
RankedTensorType cachedType(CachePart part, CacheType type) {
  int64_t dim = part == CachePart::Keys ? type.getDim() : type.getValueDim();
  return RankedTensorType::get({ShapedType::kDynamic, type.getHeads() * dim}, Float32Type::get(type.getContext()));
}
} // namespace

void ValuesOp::build(OpBuilder &builder, OperationState &state, Value weight) {
  build(builder, state, valuesType(cast<WeightType>(weight.getType())), weight);
}

LogicalResult ValuesOp::verify() {
  auto expected = valuesType(cast<WeightType>(getWeight().getType()));
  if (getType() != expected)
    return emitOpError() << "expects a result of type " << expected << ", but found " << getType();
  return success();
}

/// All values of a recurrent state: [parts, values].
static RankedTensorType valuesType(RecurrentStateType type) {
  return RankedTensorType::get({type.getParts(), type.getValues()}, Float32Type::get(type.getContext()));
}

void ReadStateOp::build(OpBuilder &builder, OperationState &state, Value recurrent, Value position) {
  build(builder, state, valuesType(cast<RecurrentStateType>(recurrent.getType())), recurrent, position);
}

LogicalResult ReadStateOp::verify() {
  auto expected = valuesType(cast<RecurrentStateType>(getState().getType()));
  if (getType() != expected)
    return emitOpError() << "expects a result of type " << expected << ", but found " << getType();
  return success();
}

LogicalResult WriteStateOp::verify() {
  auto expected = valuesType(cast<RecurrentStateType>(getState().getType()));
  if (getValues().getType() != expected)
    return emitOpError() << "expects values of type " << expected << ", but found " << getValues().getType();
  return success();
}

void CachedOp::build(OpBuilder &builder, OperationState &state, CachePart part, Value cache, Value end) {
  build(builder, state, cachedType(part, cast<CacheType>(cache.getType())), part, cache, end);
}

LogicalResult CachedOp::verify() {
  auto expected = cachedType(getPart(), cast<CacheType>(getCache().getType()));
  if (getType() != expected)
    return emitOpError() << "expects a result of type " << expected << ", but found " << getType();
  return success();
}
