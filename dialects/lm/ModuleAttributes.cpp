#include "dialects/lm/ModuleAttributes.h"
#include "dialects/lm/KnownAttributes.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/LMOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::lm;

namespace {

enum class Kind : uint8_t { Integer, Number, Text, Identifier, Flag, Unit, Numbers, Dictionary };

/// An entry of one of the dictionaries; `min` and `max` of an integer.
struct Key {
  llvm::StringLiteral dictionary, name;
  Kind kind;
  int64_t min = 0, max = 0;
};

// The same ranges as in compiler/support/ModuleAttributes.h and on the command line. They keep counts far below 2^63.
constexpr int64_t kMaxBytes = int64_t(1) << 50, kMaxContext = int64_t(1) << 31, kMaxRows = 1 << 16;
constexpr int64_t kMaxLayers = 1 << 20, kMaxThreads = 1024, kMaxCount = int64_t(1) << 60;

constexpr llvm::StringLiteral model = "lm.model", options = "lm.options", program = "lm.program",
                              sampling = "lm.sampling", file = "lm.files";

constexpr Key keys[] = {
    {model, "active_parameters", Kind::Integer, 0, kMaxCount},
    {model, "architecture", Kind::Text},
    {model, "bare", Kind::Unit},
    {model, "context", Kind::Integer, 1, kMaxContext},
    {model, "experts_per_token", Kind::Integer, 1, kMaxRows},
    {model, "heads", Kind::Integer, 1, kMaxBytes},
    {model, "hidden", Kind::Integer, 1, kMaxBytes},
    {model, "layers", Kind::Integer, 1, kMaxLayers},
    {model, "name", Kind::Text},
    {model, "parameters", Kind::Integer, 0, kMaxCount},
    {model, "path", Kind::Text},
    {model, "tokenizer", Kind::Text},
    {model, "vocabulary", Kind::Integer, 1, kMaxBytes},
    {options, "decompose", Kind::Text},
    {options, "embed_weights", Kind::Flag},
    {options, "features", Kind::Text},
    {options, "gpu", Kind::Text},
    {options, "mcpu", Kind::Text},
    {options, "prefill_rows", Kind::Integer, 1, kMaxRows},
    {options, "schedule_for", Kind::Text},
    {options, "symbol_prefix", Kind::Identifier},
    {options, "target", Kind::Text},
    {options, "threads", Kind::Integer, 0, kMaxThreads},
    {options, "tuning", Kind::Text},
    {options, "weights", Kind::Text},
    {program, "arena_bytes", Kind::Integer, 1, kMaxBytes},
    {program, "barriers_per_layer", Kind::Integer, 0, kMaxRows},
    {program, "cache_bytes", Kind::Integer, 1, kMaxBytes},
    {program, "traces", Kind::Dictionary},
    {program, "decode_rows", Kind::Integer, 1, kMaxBytes},
    {program, "decode_weight_bytes", Kind::Integer, 0, kMaxCount},
    {program, "logits_ops", Kind::Numbers},
    {program, "logits_rows", Kind::Integer, 1, kMaxBytes},
    {program, "prefill_rows", Kind::Integer, 1, kMaxBytes},
    {program, "row_ops", Kind::Numbers},
    {program, "scratch_bytes", Kind::Integer, 1, kMaxBytes},
    {program, "weights_bytes", Kind::Integer, 1, kMaxBytes},
    {sampling, "min_p", Kind::Number},
    {sampling, "origin", Kind::Text},
    {sampling, "repeat_penalty", Kind::Number},
    {sampling, "temperature", Kind::Number},
    {sampling, "top_k", Kind::Integer, 0, kMaxContext},
    {sampling, "top_p", Kind::Number},
    {sampling, "unfollowed", Kind::Text},
    {file, "bytes", Kind::Integer, 0, kMaxCount},
    {file, "header", Kind::Text},
};

/// What is expected instead of `value`; empty if it is valid.
std::string expectedOf(const Key &key, Attribute value) {
  switch (key.kind) {
  case Kind::Integer: {
    auto number = dyn_cast<IntegerAttr>(value);
    if (number && number.getType().isSignlessInteger(64) && number.getInt() >= key.min && number.getInt() <= key.max)
      return "";
    return "an integer from " + std::to_string(key.min) + " to " + std::to_string(key.max);
  }
  case Kind::Number: {
    auto number = dyn_cast<FloatAttr>(value);
    return number && number.getType().isF64() ? "" : "a number";
  }
  case Kind::Text:
    return isa<StringAttr>(value) ? "" : "a string";
  case Kind::Identifier: {
    auto text = dyn_cast<StringAttr>(value);
    const bool isOne = text && !text.getValue().empty() && !llvm::isDigit(text.getValue().front()) &&
                       llvm::all_of(text.getValue(), [](char c) { return llvm::isAlnum(c) || c == '_'; });
    return isOne ? "" : "an identifier of C";
  }
  case Kind::Flag:
    return isa<BoolAttr>(value) ? "" : "true or false";
  case Kind::Unit:
    return isa<UnitAttr>(value) ? "" : "no value";
  case Kind::Numbers:
    return isa<DenseI64ArrayAttr>(value) ? "" : "array<i64: ...>";
  case Kind::Dictionary:
    return isa<DictionaryAttr>(value) ? "" : "a dictionary";
  }
  llvm_unreachable("all kinds are above");
}

/// Verifies the entries of `dictionary` by the rows of the table for `kind`. `name` is its name in messages.
LogicalResult verifyEntries(Operation *module, StringRef kind, const Twine &name, Attribute dictionary) {
  auto entries = dyn_cast<DictionaryAttr>(dictionary);
  if (!entries)
    return module->emitError() << name << ": expected a dictionary, found " << dictionary;
  for (NamedAttribute entry : entries) {
    const Key *key = llvm::find_if(
        keys, [&](const Key &known) { return known.dictionary == kind && known.name == entry.getName().getValue(); });
    if (key == std::end(keys)) {
      InFlightDiagnostic error = module->emitError();
      error << name << ": expected keys among ";
      llvm::interleaveComma(llvm::make_filter_range(keys, [&](const Key &known) { return known.dictionary == kind; }),
                            error, [&](const Key &known) { error << known.name; });
      return error << ", found '" << entry.getName().getValue() << "'";
    }
    if (std::string expected = expectedOf(*key, entry.getValue()); !expected.empty())
      return module->emitError() << name << "." << key->name << ": expected " << expected << ", found "
                                 << entry.getValue();
  }
  return success();
}

} // namespace

LogicalResult lm::verifyModuleAttribute(Operation *module, NamedAttribute attribute) {
  const StringRef name = attribute.getName();
  const Attribute value = attribute.getValue();
  if (name == model || name == options || name == program || name == sampling)
    return verifyEntries(module, name, name, value);
  if (name == kTuningAttr)
    // Keys and ranges are the target's.
    return isa<DictionaryAttr>(value) ? success()
                                      : module->emitError() << name << ": expected a dictionary, found " << value;
  if (name == kTargetAttr)
    return isa<TargetAttr>(value) ? success() : module->emitError() << name << ": expected #lm.target, found " << value;
  if (name == kStageAttr || name == kChecksumAttr)
    return isa<StringAttr>(value) ? success() : module->emitError() << name << ": expected a string, found " << value;
  if (name == kFilesAttr) {
    auto files = dyn_cast<DictionaryAttr>(value);
    if (!files)
      return module->emitError() << name << ": expected a dictionary, found " << value;
    for (NamedAttribute entry : files)
      if (failed(verifyEntries(module, file, name + "." + entry.getName().getValue(), entry.getValue())))
        return failure();
    return success();
  }
  return refuseAttribute(
      module, attribute,
      {model, kFilesAttr, options, sampling, kTargetAttr, kTuningAttr, program, kChecksumAttr, kStageAttr});
}
