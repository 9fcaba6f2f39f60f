#include "frontends/config/UnreadTensors.h"
#include "compiler/support/Errors.h"
#include "frontends/config/TensorConventions.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/GlobPattern.h"
#include <set>

using namespace lathe;

namespace {

/// moduleOf "self_attn.k_proj.weight" is "self_attn.k_proj", lastOf is "weight".
llvm::StringRef moduleOf(llvm::StringRef name) { return name.contains('.') ? name.rsplit('.').first : ""; }
llvm::StringRef lastOf(llvm::StringRef name) { return name.contains('.') ? name.rsplit('.').second : name; }

bool isScalar(const TensorInfo &tensor) {
  return llvm::all_of(tensor.shape, [](int64_t size) { return size == 1; });
}

/// Whether it is a buffer that older versions of transformers and converters stored and that no version reads.
bool isBuffer(const TensorInfo &tensor) {
  const llvm::StringRef name = tensor.name, last = lastOf(name), module = lastOf(moduleOf(name));
  if (llvm::is_contained(tensor.shape, 0))
    return true; // no values
  if (last == "position_ids" || module == "attn_rot_embd")
    return true;
  if (module.contains("rotary_emb"))
    return last.ends_with("inv_freq") || last == "cos_cached" || last == "sin_cached";
  if (!module.ends_with("attn") && !module.ends_with("attention"))
    return false;
  // GPT-2's causal mask has the name of a bias.
  const std::vector<int64_t> &shape = tensor.shape; // of the mask: [1, 1, positions, positions]
  const bool isMask = shape.size() == 4 && shape[0] == 1 && shape[1] == 1 && shape[2] == shape[3];
  return (last == "bias" && isMask) || (last == "masked_bias" && isScalar(tensor));
}

/// Whether it is a scale of an fp8 cache of keys and values, by the names that vLLM reads. Caches here have no scales.
bool isCacheScale(const TensorInfo &tensor, llvm::StringRef rest) {
  const llvm::StringRef last = lastOf(rest), module = lastOf(moduleOf(rest));
  if (!isScalar(tensor) || !rest.contains("attn"))
    return false;
  if (last == "output_scale")
    return module == "k_proj" || module == "v_proj" || module == "qkv_proj";
  return llvm::is_contained<llvm::StringRef>(
      {"k_scale", "v_scale", "kv_scale", "q_scale", "prob_scale", "kv_cache_scaling_factor"}, last);
}

class UnreadFinder {
public:
  UnreadFinder(const Model &model, const Config &config, const Checkpoint &checkpoint)
      : model(model), config(config), checkpoint(checkpoint), conventions(checkpoint.conventions) {}

  absl::Status addPatterns(llvm::ArrayRef<std::string> patterns);
  absl::StatusOr<UnreadTensors> run();

private:
  absl::Status findRead();
  absl::Status addRead(Slot slot, int64_t layer);
  void findPredicting();
  void visit(const TensorInfo &tensor);
  bool isIgnored(llvm::StringRef name);
  bool isHarmless(const TensorInfo &tensor, const LayerTensor &parts) const;
  bool isOfGlobal(llvm::StringRef name) const;
  absl::Status layersError() const;
  absl::Status tensorsError() const;

  const Model &model;
  const Config &config;
  const Checkpoint &checkpoint;
  const TensorConventions &conventions;

  struct Pattern {
    std::string text;
    llvm::GlobPattern glob;
    bool isUsed = false;
  };
  std::vector<Pattern> patterns;
  llvm::StringSet<> read;                 // names of tensors
  llvm::StringSet<> globals;              // modules that belong to no layer: "embed_tokens", "norm", "lm_head"
  std::set<int64_t> predicting, beyond;   // layers that the config does not count
  std::vector<const TensorInfo *> missed; // of decoder layers and globals
  UnreadTensors found;
};

absl::Status UnreadFinder::addPatterns(llvm::ArrayRef<std::string> texts) {
  for (const std::string &text : texts) {
    llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(text, /*MaxSubPatterns=*/1024);
    if (!glob)
      return absl::InvalidArgumentError("--ignore-tensors: expected a pattern of names, got " + quoted(text) + ": " +
                                        llvm::toString(glob.takeError()));
    patterns.push_back({text, std::move(*glob)});
  }
  return absl::OkStatus();
}

absl::Status UnreadFinder::addRead(Slot slot, int64_t layer) {
  LATHE_ASSIGN_OR_RETURN(const TensorBinding binding, bindTensor(model, config, &checkpoint, slot, layer));
  read.insert(binding.tensor->name);
  for (const MatrixSegment &segment : binding.segments)
    read.insert(segment.tensor->name);
  for (const ScaleSegment &scale : binding.scales)
    read.insert(scale.tensor->name);
  return absl::OkStatus();
}

absl::Status UnreadFinder::findRead() {
  for (Slot slot : globalSlots(model, config))
    LATHE_RETURN_IF_ERROR(addRead(slot, 0));
  for (int64_t layer = 0; layer < config.layers; ++layer)
    for (Slot slot : layerSlots(model, config, layer))
      LATHE_RETURN_IF_ERROR(addRead(slot, layer));
  for (llvm::StringRef name : conventions.configTensors())
    read.insert(name);

  for (llvm::StringRef common : conventions.globalModules())
    globals.insert(common);
  for (Slot slot : globalSlots(model, config))
    globals.insert(moduleOf(conventions.dropWrappers(tensorName(model, checkpoint, slot, 0))));
  return absl::OkStatus();
}

/// Layers of multi-token prediction are numbered after the decoder layers. A tensor that only they have tells them from
/// further decoder layers.
void UnreadFinder::findPredicting() {
  if (!model.predicts)
    return;
  for (const TensorInfo &tensor : checkpoint.tensors())
    if (std::optional<LayerTensor> parts = conventions.findLayer(model, tensor.name);
        parts && parts->layer >= config.layers && parts->rest.starts_with(conventions.predictionMark()))
      predicting.insert(parts->layer);
}

bool UnreadFinder::isIgnored(llvm::StringRef name) {
  bool isMatched = false;
  for (Pattern &pattern : patterns)
    if (pattern.glob.match(name))
      isMatched = pattern.isUsed = true;
  return isMatched;
}

bool UnreadFinder::isHarmless(const TensorInfo &tensor, const LayerTensor &parts) const {
  if (isCacheScale(tensor, parts.rest))
    return true;
  // Unused k_proj, v_proj and k_norm of a layer that attends to another layer's cache.
  if (config.cacheOf(parts.layer) != parts.layer)
    for (Slot slot : {Slot::K, Slot::V, Slot::KNorm}) {
      const std::string name = tensorName(model, checkpoint, slot, parts.layer);
      if (llvm::StringRef(tensor.name).starts_with((moduleOf(name) + ".").str()))
        return true;
    }
  return conventions.isRedundant(config, checkpoint, parts);
}

bool UnreadFinder::isOfGlobal(llvm::StringRef name) const {
  // Tries every prefix: "lm_head.weight.absmax" belongs to "lm_head", and "altup_projections.0" contains a dot itself.
  for (llvm::StringRef module = moduleOf(conventions.dropWrappers(name)); !module.empty(); module = moduleOf(module))
    if (globals.contains(module))
      return true;
  return false;
}

void UnreadFinder::visit(const TensorInfo &tensor) {
  const llvm::StringRef name = tensor.name;
  if (isIgnored(name)) {
    ++found.ignored;
    return;
  }
  if (isBuffer(tensor))
    return;
  if (std::optional<LayerTensor> parts = conventions.findLayer(model, name)) {
    if (parts->layer < config.layers) {
      if (!isHarmless(tensor, *parts))
        missed.push_back(&tensor);
    } else if (predicting.contains(parts->layer)) {
      found.predictingLayers.try_emplace(parts->layer, parts->stem);
    } else {
      beyond.insert(parts->layer);
    }
    return;
  }
  if (auto predictor = model.predicts ? conventions.findPredictor(name) : std::nullopt) {
    if (predictor->number || found.predictingLayers.empty())
      found.predictingLayers[predictor->number.value_or(0)] = predictor->stem;
    return;
  }
  if (isOfGlobal(name)) {
    if (!config.tied || name != tensorName(model, checkpoint, Slot::Head, 0))
      missed.push_back(&tensor);
    return;
  }
  switch (conventions.modalityOf(name)) {
  case Modality::Vision:
    return found.vision.push_back(&tensor);
  case Modality::Audio:
    return found.audio.push_back(&tensor);
  case Modality::Text:
    return found.others.push_back(&tensor);
  }
}

absl::Status UnreadFinder::layersError() const {
  const TensorConventions::CountError error = conventions.explainLayers(
      model, config, config.layers + static_cast<int64_t>(beyond.size()), static_cast<int64_t>(predicting.size()));
  return fileError(config.path, error.key,
                   "expected " + llvm::Twine(error.expected) + ", as " + checkpoint.source + " has, got " +
                       llvm::Twine(error.found) + "; --ignore-tensors PATTERN compiles without the others");
}

absl::Status UnreadFinder::tensorsError() const {
  const TensorInfo &first = *missed.front();
  return fileError(checkpoint.path(first), first.name,
                   "expected no tensor of layers, embedding, final norm and head that " + config.modelType +
                       " does not read, found " +
                       (missed.size() == 1 ? "this one" : std::to_string(missed.size()) + ", this one first") +
                       "; --ignore-tensors PATTERN compiles without them");
}

absl::StatusOr<UnreadTensors> UnreadFinder::run() {
  LATHE_RETURN_IF_ERROR(findRead());
  findPredicting();
  for (const TensorInfo &tensor : checkpoint.tensors())
    if (!read.contains(tensor.name))
      visit(tensor);
  if (!beyond.empty())
    return layersError();
  if (!missed.empty())
    return tensorsError();
  for (const Pattern &pattern : patterns)
    if (!pattern.isUsed)
      return fileError(checkpoint.source, "--ignore-tensors " + quoted(pattern.text) +
                                              ": expected a pattern that tensors which are not read match, found none");
  return std::move(found);
}

} // namespace

absl::StatusOr<UnreadTensors> lathe::findUnreadTensors(const Model &model, const Config &config,
                                                       const Checkpoint &checkpoint,
                                                       llvm::ArrayRef<std::string> ignore) {
  UnreadFinder finder(model, config, checkpoint);
  LATHE_RETURN_IF_ERROR(finder.addPatterns(ignore));
  return finder.run();
}
