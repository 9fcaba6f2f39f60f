#include "frontends/onnx/Emit.h"
#include "compiler/support/Errors.h"
#include "dialects/lm/LMDialect.h"
#include "frontends/onnx/EmitWeight.h"
#include "frontends/onnx/SlotNames.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

using Order = llvm::ArrayRef<const Term *>;

RankedTensorType rowsType(Builder &builder, int64_t columns) {
  return RankedTensorType::get({ShapedType::kDynamic, columns}, builder.getF32Type());
}

/// Emits operations into one function.
class BodyBuilder {
public:
  BodyBuilder(OpBuilder &builder, const ModelFile &model, const Program &program)
      : builder(builder), model(model), program(program) {}

  absl::Status emit(const Term *operation);

  Value position, ids, cache;
  llvm::DenseMap<const Term *, Value> values;
  llvm::DenseSet<const Term *> scaled;                 // their only user is a factor, which is part of the same op
  std::function<Value(const Term *, size_t)> weightOf; // null: it has none

private:
  Value argument(const Term *operation, size_t i = 0) { return values.lookup(operation->argument(i)); }
  absl::StatusOr<Value> make(const Term *operation, double scale);
  absl::StatusOr<Value> makeAttention(const Term *operation);
  absl::StatusOr<Value> makeExperts(const Term *operation);
  lm::RopeAttr ropeOf(const Term *operation);

  OpBuilder &builder;
  const ModelFile &model;
  const Program &program;
};

lm::RopeAttr BodyBuilder::ropeOf(const Term *operation) {
  const Frequencies &frequencies = program.rotations.find(operation)->second;
  const double theta = frequencies.theta != 0 ? frequencies.theta : 1e4;
  return lm::RopeAttr::get(builder.getContext(), operation->rope.dim, theta,
                           frequencies.theta != 0 ? StringAttr() : builder.getStringAttr("table"), frequencies.factor,
                           SmallVector<lm::Single>(frequencies.values.begin(), frequencies.values.end()));
}

absl::StatusOr<Value> BodyBuilder::makeAttention(const Term *operation) {
  Location loc = builder.getUnknownLoc();
  const Term *keys = operation->argument(1), *appended = operation->argument(2);
  lm::AppendOp::create(builder, loc, values.lookup(keys->argument()), values.lookup(appended->argument()), cache,
                       position);
  const AttentionInfo &info = operation->attention;
  return lm::AttentionOp::create(builder, loc, argument(operation), cache, position, info.heads, info.scale,
                                 info.softcap, weightOf(operation, 0))
      .getResult();
}

absl::StatusOr<Value> BodyBuilder::makeExperts(const Term *operation) {
  Location loc = builder.getUnknownLoc();
  const ExpertsInfo &info = operation->experts;
  auto choice = RankedTensorType::get({ShapedType::kDynamic, info.top}, builder.getI32Type());
  auto route =
      lm::RouteOp::create(builder, loc, rowsType(builder, info.top), choice, argument(operation, 1), Value(),
                          builder.getI64IntegerAttr(info.top), lm::ScoringAttr::get(builder.getContext(), info.scoring),
                          builder.getF64FloatAttr(1), info.isNormalized ? builder.getUnitAttr() : UnitAttr(),
                          builder.getI64IntegerAttr(1), builder.getI64IntegerAttr(1), builder.getI64IntegerAttr(1));
  Value x = argument(operation), shared, gate;
  if (operation->arguments.size() > 2) {
    shared = argument(operation, 2);
    gate = argument(operation, 3);
  }
  return lm::ExpertsOp::create(builder, loc, x.getType(), x, route.getWeights(), route.getExperts(),
                               weightOf(operation, 0), weightOf(operation, 1), weightOf(operation, 2), shared, gate,
                               weightOf(operation, 3), weightOf(operation, 4), weightOf(operation, 5),
                               lm::ActivationAttr::get(builder.getContext(), operation->activation),
                               builder.getF64FloatAttr(info.limit), builder.getF64FloatAttr(info.upOffset), UnitAttr())
      .getResult();
}

absl::StatusOr<Value> BodyBuilder::make(const Term *operation, double scale) {
  Location loc = builder.getUnknownLoc();
  RankedTensorType type = rowsType(builder, operation->width);
  auto weight = [&](size_t i) { return weightOf(operation, i); };
  switch (operation->kind) {
  case Kind::Embed:
    return lm::EmbedOp::create(builder, loc, type, ids, weight(0), builder.getF64FloatAttr(scale)).getResult();
  case Kind::AddPositions:
    return lm::AddPositionsOp::create(builder, loc, type, argument(operation), weight(0), position).getResult();
  case Kind::Norm:
    if (operation->index == 1 && !operation->weight(1))
      return invalid("expected a layer norm with a bias, got one without");
    return lm::NormOp::create(builder, loc, argument(operation), weight(0), operation->number, operation->groups,
                              weight(1))
        .getResult();
  case Kind::Linear:
    return lm::LinearOp::create(builder, loc, type, argument(operation), weight(0), weight(1), scale).getResult();
  case Kind::Rope: {
    Value x = argument(operation);
    return lm::RopeOp::create(builder, loc, x.getType(), x, position, operation->rope.heads, ropeOf(operation),
                              operation->rope.from)
        .getResult();
  }
  case Kind::Attention:
    return makeAttention(operation);
  case Kind::Experts:
    return makeExperts(operation);
  case Kind::Glu:
    return lm::GluOp::create(builder, loc, type, argument(operation), argument(operation, 1), operation->activation)
        .getResult();
  case Kind::Activation:
    return lm::ActivationOp::create(builder, loc, type, argument(operation), operation->activation).getResult();
  case Kind::Sigmoid:
    return lm::ActivationOp::create(builder, loc, type, argument(operation), lm::Activation::Sigmoid).getResult();
  case Kind::Tanh:
    return lm::ActivationOp::create(builder, loc, type, argument(operation), lm::Activation::Tanh).getResult();
  case Kind::Scale: {
    const Term *inner = operation->argument();
    if (scaled.contains(inner))
      return make(inner, operation->number);
    return lm::ScaleOp::create(builder, loc, type, argument(operation), builder.getF64FloatAttr(operation->number))
        .getResult();
  }
  case Kind::Multiply:
    return lm::MultiplyOp::create(builder, loc, argument(operation), weight(0)).getResult();
  case Kind::Softcap:
    return lm::SoftcapOp::create(builder, loc, type, argument(operation), builder.getF64FloatAttr(operation->number))
        .getResult();
  case Kind::Add: {
    // The residual stream, which is older, first.
    Value a = argument(operation), b = argument(operation, 1);
    const auto number = [&](size_t i) { return llvm::find(program.order, operation->argument(i)); };
    if (number(0) > number(1))
      std::swap(a, b);
    return lm::AddOp::create(builder, loc, type, a, b).getResult();
  }
  default:
    return invalid("expected a step that another node completes, got " + nameOf(operation->kind) + " alone");
  }
}

absl::Status BodyBuilder::emit(const Term *operation) {
  if (operation->kind == Kind::Append || scaled.contains(operation))
    return absl::OkStatus();
  auto value = make(operation, 1);
  if (!value.ok()) {
    const Node &node = model.graph->nodes[operation->node];
    std::string inputs;
    for (int input : node.inputs)
      inputs +=
          (inputs.empty() ? "" : ", ") + (input < 0 ? std::string("none") : printable(model.graph->nameOf(input)));
    return fileError(model.path, printable(node.name),
                     printable(node.qualifiedOp()) + " of " + inputs + ": " + std::string(value.status().message()));
  }
  values[operation] = *value;
  return absl::OkStatus();
}

/// A weight of an operation.
using WeightUse = std::pair<const Term *, size_t>;

class Emitter {
public:
  Emitter(const ModelFile &model, const Program &program, MLIRContext &context)
      : builder(&context), model(model), program(program) {}

  absl::StatusOr<EmittedModule> run();

private:
  Order rangeOf(const LayerRange &layer) const {
    return llvm::ArrayRef(program.order).slice(layer.first + 1, layer.last - layer.first);
  }
  absl::StatusOr<FlatSymbolRefAttr> addLayer(int64_t number);
  absl::Status addKind(StringRef name, int64_t number, Order range, ArrayRef<std::pair<WeightUse, std::string>> slots);
  absl::Status addForward(ArrayRef<Attribute> kinds);
  absl::StatusOr<lm::CacheType> cacheOf(const LayerRange &layer) const;
  std::string keyOf(const LayerRange &layer, ArrayRef<std::pair<WeightUse, std::string>> slots) const;
  void add(StringRef symbol, const Weight &weight) {
    emitWeight(builder, symbol, weight);
    if (const std::optional<Format> format = convertedTo(weight))
      ++emitted.converted[getFormatInfo(*format).name.str()];
    emitted.parameters += countOf(weight);
    emitted.activeParameters += weight.experts ? countOf(weight) / weight.experts : countOf(weight);
  }
  BodyBuilder bodyBuilder(Order range) {
    BodyBuilder body(builder, model, program);
    for (const Term *operation : range)
      if (operation->kind == Kind::Scale && users.lookup(operation->argument()) == 1 &&
          llvm::is_contained({Kind::Linear, Kind::Embed}, operation->argument()->kind) &&
          llvm::is_contained(range, operation->argument()))
        body.scaled.insert(operation->argument());
    return body;
  }

  OpBuilder builder;
  const ModelFile &model;
  const Program &program;
  EmittedModule emitted;
  llvm::StringMap<FlatSymbolRefAttr> kinds;
  llvm::DenseMap<const Term *, unsigned> users;
};

absl::StatusOr<lm::CacheType> Emitter::cacheOf(const LayerRange &layer) const {
  const Term *attention = nullptr;
  for (const Term *operation : rangeOf(layer))
    if (operation->kind == Kind::Attention)
      attention = operation;
  const AttentionInfo &info = attention->attention;
  const Window window = program.windows.find(attention)->second;
  for (size_t i : {1, 2}) {
    const Term *cache = attention->argument(i);
    if (!llvm::is_contained(rangeOf(layer), cache))
      return fileError(model.path, printable(model.graph->nodes[attention->node].name),
                       "expected keys and values of the attention's own layer, got those of another one");
  }
  return lm::CacheType::get(const_cast<OpBuilder &>(builder).getContext(), info.kvHeads, info.dim,
                            const_cast<OpBuilder &>(builder).getF32Type(),
                            window.size >= program.context ? 0 : window.size, 0,
                            window.isChunk && window.size < program.context, 0);
}

/// Layers with the same text have the same function.
std::string Emitter::keyOf(const LayerRange &layer, ArrayRef<std::pair<WeightUse, std::string>> slots) const {
  std::string key;
  llvm::raw_string_ostream out(key);
  llvm::DenseMap<const Term *, size_t> numbers;
  numbers[program.order[layer.first]] = 1;
  for (const Term *operation : rangeOf(layer)) {
    numbers[operation] = numbers.size() + 1;
    out << nameOf(operation->kind) << ' ' << operation->width << ' ' << numberString(operation->number) << ' '
        << operation->groups << ' ' << int(operation->activation) << ' ' << operation->experts.top << ' '
        << operation->experts.isNormalized << ' ' << int(operation->experts.scoring) << ' '
        << numberString(operation->experts.limit) << ' ' << numberString(operation->experts.upOffset);
    if (operation->kind == Kind::Norm)
      out << ' ' << operation->index;
    if (operation->kind == Kind::Attention) {
      const AttentionInfo &info = operation->attention;
      const Window window = program.windows.find(operation)->second;
      out << ' ' << info.heads << ' ' << info.kvHeads << ' ' << numberString(info.scale) << ' '
          << numberString(info.softcap) << ' ' << window.size << ' ' << window.isChunk;
    }
    if (operation->kind == Kind::Rope) {
      const Frequencies &frequencies = program.rotations.find(operation)->second;
      out << ' ' << operation->rope.heads << ' ' << operation->rope.dim << ' ' << operation->rope.from << ' '
          << numberString(frequencies.factor);
      for (float frequency : frequencies.values)
        out << ' ' << numberString(frequency);
    }
    for (const Term *argument : operation->arguments)
      out << " %" << numbers.lookup(argument);
    out << '\n';
  }
  for (const auto &[use, slot] : slots)
    out << slot << ' ' << typeOf(const_cast<OpBuilder &>(builder).getContext(), use.first->weights[use.second]) << '\n';
  return key;
}

absl::Status Emitter::addKind(StringRef name, int64_t number, Order range,
                              ArrayRef<std::pair<WeightUse, std::string>> slots) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(emitted.module->getBody());
  const LayerRange &layer = program.layers[number];
  const Term *input = program.order[layer.first];
  LATHE_ASSIGN_OR_RETURN(const lm::CacheType cache, cacheOf(layer));
  SmallVector<Type> types = {rowsType(builder, input->width), builder.getIndexType()};
  for (const auto &[use, slot] : slots)
    types.push_back(typeOf(builder.getContext(), use.first->weights[use.second]));
  types.push_back(cache);
  auto function =
      func::FuncOp::create(builder, builder.getUnknownLoc(), name, builder.getFunctionType(types, {types.front()}));
  function.setPrivate();
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  BodyBuilder body = bodyBuilder(range);
  body.values[input] = block->getArgument(0);
  body.position = block->getArgument(1);
  body.cache = block->getArguments().back();
  llvm::DenseMap<std::pair<const Term *, unsigned>, Value> weights;
  for (auto [index, entry] : llvm::enumerate(slots)) {
    weights[{entry.first.first, entry.first.second}] = block->getArgument(index + 2);
    function.setArgAttr(index + 2, lm::kSlotAttr, builder.getStringAttr(entry.second));
  }
  function.setArgAttr(types.size() - 1, lm::kSlotAttr, builder.getStringAttr("cache"));
  body.weightOf = [&](const Term *operation, size_t i) {
    return weights.lookup({operation, static_cast<unsigned>(i)});
  };
  for (const Term *operation : range)
    LATHE_RETURN_IF_ERROR(body.emit(operation));
  func::ReturnOp::create(builder, builder.getUnknownLoc(), body.values.lookup(range.back()));
  return absl::OkStatus();
}

absl::StatusOr<FlatSymbolRefAttr> Emitter::addLayer(int64_t number) {
  const LayerRange &layer = program.layers[number];
  const Order range = rangeOf(layer);
  if (program.order[layer.first]->width != range.back()->width)
    return fileError(model.path, "expected a residual stream of one width, got layers of other widths");
  const auto slots = nameSlots(range);
  for (const auto &[use, slot] : slots)
    add(lm::LayersOp::bind(number, slot), use.first->weights[use.second]);
  LATHE_ASSIGN_OR_RETURN(const lm::CacheType cache, cacheOf(layer));
  lm::StateOp::create(builder, builder.getUnknownLoc(), lm::LayersOp::bind(number, "cache"), cache, FlatSymbolRefAttr(),
                      IntegerAttr());
  auto [entry, isNew] = kinds.try_emplace(keyOf(layer, slots));
  if (isNew) {
    std::string base = cache.getChunked() ? "chunked" : cache.getWindow() ? "sliding" : "layer", name = base;
    for (int variant = 1; emitted.module->lookupSymbol(name); ++variant)
      name = base + "." + std::to_string(variant);
    entry->second = FlatSymbolRefAttr::get(builder.getContext(), name);
    LATHE_RETURN_IF_ERROR(addKind(name, number, range, slots));
  }
  return entry->second;
}

absl::Status Emitter::addForward(ArrayRef<Attribute> kinds) {
  const size_t first = program.layers.front().first, last = program.layers.back().last;
  const Order before = llvm::ArrayRef(program.order).take_front(first + 1),
              after = llvm::ArrayRef(program.order).drop_front(last + 1);
  // Head and embedding may be one matrix.
  std::vector<std::pair<Weight, std::string>> known;
  llvm::DenseMap<std::pair<const Term *, unsigned>, std::pair<std::string, Type>> symbols;
  for (Order part : {before, after})
    for (const auto &[use, slot] : nameSlots(part)) {
      const Weight &weight = use.first->weights[use.second];
      const auto same = llvm::find_if(known, [&](const auto &entry) { return entry.first == weight; });
      std::string symbol = slot;
      if (same != known.end()) {
        symbol = same->second;
      } else {
        for (int variant = 1; emitted.module->lookupSymbol(symbol); ++variant)
          symbol = slot + "." + std::to_string(variant);
        add(symbol, weight);
        known.emplace_back(weight, symbol);
      }
      symbols[{use.first, static_cast<unsigned>(use.second)}] = {symbol, typeOf(builder.getContext(), weight)};
    }
  Location loc = builder.getUnknownLoc();
  auto ids = RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
  const Term *logits = program.order.back();
  auto function =
      func::FuncOp::create(builder, loc, "forward",
                           builder.getFunctionType({ids, builder.getIndexType()}, {rowsType(builder, logits->width)}));
  Block *block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
  BodyBuilder body = bodyBuilder(before);
  for (const Term *operation : bodyBuilder(after).scaled)
    body.scaled.insert(operation);
  body.ids = block->getArgument(0);
  body.position = block->getArgument(1);
  llvm::StringMap<Value> uses;
  body.weightOf = [&](const Term *operation, size_t i) -> Value {
    auto found = symbols.find({operation, static_cast<unsigned>(i)});
    if (found == symbols.end())
      return {};
    Value &use = uses[found->second.first];
    if (!use)
      use = lm::UseOp::create(builder, loc, found->second.second, found->second.first);
    return use;
  };
  for (const Term *operation : before)
    LATHE_RETURN_IF_ERROR(body.emit(operation));
  Value stream = body.values.lookup(before.back());
  auto layers = lm::LayersOp::create(builder, loc, ValueRange{stream}, body.position, builder.getArrayAttr(kinds));
  body.values[program.order[last]] = layers.getResult(0);
  for (const Term *operation : after)
    LATHE_RETURN_IF_ERROR(body.emit(operation));
  func::ReturnOp::create(builder, loc, body.values.lookup(logits));
  return absl::OkStatus();
}

absl::StatusOr<EmittedModule> Emitter::run() {
  for (const Term *operation : program.order)
    for (const Term *argument : operation->arguments)
      ++users[argument];
  emitted.module = ModuleOp::create(builder, builder.getUnknownLoc());
  builder.setInsertionPointToStart(emitted.module->getBody());
  SmallVector<Attribute> layers;
  for (int64_t i = 0; i < static_cast<int64_t>(program.layers.size()); ++i) {
    LATHE_ASSIGN_OR_RETURN(const FlatSymbolRefAttr kind, addLayer(i));
    layers.push_back(kind);
  }
  LATHE_RETURN_IF_ERROR(addForward(layers));
  if (failed(verify(*emitted.module)))
    return fileError(model.path, "expected operations that make a valid module of lm, got others");
  return std::move(emitted);
}

} // namespace

absl::StatusOr<EmittedModule> lathe::onnx::emitModule(const ModelFile &model, const Program &program,
                                                      MLIRContext &context) {
  context.loadDialect<lm::LMDialect, func::FuncDialect>();
  return Emitter(model, program, context).run();
}
