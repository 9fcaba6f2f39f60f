// Compares a module's attributes with its ops. The verifier of the lm dialect checks keys and types of attributes
// (dialects/lm/ModuleAttributes.cpp); the checks here need the whole module.

#include "compiler/driver/Program.h"
#include "compiler/driver/Stages.h"
#include "compiler/support/ModuleAttributes.h"
#include "compiler/targets/Registry.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/Layout.h"
#include "dialects/spmd/SPMDOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace mlir;

namespace {

class AttributeContracts {
public:
  AttributeContracts(ModuleOp module, Stage stage)
      : module(module), stage(stage), model(module->getAttrOfType<DictionaryAttr>(lm::kModelAttr)),
        options(module->getAttrOfType<DictionaryAttr>(kOptionsAttr)) {}

  LogicalResult verify() {
    return success(succeeded(verifyNames()) && succeeded(verifySizes()) && succeeded(verifyLayers()) &&
                   succeeded(verifyCaches()) && succeeded(verifyMemory()) && succeeded(verifyEntries()) &&
                   succeeded(verifyChoices()));
  }

private:
  /// Reports attributes that neither the op declares nor a dialect knows.
  LogicalResult verifyNames();
  LogicalResult verifySizes();
  LogicalResult verifyLayers();
  LogicalResult verifyCaches();
  LogicalResult verifyMemory();
  LogicalResult verifyEntries();
  LogicalResult verifyChoices();

  std::optional<int64_t> find(DictionaryAttr entries, StringRef key) {
    auto number = entries ? entries.getAs<IntegerAttr>(key) : IntegerAttr();
    return number ? std::optional(number.getInt()) : std::nullopt;
  }
  /// `what`: where the expected number comes from.
  LogicalResult expect(const Twine &key, std::optional<int64_t> found, int64_t expected, const Twine &what) {
    if (!found || *found == expected)
      return success();
    return module.emitError() << key << ": expected " << expected << ", " << what << ", found " << *found;
  }

  ModuleOp module;
  Stage stage;
  DictionaryAttr model, options; // may be null
};

LogicalResult AttributeContracts::verifyNames() {
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      if (!attribute.getNameDialect())
        return op->emitOpError() << "expects attributes that it or a dialect declares, but found '"
                                 << attribute.getName().getValue() << "'";
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// The embedding and the output matrix have a row for each token id.
LogicalResult AttributeContracts::verifySizes() {
  for (auto weight : module.getOps<lm::WeightOp>()) {
    const bool isTable = weight.getSymName() == "embed_tokens";
    lm::WeightType type = weight.getWeightType();
    if ((!isTable && weight.getSymName() != "lm_head") || !type.isMatrix())
      continue;
    const std::string of = (" of lm.weight @" + weight.getSymName()).str();
    if (failed(expect("lm.model.vocabulary", find(model, "vocabulary"), type.getRows(), "the rows" + of)) ||
        failed(expect("lm.model.hidden", find(model, "hidden"), type.getColumns(), "the columns" + of)))
      return failure();
  }
  return success();
}

LogicalResult AttributeContracts::verifyLayers() {
  std::optional<int64_t> layers = find(model, "layers");
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    auto kinds = isa<lm::LayersOp, spmd::LayersOp>(op) ? op->getAttrOfType<ArrayAttr>("kinds") : ArrayAttr();
    if (kinds && failed(expect("lm.model.layers", layers, kinds.size(),
                               "as many as " + op->getName().getStringRef() + " has kinds")))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (result.wasInterrupted() || !layers)
    return failure(result.wasInterrupted());
  // From stage vector on the number of layers is only in the names of weights and states.
  int64_t count = 0;
  for (Operation &op : *module.getBody()) {
    StringRef name = isa<lm::WeightOp, lm::StateOp>(op) ? SymbolTable::getSymbolName(&op).getValue() : StringRef();
    int64_t layer = 0;
    if (name.consume_front("layers.") && !name.split('.').first.getAsInteger(10, layer))
      count = std::max(count, layer + 1);
  }
  return count ? expect("lm.model.layers", layers, count, "as weights and states have them") : success();
}

/// Caches without a window have a row for each position of the context.
LogicalResult AttributeContracts::verifyCaches() {
  std::optional<int64_t> context = find(model, "context");
  if (!context || stage < Stage::Graph)
    return success();
  const int64_t rows = llvm::alignTo(*context, kPanelRows);
  for (auto state : module.getOps<lm::StateOp>()) {
    lm::CacheType cache = state.getCacheType();
    if (cache && cache.getRows() && !cache.getWindow() && cache.getRows() != rows)
      return module.emitError() << "lm.model.context: expected what makes the " << cache.getRows()
                                << " rows of lm.state @" << state.getSymName() << ", found " << *context
                                << ", which makes " << rows;
  }
  return success();
}

/// The memory of each kind ends where its last buffer, weight or state ends.
LogicalResult AttributeContracts::verifyMemory() {
  constexpr int64_t line = 64; // as lm-plan-memory
  int64_t arena = line, scratch = line, weights = kTensorAlign, caches = kTensorAlign;
  bool hasBuffers = false;
  module.walk([&](spmd::BufferOp buffer) {
    if (!buffer.getOffset())
      return;
    hasBuffers = true;
    int64_t &segment = buffer.getSpace() == spmd::Space::Arena ? arena : scratch;
    segment = std::max<int64_t>(segment, llvm::alignTo(*buffer.getOffset() + buffer.getBytes(), line));
  });
  for (auto weight : module.getOps<lm::WeightOp>())
    if (lm::WeightType type = weight.getWeightType(); type.isVector() || type.getLayout())
      weights = std::max<int64_t>(weights, weight.getOffset().value_or(0) + getPackedBytes(type));
  for (auto state : module.getOps<lm::StateOp>())
    caches = std::max<int64_t>(caches, state.getOffset().value_or(0) + getStateBytes(state.getType()));
  auto numberOf = [&](StringRef key) {
    auto number = module->getAttrOfType<IntegerAttr>(key);
    return number ? std::optional(number.getInt()) : std::nullopt;
  };
  if (hasBuffers && (failed(expect(spmd::kArenaBytesAttr, numberOf(spmd::kArenaBytesAttr), arena,
                                   "the end of the last buffer in the arena")) ||
                     failed(expect(spmd::kScratchBytesAttr, numberOf(spmd::kScratchBytesAttr), scratch,
                                   "the end of the last buffer in the scratch"))))
    return failure();
  auto program = module->getAttrOfType<DictionaryAttr>(kProgramAttr);
  for (auto [key, area] :
       {std::pair("arena_bytes", spmd::kArenaBytesAttr), std::pair("scratch_bytes", spmd::kScratchBytesAttr)})
    if (std::optional<int64_t> planned = numberOf(area);
        planned && failed(expect("lm.program." + Twine(key), find(program, key), *planned, "as " + area + " says")))
      return failure();
  if (failed(expect("lm.program.weights_bytes", find(program, "weights_bytes"), weights, "the end of the last weight")))
    return failure();
  return expect("lm.program.cache_bytes", find(program, "cache_bytes"), caches, "the end of the last state");
}

/// The module has the programs that the runtime calls, and no others.
LogicalResult AttributeContracts::verifyEntries() {
  auto described = module->getAttrOfType<DictionaryAttr>(kProgramAttr);
  for (auto program : module.getOps<spmd::ProgramOp>()) {
    const StringRef name = program.getSymName();
    const int64_t rows = program.getRows();
    if (!llvm::is_contained({"decode", "prefill", "logits"}, name))
      return program.emitError() << "spmd.program: expected decode, prefill or logits, found " << name;
    std::optional<int64_t> callRows = find(options, "prefill_rows"), context = find(model, "context");
    if (name == "prefill" && callRows && context &&
        failed(expect("lm.options.prefill_rows", std::min(*callRows, *context), rows, "the rows of @prefill")))
      return failure();
    if (failed(expect("lm.program." + name + "_rows", find(described, (name + "_rows").str()), rows,
                      "the rows of @" + name)))
      return failure();
  }
  return success();
}

LogicalResult AttributeContracts::verifyChoices() {
  if (!options)
    return success();
  auto verifyChoice = [&](StringRef key, ArrayRef<StringRef> known) -> LogicalResult {
    auto found = options.getAs<StringAttr>(key);
    if (!found || llvm::is_contained(known, found.getValue()))
      return success();
    InFlightDiagnostic error = module.emitError();
    error << kOptionsAttr << "." << key << ": expected one of ";
    llvm::interleaveComma(known, error);
    return error << ", found " << found;
  };
  SmallVector<StringRef> targets;
  for (const std::unique_ptr<Target> &target : allTargets())
    targets.push_back(target->getName());
  return success(succeeded(verifyChoice("target", targets)) &&
                 succeeded(verifyChoice("weights", {"as-stored", "f32", "bf16", "q8", "q4"})));
}

} // namespace

LogicalResult lathe::verifyCounts(ModuleOp counted, ModuleOp module) {
  SmallVector<spmd::PhaseOp> expected, found;
  counted.walk([&](spmd::PhaseOp phase) { expected.push_back(phase); });
  module.walk([&](spmd::PhaseOp phase) { found.push_back(phase); });
  for (auto [right, phase] : llvm::zip_equal(expected, found))
    if (phase.getCost() && phase.getCostAttr() != right.getCostAttr())
      return phase.emitOpError() << "expects " << right.getCostAttr() << ", but found " << phase.getCostAttr();
  auto right = counted->getAttrOfType<DictionaryAttr>(kProgramAttr),
       program = module->getAttrOfType<DictionaryAttr>(kProgramAttr);
  for (NamedAttribute entry : right)
    if (Attribute value = program.get(entry.getName()); value != entry.getValue()) {
      InFlightDiagnostic error = module.emitError() << kProgramAttr << "." << entry.getName().getValue() << ": ";
      if (isa<DictionaryAttr>(entry.getValue())) // too long for a message
        error << "expected what the schedule makes, found another one";
      else
        error << "expected " << entry.getValue() << ", found ";
      if (!isa<DictionaryAttr>(entry.getValue()))
        value ? error << value : error << "none";
      return error << "; without " << kProgramAttr << " it is computed anew";
    }
  return success();
}

LogicalResult lathe::verifyAttributes(ModuleOp module, Stage stage) {
  return AttributeContracts(module, stage).verify();
}
