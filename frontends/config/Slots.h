//===- Slots.h - a model's weights by role ------------------------------------------------------------------------===//
//
// A slot is a weight's role in a layer, the same for every architecture and every source. Its shape follows from the
// config. Each source has its own table of tensor names (huggingface/TensorNames.inc, gguf/TensorNames.inc).
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_SLOTS_H
#define LATHE_FRONTENDS_CONFIG_SLOTS_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace lathe {

struct Config;
struct Model;

// The last two columns are the shape, [rows, columns]. Widths:
//   H           hidden
//   Q, KV       query heads * head width, key/value heads * head width
//   QN, KN      width of a norm of queries or keys: one head, or all heads
//   O           output of attention: query heads * value width
//   N           query heads
//   I           width between gate/up and down
//   V, P        vocabulary, positions
//   E, EI       experts, width inside an expert; EEI, EH: experts * EI, experts * H
//   SI          width inside the shared expert
//   QR, KL      latent attention: rank of queries, rank of keys and values
//   DN, DR, DV  latent attention: unrotated, rotated and value width of a head
//   LQ, LV      linear layers: key heads * key width, value heads * value width
//   LH, LD      linear layers: value heads, value width
//   CQ, CV      linear layers: LQ and LV times the width of the convolution
//   S, SS       streams of alternating updates, their square
//   LA          rank of the learned augmented residual
//   PV, PA, PL  per-layer embeddings: rows, width for one layer, width for all layers
//   Row, One    one row; no columns (a vector)
//
// clang-format off
//  enum                slot                              shape
#define LATHE_LAYER_SLOTS(X)                                                                                           \
  X(InputNorm,          "input_norm",                     H, One)                                                      \
  X(InputNormBias,      "input_norm_bias",                H, One)                                                      \
  X(Q,                  "q_proj",                         Q, H)                                                        \
  X(K,                  "k_proj",                         KV, H)                                                       \
  X(V,                  "v_proj",                         KV, H)                                                       \
  X(O,                  "o_proj",                         H, O)                                                        \
  X(QBias,              "q_bias",                         Q, One)                                                      \
  X(KBias,              "k_bias",                         KV, One)                                                     \
  X(VBias,              "v_bias",                         KV, One)                                                     \
  X(OBias,              "o_bias",                         H, One)                                                      \
  X(QNorm,              "q_norm",                         QN, One)                                                     \
  X(KNorm,              "k_norm",                         KN, One)                                                     \
  X(Sinks,              "sinks",                          N, One)                                                      \
  X(QDown,              "q_a_proj",                       QR, H)                                                       \
  X(QDownNorm,          "q_a_norm",                       QR, One)                                                     \
  X(QUp,                "q_b_proj",                       Q, QR)                                                       \
  X(KVDown,             "kv_a_proj",                      KL, H)                                                       \
  X(KRope,              "k_rope_proj",                    DR, H)                                                       \
  X(KVDownNorm,         "kv_a_norm",                      KL, One)                                                     \
  X(KUp,                "k_b_proj",                       KL, DN)                                                      \
  X(VUp,                "v_b_proj",                       DV, KL)                                                      \
  X(QGate,              "q_gate",                         Q, H)                                                        \
  X(DeltaQ,             "delta_q",                        LQ, H)                                                       \
  X(DeltaK,             "delta_k",                        LQ, H)                                                       \
  X(DeltaV,             "delta_v",                        LV, H)                                                       \
  X(DeltaZ,             "delta_z",                        LV, H)                                                       \
  X(DeltaB,             "delta_b",                        LH, H)                                                       \
  X(DeltaA,             "delta_a",                        LH, H)                                                       \
  X(ConvQ,              "conv_q_weight",                  CQ, One)                                                     \
  X(ConvK,              "conv_k_weight",                  CQ, One)                                                     \
  X(ConvV,              "conv_v_weight",                  CV, One)                                                     \
  X(DeltaDecay,         "delta_decay",                    LH, One)                                                     \
  X(DeltaBias,          "delta_bias",                     LH, One)                                                     \
  X(DeltaNorm,          "delta_norm",                     LD, One)                                                     \
  X(DeltaOut,           "delta_out",                      H, LV)                                                       \
  X(PostAttentionNorm,  "post_attention_norm",            H, One)                                                      \
  X(PreFFNNorm,         "pre_ffn_norm",                   H, One)                                                      \
  X(PreFFNNormBias,     "pre_ffn_norm_bias",              H, One)                                                      \
  X(Gate,               "gate_proj",                      I, H)                                                        \
  X(Up,                 "up_proj",                        I, H)                                                        \
  X(Down,               "down_proj",                      H, I)                                                        \
  X(GateBias,           "gate_bias",                      I, One)                                                      \
  X(UpBias,             "up_bias",                        I, One)                                                      \
  X(DownBias,           "down_bias",                      H, One)                                                      \
  X(Router,             "router",                         E, H)                                                        \
  X(RouterBias,         "router_bias",                    E, One)                                                      \
  X(Correction,         "correction",                     E, One)                                                      \
  X(ExpertGate,         "expert_gate",                    EI, H)                                                       \
  X(ExpertUp,           "expert_up",                      EI, H)                                                       \
  X(ExpertDown,         "expert_down",                    H, EI)                                                       \
  X(ExpertGateBias,     "expert_gate_bias",               EEI, One)                                                    \
  X(ExpertUpBias,       "expert_up_bias",                 EEI, One)                                                    \
  X(ExpertDownBias,     "expert_down_bias",               EH, One)                                                     \
  X(SharedGate,         "shared_gate",                    SI, H)                                                       \
  X(SharedUp,           "shared_up",                      SI, H)                                                       \
  X(SharedDown,         "shared_down",                    H, SI)                                                       \
  X(SharedExpertGate,   "shared_expert_gate",             Row, H)                                                      \
  X(AltUpRouterNorm,    "altup_router_norm",              H, One)                                                      \
  X(AltUpRouter,        "altup_router",                   S, H)                                                        \
  X(AltUpPrediction,    "altup_prediction",               SS, S)                                                       \
  X(AltUpCorrection,    "altup_correction",               S, S)                                                        \
  X(AltUpScale,         "altup_scale",                    H, One)                                                      \
  X(LaurelLeft,         "laurel_left",                    LA, H)                                                       \
  X(LaurelRight,        "laurel_right",                   H, LA)                                                       \
  X(LaurelNorm,         "laurel_norm",                    H, One)                                                      \
  X(PerLayerGate,       "per_layer_gate",                 PA, H)                                                       \
  X(PerLayerProjection, "per_layer_projection",           H, PA)                                                       \
  X(PerLayerNorm,       "per_layer_norm",                 H, One)                                                      \
  X(PostFFNNorm,        "post_ffn_norm",                  H, One)

#define LATHE_GLOBAL_SLOTS(X)                                                                                          \
  X(Embed,              "embed_tokens",                   V, H)                                                        \
  X(Positions,          "positions",                      P, H)                                                        \
  X(PerLayerEmbed,      "embed_tokens_per_layer",         PV, PL)                                                      \
  X(PerLayerModel,      "per_layer_model_projection",     PL, H)                                                       \
  X(PerLayerModelNorm,  "per_layer_projection_norm",      PA, One)                                                     \
  X(AltUp1,             "altup_projections.0",            H, H)                                                        \
  X(AltUp2,             "altup_projections.1",            H, H)                                                        \
  X(AltUp3,             "altup_projections.2",            H, H)                                                        \
  X(Unembed1,           "altup_unembed_projections.0",    H, H)                                                        \
  X(Unembed2,           "altup_unembed_projections.1",    H, H)                                                        \
  X(Unembed3,           "altup_unembed_projections.2",    H, H)                                                        \
  X(FinalNorm,          "final_norm",                     H, One)                                                      \
  X(FinalNormBias,      "final_norm_bias",                H, One)                                                      \
  X(Head,               "lm_head",                        V, H)
// clang-format on

enum class Slot : uint8_t {
#define LATHE_SLOT_ENUM(id, slot, rows, columns) id,
  LATHE_LAYER_SLOTS(LATHE_SLOT_ENUM) LATHE_GLOBAL_SLOTS(LATHE_SLOT_ENUM)
#undef LATHE_SLOT_ENUM
};
inline constexpr Slot kFirstSlot = Slot::InputNorm, kLastSlot = Slot::Head;

/// "q_proj".
llvm::StringRef slotName(Slot slot);
/// Whether the slot belongs to no layer: Embed and those after it.
bool isGlobal(Slot slot);

/// Whether a slot has a matrix for each expert, or for each query head: its shape is [experts, out, in].
bool isExperts(Slot slot);
bool isHeads(Slot slot);

/// Whether a slot has a value for each expert and row: [experts * out].
bool isExpertBias(Slot slot);

/// The slots one layer has, in the order of a forward pass. `layer` allows for architectures whose layers differ.
llvm::SmallVector<Slot, 40> layerSlots(const Model &model, const Config &config, int64_t layer);
/// Embed, FinalNorm, Head unless tied, and so on.
llvm::SmallVector<Slot, 16> globalSlots(const Model &model, const Config &config);

/// [out, in], [n] or [experts, out, in].
llvm::SmallVector<int64_t, 2> slotShape(const Model &model, const Config &config, Slot slot, int64_t layer = 0);

/// Values of a model's checkpoint, and those that one token is multiplied by: it goes to a few experts of a layer.
struct ParameterCount {
  int64_t all = 0, active = 0;
};
ParameterCount countParameters(const Model &model, const Config &config);

/// A source's name of the tensor for a slot.
struct SlotName {
  Slot slot;
  const char *name; // without a layer's prefix; "{e}" stands for an expert's number
};

/// Whether a source's table names every slot once, in the order of Slot.
template <size_t N> constexpr bool namesEverySlot(const SlotName (&names)[N]) {
  if (N != static_cast<size_t>(kLastSlot) + 1)
    return false;
  for (size_t i = 0; i < N; ++i)
    if (names[i].slot != static_cast<Slot>(i))
      return false;
  return true;
}

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_SLOTS_H
