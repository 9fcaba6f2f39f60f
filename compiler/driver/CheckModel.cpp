#include "compiler/driver/CheckModel.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/support/Errors.h"
#include "dialects/lm/LMOps.h"
#include "dialects/lm/ModuleAttributes.h"
#include "frontends/Registry.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/FileSystem.h"

using namespace lathe;
using namespace mlir;

namespace {

std::string toString(Attribute value) {
  if (!value)
    return "none";
  if (auto text = dyn_cast<StringAttr>(value))
    return quoted(text.getValue());
  if (auto number = dyn_cast<IntegerAttr>(value); number && number.getType().isSignlessInteger(64))
    return std::to_string(number.getInt());
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text.size() <= 120 ? text : text.substr(0, 117) + "...";
}

/// "key: expected a, found b".
std::string describeDifference(llvm::StringRef key, Attribute expected, Attribute found) {
  return (key + ": expected " + toString(expected) + ", found " + toString(found)).str();
}

/// "values[2]: expected 64, found 0": the first segment in which two sources of one role differ.
std::string describeDifference(lm::SourceAttr expected, lm::SourceAttr found) {
  const std::string role = lm::stringifySourceRole(expected.getRole()).str();
  if (expected.getFormat() != found.getFormat())
    return describeDifference(role, expected.getFormat(), found.getFormat());
  const llvm::SmallVector<lm::SourceSegment> segments = expected.getSegments(), others = found.getSegments();
  if (segments.size() == others.size())
    for (auto [index, pair] : llvm::enumerate(llvm::zip(segments, others))) {
      auto [segment, other] = pair;
      const std::string key = role + "[" + std::to_string(index) + "]";
      if (segment.file != other.file)
        return describeDifference(key, segment.file, other.file);
      if (segment.offset != other.offset)
        return key + ": expected " + std::to_string(segment.offset) + ", found " + std::to_string(other.offset);
      if (segment.row != other.row)
        return key + " rows: expected " + std::to_string(segment.row) + ", found " + std::to_string(other.row);
    }
  return describeDifference(role, expected, found);
}

/// The first difference between two weights' recipes, of which there is one.
std::string describeDifference(DictionaryAttr expected, DictionaryAttr found) {
  auto sourcesOf = [](DictionaryAttr recipe) {
    auto sources = recipe.getAs<ArrayAttr>("sources");
    return sources ? llvm::to_vector(sources.getAsRange<lm::SourceAttr>()) : llvm::SmallVector<lm::SourceAttr>();
  };
  const auto sources = sourcesOf(expected), others = sourcesOf(found);
  for (auto [source, other] : llvm::zip(sources, others))
    if (source != other && source.getRole() == other.getRole())
      return describeDifference(source, other);
  for (llvm::StringRef key : {"sources", "recipe", "shape"})
    if (expected.get(key) != found.get(key))
      return describeDifference(key, expected.get(key), found.get(key));
  llvm_unreachable("the recipes are equal");
}

/// The first key in which two dictionaries differ, unless it is `ignored`.
std::optional<std::string> findDifference(DictionaryAttr expected, DictionaryAttr found,
                                          llvm::ArrayRef<llvm::StringRef> ignored = {}) {
  if (expected == found)
    return std::nullopt;
  for (DictionaryAttr entries : {expected, found})
    for (NamedAttribute entry : entries) {
      const llvm::StringRef key = entry.getName();
      if (!llvm::is_contained(ignored, key) && expected.get(key) != found.get(key))
        return describeDifference(key, expected.get(key), found.get(key));
    }
  return std::nullopt;
}

/// Where a weight's values come from and what is done to them, whatever they become.
DictionaryAttr recipeOf(lm::WeightOp weight) {
  Builder builder(weight.getContext());
  NamedAttrList entries;
  entries.set("shape", builder.getDenseI64ArrayAttr(weight.getWeightType().getShape()));
  if (weight.getSources())
    entries.set("sources", *weight.getSources());
  if (weight.getRecipe())
    entries.set("recipe", *weight.getRecipe());
  return entries.getDictionary(weight.getContext());
}

absl::Status checkHeaders(DictionaryAttr expected, ModuleOp module, llvm::StringRef dump) {
  auto recorded = module->getAttrOfType<DictionaryAttr>(lm::kFilesAttr);
  if (!expected && !recorded)
    return absl::OkStatus();
  if (!expected || !recorded)
    return fileError(dump, lm::kFilesAttr,
                     expected ? "expected the files of the model's weights, found none"
                              : "expected none for a model without weights, found some");
  for (NamedAttribute entry : expected)
    if (auto was = recorded.getAs<DictionaryAttr>(entry.getName())) {
      if (std::optional<std::string> difference = findDifference(cast<DictionaryAttr>(entry.getValue()), was))
        return fileError(entry.getName(), "not the file that " + dump + " was made of: " + *difference);
    } else {
      return fileError(dump, lm::kFilesAttr, "expected " + quoted(entry.getName()) + " as well, found others alone");
    }
  for (NamedAttribute entry : recorded)
    if (!expected.get(entry.getName()))
      return fileError(dump, lm::kFilesAttr, "expected the files of the model, found " + quoted(entry.getName()));
  return absl::OkStatus();
}

absl::Status checkWeights(ModuleOp reference, ModuleOp module, llvm::StringRef dump) {
  llvm::StringMap<DictionaryAttr> expected;
  llvm::DenseSet<Attribute> recipes;
  for (auto weight : reference.getOps<lm::WeightOp>()) {
    expected[weight.getSymName()] = recipeOf(weight);
    recipes.insert(recipeOf(weight));
  }
  for (auto weight : module.getOps<lm::WeightOp>()) {
    const DictionaryAttr own = expected.lookup(weight.getSymName()), found = recipeOf(weight);
    const std::string name = ("lm.weight @" + weight.getSymName()).str();
    if (!own)
      return fileError(dump, name, "expected a weight that the model has, found another name");
    // Another tensor of the same shape is an edit that makes sense.
    if (recipes.contains(found) && own.get("shape") == found.get("shape"))
      continue;
    auto sources = own.getAs<ArrayAttr>("sources");
    return fileError(dump, name,
                     describeDifference(own, found) +
                         (sources ? "; as " + cast<lm::SourceAttr>(sources[0]).getFiles()[0].getValue() + " has it"
                                  : llvm::Twine()));
  }
  return absl::OkStatus();
}

/// Is called before the files are opened: a file that changed may be no model any more.
absl::Status checkFileSizes(ModuleOp module, llvm::StringRef dump) {
  auto recorded = module->getAttrOfType<DictionaryAttr>(lm::kFilesAttr);
  if (!recorded)
    return absl::OkStatus();
  for (NamedAttribute entry : recorded) {
    const llvm::StringRef path = entry.getName();
    uint64_t bytes = 0;
    if (std::error_code error = llvm::sys::fs::file_size(path, bytes))
      return fileError(path, error.message() + ", but " + dump + " was made of it");
    auto was = cast<DictionaryAttr>(entry.getValue()).getAs<IntegerAttr>("bytes");
    if (was && static_cast<uint64_t>(was.getInt()) != bytes)
      return fileError(path, "not the file that " + dump + " was made of: expected " + llvm::Twine(was.getInt()) +
                                 " bytes, found " + llvm::Twine(bytes));
  }
  return absl::OkStatus();
}

absl::Status checkModel(ModuleOp reference, ModuleOp module, llvm::StringRef dump, llvm::StringRef path) {
  LATHE_RETURN_IF_ERROR(checkHeaders(reference->getAttrOfType<DictionaryAttr>(lm::kFilesAttr), module, dump));
  // What the executable is called is the user's; paths were compared with the files.
  if (std::optional<std::string> difference =
          findDifference(reference->getAttrOfType<DictionaryAttr>(lm::kModelAttr),
                         module->getAttrOfType<DictionaryAttr>(lm::kModelAttr), {"name", "path", "tokenizer"}))
    return fileError(dump, lm::kModelAttr, *difference + "; as " + path + " has it");
  return checkWeights(reference, module, dump);
}

} // namespace

absl::StatusOr<std::optional<Imported>> lathe::importAgain(ModuleOp module, llvm::StringRef dump, bool isNeeded,
                                                           llvm::ArrayRef<const Frontend *> frontends) {
  auto model = module->getAttrOfType<DictionaryAttr>(lm::kModelAttr);
  auto path = model.getAs<StringAttr>("path");
  if (!path || (!isNeeded && !llvm::sys::fs::exists(path.getValue())))
    return std::nullopt;
  LATHE_RETURN_IF_ERROR(checkFileSizes(module, dump));
  ImportOptions options = {.context = 0, .ignoreTensors = {}, .checksLeftOut = false, .readsTokenizer = isNeeded};
  if (auto context = model.getAs<IntegerAttr>("context"))
    options.context = context.getInt();
  FirstError errors(*module.getContext());
  absl::StatusOr<Imported> imported = importModel(path.getValue(), options, *module.getContext(), frontends);
  if (!imported.ok())
    return fileError(dump, "the model it was made of", std::string(imported.status().message()));
  LATHE_RETURN_IF_ERROR(checkModel(*imported->module, module, dump, path.getValue()));
  return std::optional<Imported>(*std::move(imported));
}
