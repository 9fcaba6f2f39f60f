//===- Config.cpp - GGUF metadata -> Config ----------------------------------------------------------------------===//
//
// Keys begin with the architecture's name. Much that config.json states is a constant of the architecture here (Model),
// and some is told by the tensors: biases and a head of its own are there or not, llama3 scaling is rope_freqs.weight.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/Frontend.h"
#include "frontends/gguf/Gguf.h"
#include "frontends/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Path.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

using namespace lathe;

namespace {

struct Reader {
  const Gguf &gguf;
  std::string architecture;

  std::string key(llvm::StringRef name) const { return architecture + "." + name.str(); }
  bool has(llvm::StringRef name) const { return gguf.has(key(name)); }
  absl::Status error(llvm::StringRef name, const llvm::Twine &message) const { return gguf.error(key(name), message); }

  absl::Status integer(int64_t &out, llvm::StringRef name, int64_t min, int64_t max,
                       std::optional<int64_t> fallback = std::nullopt) const {
    LATHE_ASSIGN_OR_RETURN(out, gguf.integer(key(name), min, max, fallback));
    return absl::OkStatus();
  }
  absl::Status positive(double &out, llvm::StringRef name, std::optional<double> fallback = std::nullopt) const {
    LATHE_ASSIGN_OR_RETURN(out, gguf.number(key(name), fallback));
    return out > 0 ? absl::OkStatus() : error(name, "expected a number greater than 0, got " + numberString(out));
  }
  /// A number, or an array with the same for every layer.
  absl::Status perLayer(int64_t &out, llvm::StringRef name, int64_t min, int64_t max,
                        std::optional<int64_t> fallback = std::nullopt) const {
    const Gguf::Value *value = gguf.find(key(name));
    if (!value || !value->isArray)
      return integer(out, name, min, max, fallback);
    LATHE_ASSIGN_OR_RETURN(std::vector<int64_t> all, gguf.integers(key(name), min, max));
    for (int64_t found : all)
      if (found != all.front())
        return error(name, "expected the same for every layer, got " + llvm::Twine(all.front()) + " and " +
                               llvm::Twine(found));
    if (all.empty())
      return error(name, "expected an integer, got an empty array");
    out = all.front();
    return absl::OkStatus();
  }
};

/// Keys of other architectures that share a name with these, and the value at which they do nothing.
struct Neutral {
  llvm::StringLiteral name;
  double value;
  bool (*isRead)(const Model &) = nullptr; // not to be refused where it is
};
bool readsMultipliers(const Model &model) { return model.readsMultipliers; }
bool hasExperts(const Model &model) { return static_cast<bool>(model.experts); }
constexpr Neutral neutral[] = {
    {"expert_count", 0, hasExperts},
    {"logit_scale", 1, readsMultipliers},
    {"residual_scale", 1, readsMultipliers},
    {"embedding_scale", 1, readsMultipliers},
    {"attention.clamp_kqv", 0},
    {"attention.max_alibi_bias", 0},
    {"attention.output_scale", 0},
    {"attention.temperature_scale", 0},
    {"rope.scaling.yarn_log_multiplier", 0},
};

} // namespace

static absl::Status readSizes(const Reader &keys, const Model &model, Config &config) {
  LATHE_RETURN_IF_ERROR(keys.integer(config.hidden, "embedding_length", 1, limits::hidden));
  LATHE_RETURN_IF_ERROR(keys.integer(config.layers, "block_count", 1, limits::layers));
  LATHE_RETURN_IF_ERROR(keys.perLayer(config.heads, "attention.head_count", 1, limits::heads));
  LATHE_RETURN_IF_ERROR(keys.perLayer(config.kvHeads, "attention.head_count_kv", 1, limits::heads, config.heads));
  LATHE_RETURN_IF_ERROR(keys.perLayer(config.intermediate, "feed_forward_length", 1, limits::intermediate));
  LATHE_RETURN_IF_ERROR(keys.integer(config.maxPositions, "context_length", 1, limits::positions));
  LATHE_RETURN_IF_ERROR(keys.positive(config.normEps, model.normKind == NormKind::Layer
                                                          ? "attention.layer_norm_epsilon"
                                                          : "attention.layer_norm_rms_epsilon"));
  // Stored as float: the number meant by the float nearest to 1e-6 is 1e-6.
  config.normEps = std::strtod(numberString(static_cast<float>(config.normEps)).c_str(), nullptr);

  if (config.heads % config.kvHeads)
    return keys.error("attention.head_count_kv", "expected a divisor of " + keys.key("attention.head_count") + " (" +
                                                     llvm::Twine(config.heads) + "), got " +
                                                     llvm::Twine(config.kvHeads));
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

  const Gguf::Value *tokens = keys.gguf.find("tokenizer.ggml.tokens");
  if (keys.has("vocab_size") || !tokens)
    return keys.integer(config.vocabulary, "vocab_size", 1, limits::vocabulary);
  if (!tokens->isArray || tokens->count < 1 || tokens->count > static_cast<uint64_t>(limits::vocabulary))
    return keys.gguf.error("tokenizer.ggml.tokens", "expected an array of 1 to " + llvm::Twine(limits::vocabulary) +
                                                        " strings, got " + Gguf::describe(*tokens));
  config.vocabulary = tokens->count;
  return absl::OkStatus();
}

/// llama3 scaling as the converter stores it, divisors of the angles in a tensor.
static absl::Status readDivisors(const Gguf &gguf, const TensorInfo &tensor, Rope &rope) {
  if (tensor.format != Format::F32 || tensor.shape != std::vector<int64_t>{rope.dims / 2})
    return gguf.error(tensor.name, "expected F32 of shape " + shapeString({rope.dims / 2}) + ", got " +
                                       tensor.storedType + " of shape " + shapeString(tensor.shape));
  rope.divisors.resize(rope.dims / 2);
  std::memcpy(rope.divisors.data(), gguf.mapping()->bytes().data() + tensor.offset, tensor.bytes);
  for (float divisor : rope.divisors)
    if (!(divisor > 0) || !std::isfinite(divisor))
      return gguf.error(tensor.name, "expected numbers greater than 0, got " + numberString(divisor));
  rope.scaling = RopeScaling::Divisors;
  return absl::OkStatus();
}

static absl::Status readRope(const Reader &keys, const Model &model, Config &config) {
  Rope &rope = config.rope;
  rope.dims = config.headDim;
  if (model.partialRotary)
    LATHE_RETURN_IF_ERROR(keys.integer(rope.dims, "rope.dimension_count", 2, config.headDim, config.headDim));
  if (rope.dims % 2)
    return keys.error("rope.dimension_count", "expected an even number, got " + llvm::Twine(rope.dims));
  LATHE_RETURN_IF_ERROR(keys.positive(rope.theta, "rope.freq_base", 10000));
  config.slidingRope = rope;
  if (model.localTheta)
    LATHE_RETURN_IF_ERROR(keys.positive(config.slidingRope.theta, "rope.freq_base_swa",
                                        model.localTheta == model.theta ? rope.theta : model.localTheta));

  LATHE_ASSIGN_OR_RETURN(llvm::StringRef type, keys.gguf.string(keys.key("rope.scaling.type"), "linear"));
  // Files older than scaling types have the bare factor.
  const char *factorKey =
      !keys.has("rope.scaling.factor") && keys.has("rope.scale_linear") ? "rope.scale_linear" : "rope.scaling.factor";
  double factor = 1;
  if (type != "none") {
    LATHE_ASSIGN_OR_RETURN(factor, keys.gguf.number(keys.key(factorKey), 0));
  }
  if (factor < 0)
    return keys.error(factorKey, "expected a number not below 0, got " + numberString(factor));
  factor = factor == 0 ? 1 : factor; // llama.cpp: 0 is none
  if (type == "linear") {
    if (factor != 1) {
      rope.scaling = RopeScaling::Linear;
      rope.factor = factor;
    }
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::Yarn;
    rope.factor = factor;
    LATHE_RETURN_IF_ERROR(keys.integer(rope.originalPositions, "rope.scaling.original_context_length", 1,
                                       limits::positions, config.maxPositions));
    LATHE_RETURN_IF_ERROR(keys.positive(rope.betaFast, "rope.scaling.yarn_beta_fast", 32));
    LATHE_RETURN_IF_ERROR(keys.positive(rope.betaSlow, "rope.scaling.yarn_beta_slow", 1));
    LATHE_ASSIGN_OR_RETURN(double extrapolation, keys.gguf.number(keys.key("rope.scaling.yarn_ext_factor"), 1));
    if (extrapolation != 1)
      return keys.error("rope.scaling.yarn_ext_factor", "expected 1, got " + numberString(extrapolation));
    double multiplier = 1;
    LATHE_RETURN_IF_ERROR(keys.positive(multiplier, "rope.scaling.attn_factor", 1));
    // yarn_attn_factor is config.json's attention_factor, the whole of it.
    LATHE_RETURN_IF_ERROR(keys.positive(rope.attentionFactor, "rope.scaling.yarn_attn_factor",
                                        multiplier * (factor <= 1 ? 1 : 0.1 * std::log(factor) + 1)));
    if (rope.theta == 1)
      return keys.error("rope.freq_base", "expected another value than 1 for yarn, got 1");
  } else if (type != "none")
    return keys.error("rope.scaling.type", "expected one of none, linear, yarn, got " + quoted(type));

  for (const TensorInfo &tensor : keys.gguf.tensors()) {
    if (tensor.name == "rope_factors_long.weight" || tensor.name == "rope_factors_short.weight")
      return keys.gguf.error(tensor.name, "expected no longrope scaling, which is not supported");
    if (tensor.name != "rope_freqs.weight")
      continue;
    if (rope.scaling != RopeScaling::None)
      return keys.error("rope.scaling.type",
                        "expected none or linear by 1 beside the tensor rope_freqs.weight, got " + quoted(type));
    LATHE_RETURN_IF_ERROR(readDivisors(keys.gguf, tensor, rope));
  }
  if (!model.localTheta)
    config.slidingRope = rope;
  return absl::OkStatus();
}

static absl::Status readExperts(const Reader &keys, const Model &model, Config &config) {
  if (!model.experts)
    return absl::OkStatus();
  LATHE_RETURN_IF_ERROR(keys.integer(config.experts, "expert_count", 1, limits::experts));
  LATHE_RETURN_IF_ERROR(keys.integer(config.expertsPerToken, "expert_used_count", 1, limits::expertsPerToken));
  LATHE_RETURN_IF_ERROR(keys.integer(config.expertIntermediate, "expert_feed_forward_length", 1, limits::intermediate));
  if (config.expertsPerToken > config.experts)
    return keys.error("expert_used_count", "expected at most " + keys.key("expert_count") + " (" +
                                               llvm::Twine(config.experts) + "), got " +
                                               llvm::Twine(config.expertsPerToken));
  if (model.experts.shared == SharedExpert::Gated)
    LATHE_RETURN_IF_ERROR(
        keys.integer(config.sharedIntermediate, "expert_shared_feed_forward_length", 1, limits::intermediate));
  config.normalizesRouting = model.experts.ggufNormalized;
  config.expertActivation = config.activation;
  // What a layer has tells which kind it is.
  config.sparse.assign(config.layers, false);
  for (const TensorInfo &tensor : keys.gguf.tensors()) {
    llvm::StringRef name = tensor.name;
    uint64_t layer = 0;
    if (name.consume_front("blk.") && !name.consumeInteger(10, layer) && name == ".ffn_gate_inp.weight" &&
        layer < static_cast<uint64_t>(config.layers))
      config.sparse[layer] = true;
  }
  return absl::OkStatus();
}

static absl::Status readWindow(const Reader &keys, const Model &model, Config &config) {
  config.kinds.assign(config.layers, LayerKind::Full);
  if (!model.ggufWindow)
    return absl::OkStatus();
  int64_t window = 0;
  LATHE_RETURN_IF_ERROR(keys.integer(window, "attention.sliding_window", 0, limits::positions, 0));
  if (model.ggufWindowRequired && window == 0)
    return keys.error("attention.sliding_window", "expected an integer greater than 0, got none");
  if (window == 0)
    return absl::OkStatus();

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

/// Texts that end a turn in the families' chat formats, as llama.cpp knows them: files often name only one end id.
static bool endsTurn(llvm::StringRef token) {
  return llvm::StringSwitch<bool>(token)
      .Cases({"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<end_of_turn>"}, true)
      .Cases({"<|endoftext|>", "<|eom_id|>", "<EOT>", "_<EOT>", "<|end_of_text|>", "<end_of_utterance>"}, true)
      .Default(false);
}

static absl::Status readSpecialTokens(const Gguf &gguf, Config &config) {
  auto read = [&](llvm::StringRef key, std::optional<int64_t> &out) -> absl::Status {
    LATHE_ASSIGN_OR_RETURN(std::vector<int64_t> found, gguf.integers(key, -1, std::numeric_limits<uint32_t>::max()));
    // The format's "none" is the largest number of its type.
    if (found.size() == 1 && found[0] >= 0 && found[0] < config.vocabulary)
      out = found[0];
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

absl::StatusOr<Config> lathe::readGgufConfig(const Gguf &gguf, const Model *&model) {
  model = nullptr;
  LATHE_ASSIGN_OR_RETURN(llvm::StringRef architecture, gguf.string("general.architecture"));
  const Model *found = findGgufArchitecture(architecture);
  if (!found)
    return gguf.error("general.architecture", expectedOneOf(knownGgufArchitectures(), architecture));
  const Reader keys{gguf, architecture.str()};
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
  config.qkNorm = found->qkNorm;
  LATHE_RETURN_IF_ERROR(readSizes(keys, *found, config));
  LATHE_RETURN_IF_ERROR(readRope(keys, *found, config));
  LATHE_RETURN_IF_ERROR(readExperts(keys, *found, config));
  LATHE_RETURN_IF_ERROR(readWindow(keys, *found, config));
  LATHE_RETURN_IF_ERROR(readSpecialTokens(gguf, config));
  LATHE_ASSIGN_OR_RETURN(bool causal, gguf.boolean(keys.key("attention.causal"), true));
  if (!causal)
    return keys.error("attention.causal", "expected true, as text is generated left to right, got false");

  config.attentionScale = 1 / std::sqrt(static_cast<double>(config.headDim));
  if (found->scaleEmbedding)
    config.embeddingScale = std::sqrt(static_cast<double>(config.hidden));
  if (found->completeGguf)
    found->completeGguf(config);
  if (keys.has("attention.scale"))
    LATHE_RETURN_IF_ERROR(keys.positive(config.attentionScale, "attention.scale"));
  if (found->readsMultipliers) {
    LATHE_RETURN_IF_ERROR(keys.positive(config.embeddingScale, "embedding_scale", 1));
    LATHE_RETURN_IF_ERROR(keys.positive(config.residualScale, "residual_scale", 1));
    LATHE_RETURN_IF_ERROR(keys.positive(config.logitScale, "logit_scale", 1));
    config.logitScale = 1 / config.logitScale;
  }
  if (found->noRopeInterval)
    for (int64_t i = 0; i < config.layers; ++i)
      config.rotates.push_back((i + 1) % found->noRopeInterval != 0);
  if (found->readsAttentionSoftcap && keys.has("attn_logit_softcapping"))
    LATHE_RETURN_IF_ERROR(keys.positive(config.attentionSoftcap, "attn_logit_softcapping"));
  if (found->readsFinalSoftcap && keys.has("final_logit_softcapping"))
    LATHE_RETURN_IF_ERROR(keys.positive(config.finalSoftcap, "final_logit_softcapping"));

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

absl::StatusOr<ModelSource> lathe::openGguf(llvm::StringRef path) {
  ModelSource source;
  source.path = path.str();
  source.directory = llvm::sys::path::parent_path(path).str();
  LATHE_ASSIGN_OR_RETURN(source.gguf, Gguf::open(path));
  LATHE_ASSIGN_OR_RETURN(source.config, readGgufConfig(*source.gguf, source.model));
  source.checkpoint = makeCheckpoint(*source.gguf);
  LATHE_RETURN_IF_ERROR(checkTensors(*source.model, source.config, *source.checkpoint));
  return source;
}
