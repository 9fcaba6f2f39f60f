#include "frontends/config/models/Model.h"
#include <cmath>

// As llama.cpp, recognises the 27B by its depth. Only its attention scale is (hidden / heads)^-0.5, not headDim^-0.5.
static void completeGguf(lathe::Config &config) {
  if (config.layers == 46)
    config.attentionScale = 1 / std::sqrt(static_cast<double>(config.hidden) / config.heads);
}

/// Gemma 2: norms before and after attention and MLP, with weights 1 + w; every second layer has a sliding window;
/// softcaps of attention scores and logits.
const lathe::Model lathe::models::Gemma2 = {
    .huggingFace = {.modelTypes = {"gemma2"},
                    .defaults = R"({"vocab_size": 256000, "hidden_size": 2304, "intermediate_size": 9216,
                                    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
                                    "head_dim": 256, "max_position_embeddings": 8192,
                                    "query_pre_attn_scalar": 256, "sliding_window": 4096,
                                    "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
                                    "tie_word_embeddings": true, "bos_token_id": 2, "eos_token_id": 1,
                                    "pad_token_id": 0})",
                    .activationKey = "hidden_activation",
                    .names = {{Slot::PreFFNNorm, "pre_feedforward_layernorm.weight"}}},
    .gguf = {.architectures = {"gemma2"}, .window = true, .windowRequired = true, .complete = completeGguf},
    .norms = NormPlacement::Sandwich,
    .normOffset = 1,
    .scaleEmbedding = true,
    .activation = Activation::GeluTanh,
    .window = WindowRule::Periodic,
    .windowPeriod = 2,
    .readsAttentionBias = true,
    .readsQueryPreAttnScalar = true,
    .readsAttentionSoftcap = true,
    .readsFinalSoftcap = true,
};
