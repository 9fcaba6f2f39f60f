//===- Config.cpp - reads a Config from GGUF metadata -------------------------------------------------------------===//
//
// Keys begin with the architecture's name. Many keys of config.json have no counterpart: their values are constants of
// the architecture (Model), or follow from the tensors. Tensors tell whether there are biases and an lm_head, which
// layers are sparse or linear, and the rotary scaling: rope_freqs.weight for llama3, rope_factors_short.weight and
// rope_factors_long.weight for longrope.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/config/ModelSource.h"
#include "frontends/gguf/ConfigReader.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace lathe;

namespace {

/// Keys that only some models of an architecture's name have, and the value at which they have no effect. Another value
/// is an error, unless the key is read.
struct Neutral {
  llvm::StringLiteral name;
  double value;
  bool (*isRead)(const Model &) = nullptr; // null: never
};
bool readsScales(const Model &model) { return model.readsScales; }
bool readsMultipliers(const Model &model) { return model.readsMultipliers; }
bool readsEither(const Model &model) { return model.readsScales || model.readsMultipliers; }
bool readsTemperature(const Model &model) { return model.readTemperature != nullptr; }
bool hasExperts(const Model &model) { return static_cast<bool>(model.experts); }
bool isLatent(const Model &model) { return model.latent; }
bool hasAltUp(const Model &model) { return model.altUp; }
constexpr Neutral neutral[] = {
    {"expert_count", 0, hasExperts},
    {"logit_scale", 1, readsEither},
    {"residual_scale", 1, readsMultipliers},
    {"embedding_scale", 1, readsEither},
    {"attention.clamp_kqv", 0},
    {"attention.max_alibi_bias", 0},
    {"attention.output_scale", 0, readsScales},
    {"attention.temperature_length", 0, readsTemperature},
    {"attention.temperature_scale", 0, readsTemperature},
    {"attention.shared_kv_layers", 0, hasAltUp},
    {"rope.scaling.yarn_log_multiplier", 0, isLatent},
};

/// The layer of a tensor blk.LAYER.NAME; none for other tensors.
std::optional<int64_t> layerOf(llvm::StringRef tensor, llvm::StringRef name, const Config &config) {
  uint64_t layer = 0;
  if (tensor.consume_front("blk.") && !tensor.consumeInteger(10, layer) && tensor.consume_front(".") &&
      tensor == name && layer < static_cast<uint64_t>(config.layers))
    return layer;
  return std::nullopt;
}

} // namespace

std::vector<bool> lathe::layersWith(const Gguf &gguf, llvm::StringRef name, const Config &config) {
  std::vector<bool> found(config.layers, false);
  for (const TensorInfo &tensor : gguf.tensors())
    if (std::optional<int64_t> layer = layerOf(tensor.name, name, config))
      found[*layer] = true;
  return found;
}

const TensorInfo *lathe::findTensor(const Gguf &gguf, llvm::StringRef name) {
  const auto *found = llvm::find_if(gguf.tensors(), [&](const TensorInfo &tensor) { return tensor.name == name; });
  return found == gguf.tensors().end() ? nullptr : found;
}

/// Multi-head latent attention. key_length_mla and value_length_mla are per head; key_length and value_length are those
/// of the cache, which all heads share. Older files have no *_mla keys; there key_length and value_length are per head.
static absl::Status readLatent(const ConfigReader &keys, Config &config) {
  LATHE_RETURN_IF_ERROR(keys.integer(config.latentRank, "attention.kv_lora_rank", 1, limits::hidden));
  LATHE_RETURN_IF_ERROR(keys.integer(config.queryRank, "attention.q_lora_rank", 0, limits::hidden, 0));
  LATHE_RETURN_IF_ERROR(keys.integer(config.ropeDim, "rope.dimension_count", 2, limits::headDim - 1));
  const bool isShared = keys.has("attention.key_length_mla");
  LATHE_RETURN_IF_ERROR(keys.integer(config.headDim, isShared ? "attention.key_length_mla" : "attention.key_length",
                                     config.ropeDim + 1, limits::headDim));
  LATHE_RETURN_IF_ERROR(keys.integer(
      config.valueDim, isShared ? "attention.value_length_mla" : "attention.value_length", 1, limits::headDim));
  config.nopeDim = config.headDim - config.ropeDim;
  const std::pair<llvm::StringRef, int64_t> cached[] = {{"attention.key_length", config.latentRank + config.ropeDim},
                                                        {"attention.value_length", config.latentRank}};
  for (auto [name, length] : cached) {
    int64_t found = length;
    if (isShared)
      LATHE_RETURN_IF_ERROR(keys.integer(found, name, 1, limits::hidden + limits::headDim, length));
    if (found != length)
      return keys.error(name, "expected " + llvm::Twine(length) + " for " + keys.key("attention.kv_lora_rank") + " " +
                                  llvm::Twine(config.latentRank) + ", got " + llvm::Twine(found));
  }
  return keys.check([&](Complain complain) {
    checkLatent(config, keys.key("rope.dimension_count"), keys.key("attention.kv_lora_rank"), complain);
  });
}

static absl::Status readHeads(const ConfigReader &keys, const Model &model, Config &config) {
  LATHE_RETURN_IF_ERROR(keys.perLayer(config.heads, "attention.head_count", 1, limits::heads));
  LATHE_RETURN_IF_ERROR(keys.perLayer(config.kvHeads, "attention.head_count_kv", 1, limits::heads, config.heads));
  if (config.heads % config.kvHeads)
    return keys.error("attention.head_count_kv", "expected a divisor of " + keys.key("attention.head_count") + " (" +
                                                     llvm::Twine(config.heads) + "), got " +
                                                     llvm::Twine(config.kvHeads));
  if (model.latent) {
    config.kvHeads = config.heads;
    return readLatent(keys, config);
  }
  if (!keys.has("attention.key_length") && config.hidden % config.heads)
    return keys.error("attention.head_count", "expected a divisor of " + keys.key("embedding_length") + " (" +
                                                  llvm::Twine(config.hidden) + ") as there is no " +
                                                  keys.key("attention.key_length") + ", got " +
                                                  llvm::Twine(config.heads));
  LATHE_RETURN_IF_ERROR(keys.integer(config.headDim, "attention.key_length", 1, limits::headDim,
                                     std::max<int64_t>(config.hidden / config.heads, 1)));
  if ((config.headDim % 2 && model.positions == Positions::Rotary) || config.headDim > limits::headDim)
    return keys.error("attention.key_length", "expected an even number up to " + llvm::Twine(limits::headDim) +
                                                  ", got " + llvm::Twine(config.headDim));
  for (llvm::StringRef same : {"attention.value_length", "rope.dimension_count"}) {
    if (same == "rope.dimension_count" && (model.partialRotary || model.positions != Positions::Rotary))
      continue;
    int64_t found = 0;
    LATHE_RETURN_IF_ERROR(keys.integer(found, same, 1, limits::headDim, config.headDim));
    if (found != config.headDim)
      return keys.error(same, "expected the width of a head (" + llvm::Twine(config.headDim) +
                                  ") for this architecture, got " + llvm::Twine(found));
  }
  return absl::OkStatus();
}

static absl::Status readVocabulary(const ConfigReader &keys, Config &config) {
  const Gguf::Value *tokens = keys.gguf.find("tokenizer.ggml.tokens");
  if (keys.has("vocab_size") || !tokens)
    return keys.integer(config.vocabulary, "vocab_size", 1, limits::vocabulary);
  if (!tokens->isArray || tokens->count < 1 || tokens->count > static_cast<uint64_t>(limits::vocabulary))
    return keys.gguf.error("tokenizer.ggml.tokens", "expected an array of 1 to " + llvm::Twine(limits::vocabulary) +
                                                        " strings, got " + Gguf::describe(*tokens));
  config.vocabulary = tokens->count;
  return absl::OkStatus();
}

static absl::Status readSizes(const ConfigReader &keys, const Model &model, Config &config) {
  LATHE_RETURN_IF_ERROR(keys.integer(config.hidden, "embedding_length", 1, limits::hidden));
  LATHE_RETURN_IF_ERROR(keys.integer(config.layers, "block_count", 1, limits::layers));
  // block_count includes the layers of multi-token prediction, which are the last ones.
  int64_t predicting = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(predicting, "nextn_predict_layers", 0, limits::layers, 0));
  if (predicting >= config.layers)
    return keys.error("nextn_predict_layers", "expected less than " + keys.key("block_count") + " (" +
                                                  llvm::Twine(config.layers) + "), got " + llvm::Twine(predicting));
  config.layers -= predicting;
  config.predictingLayers = predicting;
  const Gguf::Value *widths = keys.gguf.find(keys.key("feed_forward_length"));
  if (model.altUp && widths && widths->isArray) {
    LATHE_ASSIGN_OR_RETURN(config.intermediates,
                           keys.gguf.integers(keys.key("feed_forward_length"), 1, limits::intermediate));
    if (static_cast<int64_t>(config.intermediates.size()) != config.layers)
      return keys.error("feed_forward_length", "expected one for each of the " + llvm::Twine(config.layers) +
                                                   " layers, got " + llvm::Twine(config.intermediates.size()));
    config.intermediate = config.intermediates.front();
  } else {
    LATHE_RETURN_IF_ERROR(keys.perLayer(config.intermediate, "feed_forward_length", 1, limits::intermediate));
  }
  LATHE_RETURN_IF_ERROR(keys.integer(config.maxPositions, "context_length", 1, limits::positions));
  LATHE_RETURN_IF_ERROR(keys.positive(config.normEps, model.normKind == NormKind::Layer
                                                          ? "attention.layer_norm_epsilon"
                                                          : "attention.layer_norm_rms_epsilon"));
  // Stored as float: the shortest decimal number of that float (1e-6) is meant.
  config.normEps = std::strtod(numberString(static_cast<float>(config.normEps)).c_str(), nullptr);
  LATHE_RETURN_IF_ERROR(readHeads(keys, model, config));
  return readVocabulary(keys, config);
}

/// Gated DeltaNet; its keys have the names of state space models.
static absl::Status readDeltaNet(const ConfigReader &keys, Config &config) {
  int64_t inner = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(config.convWidth, "ssm.conv_kernel", 2, 64));
  LATHE_RETURN_IF_ERROR(keys.integer(config.deltaKeyDim, "ssm.state_size", 1, limits::headDim));
  LATHE_RETURN_IF_ERROR(keys.integer(config.deltaKeyHeads, "ssm.group_count", 1, limits::heads));
  LATHE_RETURN_IF_ERROR(keys.integer(config.deltaValueHeads, "ssm.time_step_rank", 1, limits::heads));
  LATHE_RETURN_IF_ERROR(keys.integer(inner, "ssm.inner_size", 1, config.deltaValueHeads * limits::headDim));
  LATHE_RETURN_IF_ERROR(keys.check([&](Complain complain) {
    checkDeltaNet(config, keys.key("ssm.time_step_rank"), keys.key("ssm.group_count"), complain);
  }));
  if (inner % config.deltaValueHeads)
    return keys.error("ssm.inner_size", "expected a multiple of " + keys.key("ssm.time_step_rank") + " (" +
                                            llvm::Twine(config.deltaValueHeads) + "), got " + llvm::Twine(inner));
  config.deltaValueDim = inner / config.deltaValueHeads;

  const std::vector<bool> linear = layersWith(keys.gguf, "ssm_conv1d.weight", config);
  int64_t interval = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(interval, "full_attention_interval", 0, limits::layers, 0));
  for (int64_t i = 0; i < config.layers; ++i) {
    config.kinds[i] = linear[i] ? LayerKind::Linear : LayerKind::Full;
    if (interval && linear[i] != ((i + 1) % interval != 0))
      return keys.error("full_attention_interval", "expected what the tensors say, that layer " + llvm::Twine(i) +
                                                       (linear[i] ? " is linear" : " attends") + ", got " +
                                                       llvm::Twine(interval));
  }
  return absl::OkStatus();
}

/// Gemma 3n. In llama.cpp the number of layers with their own cache, and of those with sparse gates, are constants.
static absl::Status readAltUp(const ConfigReader &keys, Config &config) {
  constexpr int64_t ownCaches = 20, sparseGates = 10;
  constexpr double deviations95 = 1.6448536269514722; // 95 % of normally distributed values are below mean + this * std
  int64_t active = 0, shared = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(config.streams, "altup.num_inputs", 4, 4, 4));
  LATHE_RETURN_IF_ERROR(keys.integer(active, "altup.active_idx", 0, 0, 0));
  LATHE_RETURN_IF_ERROR(keys.integer(config.perLayerWidth, "embedding_length_per_layer_input", 1, limits::hidden));
  LATHE_RETURN_IF_ERROR(keys.integer(shared, "attention.shared_kv_layers", 0, config.layers - 1,
                                     std::max<int64_t>(config.layers - ownCaches, 0)));
  config.sharedFrom = shared ? config.layers - shared : 0;
  config.valueNorm = true;
  LATHE_RETURN_IF_ERROR(keys.check(
      [&](Complain complain) { checkSharedCaches(config, keys.key("attention.shared_kv_layers"), complain); }));

  config.deviations.assign(config.layers, 0);
  if (!keys.has("activation_sparsity_scale")) {
    if (config.layers > sparseGates)
      std::fill_n(config.deviations.begin(), sparseGates, deviations95);
  } else {
    LATHE_ASSIGN_OR_RETURN(std::vector<float> listed, keys.gguf.floats(keys.key("activation_sparsity_scale")));
    if (static_cast<int64_t>(listed.size()) != config.layers)
      return keys.error("activation_sparsity_scale", "expected one for each of the " + llvm::Twine(config.layers) +
                                                         " layers, got " + llvm::Twine(listed.size()));
    for (int64_t i = 0; i < config.layers; ++i) {
      // The converter writes -inf for a layer without sparse gates.
      if (listed[i] == -std::numeric_limits<float>::infinity())
        continue;
      if (!std::isfinite(listed[i]))
        return keys.error("activation_sparsity_scale",
                          "expected numbers, got " + numberString(listed[i]) + " for layer " + llvm::Twine(i));
      config.deviations[i] = listed[i];
    }
  }

  const std::pair<llvm::StringRef, int64_t *> rows[] = {{"blk.0.laurel_l.weight", &config.laurelRank},
                                                        {"per_layer_token_embd.weight", &config.perLayerVocabulary}};
  for (auto [name, out] : rows) {
    const TensorInfo *tensor = findTensor(keys.gguf, name);
    const llvm::ArrayRef<int64_t> shape = tensor ? dropLeadingOnes(tensor->shape, 2) : llvm::ArrayRef<int64_t>();
    if (shape.size() != 2 || shape[0] < 1 || shape[0] > limits::vocabulary)
      return keys.gguf.error(name,
                             "expected a matrix of 1 to " + llvm::Twine(limits::vocabulary) + " rows, " +
                                 (tensor ? "got shape " + shapeString(tensor->shape) : "found none of that name"));
    *out = shape[0];
  }
  return absl::OkStatus();
}

static absl::Status readWindow(const ConfigReader &keys, const Model &model, Config &config) {
  config.kinds.assign(config.layers, LayerKind::Full);
  if (model.noRopeInterval)
    for (int64_t i = 0; i < config.layers; ++i)
      config.rotates.push_back((i + 1) % model.noRopeInterval != 0);
  if (model.window == WindowRule::Linear)
    return readDeltaNet(keys, config);
  if (!model.gguf.window)
    return absl::OkStatus();
  int64_t window = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(window, "attention.sliding_window", 0, limits::positions, model.gguf.windowSize));
  if (model.gguf.windowRequired && window == 0)
    return keys.error("attention.sliding_window", "expected an integer greater than 0, got none");
  if (window == 0)
    return absl::OkStatus();
  if (model.window == WindowRule::Chunked) {
    for (int64_t i = 0; i < config.layers; ++i)
      if (config.rotates[i])
        config.kinds[i] = LayerKind::Chunked;
    config.slidingWindow = window;
    return absl::OkStatus();
  }

  const llvm::StringRef patternKey = "attention.sliding_window_pattern";
  const Gguf::Value *pattern = keys.gguf.find(keys.key(patternKey));
  if (pattern && pattern->isArray) {
    LATHE_ASSIGN_OR_RETURN(std::vector<int64_t> slides, keys.gguf.integers(keys.key(patternKey), 0, 1));
    if (static_cast<int64_t>(slides.size()) != config.layers)
      return keys.error(patternKey, "expected one for each of the " + llvm::Twine(config.layers) + " layers, got " +
                                        llvm::Twine(slides.size()));
    for (int64_t i = 0; i < config.layers; ++i)
      config.kinds[i] = slides[i] ? LayerKind::Sliding : LayerKind::Full;
  } else {
    // A period of 0 has no full layer.
    int64_t period = 0;
    LATHE_RETURN_IF_ERROR(keys.integer(period, patternKey, 0, limits::layers,
                                       model.window == WindowRule::Periodic ? model.windowPeriod : 0));
    for (int64_t i = 0; i < config.layers; ++i)
      config.kinds[i] = period && (i + 1) % period == 0 ? LayerKind::Full : LayerKind::Sliding;
  }
  if (llvm::is_contained(config.kinds, LayerKind::Sliding))
    config.slidingWindow = window;
  return absl::OkStatus();
}

/// Texts of tokens that end a turn in chat formats, from llama.cpp: many files name only one end id.
static bool endsTurn(llvm::StringRef token) {
  return llvm::StringSwitch<bool>(token)
      .Cases({"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>"}, true)
      .Cases({"<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "<|end_of_text|>", "<end_of_utterance>"}, true)
      .Default(false);
}

static absl::Status readSpecialTokens(const Gguf &gguf, Config &config) {
  auto read = [&](llvm::StringRef key, std::optional<int64_t> &out) -> absl::Status {
    LATHE_ASSIGN_OR_RETURN(const std::optional<int64_t> found, gguf.tokenId(key, config.vocabulary));
    if (found && *found < config.vocabulary)
      out = found;
    return absl::OkStatus();
  };
  LATHE_RETURN_IF_ERROR(read("tokenizer.ggml.bos_token_id", config.bosToken));
  LATHE_RETURN_IF_ERROR(read("tokenizer.ggml.padding_token_id", config.padToken));
  for (llvm::StringRef key : {"eos_token_id", "eot_token_id", "eom_token_id"}) {
    std::optional<int64_t> id;
    LATHE_RETURN_IF_ERROR(read(("tokenizer.ggml." + key).str(), id));
    if (id)
      config.endTokens.push_back(*id);
  }
  LATHE_ASSIGN_OR_RETURN(std::vector<llvm::StringRef> tokens, gguf.strings("tokenizer.ggml.tokens"));
  for (size_t i = 0; i < tokens.size(); ++i)
    if (endsTurn(tokens[i]))
      config.endTokens.push_back(i);
  llvm::sort(config.endTokens);
  config.endTokens.erase(llvm::unique(config.endTokens), config.endTokens.end());
  return absl::OkStatus();
}

/// Scales, softcaps and temperature: first the architecture's constants, then the keys of the file.
static absl::Status readScales(const ConfigReader &keys, const Model &model, Config &config) {
  if (model.scaleEmbedding)
    config.embeddingScale = std::sqrt(static_cast<double>(config.hidden));
  if (model.gguf.complete)
    model.gguf.complete(config);
  if (keys.has("attention.scale"))
    LATHE_RETURN_IF_ERROR(keys.positive(config.attentionScale, "attention.scale"));
  if (model.readsScales) {
    LATHE_RETURN_IF_ERROR(keys.positive(config.embeddingScale, "embedding_scale"));
    LATHE_RETURN_IF_ERROR(keys.positive(config.logitScale, "logit_scale"));
    LATHE_RETURN_IF_ERROR(keys.positive(config.attentionScale, "attention.output_scale", config.attentionScale));
  }
  if (model.readsMultipliers) {
    LATHE_RETURN_IF_ERROR(keys.positive(config.embeddingScale, "embedding_scale", 1));
    LATHE_RETURN_IF_ERROR(keys.positive(config.residualScale, "residual_scale", 1));
    LATHE_RETURN_IF_ERROR(keys.positive(config.logitScale, "logit_scale", 1));
    config.logitScale = 1 / config.logitScale;
  }
  if (model.readsAttentionSoftcap && keys.has("attn_logit_softcapping"))
    LATHE_RETURN_IF_ERROR(keys.positive(config.attentionSoftcap, "attn_logit_softcapping"));
  if (model.readsFinalSoftcap && keys.has("final_logit_softcapping"))
    LATHE_RETURN_IF_ERROR(keys.positive(config.finalSoftcap, "final_logit_softcapping"));
  if (!model.readTemperature)
    return absl::OkStatus();
  Temperature &temperature = config.temperature;
  LATHE_RETURN_IF_ERROR(
      keys.integer(temperature.length, "attention.temperature_length", 0, limits::positions, temperature.length));
  LATHE_RETURN_IF_ERROR(keys.number(temperature.scale, "attention.temperature_scale", temperature.scale));
  if (temperature.length == 0 || temperature.scale != 0)
    return absl::OkStatus();
  if (temperature.length == 1)
    return keys.error("attention.temperature_length", "expected an integer greater than 1, or 0 for none, got 1");
  // Without a scale the factor is max(1, log2(p) / log2(length)) = max(1, 1 + ln(p / length) / ln(length)).
  temperature.scale = 1 / std::log(static_cast<double>(temperature.length));
  return absl::OkStatus();
}

absl::StatusOr<Config> lathe::readGgufConfig(const Gguf &gguf, const Model *&model) {
  model = nullptr;
  LATHE_ASSIGN_OR_RETURN(llvm::StringRef kind, gguf.string("general.type", "model"));
  if (kind == "adapter")
    return gguf.error("general.type", "expected a model, got an adapter (LoRA); merge it into its base model");
  if (kind == "mmproj" || kind == "imatrix")
    return gguf.error("general.type", "expected a model, got " + quoted(kind) + ", which goes with one");
  LATHE_ASSIGN_OR_RETURN(llvm::StringRef architecture, gguf.string("general.architecture"));
  const ConfigReader keys{gguf, architecture.str()};
  LATHE_ASSIGN_OR_RETURN(Scoring scoring, readGgufScoring(keys));
  const Model *found = findGgufArchitecture(architecture, scoring);
  if (!found)
    return gguf.error("general.architecture", expectedOneOf(knownGgufArchitectures(), architecture));
  for (const Neutral &key : neutral) {
    if (key.isRead && key.isRead(*found))
      continue;
    LATHE_ASSIGN_OR_RETURN(double value, gguf.number(keys.key(key.name), key.value));
    if (value != key.value)
      return keys.error(key.name,
                        "expected " + numberString(key.value) + " for this architecture, got " + numberString(value));
  }

  Config config;
  config.path = gguf.path().str();
  config.modelType = architecture.str();
  config.activation = found->activation;
  config.attentionGate = found->attentionGate;
  config.qkNorm = found->readsQKNorm && findTensor(gguf, "blk.0.attn_q_norm.weight") ? QKNorm::PerHead : found->qkNorm;
  LATHE_RETURN_IF_ERROR(readSizes(keys, *found, config));
  config.attentionScale = 1 / std::sqrt(static_cast<double>(config.headDim));
  LATHE_RETURN_IF_ERROR(readGgufRope(keys, *found, config));
  LATHE_RETURN_IF_ERROR(readGgufExperts(keys, *found, config));
  LATHE_RETURN_IF_ERROR(readWindow(keys, *found, config));
  if (found->altUp)
    LATHE_RETURN_IF_ERROR(readAltUp(keys, config));
  LATHE_RETURN_IF_ERROR(readSpecialTokens(gguf, config));
  LATHE_RETURN_IF_ERROR(readGgufSampling(gguf, config));
  LATHE_ASSIGN_OR_RETURN(bool causal, gguf.boolean(keys.key("attention.causal"), true));
  if (!causal)
    return keys.error("attention.causal", "expected true, as text is generated left to right, got false");
  LATHE_RETURN_IF_ERROR(readScales(keys, *found, config));

  config.tied = true;
  for (const TensorInfo &tensor : gguf.tensors()) {
    config.tied &= tensor.name != "output.weight";
    config.qkvBias |= tensor.name == "blk.0.attn_q.bias" || tensor.name == "blk.0.attn_qkv.bias";
    config.oBias |= tensor.name == "blk.0.attn_output.bias";
    config.mlpBias |= tensor.name == (found->gated ? "blk.0.ffn_gate.bias" : "blk.0.ffn_up.bias");
  }
  model = found;
  return config;
}

absl::StatusOr<ModelSource> lathe::describeGguf(const Gguf &gguf) {
  ModelSource source;
  source.path = gguf.path().str();
  source.directory = llvm::sys::path::parent_path(gguf.path()).str();
  source.name = gguf.name().str();
  LATHE_ASSIGN_OR_RETURN(source.config, readGgufConfig(gguf, source.model));
  source.checkpoint = makeCheckpoint(gguf);
  LATHE_RETURN_IF_ERROR(checkTensors(*source.model, source.config, *source.checkpoint));
  return source;
}
