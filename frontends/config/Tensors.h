//===- Tensors.h - a model's weights by role ----------------------------------------------------------------------===//
//
// A slot is a weight's role in a layer, the same for every architecture and source. bindTensor finds the tensor for a
// slot, checks type and shape, and says what to do to its values while packing.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_TENSORS_H
#define LATHE_FRONTENDS_CONFIG_TENSORS_H

#include "absl/status/statusor.h"
#include "frontends/config/Checkpoint.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

namespace lathe {

struct Config;
struct Model;

// Names are those of a pre-norm architecture: there transformers calls the norm before the MLP
// post_attention_layernorm. Sandwich architectures give their own (Model::names). Widths: H hidden, Q heads * headDim,
// KV kvHeads * headDim, QN and KN headDim or all heads together, O what attention makes, I intermediate, V vocabulary,
// P positions, E experts, EI width inside an expert, EEI and EH that and H for all experts, SI inside the shared one, N
// query heads, S, SS streams and pairs of them, LA the learned residual's rank, PV, PA and PL the layers' own
// embeddings' rows and widths, one layer's and all layers', LQ, LV, LH, LD, CQ and CV queries and values, heads, a
// value head and convolutions of linear layers, QR, KL, DN, DR and DV queries', latent, unrotated, rotated and value
// widths of latent attention, Row 1, One: a vector.
//
// clang-format off
//  enum               slot                   Hugging Face                       GGUF, shape
#define LATHE_LAYER_SLOTS(X)                                                                                           \
  X(InputNorm,         "input_norm",          "input_layernorm.weight",          "attn_norm.weight", H, One)           \
  X(InputNormBias,     "input_norm_bias",     "input_layernorm.bias",            "attn_norm.bias", H, One)             \
  X(Q,                 "q_proj",              "self_attn.q_proj.weight",         "attn_q.weight", Q, H)                \
  X(K,                 "k_proj",              "self_attn.k_proj.weight",         "attn_k.weight", KV, H)               \
  X(V,                 "v_proj",              "self_attn.v_proj.weight",         "attn_v.weight", KV, H)               \
  X(O,                 "o_proj",              "self_attn.o_proj.weight",         "attn_output.weight", H, O)           \
  X(QBias,             "q_bias",              "self_attn.q_proj.bias",           "attn_q.bias", Q, One)                \
  X(KBias,             "k_bias",              "self_attn.k_proj.bias",           "attn_k.bias", KV, One)               \
  X(VBias,             "v_bias",              "self_attn.v_proj.bias",           "attn_v.bias", KV, One)               \
  X(OBias,             "o_bias",              "self_attn.o_proj.bias",           "attn_output.bias", H, One)           \
  X(QNorm,             "q_norm",              "self_attn.q_norm.weight",         "attn_q_norm.weight", QN, One)        \
  X(KNorm,             "k_norm",              "self_attn.k_norm.weight",         "attn_k_norm.weight", KN, One)        \
  X(Sinks,             "sinks",               "self_attn.sinks",                 "attn_sinks.weight", N, One)          \
  X(QDown,             "q_a_proj",            "self_attn.q_a_proj.weight",       "attn_q_a.weight", QR, H)             \
  X(QDownNorm,         "q_a_norm",            "self_attn.q_a_layernorm.weight",  "attn_q_a_norm.weight", QR, One)      \
  X(QUp,               "q_b_proj",            "self_attn.q_b_proj.weight",       "attn_q_b.weight", Q, QR)             \
  X(KVDown,            "kv_a_proj",           "self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight", KL, H)    \
  X(KRope,             "k_rope_proj",         "self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight", DR, H)    \
  X(KVDownNorm,        "kv_a_norm",           "self_attn.kv_a_layernorm.weight", "attn_kv_a_norm.weight", KL, One)     \
  X(KUp,               "k_b_proj",            "self_attn.kv_b_proj.weight",      "attn_k_b.weight", KL, DN)            \
  X(VUp,               "v_b_proj",            "self_attn.kv_b_proj.weight",      "attn_v_b.weight", DV, KL)            \
  X(QGate,             "q_gate",              "self_attn.q_proj.weight",         "attn_q.weight", Q, H)                \
  X(DeltaQ,            "delta_q",             "linear_attn.in_proj_qkvz.weight", "attn_qkv.weight", LQ, H)             \
  X(DeltaK,            "delta_k",             "linear_attn.in_proj_qkvz.weight", "attn_qkv.weight", LQ, H)             \
  X(DeltaV,            "delta_v",             "linear_attn.in_proj_qkvz.weight", "attn_qkv.weight", LV, H)             \
  X(DeltaZ,            "delta_z",             "linear_attn.in_proj_qkvz.weight", "attn_gate.weight", LV, H)            \
  X(DeltaB,            "delta_b",             "linear_attn.in_proj_ba.weight",   "ssm_ba.weight", LH, H)               \
  X(DeltaA,            "delta_a",             "linear_attn.in_proj_ba.weight",   "ssm_ba.weight", LH, H)               \
  X(ConvQ,             "conv_q_weight",       "linear_attn.conv1d.weight",       "ssm_conv1d.weight", CQ, One)         \
  X(ConvK,             "conv_k_weight",       "linear_attn.conv1d.weight",       "ssm_conv1d.weight", CQ, One)         \
  X(ConvV,             "conv_v_weight",       "linear_attn.conv1d.weight",       "ssm_conv1d.weight", CV, One)         \
  X(DeltaDecay,        "delta_decay",         "linear_attn.A_log",               "ssm_a", LH, One)                     \
  X(DeltaBias,         "delta_bias",          "linear_attn.dt_bias",             "ssm_dt.bias", LH, One)               \
  X(DeltaNorm,         "delta_norm",          "linear_attn.norm.weight",         "ssm_norm.weight", LD, One)           \
  X(DeltaOut,          "delta_out",           "linear_attn.out_proj.weight",     "ssm_out.weight", H, LV)              \
  X(PostAttentionNorm, "post_attention_norm", "post_attention_layernorm.weight", "post_attention_norm.weight", H, One) \
  X(PreFFNNorm,        "pre_ffn_norm",        "post_attention_layernorm.weight", "ffn_norm.weight", H, One)            \
  X(PreFFNNormBias,    "pre_ffn_norm_bias",   "post_attention_layernorm.bias",   "ffn_norm.bias", H, One)              \
  X(Gate,              "gate_proj",           "mlp.gate_proj.weight",            "ffn_gate.weight", I, H)              \
  X(Up,                "up_proj",             "mlp.up_proj.weight",              "ffn_up.weight", I, H)                \
  X(Down,              "down_proj",           "mlp.down_proj.weight",            "ffn_down.weight", H, I)              \
  X(GateBias,          "gate_bias",           "mlp.gate_proj.bias",              "ffn_gate.bias", I, One)              \
  X(UpBias,            "up_bias",             "mlp.up_proj.bias",                "ffn_up.bias", I, One)                \
  X(DownBias,          "down_bias",           "mlp.down_proj.bias",              "ffn_down.bias", H, One)              \
  X(Router,            "router",              "mlp.gate.weight",                 "ffn_gate_inp.weight", E, H)          \
  X(RouterBias,        "router_bias",         "mlp.router.bias",                 "ffn_gate_inp.bias", E, One)          \
  X(Correction,        "correction",          "mlp.gate.e_score_correction_bias", "exp_probs_b.bias", E, One)           \
  X(ExpertGate,        "expert_gate",         "mlp.experts.{e}.gate_proj.weight", "ffn_gate_exps.weight", EI, H)       \
  X(ExpertUp,          "expert_up",           "mlp.experts.{e}.up_proj.weight",  "ffn_up_exps.weight", EI, H)          \
  X(ExpertDown,        "expert_down",         "mlp.experts.{e}.down_proj.weight", "ffn_down_exps.weight", H, EI)       \
  X(ExpertGateBias,    "expert_gate_bias",    "mlp.experts.gate_up_proj_bias",   "ffn_gate_exps.bias", EEI, One)       \
  X(ExpertUpBias,      "expert_up_bias",      "mlp.experts.gate_up_proj_bias",   "ffn_up_exps.bias", EEI, One)         \
  X(ExpertDownBias,    "expert_down_bias",    "mlp.experts.down_proj_bias",      "ffn_down_exps.bias", EH, One)        \
  X(SharedGate,        "shared_gate",         "mlp.shared_expert.gate_proj.weight", "ffn_gate_shexp.weight", SI, H)   \
  X(SharedUp,          "shared_up",           "mlp.shared_expert.up_proj.weight", "ffn_up_shexp.weight", SI, H)       \
  X(SharedDown,        "shared_down",         "mlp.shared_expert.down_proj.weight", "ffn_down_shexp.weight", H, SI)   \
  X(SharedExpertGate,  "shared_expert_gate",  "mlp.shared_expert_gate.weight",   "ffn_gate_inp_shexp.weight", Row, H) \
  X(AltUpRouterNorm,   "altup_router_norm",   "altup.router_norm.weight",        "altup_router_norm.weight", H, One)   \
  X(AltUpRouter,       "altup_router",        "altup.modality_router.weight",    "altup_router.weight", S, H)          \
  X(AltUpPrediction,   "altup_prediction",    "altup.prediction_coefs.weight",   "altup_predict_coef.weight", SS, S)   \
  X(AltUpCorrection,   "altup_correction",    "altup.correction_coefs.weight",   "altup_correct_coef.weight", S, S)    \
  X(AltUpScale,        "altup_scale",         "altup.correct_output_scale",      "altup_correct_scale.weight", H, One) \
  X(LaurelLeft,        "laurel_left",         "laurel.linear_left.weight",       "laurel_l.weight", LA, H)             \
  X(LaurelRight,       "laurel_right",        "laurel.linear_right.weight",      "laurel_r.weight", H, LA)             \
  X(LaurelNorm,        "laurel_norm",         "laurel.post_laurel_norm.weight",  "laurel_post_norm.weight", H, One)    \
  X(PerLayerGate,      "per_layer_gate",      "per_layer_input_gate.weight",     "inp_gate.weight", PA, H)             \
  X(PerLayerProjection, "per_layer_projection", "per_layer_projection.weight",   "proj.weight", H, PA)                 \
  X(PerLayerNorm,      "per_layer_norm",      "post_per_layer_input_norm.weight", "post_norm.weight", H, One)          \
  X(PostFFNNorm,       "post_ffn_norm",       "post_feedforward_layernorm.weight", "post_ffw_norm.weight", H, One)

#define LATHE_GLOBAL_SLOTS(X)                                                                                          \
  X(Embed,             "embed_tokens",        "embed_tokens.weight",             "token_embd.weight", V, H)            \
  X(Positions,         "positions",           "wpe.weight",                      "position_embd.weight", P, H)          \
  X(PerLayerEmbed,     "embed_tokens_per_layer", "embed_tokens_per_layer.weight", "per_layer_token_embd.weight", PV, PL) \
  X(PerLayerModel,     "per_layer_model_projection", "per_layer_model_projection.weight", "per_layer_model_proj.weight", PL, H) \
  X(PerLayerModelNorm, "per_layer_projection_norm", "per_layer_projection_norm.weight", "per_layer_proj_norm.weight", PA, One) \
  X(AltUp1,            "altup_projections.0", "altup_projections.0.weight",      "altup_proj.weight", H, H)            \
  X(AltUp2,            "altup_projections.1", "altup_projections.1.weight",      "altup_proj.weight", H, H)            \
  X(AltUp3,            "altup_projections.2", "altup_projections.2.weight",      "altup_proj.weight", H, H)            \
  X(Unembed1,          "altup_unembed_projections.0", "altup_unembed_projections.0.weight", "altup_unembd_proj.weight", H, H) \
  X(Unembed2,          "altup_unembed_projections.1", "altup_unembed_projections.1.weight", "altup_unembd_proj.weight", H, H) \
  X(Unembed3,          "altup_unembed_projections.2", "altup_unembed_projections.2.weight", "altup_unembd_proj.weight", H, H) \
  X(FinalNorm,         "final_norm",          "norm.weight",                     "output_norm.weight", H, One)         \
  X(FinalNormBias,     "final_norm_bias",     "norm.bias",                       "output_norm.bias", H, One)           \
  X(Head,              "lm_head",             "lm_head.weight",                  "output.weight", V, H)
// clang-format on

enum class Slot : uint8_t {
#define LATHE_SLOT_ENUM(id, slot, huggingFace, gguf, rows, columns) id,
  LATHE_LAYER_SLOTS(LATHE_SLOT_ENUM) LATHE_GLOBAL_SLOTS(LATHE_SLOT_ENUM)
#undef LATHE_SLOT_ENUM
};

/// "q_proj".
llvm::StringRef slotName(Slot slot);
/// Embed and what follows belong to no layer.
bool isGlobal(Slot slot);

/// Whether a slot has a matrix for each expert, or for each query head: its shape is [experts, out, in].
bool isExperts(Slot slot);
bool isHeads(Slot slot);

/// Where one matrix begins, or a part of it.
struct MatrixPlace {
  const TensorInfo *tensor;
  uint64_t offset; // in its file
};

/// Where a matrix's scales begin that the file keeps apart.
struct ScalePlace {
  const TensorInfo *tensor;
  uint64_t offset;      // in its file
  int64_t firstRow = 0; // f8_e4m3: of the matrix, in the tensor the scales are for
};

/// Equal parts that each matrix lies in: of its rows, or of every row's columns.
struct Cut {
  int64_t rows = 1, columns = 1;
  bool operator==(const Cut &) const = default;
};

/// A tensor for a slot, and the packer's recipe for it.
struct TensorBinding {
  const TensorInfo *tensor = nullptr;  // null: a bare config, there are no weights
  llvm::SmallVector<int64_t, 2> shape; // [out, in], [n] or [experts, out, in]
  std::vector<MatrixPlace> places; // experts', heads', parts': one for each, `tensor` is the first's; empty: its own
  Cut cut;                         // each matrix has so many places, one after another
  std::vector<ScalePlace> scales;  // one for each matrix; empty: there are none apart
  int64_t scaleColumns = 0;        // scales to a row of blocks
  Format format = Format::F32;     // of the values, as the file has them
  int64_t firstRow = 0;            // rows of the tensor before these: it holds several slots
  /// Rows (transposed: columns, of a vector values) come in groups of `group`, the next one `pitch` further on.
  int64_t group = 1, pitch = 1;
  int64_t transposedRows = 0; // not 0: the tensor is [in, transposedRows], of which these are some columns
  /// Not 0: rows are in the interleaved rotary layout. Seen as so many heads of d rows, stored row 2i + s of a head is
  /// row s * d/2 + i of it, for s in {0, 1}. For biases rows are values. Rows before `permuteFrom` in a head are not.
  int64_t permuteHeads = 0, permuteFrom = 0;
  bool negateExp = false; // -exp of every value
  float add = 0;          // added to every value (Gemma's safetensors store norm weights less one)
};

/// The slots one layer has, in the order of a forward pass. `layer` allows for architectures whose layers differ.
llvm::SmallVector<Slot, 40> layerSlots(const Model &model, const Config &config, int64_t layer);
/// Embed, FinalNorm, Head unless tied, and so on.
llvm::SmallVector<Slot, 16> globalSlots(const Model &model, const Config &config);

/// [out, in], [n] or [experts, out, in].
llvm::SmallVector<int64_t, 2> slotShape(const Model &model, const Config &config, Slot slot, int64_t layer = 0);

/// The name a checkpoint has for a slot, prefix included.
std::string tensorName(const Model &model, const Checkpoint &checkpoint, Slot slot, int64_t layer);

/// `layer` is ignored for globals. Head of a tied model is its embedding. Without a checkpoint only the shape is
/// filled. Error: `file: tensor: ...` when it is missing, has another shape or a type that is not in Formats.h.
absl::StatusOr<TensorBinding> bindTensor(const Model &model, const Config &config, const Checkpoint *checkpoint,
                                         Slot slot, int64_t layer = 0);

/// Values of a model's checkpoint, and those of them that a token meets: of a layer's experts it is sent to a few.
struct ParameterCount {
  int64_t all = 0, active = 0;
};
ParameterCount countParameters(const Model &model, const Config &config);

/// Every slot of every layer once, so that what a checkpoint lacks is said before work begins.
absl::Status checkTensors(const Model &model, const Config &config, const Checkpoint &checkpoint);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_TENSORS_H
