//===- Config.cpp - reads config.json, in the older and the newer form --------------------------------------------===//
//
// Keys have the meaning that they have in transformers 5: an absent key has the class's default, null means none. Older
// files have rope_theta and rope_scaling at the top level, newer ones rope_parameters. An unknown value of a key that
// changes the result is an error; keys about training are ignored.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "compiler/support/Json.h"
#include "frontends/config/Checks.h"
#include "frontends/huggingface/ConfigRope.h"
#include "frontends/huggingface/HuggingFace.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace lathe;
namespace json = llvm::json;

static constexpr uint64_t maxConfigBytes = uint64_t(4) << 20;

static auto complainTo(const JsonObject &keys) {
  return [&keys](llvm::StringRef key, const llvm::Twine &message) { keys.fail(key, message); };
}

/// Multi-head latent attention. transformers' head_dim is the width of the rotated part only, so it is not read.
static void readLatent(const JsonObject &keys, Config &config) {
  config.latentRank = keys.integer("kv_lora_rank", 1, limits::hidden);
  config.queryRank = keys.has("q_lora_rank") ? keys.integer("q_lora_rank", 1, limits::hidden) : 0;
  config.nopeDim = keys.integer("qk_nope_head_dim", 1, limits::headDim);
  config.ropeDim = keys.integer("qk_rope_head_dim", 2, limits::headDim);
  config.valueDim = keys.integer("v_head_dim", 1, limits::headDim);
  config.headDim = config.nopeDim + config.ropeDim;
  checkLatent(config, "qk_rope_head_dim", "kv_lora_rank", complainTo(keys));
}

/// The quantile of the standard normal distribution: `part` of its values are below the result.
static double deviationsAbove(double part) {
  double low = -40, high = 40;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < part ? low : high) = middle;
  }
  return low;
}

static void readSizes(const JsonObject &keys, const Model &model, Config &config) {
  config.hidden = keys.integer("hidden_size", 1, limits::hidden);
  config.layers = keys.integer("num_hidden_layers", 1, limits::layers);
  config.heads = keys.integer("num_attention_heads", 1, limits::heads);
  const bool isGrouped = model.grouped && !model.latent;
  config.kvHeads = isGrouped ? keys.integer("num_key_value_heads", 1, limits::heads, config.heads) : config.heads;
  if (const json::Value *widths = keys.find("intermediate_size"); model.altUp && widths && widths->getAsArray()) {
    config.intermediates = keys.integers("intermediate_size", 1, limits::intermediate);
    if (keys.ok() && static_cast<int64_t>(config.intermediates.size()) != config.layers)
      keys.fail("intermediate_size", "expected one for each of the " + llvm::Twine(config.layers) + " layers, got " +
                                         llvm::Twine(config.intermediates.size()));
    config.intermediate = config.intermediates.empty() ? 1 : config.intermediates.front();
  } else {
    config.intermediate =
        keys.integer("intermediate_size", 1, limits::intermediate,
                     model.intermediateHidden ? std::optional(model.intermediateHidden * config.hidden) : std::nullopt);
  }
  config.vocabulary = keys.integer("vocab_size", 1, limits::vocabulary);
  config.maxPositions = keys.integer("max_position_embeddings", 1, limits::positions);
  config.normEps = keys.positive("rms_norm_eps", 1e-6);
  if (!keys.ok())
    return;

  if (config.heads % config.kvHeads)
    keys.fail("num_key_value_heads", "expected a divisor of num_attention_heads (" + llvm::Twine(config.heads) +
                                         "), got " + llvm::Twine(config.kvHeads));
  if (model.latent)
    readLatent(keys, config);
  else if (model.grouped && keys.has("head_dim"))
    config.headDim = keys.integer("head_dim", 1, limits::headDim);
  else if (config.hidden % config.heads)
    keys.fail("num_attention_heads", "expected a divisor of " + keys.nameOf("hidden_size") + " (" +
                                         llvm::Twine(config.hidden) + ") as there is no head_dim, got " +
                                         llvm::Twine(config.heads));
  else
    config.headDim = config.hidden / config.heads;
  if (config.headDim % 2 && !model.latent && model.positions == Positions::Rotary)
    keys.fail("head_dim", "expected an even number, as rotation takes pairs, got " + llvm::Twine(config.headDim));
  if (config.headDim > limits::headDim)
    keys.fail("head_dim", "expected at most " + llvm::Twine(limits::headDim) + ", got " + llvm::Twine(config.headDim));
}

/// Gemma 3n: alternating updates, LAuReL, per-layer embeddings, shared caches, sparse gates.
static void readAltUp(const JsonObject &keys, Config &config) {
  config.streams = keys.integer("altup_num_inputs", 4, 4);
  config.laurelRank = keys.integer("laurel_rank", 1, limits::hidden);
  config.perLayerWidth = keys.integer("hidden_size_per_layer_input", 1, limits::hidden);
  config.perLayerVocabulary = keys.integer("vocab_size_per_layer_input", 1, limits::vocabulary);
  config.valueNorm = true;
  const int64_t shared = keys.integer("num_kv_shared_layers", 0, config.layers - 1);
  config.sharedFrom = shared ? config.layers - shared : 0;
  const json::Value *pattern = keys.find("activation_sparsity_pattern");
  const json::Array *listed = pattern ? pattern->getAsArray() : nullptr;
  if (pattern && (!listed || static_cast<int64_t>(listed->size()) != config.layers))
    return keys.fail("activation_sparsity_pattern", "expected a number for each of the " + llvm::Twine(config.layers) +
                                                        " layers, got " + describe(*pattern) +
                                                        (listed ? " of " + llvm::Twine(listed->size()) : ""));
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::optional<double> part = listed ? (*listed)[i].getAsNumber() : i < 10 && config.layers > 10 ? 0.95 : 0;
    if (!part || !(*part >= 0 && *part < 1)) // NaN is not, either
      return keys.fail("activation_sparsity_pattern", "expected numbers from 0 to below 1, got " +
                                                          describe((*listed)[i]) + " for layer " + llvm::Twine(i));
    config.deviations.push_back(*part > 0 ? deviationsAbove(*part) : 0);
  }
}

static void readRequired(const JsonObject &keys, const Model &model) {
  llvm::Expected<json::Value> required = json::parse(model.huggingFace.required);
  assert(required && required->getAsObject() && "a Model's required values are a JSON object");
  for (const auto &[key, value] : *required->getAsObject())
    if (const json::Value *found = keys.find(key); found && *found != value)
      keys.fail(key, "expected " + describe(value) + " for this architecture, got " + describe(*found));
}

static void readActivation(const JsonObject &keys, const Model &model, Config &config) {
  config.activation = model.activation;
  if (!keys.has(model.huggingFace.activationKey))
    return;
  const std::string name = keys.string(model.huggingFace.activationKey);
  auto known = llvm::StringSwitch<std::optional<Activation>>(name)
                   .Cases({"silu", "swish"}, Activation::SiLU)
                   .Cases({"gelu_pytorch_tanh", "gelu_new"}, Activation::GeluTanh)
                   .Default(std::nullopt);
  if (!known)
    keys.fail(model.huggingFace.activationKey,
              "expected one of silu, swish, gelu_pytorch_tanh, gelu_new, got " + quoted(name));
  config.activation = known.value_or(model.activation);
}

/// DeepSeek multiplies attention scores by the square of yarn's magnitude for mscale_all_dim.
static double latentScale(const JsonObject &keys, const Rope &rope) {
  std::optional<JsonObject> parameters = keys.object("rope_scaling");
  if (!parameters)
    parameters = keys.object("rope_parameters");
  if (!parameters || rope.scaling == RopeScaling::None || rope.factor <= 1)
    return 1;
  const double magnitude = 0.1 * parameters->number("mscale_all_dim", 0) * std::log(rope.factor) + 1;
  return magnitude * magnitude;
}

/// Reads layer_types; `kind` is the kind of layer besides full attention. False if there is no such key.
static bool readLayerTypes(const JsonObject &keys, Config &config, LayerKind kind = LayerKind::Sliding) {
  const llvm::StringRef local = kind == LayerKind::Sliding   ? "sliding_attention"
                                : kind == LayerKind::Chunked ? "chunked_attention"
                                                             : "linear_attention";
  if (!keys.has("layer_types"))
    return false;
  const std::vector<std::string> types = keys.strings("layer_types");
  if (keys.ok() && static_cast<int64_t>(types.size()) != config.layers)
    keys.fail("layer_types", "expected one for each of the " + llvm::Twine(config.layers) + " layers, got " +
                                 llvm::Twine(types.size()));
  for (size_t i = 0; keys.ok() && i < types.size(); ++i) {
    if (types[i] == local)
      config.kinds[i] = kind;
    else if (types[i] != "full_attention")
      keys.fail("layer_types",
                "expected full_attention or " + local + ", got " + quoted(types[i]) + " for layer " + llvm::Twine(i));
  }
  return true;
}

/// no_rope_layers: 1 for a layer with rotary positions, 0 for one without.
static void readNoRope(const JsonObject &keys, const Model &model, Config &config) {
  if (!model.noRopeInterval)
    return;
  std::vector<int64_t> rotated = keys.integers("no_rope_layers", 0, 1);
  // In transformers, too, an empty list means that no_rope_layer_interval is used.
  if (rotated.empty()) {
    const int64_t interval = keys.integer("no_rope_layer_interval", 1, limits::layers, model.noRopeInterval);
    for (int64_t i = 0; i < config.layers; ++i)
      rotated.push_back((i + 1) % std::max<int64_t>(interval, 1) != 0);
  }
  if (keys.ok() && static_cast<int64_t>(rotated.size()) != config.layers)
    return keys.fail("no_rope_layers", "expected one for each of the " + llvm::Twine(config.layers) + " layers, got " +
                                           llvm::Twine(rotated.size()));
  config.rotates.assign(rotated.begin(), rotated.end());
}

/// Groups of experts, where the architecture has them.
static void readGroups(const JsonObject &keys, const ExpertRule &rule, Config &config) {
  if (!rule.groupTerms)
    return;
  if (rule.groupMethod) {
    const std::string method = keys.string("topk_method", rule.groupMethod);
    if (method != rule.groupMethod && method != "greedy")
      keys.fail("topk_method", "expected greedy or " + llvm::Twine(rule.groupMethod) + ", got " + quoted(method));
    if (method != rule.groupMethod)
      return;
  }
  config.expertGroups = keys.integer("n_group", 1, limits::expertGroups, 1);
  config.topGroups = keys.integer("topk_group", 1, limits::expertGroups, 1);
}

static void readSparseLayers(const JsonObject &keys, const ExpertRule &rule, Config &config) {
  config.sparse.assign(config.layers, true);
  switch (rule.layers) {
  case SparseLayers::None:
  case SparseLayers::Every:
    return;
  case SparseLayers::Stepped: {
    const int64_t step = keys.integer("decoder_sparse_step", 1, limits::layers, 1);
    const std::vector<int64_t> dense = keys.integers("mlp_only_layers", 0, config.layers - 1);
    for (int64_t i = 0; i < config.layers; ++i)
      config.sparse[i] = (i + 1) % std::max<int64_t>(step, 1) == 0 && !llvm::is_contained(dense, i);
    return;
  }
  case SparseLayers::AfterDense: {
    // The class's default may be larger than a small model's number of layers.
    const int64_t max = keys.states("first_k_dense_replace") ? config.layers : limits::layers;
    const int64_t dense = keys.integer("first_k_dense_replace", 0, max, 0);
    for (int64_t i = 0; i < config.layers; ++i)
      config.sparse[i] = i >= dense;
    return;
  }
  case SparseLayers::Interleaved: {
    const int64_t step = keys.integer("interleave_moe_layer_step", 1, limits::layers, 1);
    const std::vector<int64_t> listed = keys.integers("moe_layers", 0, config.layers - 1);
    for (int64_t i = 0; i < config.layers; ++i)
      config.sparse[i] =
          keys.has("moe_layers") ? llvm::is_contained(listed, i) : (i + 1) % std::max<int64_t>(step, 1) == 0;
    return;
  }
  }
}

static void readExperts(const JsonObject &keys, const Model &model, Config &config) {
  const ExpertRule &rule = model.experts;
  if (!rule)
    return;
  // transformers 5 writes num_local_experts, whatever name published files have.
  const llvm::StringRef count =
      !keys.states("num_experts") && keys.states("num_local_experts") ? "num_local_experts" : "num_experts";
  config.experts = keys.integer(count, rule.layers == SparseLayers::Stepped ? 0 : 1, limits::experts);
  if (!keys.ok() || config.experts == 0)
    return;
  config.expertsPerToken = keys.integer("num_experts_per_tok", 1, limits::expertsPerToken);
  config.expertIntermediate = keys.integer("moe_intermediate_size", 1, limits::intermediate);
  config.normalizesRouting = rule.normalized == Normalized::Always ||
                             (rule.normalized == Normalized::Key && keys.boolean("norm_topk_prob", false));
  if (rule.scaled)
    config.routingScale = keys.positive("routed_scaling_factor", 1);
  if (rule.softcap && keys.has("router_logit_softcapping"))
    config.routerSoftcap = keys.positive("router_logit_softcapping");
  readGroups(keys, rule, config);
  if (keys.ok())
    checkExperts(rule, config, {keys.nameOf(count).str(), "num_experts_per_tok", "n_group", "topk_group"},
                 complainTo(keys));

  if (rule.clamped)
    config.expertLimit = keys.positive("swiglu_limit");
  switch (rule.shared) {
  case SharedExpert::None:
  case SharedExpert::One:
  case SharedExpert::Dense:
    break;
  case SharedExpert::Wide:
  case SharedExpert::Gated:
    config.sharedIntermediate = keys.integer("shared_expert_intermediate_size", 1, limits::intermediate);
    break;
  case SharedExpert::Counted:
    config.sharedIntermediate = config.expertIntermediate * keys.integer("n_shared_experts", 0, limits::experts, 0);
    if (config.sharedIntermediate > limits::intermediate)
      keys.fail("n_shared_experts", "expected experts of at most " + llvm::Twine(limits::intermediate) +
                                        " values together, got " + llvm::Twine(config.sharedIntermediate));
    break;
  }
  completeExperts(rule, config);
  readSparseLayers(keys, rule, config);
}

/// Gated DeltaNet.
static void readDeltaNet(const JsonObject &keys, Config &config) {
  config.deltaKeyHeads = keys.integer("linear_num_key_heads", 1, limits::heads);
  config.deltaValueHeads = keys.integer("linear_num_value_heads", 1, limits::heads);
  config.deltaKeyDim = keys.integer("linear_key_head_dim", 1, limits::headDim);
  config.deltaValueDim = keys.integer("linear_value_head_dim", 1, limits::headDim);
  config.convWidth = keys.integer("linear_conv_kernel_dim", 2, 64);
  if (keys.ok())
    checkDeltaNet(config, "linear_num_value_heads", "linear_num_key_heads", complainTo(keys));
}

static void readWindow(const JsonObject &keys, const Model &model, Config &config) {
  config.kinds.assign(config.layers, LayerKind::Full);
  switch (model.window) {
  case WindowRule::None:
    return;
  case WindowRule::Switched:
    if (keys.boolean("use_sliding_window", false) && keys.has("sliding_window"))
      config.kinds.assign(config.layers, LayerKind::Sliding);
    break;
  case WindowRule::Unrotated: {
    // In transformers no layer has a window unless use_sliding_window is true, even if layer_types says so.
    const bool used = keys.boolean("use_sliding_window", false);
    if (!readLayerTypes(keys, config) && used && keys.has("sliding_window"))
      for (int64_t i = 0; i < config.layers; ++i)
        config.kinds[i] = config.rotatesIn(i) ? LayerKind::Full : LayerKind::Sliding;
    if (!used && llvm::is_contained(config.kinds, LayerKind::Sliding))
      keys.fail("use_sliding_window", "expected true, as layer_types has sliding_attention");
    break;
  }
  case WindowRule::Linear:
    readDeltaNet(keys, config);
    if (!readLayerTypes(keys, config, LayerKind::Linear)) {
      const int64_t interval = keys.integer("full_attention_interval", 1, limits::layers);
      for (int64_t i = 0; i < config.layers; ++i)
        if ((i + 1) % std::max<int64_t>(interval, 1))
          config.kinds[i] = LayerKind::Linear;
    }
    return;
  case WindowRule::Chunked:
    if (!readLayerTypes(keys, config, LayerKind::Chunked) && keys.has("attention_chunk_size"))
      for (int64_t i = 0; i < config.layers; ++i)
        config.kinds[i] = config.rotatesIn(i) ? LayerKind::Chunked : LayerKind::Full;
    if (llvm::is_contained(config.kinds, LayerKind::Chunked))
      config.slidingWindow = keys.integer("attention_chunk_size", 1, limits::positions);
    return;
  case WindowRule::Every:
    if (!readLayerTypes(keys, config) && keys.has("sliding_window"))
      config.kinds.assign(config.layers, LayerKind::Sliding);
    break;
  case WindowRule::Above: {
    const bool used = keys.boolean("use_sliding_window", false);
    if (!readLayerTypes(keys, config) && used && keys.has("sliding_window")) {
      const int64_t first = keys.integer("max_window_layers", 0, limits::layers);
      for (int64_t i = first; i < config.layers; ++i)
        config.kinds[i] = LayerKind::Sliding;
    }
    if (!used && llvm::is_contained(config.kinds, LayerKind::Sliding))
      keys.fail("use_sliding_window", "expected true, as layer_types has sliding_attention");
    break;
  }
  case WindowRule::Periodic:
    if (!readLayerTypes(keys, config)) {
      // transformers writes _sliding_window_pattern and does not read it back.
      const int64_t period = keys.integer("sliding_window_pattern", 1, limits::layers, model.windowPeriod);
      for (int64_t i = 0; i < config.layers; ++i)
        if ((i + 1) % std::max<int64_t>(period, 1))
          config.kinds[i] = LayerKind::Sliding;
    }
    break;
  }
  if (llvm::is_contained(config.kinds, LayerKind::Sliding))
    config.slidingWindow = keys.integer("sliding_window", 1, limits::positions);
}

static void readSpecialTokens(const JsonObject &text, const JsonObject &root, Config &config) {
  // A key of the wrapper takes precedence over the class's default for text_config.
  auto ids = [&](llvm::StringRef key) {
    const JsonObject &object = !text.states(key) && root.states(key) ? root : text;
    std::vector<int64_t> found = object.integers(key, -1, limits::vocabulary);
    llvm::erase(found, -1); // some writers write -1 for none
    return found;
  };
  auto first = [](const std::vector<int64_t> &list) {
    return list.empty() ? std::nullopt : std::optional<int64_t>(list.front());
  };
  config.bosToken = first(ids("bos_token_id"));
  config.padToken = first(ids("pad_token_id"));
  config.endTokens = ids("eos_token_id");
  llvm::sort(config.endTokens);
}

/// The storage format of matrices by quantization_config; the types of the tensors are checked later.
static void readQuantisation(const JsonObject &keys, const Model &model, Config &config) {
  for (llvm::StringRef key : {"quantization_config", "compression_config"}) {
    std::optional<JsonObject> found = keys.object(key);
    if (!found)
      continue;
    const std::string method = found->string("quant_method", "unknown");
    if (method == "mxfp4" && model.huggingFace.experts == ExpertTensors::Interleaved) {
      config.storedExperts = Format::MXFP4;
    } else if (method == "fp8") {
      config.storedMatrices = Format::F8E4M3;
      if (found->string("fmt", "e4m3") != "e4m3")
        found->fail("fmt", "expected e4m3, got " + quoted(found->string("fmt")));
      if (const std::vector<int64_t> block = found->integers("weight_block_size", 1, limits::hidden);
          found->ok() && block != std::vector<int64_t>{kScaleBlock, kScaleBlock})
        found->fail("weight_block_size", "expected [128, 128], got " + shapeString(block));
    } else {
      found->fail("quant_method",
                  "expected fp8, mxfp4 for gpt-oss, or weights in F32, F16 or BF16 (or a GGUF file), got " +
                      quoted(method) + ", which is not supported");
    }
  }
}

/// Rows of the experts' matrices must consist of whole MXFP4 blocks of 32 values.
static void checkBlocks(const JsonObject &keys, const Config &config) {
  if (config.storedExperts != Format::MXFP4)
    return;
  const int64_t block = getFormatInfo(Format::MXFP4).block;
  for (auto [key, size] :
       {std::pair("hidden_size", config.hidden), std::pair("moe_intermediate_size", config.expertIntermediate)})
    if (size % block)
      keys.fail(key, "expected a multiple of " + llvm::Twine(block) + " as experts are stored as mxfp4, got " +
                         llvm::Twine(size));
}

static void readTie(const JsonObject &text, const JsonObject &root, bool isWrapper, Config &config) {
  const JsonObject &object = root.states("tie_word_embeddings") ? root : text;
  config.tied = object.boolean("tie_word_embeddings", false);
  config.tiedUnlessStored = isWrapper && !root.states("tie_word_embeddings");
}

/// Parts that are left out. Their keys are not checked.
static void readLeftOut(const JsonObject &text, const JsonObject &root, bool isWrapper, Config &config) {
  config.describesVision = isWrapper && root.has("vision_config");
  config.describesAudio = isWrapper && root.has("audio_config");
  if (const json::Value *layers = text.find("num_nextn_predict_layers"))
    config.predictingLayers = asInteger(*layers).value_or(0);
}

static void readBiasesAndNorms(const JsonObject &keys, const Model &model, Config &config) {
  const bool attentionBias = model.readsAttentionBias && keys.boolean("attention_bias", false);
  config.qkvBias = model.qkvBias || attentionBias || (model.readsQKVBias && keys.boolean("attention_bias", false));
  config.qkNorm = model.readsQKNorm && keys.boolean("use_qk_norm", false) ? QKNorm::PerHead : model.qkNorm;
  config.oBias = model.oBias || attentionBias;
  config.mlpBias = model.mlpBias || (model.readsMlpBias && keys.boolean("mlp_bias", false));
  config.attentionGate = model.attentionGate;
  config.normsRotated = model.normsRotated && keys.boolean("use_qk_norm", false);
}

/// Scales, softcaps and temperature.
static void readScales(const JsonObject &keys, const Model &model, Config &config) {
  if (model.readTemperature)
    model.readTemperature(keys, config);
  config.attentionScale =
      1 / std::sqrt(model.readsQueryPreAttnScalar ? keys.positive("query_pre_attn_scalar") : config.headDim);
  if (model.altUp)
    config.attentionScale = 1;
  if (model.latent)
    config.attentionScale *= latentScale(keys, config.rope);
  if (model.readsScales) {
    config.embeddingScale = keys.number("embedding_multiplier", 1);
    config.logitScale = keys.number("logits_multiplier", 1);
  }
  if (model.readsMultipliers) {
    config.embeddingScale = keys.number("embedding_multiplier", 1);
    config.attentionScale = keys.number("attention_multiplier", 1);
    config.residualScale = keys.number("residual_multiplier", 1);
    config.logitScale = 1 / keys.positive("logits_scaling", 1);
  }
  if (model.readsAttentionSoftcap && keys.has("attn_logit_softcapping"))
    config.attentionSoftcap = keys.positive("attn_logit_softcapping");
  if (model.readsFinalSoftcap && keys.has("final_logit_softcapping"))
    config.finalSoftcap = keys.positive("final_logit_softcapping");
  if (model.scaleEmbedding)
    config.embeddingScale = std::sqrt(static_cast<double>(config.hidden));
}

absl::StatusOr<Config> lathe::readConfig(llvm::StringRef path, llvm::StringRef bytes, const Model *&model) {
  model = nullptr;
  LATHE_ASSIGN_OR_RETURN(json::Value value, parseJson(path, bytes, maxConfigBytes));
  if (!value.getAsObject())
    return fileError(path, "not a model: expected a config.json with an object, got " + describe(value));
  absl::Status status;
  const JsonObject root(path, *value.getAsObject(), status);

  Config config;
  config.path = path.str();
  const std::string modelType = root.string("model_type");
  if (!status.ok())
    return status;
  bool isWrapper = false;
  const Model *found = findModelType(modelType, isWrapper);
  if (const json::Value *classes = root.find("architectures"); !found && classes && classes->getAsArray())
    found = findClass(root.strings("architectures"));
  if (!found) {
    root.fail("model_type", expectedOneOf(knownModelTypes(), modelType));
    return status;
  }

  std::optional<JsonObject> text = isWrapper ? root.object("text_config") : root;
  if (!text) {
    root.fail("text_config", "expected an object, got no such key");
    return status;
  }
  config.modelType = namesIn(found->huggingFace.modelTypes).front().str();
  if (isWrapper) {
    const std::string inner = text->string("model_type", config.modelType);
    if (!llvm::is_contained(namesIn(found->huggingFace.modelTypes), inner))
      text->fail("model_type", "expected " + commaSeparated(namesIn(found->huggingFace.modelTypes)) + " inside " +
                                   modelType + ", got " + quoted(inner));
    config.modelType = inner;
    readQuantisation(*text, *found, config);
  } else
    config.modelType = modelType;
  readQuantisation(root, *found, config);

  llvm::Expected<json::Value> defaults = json::parse(found->huggingFace.defaults);
  assert(defaults && defaults->getAsObject() && "a Model's defaults are a JSON object");
  text->setDefaults(defaults->getAsObject());

  for (const KeyName &name : found->huggingFace.keyNames)
    if (name.key)
      text->setName(name.key, name.own);
  readRequired(*text, *found);
  readSizes(*text, *found, config);
  if (!status.ok())
    return status; // the code below divides by sizes and indexes by layer
  readActivation(*text, *found, config);
  readExperts(*text, *found, config);
  checkBlocks(*text, config);
  readNoRope(*text, *found, config);
  if (!status.ok())
    return status;
  readWindow(*text, *found, config);
  if (found->altUp) {
    readAltUp(*text, config);
    checkSharedCaches(config, "num_kv_shared_layers", complainTo(*text));
  }
  readRopes(*text, *found, config);
  if (status.ok())
    checkFrequencies(config, "rope_theta", complainTo(*text));
  readSpecialTokens(*text, root, config);
  readTie(*text, root, isWrapper, config);
  readLeftOut(*text, root, isWrapper, config);
  readBiasesAndNorms(*text, *found, config);
  readScales(*text, *found, config);
  if (text->boolean("use_bidirectional_attention", false))
    text->fail("use_bidirectional_attention", "expected false, as text is generated left to right, got true");
  if (!status.ok())
    return status;
  model = found;
  return config;
}
