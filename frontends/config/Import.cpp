//===- Import.cpp - Config and checkpoint to lm -------------------------------------------------------------------===//

#include "frontends/config/Import.h"
#include "compiler/support/Errors.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/ModuleAttributes.h"
#include "frontends/config/blocks/Blocks.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace lathe;

namespace {

class Importer {
public:
  Importer(MLIRContext &context, const ModelSource &source, const ImportOptions &options)
      : builder(&context), source(source), config(source.config), contextLength(contextOf(config, options)) {
    config.rope = config.rope.in(contextLength);
    config.slidingRope = config.slidingRope.in(contextLength);
  }

  absl::StatusOr<OwningOpRef<ModuleOp>> run();

private:
  absl::StatusOr<lm::WeightType> addWeight(StringRef symbol, Slot slot, int64_t layer);
  /// A weight for all layers, in front of the function that uses it.
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
  DictionaryAttr describe() const;
  DictionaryAttr describeFiles() const;
  double countValues() const;
  Value use(Slot slot, lm::WeightType type) {
    return lm::UseOp::create(builder, builder.getUnknownLoc(), type, slotName(slot));
  }

  OpBuilder builder;
  const ModelSource &source;
  Config config; // the source's, for this context
  int64_t contextLength;
  OwningOpRef<ModuleOp> module;
  llvm::StringMap<FlatSymbolRefAttr> kinds; // by structure and weight types
};

/// What a bare config's weights are taken to be.
Format defaultFormat(const Config &config, Slot slot, size_t rank) {
  if (isExperts(slot) && config.storedExperts)
    return *config.storedExperts;
  return rank > 1 && !isGlobal(slot) && slot != Slot::Router && slot != Slot::KUp && config.storedMatrices
             ? *config.storedMatrices
             : Format::BF16;
}

/// Values that share a scale stay what they are where they stay neighbours in a row and, of f8_e4m3, where a panel's
/// rows share them. Elsewhere they become bf16.
bool keepsScales(const TensorBinding &binding) {
  const FormatInfo &info = getFormatInfo(binding.format);
  if (!info.isScaled())
    return !info.isQuantised() || !binding.transposedRows;
  constexpr int64_t panel = 16;
  auto isAligned = [](int64_t rows) { return rows % panel == 0; };
  return !binding.transposedRows && !binding.permuteHeads && binding.group == binding.pitch &&
         llvm::all_of(binding.scales, [&](const ScalePlace &scale) { return isAligned(scale.firstRow); });
}

/// Of the same file, wherever the compiler is started: `..` stays, as it may go through a link.
SmallString<128> absolutePath(StringRef path) {
  SmallString<128> absolute(path);
  llvm::sys::fs::make_absolute(absolute);
  llvm::sys::path::remove_dots(absolute);
  return absolute;
}

absl::StatusOr<lm::WeightType> Importer::addWeight(StringRef symbol, Slot slot, int64_t layer) {
  LATHE_ASSIGN_OR_RETURN(TensorBinding binding, source.bind(slot, layer));
  const TensorInfo *tensor = binding.tensor;
  const Format stored = tensor ? binding.format : defaultFormat(config, slot, binding.shape.size());
  const bool isConverted = tensor && !keepsScales(binding);
  auto type = lm::WeightType::get(builder.getContext(), binding.shape, isConverted ? Format::BF16 : stored, {});

  auto op =
      lm::WeightOp::create(builder, NameLoc::get(builder.getStringAttr(tensor ? tensor->name : symbol.str())), symbol,
                           type, StringAttr(), IntegerAttr(), StringAttr(), IntegerAttr(),
                           /*transposed=*/IntegerAttr(), /*group=*/IntegerAttr(), /*pitch=*/IntegerAttr(),
                           /*unpermute_from=*/IntegerAttr(), /*offsets=*/DenseI64ArrayAttr(), /*files=*/ArrayAttr(),
                           /*row_parts=*/IntegerAttr(), /*column_parts=*/IntegerAttr(),
                           /*scale_offsets=*/DenseI64ArrayAttr(), /*scale_files=*/ArrayAttr(),
                           /*scale_rows=*/DenseI64ArrayAttr(), /*scale_columns=*/IntegerAttr(),
                           /*add_one=*/false, binding.negateExp, IntegerAttr());
  auto pathOf = [&](const TensorInfo &tensor) { return absolutePath(source.checkpoint->path(tensor)); };
  if (isConverted)
    op.setStored(getFormatInfo(stored).name);
  if (!binding.scales.empty()) {
    SmallVector<int64_t> offsets, rows;
    SmallVector<Attribute> files;
    for (const ScalePlace &scale : binding.scales) {
      offsets.push_back(scale.offset);
      rows.push_back(scale.firstRow);
      files.push_back(builder.getStringAttr(pathOf(*scale.tensor)));
    }
    op.setScaleOffsets(offsets);
    op.setScaleColumns(binding.scaleColumns);
    if (llvm::any_of(rows, [](int64_t row) { return row != 0; }))
      op.setScaleRows(rows);
    op.setScaleFilesAttr(builder.getArrayAttr(files));
  }
  if (binding.transposedRows)
    op.setTransposed(binding.transposedRows);
  if (binding.pitch != binding.group) {
    op.setGroup(binding.group);
    op.setPitch(binding.pitch);
  }
  if (!binding.places.empty()) {
    SmallVector<int64_t> offsets;
    SmallVector<Attribute> files;
    for (const MatrixPlace &place : binding.places) {
      offsets.push_back(place.offset);
      files.push_back(builder.getStringAttr(pathOf(*place.tensor)));
    }
    op.setFile(cast<StringAttr>(files.front()).getValue());
    op.setOffset(offsets.front());
    op.setOffsets(offsets);
    if (!llvm::all_equal(files))
      op.setFilesAttr(builder.getArrayAttr(files));
    if (binding.cut.rows > 1)
      op.setRowParts(binding.cut.rows);
    if (binding.cut.columns > 1)
      op.setColumnParts(binding.cut.columns);
  } else if (tensor) {
    const SmallString<128> path = pathOf(*tensor);
    // Rows of a tensor that holds several weights: their place is known here, the packer reads on.
    const int64_t width = binding.shape.size() == 2 ? binding.shape[1] : 1;
    const FormatInfo &info = getFormatInfo(stored);
    const int64_t before = binding.firstRow * (binding.transposedRows ? 1 : width);
    op.setFile(path.str());
    op.setOffset(tensor->offset + before / info.block * info.bytes);
  }
  if (binding.permuteHeads)
    op.setUnpermute(binding.permuteHeads);
  if (binding.permuteFrom)
    op.setUnpermuteFrom(binding.permuteFrom);
  op.setAddOne(binding.add == 1);
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

/// What the layer keeps from call to call, by name.
Importer::States Importer::statesOf(int64_t layer) {
  MLIRContext *context = builder.getContext();
  if (config.kinds[layer] == LayerKind::Linear) {
    auto convolution = [&](int64_t heads, int64_t dim) {
      return lm::CarryType::get(context, heads, dim * (config.convWidth - 1));
    };
    // A head's state in parts of columns that stay in a core's first cache.
    int64_t dim = config.deltaValueDim, columns = dim % 64 == 0 ? 64 : dim;
    auto delta = lm::CarryType::get(context, config.deltaValueHeads * (dim / columns), config.deltaKeyDim * columns);
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
    // Kinds of one structure that differ in weight types are numbered: sliding, sliding.1, ...
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

DictionaryAttr Importer::describe() const {
  Builder b(builder.getContext());
  const SmallString<128> path = absolutePath(source.path);
  SmallString<128> named(path);
  llvm::sys::path::remove_dots(named, /*remove_dot_dot=*/true);
  // A file called config.json says less than the folder it is in.
  StringRef name = llvm::sys::path::filename(named);
  if (name == "config.json")
    name = llvm::sys::path::filename(llvm::sys::path::parent_path(named));
  SmallVector<NamedAttribute> entries;
  auto integer = [&](StringRef key, int64_t value) {
    entries.push_back({b.getStringAttr(key), b.getI64IntegerAttr(value)});
  };
  auto string = [&](StringRef key, StringRef value) {
    entries.push_back({b.getStringAttr(key), b.getStringAttr(value)});
  };
  string("path", path);
  string("name", source.gguf ? source.gguf->name() : name);
  string("architecture", config.modelType);
  integer("layers", config.layers);
  integer("hidden", config.hidden);
  integer("heads", config.heads);
  integer("vocabulary", config.vocabulary);
  integer("context", contextLength);
  const ParameterCount parameters = countParameters(*source.model, config);
  integer("parameters", parameters.all);
  if (parameters.active != parameters.all)
    integer("active_parameters", parameters.active);
  if (config.experts)
    integer("experts_per_token", config.expertsPerToken);
  if (!source.checkpoint)
    entries.push_back({b.getStringAttr("bare"), b.getUnitAttr()});
  return b.getDictionaryAttr(entries);
}

static DictionaryAttr describeSampling(Builder &b, const SamplingValues &values) {
  const std::pair<StringRef, Attribute> entries[] = {
      {"origin", b.getStringAttr(values.origin)},
      {"temperature", b.getF64FloatAttr(values.temperature)},
      {"top_k", b.getI64IntegerAttr(values.topK)},
      {"top_p", b.getF64FloatAttr(values.topP)},
      {"min_p", b.getF64FloatAttr(values.minP)},
      {"repeat_penalty", b.getF64FloatAttr(values.repeatPenalty)},
      {"unfollowed", b.getStringAttr(llvm::join(values.unfollowed, ", "))}};
  SmallVector<NamedAttribute> attributes;
  for (auto &[key, value] : entries)
    attributes.push_back({b.getStringAttr(key), value});
  return b.getDictionaryAttr(attributes);
}

/// Of every file of weights its size and a hash of its header: a dump that is gone on from must find them again.
DictionaryAttr Importer::describeFiles() const {
  Builder b(builder.getContext());
  SmallVector<NamedAttribute> files;
  for (unsigned file = 0; file < source.checkpoint->files().size(); ++file) {
    const MappedFile &mapped = *source.checkpoint->files()[file];
    const std::string hash = llvm::utohexstr(llvm::xxh3_64bits(source.checkpoint->header(file)), /*LowerCase=*/true);
    files.push_back(b.getNamedAttr(
        absolutePath(mapped.path()),
        b.getDictionaryAttr({b.getNamedAttr("bytes", b.getI64IntegerAttr(static_cast<int64_t>(mapped.size()))),
                             b.getNamedAttr("header", b.getStringAttr(hash))})));
  }
  return b.getDictionaryAttr(files);
}

/// Of weights and states: sizes that are each possible can multiply to what no address reaches, and overflow on the
/// way.
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
  (*module)->setAttr(lm::kModelAttr, describe());
  if (config.sampling)
    (*module)->setAttr(lm::kSamplingAttr, describeSampling(builder, *config.sampling));
  if (source.checkpoint)
    (*module)->setAttr(lm::kFilesAttr, describeFiles());
  assert(succeeded(verify(*module)) && "the blocks build valid IR from a checked Config");
  return std::move(module);
}

} // namespace

int64_t lathe::contextOf(const Config &config, const ImportOptions &options) {
  constexpr int64_t atMost = 8192;
  return options.context ? options.context : std::min(config.maxPositions, atMost);
}

absl::StatusOr<OwningOpRef<ModuleOp>> lathe::importModel(MLIRContext &context, const ModelSource &source,
                                                         const ImportOptions &options) {
  context.loadDialect<lm::LMDialect, func::FuncDialect>();
  return Importer(context, source, options).run();
}
