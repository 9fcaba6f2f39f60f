//===- Model.h - describes an architecture ------------------------------------------------------------------------===//
//
// A Model lists how an architecture differs from the plain decoder: RMS norm before attention and MLP, grouped-query
// attention with rotary positions over the whole head, gated MLP, a final norm and lm_head. For each source it lists
// the names in its files that differ from the usual ones. Each file of this folder defines one Model, in namespace
// lathe::models, with the name of the file; the list of them is generated from the folder.
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

/// Which layers have a window when config.json has no layer_types, and the keys that are read.
enum class WindowRule : uint8_t {
  None,      // keys about windows are not read, nor is layer_types
  Every,     // sliding_window, on every layer; null: none
  Above,     // use_sliding_window, sliding_window, from layer max_window_layers on
  Periodic,  // sliding_window; every sliding_window_pattern-th layer is full
  Switched,  // use_sliding_window, sliding_window, on every layer
  Unrotated, // use_sliding_window, sliding_window, on layers without rotary positions
  Chunked,   // attention_chunk_size, on layers with rotary positions
  Linear,    // every full_attention_interval-th layer is attention, the others are linear (gated DeltaNet)
};

enum class Positions : uint8_t {
  Rotary,
  Learned, // a row of a table is added to the embedding
};

/// Which layers have experts instead of the MLP.
enum class SparseLayers : uint8_t {
  None,
  Every,
  Stepped,     // every decoder_sparse_step-th, except mlp_only_layers
  AfterDense,  // all but the first first_k_dense_replace
  Interleaved, // moe_layers, or every interleave_moe_layer_step-th
};

/// The MLP that every token goes through, besides its experts.
enum class SharedExpert : uint8_t {
  None,
  Wide,    // shared_expert_intermediate_size wide
  Gated,   // the same; its output is multiplied by a sigmoid gate
  Counted, // n_shared_experts times an expert's width
  One,     // as wide as an expert
  Dense,   // the architecture's MLP; the sum of both is divided by the square root of 2
};

enum class Normalized : uint8_t { Never, Always, Key /* norm_topk_prob */ };

/// How experts are chosen, and what they compute. All read num_experts, num_experts_per_tok, moe_intermediate_size.
struct ExpertRule {
  SparseLayers layers = SparseLayers::None;
  Scoring scoring = Scoring::Softmax;
  bool corrected = false; // a bias per expert is added to the scores when experts are chosen (Config::correctsRouting)
  Normalized normalized = Normalized::Never;
  bool scaled = false;               // routed_scaling_factor
  int64_t groupTerms = 0;            // not 0: n_group, topk_group; a group's score: sum of its groupTerms best scores
  const char *groupMethod = nullptr; // the topk_method that uses groups; null: groups are always used
  SharedExpert shared = SharedExpert::None;
  bool biased = false;      // router and experts have biases
  bool clamped = false;     // swiglu_limit: quick_gelu(min(gate, limit)) * (clamp(up, -limit, limit) + 1)
  bool scalesInput = false; // an expert's weight multiplies its input, not its output
  bool softcap = false;     // router_logit_softcapping

  explicit operator bool() const { return layers != SparseLayers::None; }
};

/// One tensor with the rows of several slots, one after another.
struct FusedTensor {
  const char *name;
  Slot slots[6];
  int count;
};

/// This architecture's name (`own`) of a key of config.json.
struct KeyName {
  const char *key, *own;
};

/// How safetensors store the experts' matrices.
enum class ExpertTensors : uint8_t {
  Each,        // one tensor for each expert and matrix, [out, in]
  Transposed,  // gate_up_proj [experts, in, gate then up] and down_proj [experts, in, out]
  Interleaved, // the same, with gate and up interleaved
};

/// The architecture in config.json and safetensors, as transformers writes them.
struct InHuggingFace {
  const char *modelTypes[4] = {};   // model_type
  const char *className = nullptr;  // in `architectures`, where model_type does not identify the architecture
  const char *wrapperTypes[4] = {}; // model_type of multimodal wrappers that hold one of these as text_config

  /// JSON: default values of keys. Keys without a default must be in config.json.
  const char *defaults = "{}";
  /// JSON: values that these keys must have if they are present. Another value means another model.
  const char *required = "{}";
  KeyName keyNames[8] = {}; // ends at the first without a key
  const char *activationKey = "hidden_act";

  const char *layersName = "layers."; // prefix of the layers' tensors
  SlotName names[24] = {};            // ends at the first without a name
  FusedTensor fused[2] = {};          // ends at the first without a name
  ExpertTensors experts = ExpertTensors::Each;
  bool transposedMatrices = false; // the layers' matrices are stored as [in, out]
  bool interleaved = false;        // rotated rows are stored in the interleaved rotary layout
};

/// The architecture in GGUF files, as llama.cpp's converter writes them.
struct InGguf {
  const char *architectures[4] = {}; // general.architecture

  bool window = false; // attention.sliding_window is read
  bool windowRequired = false;
  int64_t windowSize = 0;         // default of attention.sliding_window; 0: none
  bool normalizedExperts = false; // default of expert_weights_norm

  SlotName names[8] = {};    // ends at the first without a name
  FusedTensor fused[2] = {}; // ends at the first without a name
  bool interleaved = false;  // rotated rows are stored in the interleaved rotary layout

  /// Sets numbers that have no key in GGUF; null if there are none.
  void (*complete)(Config &config) = nullptr;
};

class JsonObject;

struct Model {
  InHuggingFace huggingFace = {};
  InGguf gguf = {};

  NormPlacement norms = NormPlacement::Pre;
  NormKind normKind = NormKind::RMS;
  bool grouped = true; // num_key_value_heads and head_dim are read; else kvHeads = heads
  QKNorm qkNorm = QKNorm::None;
  float normOffset = 0;        // norms multiply by normOffset + w; GGUF stores the sum
  bool scaleEmbedding = false; // by sqrt(hidden)
  Positions positions = Positions::Rotary;
  bool gated = true;              // down(act(gate(x)) * up(x)); else down(act(up(x)))
  int64_t intermediateHidden = 0; // default of intermediate_size / hidden_size; 0: intermediate_size is required

  Activation activation = Activation::SiLU; // when there is no key, as in GGUF

  double theta = 10000;  // default of rope_theta
  double localTheta = 0; // not 0: sliding layers have this theta (or rope_local_base_freq), without scaling. If it
                         // equals theta, GGUF has one key for both
  WindowRule window = WindowRule::None;
  int64_t windowPeriod = 6; // Periodic: default of sliding_window_pattern

  int64_t noRopeInterval =
      0; // not 0: no_rope_layers is read (1: rotated); default: 0 for every noRopeInterval-th layer
  bool partialRotary = false; // partial_rotary_factor is read: the rotated part of a head
  double rotaryPart = 1;      // default of partial_rotary_factor

  ExpertRule experts = {};

  // Biases that every model of the architecture has.
  bool qkvBias = false, oBias = false, mlpBias = false;

  // Keys that transformers' code for the architecture reads. The others have no effect, even if present.
  bool readsAttentionBias = false;      // attention_bias: q, k, v and o
  bool readsQKVBias = false;            // attention_bias: q, k and v
  bool readsQKNorm = false;             // use_qk_norm: per head
  bool normsRotated = false;            // use_qk_norm: of rotated queries and keys, per head, without a weight
  bool readsMlpBias = false;            // mlp_bias
  bool readsQueryPreAttnScalar = false; // attention scale = query_pre_attn_scalar^-0.5
  bool readsAttentionSoftcap = false;   // attn_logit_softcapping
  bool readsFinalSoftcap = false;       // final_logit_softcapping
  bool readsScales = false;             // embedding_multiplier, logits_multiplier; GGUF: attention.output_scale, too
  bool readsMultipliers = false; // {embedding,attention,residual}_multiplier, and logits_scaling (divides the logits)

  bool altUp = false;    // Gemma 3n: alternating updates, learned residuals, per-layer embeddings, shared caches
  bool predicts = false; // checkpoints may have layers of multi-token prediction, after the others; they are left out
  bool attentionGate = false; // attention's output is multiplied by sigmoids, stored together with the queries
  bool sinks = false;         // a learned score per query head is part of the softmax, without a value
  bool latent = false; // multi-head latent attention: q_lora_rank, kv_lora_rank, qk_{nope,rope}_head_dim, v_head_dim
  /// Reads Config::temperature. In GGUF its keys are attention.temperature_length and _scale.
  void (*readTemperature)(const JsonObject &keys, Config &config) = nullptr;
};

namespace models {
#define LATHE_MODEL(name) extern const Model name;
#include "frontends/config/models/Models.inc"
#undef LATHE_MODEL
} // namespace models

/// A Model and the name of its file.
struct NamedModel {
  llvm::StringRef name; // "Qwen3"
  const Model *model;
};
llvm::ArrayRef<NamedModel> allModels();

/// The model with this model_type, or null. Sets `isWrapper` if the type is that of a multimodal wrapper, which has the
/// language model's config under text_config.
const Model *findModelType(llvm::StringRef modelType, bool &isWrapper);
/// The model whose class name config.json lists in `architectures`, or null.
const Model *findClass(llvm::ArrayRef<std::string> architectures);
/// If several models share the architecture, the one whose experts have this scoring. Null if unknown.
const Model *findGgufArchitecture(llvm::StringRef architecture, Scoring scoring = Scoring::Softmax);

/// The cells of a row of tableOfModels.
struct Features {
  std::string attention, norms, positions, mlp;
};
Features featuresOf(const Model &model);

/// A table of all models, one per line: their names and their Features.
std::string tableOfModels();

/// The names in a list, without nulls.
llvm::SmallVector<llvm::StringRef, 4> namesIn(const char *const (&list)[4]);

/// Every model_type (wrappers included) or GGUF architecture, sorted.
std::vector<llvm::StringRef> knownModelTypes();
std::vector<llvm::StringRef> knownGgufArchitectures();

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_MODELS_MODEL_H
