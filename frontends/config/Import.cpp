//===- Import.cpp - Config and checkpoint to lm -------------------------------------------------------------------===//

#include "frontends/config/Import.h"
#include "compiler/support/Errors.h"
#include "dialects/lm/LMDialect.h"
#include "frontends/config/LeftOut.h"
#include "frontends/config/WeightRecipe.h"
#include "frontends/config/blocks/Blocks.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace lathe;

namespace {

class Importer {
public:
  Importer(MLIRContext &context, const ModelSource &source, int64_t contextLength)
      : builder(&context), source(source), config(source.config), contextLength(contextLength) {
    config.rope = config.rope.in(contextLength);
    config.slidingRope = config.slidingRope.in(contextLength);
  }

  absl::StatusOr<OwningOpRef<ModuleOp>> run();

private:
  absl::StatusOr<lm::WeightType> addWeight(StringRef symbol, Slot slot, int64_t layer);
  /// Uses a weight outside of the layers: the lm.weight is before the function.
  absl::StatusOr<lm::WeightType> addWeightBefore(func::FuncOp function, Slot slot) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(function);
    return addWeight(slotName(slot), slot, 0);
  }
  absl::StatusOr<FlatSymbolRefAttr> addLayer(int64_t layer);
  using States = SmallVector<std::pair<StringRef, Type>, 4>;
  States statesOf(int64_t layer);
  func::FuncOp addKind(StringRef name, int64_t layer, ArrayRef<std::pair<Slot, lm::WeightType>> weights,
                       const States &states);
  absl::Status addForward(ArrayRef<Attribute> kinds);
  void describe();
  double countValues() const;
  Value use(Slot slot, lm::WeightType type) {
    return lm::UseOp::create(builder, builder.getUnknownLoc(), type, slotName(slot));
  }

  OpBuilder builder;
  const ModelSource &source;
  Config config; // of the model, for this context
  int64_t contextLength;
  OwningOpRef<ModuleOp> module;
  llvm::StringMap<FlatSymbolRefAttr> kinds; // of layers, by structure and weight types
};

/// The format of weights where there is a config without a checkpoint.
Format defaultFormat(const Config &config, Slot slot, size_t rank) {
  if (isExperts(slot) && config.storedExperts)
    return *config.storedExperts;
  return rank > 1 && !isGlobal(slot) && slot != Slot::Router && slot != Slot::KUp && config.storedMatrices
             ? *config.storedMatrices
             : Format::BF16;
}

/// Values with a common scale keep their format where they stay neighbours in a row, and in f8_e4m3 where the rows of a
/// panel have the same scales. Otherwise they become bf16.
bool keepsScales(const TensorBinding &binding) {
  const FormatInfo &info = getFormatInfo(binding.format);
  if (!info.isScaled())
    return !info.isQuantised() || !binding.transposedRows;
  constexpr int64_t panel = 16;
  auto isAligned = [](int64_t rows) { return rows % panel == 0; };
  return !binding.transposedRows && !binding.permuteHeads && binding.group == binding.pitch &&
         llvm::all_of(binding.scales, [&](const ScaleSegment &scale) { return isAligned(scale.firstRow); });
}

absl::StatusOr<lm::WeightType> Importer::addWeight(StringRef symbol, Slot slot, int64_t layer) {
  LATHE_ASSIGN_OR_RETURN(TensorBinding binding, source.bind(slot, layer));
  const TensorInfo *tensor = binding.tensor;
  const Format stored = tensor ? binding.format : defaultFormat(config, slot, binding.shape.size());
  const bool isConverted = tensor && !keepsScales(binding);
  auto type = lm::WeightType::get(builder.getContext(), binding.shape, isConverted ? Format::BF16 : stored, {});

  const WeightRecipe recipe = tensor ? makeRecipe(builder, *source.checkpoint, binding) : WeightRecipe();
  lm::WeightOp::create(builder, NameLoc::get(builder.getStringAttr(tensor ? tensor->name : symbol.str())), symbol, type,
                       recipe.sources, recipe.steps, /*offset=*/IntegerAttr());
  return type;
}

func::FuncOp Importer::addKind(StringRef name, int64_t layer, ArrayRef<std::pair<Slot, lm::WeightType>> weights,
                               const States &states) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(module->getBody());
  SmallVector<Type> streams = {rowsType(builder, config.hidden * config.streams)};
  bool knowsItsNumber = config.perLayerWidth != 0;
  if (knowsItsNumber)
    streams.push_back(rowsType(builder, config.perLayerWidth * config.layers));
  SmallVector<Type> arguments = streams;
  arguments.push_back(builder.getIndexType());
  if (knowsItsNumber)
    arguments.push_back(builder.getIndexType());
  size_t fixed = arguments.size();
  for (auto &[slot, type] : weights)
    arguments.push_back(type);
  for (auto &[state, type] : states)
    arguments.push_back(type);

  auto function =
      func::FuncOp::create(builder, builder.getUnknownLoc(), name, builder.getFunctionType(arguments, streams));
  function.setPrivate();
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  LayerBuilder layerBuilder(builder, *source.model, config, layer);
  layerBuilder.position = body->getArgument(streams.size());
  if (knowsItsNumber) {
    layerBuilder.number = body->getArgument(streams.size() + 1);
    function.setArgAttr(streams.size() + 1, lm::kSlotAttr, builder.getStringAttr(lm::kLayerSlot));
  }
  for (auto [index, entry] : llvm::enumerate(weights)) {
    layerBuilder.weights[static_cast<unsigned>(entry.first)] = body->getArgument(index + fixed);
    function.setArgAttr(index + fixed, lm::kSlotAttr, builder.getStringAttr(slotName(entry.first)));
  }
  for (auto [index, state] : llvm::enumerate(states)) {
    size_t argument = fixed + weights.size() + index;
    layerBuilder.states[state.first] = body->getArgument(argument);
    function.setArgAttr(argument, lm::kSlotAttr, builder.getStringAttr(state.first));
  }
  SmallVector<Value> results = {body->getArgument(0)};
  if (config.streams > 1)
    results = {buildAltUpLayer(layerBuilder, body->getArgument(0), body->getArgument(1)), body->getArgument(1)};
  else
    results.front() = buildLayer(layerBuilder, results.front());
  func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
  return function;
}

/// The states of a layer, by name.
Importer::States Importer::statesOf(int64_t layer) {
  MLIRContext *context = builder.getContext();
  if (config.kinds[layer] == LayerKind::Linear) {
    auto convolution = [&](int64_t heads, int64_t dim) {
      return lm::RecurrentStateType::get(context, heads, dim * (config.convWidth - 1));
    };
    // A head's state is divided by columns into parts that fit into a core's L1 cache.
    int64_t dim = config.deltaValueDim, columns = dim % 64 == 0 ? 64 : dim;
    auto delta =
        lm::RecurrentStateType::get(context, config.deltaValueHeads * (dim / columns), config.deltaKeyDim * columns);
    auto keys = convolution(config.deltaKeyHeads, config.deltaKeyDim);
    return {{"conv_q", keys}, {"conv_k", keys}, {"conv_v", convolution(config.deltaValueHeads, dim)}, {"delta", delta}};
  }
  bool isFull = config.kinds[layer] == LayerKind::Full, isChunked = config.kinds[layer] == LayerKind::Chunked;
  bool isLatent = config.latentRank != 0;
  return {
      {"cache", lm::CacheType::get(context, isLatent ? 1 : config.kvHeads,
                                   isLatent ? config.latentRank + config.ropeDim : config.headDim, builder.getF32Type(),
                                   isFull ? 0 : config.slidingWindow, 0, isChunked, config.latentRank)}};
}

absl::StatusOr<FlatSymbolRefAttr> Importer::addLayer(int64_t layer) {
  bool isFull = config.kinds[layer] == LayerKind::Full, isChunked = config.kinds[layer] == LayerKind::Chunked;
  bool isLinear = config.kinds[layer] == LayerKind::Linear;
  const States states = statesOf(layer);
  SmallVector<std::pair<Slot, lm::WeightType>> weights;
  std::string key;
  llvm::raw_string_ostream keyStream(key);
  keyStream << isFull << isChunked << config.rotatesIn(layer) << config.isSparse(layer) << config.deviationsOf(layer);
  for (auto &[name, type] : states)
    keyStream << type;
  for (Slot slot : layerSlots(*source.model, config, layer)) {
    LATHE_ASSIGN_OR_RETURN(auto type, addWeight(lm::LayersOp::bind(layer, slotName(slot)), slot, layer));
    weights.emplace_back(slot, type);
    keyStream << slotName(slot) << type;
  }
  int64_t source = config.cacheOf(layer);
  for (auto &[name, type] : states)
    lm::StateOp::create(builder, builder.getUnknownLoc(), lm::LayersOp::bind(layer, name), type,
                        source == layer
                            ? FlatSymbolRefAttr()
                            : FlatSymbolRefAttr::get(builder.getContext(), lm::LayersOp::bind(source, name)),
                        IntegerAttr());

  auto [entry, isNew] = kinds.try_emplace(key);
  if (isNew) {
    // Kinds with the same structure and different weight types are numbered: sliding, sliding.1, ...
    std::string base = isLinear                                                    ? "linear"
                       : config.isSparse(layer) && !llvm::all_equal(config.sparse) ? "sparse"
                       : !config.rotatesIn(layer)                                  ? "unrotated"
                       : !config.slidingWindow && !config.deltaKeyHeads            ? "layer"
                       : isChunked                                                 ? "chunked"
                       : !isFull                                                   ? "sliding"
                                                                                   : "full";
    std::string name = base;
    for (int variant = 1; module->lookupSymbol(name); ++variant)
      name = base + "." + std::to_string(variant);
    entry->second = FlatSymbolRefAttr::get(addKind(name, layer, weights, states));
  }
  return entry->second;
}

absl::Status Importer::addForward(ArrayRef<Attribute> kinds) {
  LATHE_ASSIGN_OR_RETURN(auto embedType, addWeight(slotName(Slot::Embed), Slot::Embed, 0));
  lm::WeightType positionsType, normBiasType;
  if (source.model->positions == Positions::Learned) {
    LATHE_ASSIGN_OR_RETURN(positionsType, addWeight(slotName(Slot::Positions), Slot::Positions, 0));
  }
  LATHE_ASSIGN_OR_RETURN(auto normType, addWeight(slotName(Slot::FinalNorm), Slot::FinalNorm, 0));
  if (source.model->normKind == NormKind::Layer) {
    LATHE_ASSIGN_OR_RETURN(normBiasType, addWeight(slotName(Slot::FinalNormBias), Slot::FinalNormBias, 0));
  }
  lm::WeightType headType;
  if (!config.tied) {
    LATHE_ASSIGN_OR_RETURN(headType, addWeight(slotName(Slot::Head), Slot::Head, 0));
  }

  Location loc = builder.getUnknownLoc();
  auto ids = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  RankedTensorType stream = rowsType(builder, config.hidden), logits = rowsType(builder, config.vocabulary);
  auto function =
      func::FuncOp::create(builder, loc, "forward", builder.getFunctionType({ids, builder.getIndexType()}, {logits}));
  Block *body = function.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  Value embed = use(Slot::Embed, embedType);
  Value x = lm::EmbedOp::create(builder, loc, stream, body->getArgument(0), embed,
                                builder.getF64FloatAttr(config.embeddingScale));
  if (positionsType)
    x = lm::AddPositionsOp::create(builder, loc, stream, x, use(Slot::Positions, positionsType), body->getArgument(1));
  SmallVector<Value> streams = {x};
  GlobalBuilder global{builder, config, llvm::DenseMap<unsigned, Value>()};
  if (config.streams > 1) {
    for (Slot slot : globalSlots(*source.model, config))
      if (slot >= Slot::PerLayerEmbed && slot <= Slot::Unembed3) {
        LATHE_ASSIGN_OR_RETURN(auto type, addWeightBefore(function, slot));
        global.weights[static_cast<unsigned>(slot)] = use(slot, type);
      }
    streams = buildAltUpStreams(global, body->getArgument(0), x);
  }
  auto layers = lm::LayersOp::create(builder, loc, streams, body->getArgument(1), builder.getArrayAttr(kinds));
  x = layers.getResult(0);
  if (config.streams > 1)
    x = mergeAltUpStreams(global, x);
  Value norm = use(Slot::FinalNorm, normType);
  x = lm::NormOp::create(builder, loc, x, norm, config.normEps, 1,
                         normBiasType ? use(Slot::FinalNormBias, normBiasType) : Value());
  Value head = config.tied ? embed : use(Slot::Head, headType);
  x = lm::LinearOp::create(builder, loc, logits, x, head, Value(), config.logitScale);
  if (config.finalSoftcap != 0)
    x = lm::SoftcapOp::create(builder, loc, logits, x, builder.getF64FloatAttr(config.finalSoftcap));
  func::ReturnOp::create(builder, loc, x);
  return absl::OkStatus();
}

void Importer::describe() {
  const ParameterCount parameters = countParameters(*source.model, config);
  describeModel(*module, {.path = source.path,
                          .name = source.name,
                          .architecture = config.modelType,
                          .layers = config.layers,
                          .hidden = config.hidden,
                          .heads = config.heads,
                          .vocabulary = config.vocabulary,
                          .context = contextLength,
                          .parameters = parameters.all,
                          .activeParameters = parameters.active,
                          .expertsPerToken = config.experts ? config.expertsPerToken : 0,
                          .isBare = !source.checkpoint});
  if (config.sampling)
    describeSampling(*module, *config.sampling);
  if (!source.checkpoint)
    return;
  SmallVector<WeightsFile> files;
  for (auto [index, file] : llvm::enumerate(source.checkpoint->files()))
    files.push_back({file->path(), file->size(), source.checkpoint->header(index)});
  describeFiles(*module, files);
}

/// Checks the total size of weights and states: the product of sizes that are valid one by one can be larger than an
/// address, and can overflow.
double Importer::countValues() const {
  double values = 0;
  auto add = [&](Slot slot, int64_t layer) {
    double product = 1;
    for (int64_t size : slotShape(*source.model, config, slot, layer))
      product *= size;
    values += product;
  };
  for (Slot slot : globalSlots(*source.model, config))
    add(slot, 0);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (Slot slot : layerSlots(*source.model, config, layer))
      add(slot, layer);
    if (config.kindOf(layer) == LayerKind::Linear)
      values += double(config.deltaValueHeads) * config.deltaKeyDim * config.deltaValueDim;
    else
      values += double(contextLength) *
                (config.latentRank ? config.latentRank + config.ropeDim : 2 * config.kvHeads * config.headDim);
  }
  return values;
}

absl::StatusOr<OwningOpRef<ModuleOp>> Importer::run() {
  if (contextLength > config.maxPositions)
    return fileError(config.path, "--context " + Twine(contextLength) + ": expected at most the model's " +
                                      Twine(config.maxPositions) + " positions");
  const double values = countValues();
  if (values > limits::values)
    return fileError(config.path, "expected sizes that make at most " + numberString(limits::values) +
                                      " values of weights and caches, got ones that make " + numberString(values));
  module = ModuleOp::create(builder, builder.getUnknownLoc());
  builder.setInsertionPointToStart(module->getBody());
  SmallVector<Attribute> layers;
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    LATHE_ASSIGN_OR_RETURN(auto kind, addLayer(layer));
    layers.push_back(kind);
  }
  LATHE_RETURN_IF_ERROR(addForward(layers));
  describe();
  assert(succeeded(verify(*module)) && "the blocks build valid IR from a checked Config");
  return std::move(module);
}

} // namespace

absl::StatusOr<Imported> lathe::importSource(const ModelSource &source, const ImportOptions &options,
                                             MLIRContext &context) {
  constexpr int64_t atMost = 8192;
  const int64_t length = options.context ? options.context : std::min(source.config.maxPositions, atMost);
  Imported imported;
  if (options.checksLeftOut) {
    LATHE_ASSIGN_OR_RETURN(imported.notes, checkLeftOut(source, length, options.ignoreTensors));
  }
  context.loadDialect<lm::LMDialect, func::FuncDialect>();
  LATHE_ASSIGN_OR_RETURN(imported.module, Importer(context, source, length).run());
  return std::move(imported);
}
