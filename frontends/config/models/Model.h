//===- Model.h - what makes an architecture -----------------------------------------------------------------------===//
//
// A Model says where an architecture departs from the plain decoder: RMS norm before attention and MLP, grouped-query
// attention with rotary positions over the whole head, gated MLP, a final norm and a head; and, for each source, what
// its files call things otherwise. One file per architecture defines one, in namespace lathe::models under the file's
// own name; the list of them is generated from the folder.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_MODELS_MODEL_H
#define LATHE_FRONTENDS_CONFIG_MODELS_MODEL_H

#include "frontends/config/Config.h"
#include "frontends/config/Tensors.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace lathe {

enum class NormPlacement : uint8_t {
  Pre,      // x += attention(n1(x)); x += ffn(n2(x))
  Post,     // x += n1(attention(x)); x += n2(ffn(x))
  Sandwich, // x += n2(attention(n1(x))); x += n4(ffn(n3(x)))
};

enum class NormKind : uint8_t {
  RMS,   // x / sqrt(mean(x^2) + eps) * w
  Layer, // (x - mean(x)) / sqrt(var(x) + eps) * w + b
};

/// Which layers slide when config.json does not list layer_types.
enum class WindowRule : uint8_t {
  None,      // keys about windows, layer_types too, are not read
  Every,     // sliding_window, on every layer; null: none
  Above,     // use_sliding_window, sliding_window, from layer max_window_layers on
  Periodic,  // sliding_window; every sliding_window_pattern-th layer is full
  Switched,  // use_sliding_window, sliding_window, on every layer
  Unrotated, // use_sliding_window, sliding_window, on layers without rotary positions
  Chunked,   // attention_chunk_size, on layers with rotary positions
  Linear,    // every full_attention_interval-th layer attends, the others are linear (gated DeltaNet)
};

enum class Positions : uint8_t {
  Rotary,
  Learned, // a table's row is added to the embedding
};

/// Which layers have experts in place of the MLP.
enum class SparseLayers : uint8_t {
  None,
  Every,
  Stepped,     // mlp_only_layers and what decoder_sparse_step passes over have none
  Behind,      // the first first_k_dense_replace have none
  Interleaved, // moe_layers, or each interleave_moe_layer_step-th
};

/// The MLP every token goes through beside the experts.
enum class SharedExpert : uint8_t {
  None,
  Wide,    // of shared_expert_intermediate_size
  Gated,   // the same behind a sigmoid of its own
  Counted, // n_shared_experts times an expert's width
  One,     // as wide as an expert
  Dense,   // the architecture's MLP; the sum of both is divided by the root of 2
};

enum class Normalized : uint8_t { Never, Always, Key /* norm_topk_prob */ };

/// How experts are chosen, and what they compute. All read num_experts, num_experts_per_tok, moe_intermediate_size.
struct ExpertRule {
  SparseLayers layers = SparseLayers::None;
  Scoring scoring = Scoring::Softmax;
  bool corrected = false; // a number for each expert is added where they are chosen
  Normalized normalized = Normalized::Never;
  bool scaled = false;               // routed_scaling_factor
  int64_t groupTerms = 0;            // not 0: n_group, topk_group; a group counts as the sum of so many of its best
  const char *groupMethod = nullptr; // groups are looked at where topk_method says so; null: always
  SharedExpert shared = SharedExpert::None;
  bool biased = false;      // router and experts have biases
  bool clamped = false;     // swiglu_limit: quick_gelu(min(gate, limit)) * (clamp(up, -limit, limit) + 1)
  bool scalesInput = false; // an expert's weight multiplies what it reads
  bool softcap = false;     // router_logit_softcapping

  explicit operator bool() const { return layers != SparseLayers::None; }
};

/// One tensor with the rows of several slots, one after another.
struct FusedTensor {
  const char *name;
  Slot slots[6];
  int count;
};

/// A key of config.json by this architecture's name for it.
struct KeyName {
  const char *key, *own;
};

/// Where Hugging Face keeps the experts' matrices.
enum class ExpertTensors : uint8_t {
  Each,        // one tensor for each expert and matrix, [out, in]
  Transposed,  // gate_up_proj [experts, in, gate then up] and down_proj [experts, in, out]
  Interleaved, // the same with gate and up by turns
};

/// What is the architecture's own in config.json and safetensors, as transformers writes them.
struct InHuggingFace {
  const char *modelTypes[4] = {};   // model_type
  const char *className = nullptr;  // architectures, where model_type does not tell
  const char *wrapperTypes[4] = {}; // model_type of multimodal wrappers that hold one of these as text_config

  /// Values of keys config.json may leave out, as JSON. What is not here must be there.
  const char *defaults = "{}";
  /// Keys that, where they are there, must have these values, as JSON: anything else is another model.
  const char *required = "{}";
  KeyName keyNames[8] = {}; // ends at the first without a key
  const char *activationKey = "hidden_act";

  const char *layersName = "layers."; // of the list of layers
  SlotName names[24] = {};            // ends at the first without a name
  FusedTensor fused[2] = {};          // ends at the first without a name
  ExpertTensors experts = ExpertTensors::Each;
  bool transposedMatrices = false; // the layers' matrices are stored as [in, out]
  bool interleaved = false;        // rotated rows are stored in the interleaved rotary layout
};

/// What is the architecture's own in GGUF files, as llama.cpp's converter writes them.
struct InGguf {
  const char *architectures[4] = {}; // general.architecture

  bool window = false; // attention.sliding_window is meant
  bool windowRequired = false;
  int64_t windowSize = 0;         // where there is no such key; 0: none
  bool normalizedExperts = false; // where there is no expert_weights_norm

  SlotName names[8] = {};    // ends at the first without a name
  FusedTensor fused[2] = {}; // ends at the first without a name
  bool interleaved = false;  // rotated rows are stored in the interleaved rotary layout

  /// What there is no key for. Null: nothing.
  void (*complete)(Config &config) = nullptr;
};

class JsonObject;

struct Model {
  InHuggingFace huggingFace = {};
  InGguf gguf = {};

  NormPlacement norms = NormPlacement::Pre;
  NormKind normKind = NormKind::RMS;
  bool grouped = true; // num_key_value_heads and head_dim are read; else there are as many key heads as query heads
  QKNorm qkNorm = QKNorm::None;
  float normOffset = 0;        // norms multiply by offset + w; GGUF stores the sum
  bool scaleEmbedding = false; // by sqrt(hidden)
  Positions positions = Positions::Rotary;
  bool gated = true;              // down(act(gate(x)) * up(x)); else down(act(up(x)))
  int64_t intermediateHidden = 0; // intermediate_size in units of hidden_size, when left out; 0: it must be there

  Activation activation = Activation::SiLU; // when there is no key, as in GGUF

  double theta = 10000;  // when rope_theta is left out
  double localTheta = 0; // not 0: sliding layers have this theta (or rope_local_base_freq), unscaled; where it equals
                         // theta, GGUF has one base for both
  WindowRule window = WindowRule::None;
  int64_t windowPeriod = 6; // Periodic, when left out

  int64_t noRopeInterval = 0; // not 0: no_rope_layers is read (1: rotated), by default 0 for every so many-th layer
  bool partialRotary = false; // partial_rotary_factor, the part of a head that is rotated, is read
  double rotaryPart = 1;      // when left out

  ExpertRule experts = {};

  // Biases that are always there.
  bool qkvBias = false, oBias = false, mlpBias = false;

  // Keys the architecture reads; the others are decoys there.
  bool readsAttentionBias = false;      // attention_bias: q, k, v and o
  bool readsQKVBias = false;            // attention_bias: q, k and v
  bool readsQKNorm = false;             // use_qk_norm: per head
  bool normsRotated = false;            // use_qk_norm: of rotated queries and keys, per head, without a weight
  bool readsMlpBias = false;            // mlp_bias
  bool readsQueryPreAttnScalar = false; // attention scale = query_pre_attn_scalar^-0.5
  bool readsAttentionSoftcap = false;   // attn_logit_softcapping
  bool readsFinalSoftcap = false;       // final_logit_softcapping
  bool readsScales = false;             // embedding_multiplier, logits_multiplier; GGUF: attention.output_scale, too
  bool readsMultipliers = false; // {embedding,attention,residual}_multiplier, and logits_scaling that divides logits

  bool altUp = false;    // Gemma 3n: alternating updates, learned residuals, embeddings for each layer, shared caches
  bool predicts = false; // checkpoints may hold layers behind the others that predict further tokens; they are left out
  bool attentionGate = false; // sigmoids that multiply what attention makes, stored beside the queries
  bool sinks = false;         // a score for each query head that takes part in the softmax and has no value
  bool latent = false; // multi-head latent attention: q_lora_rank, kv_lora_rank, qk_{nope,rope}_head_dim, v_head_dim
  /// Reads what makes scores grow with the query's position. GGUF: attention.temperature_length, _scale.
  void (*readTemperature)(const JsonObject &keys, Config &config) = nullptr;
};

namespace models {
#define LATHE_MODEL(name) extern const Model name;
#include "frontends/config/models/Models.inc"
#undef LATHE_MODEL
} // namespace models

/// A Model and its file's name.
struct NamedModel {
  llvm::StringRef name; // "Qwen3"
  const Model *model;
};
llvm::ArrayRef<NamedModel> allModels();

/// Null when unknown. `isWrapper` is set when the description is under text_config.
const Model *findModelType(llvm::StringRef modelType, bool &isWrapper);
/// Of the classes config.json names; null when none is known by its class.
const Model *findClass(llvm::ArrayRef<std::string> architectures);
/// Where several models share an architecture, how their experts are scored tells which it is.
const Model *findGgufArchitecture(llvm::StringRef architecture, Scoring scoring = Scoring::Softmax);

/// In a few words each: attention, norms, positions, MLP.
struct Features {
  std::string attention, norms, positions, mlp;
};
Features featuresOf(const Model &model);

/// A table of all models, a line each: their names, and what featuresOf says.
std::string tableOfModels();

/// The entries of one of a Model's lists.
llvm::SmallVector<llvm::StringRef, 4> namesIn(const char *const (&list)[4]);

/// Every model_type (wrappers included) or GGUF architecture, sorted.
std::vector<llvm::StringRef> knownModelTypes();
std::vector<llvm::StringRef> knownGgufArchitectures();

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_MODELS_MODEL_H
