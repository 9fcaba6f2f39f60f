#include "frontends/config/models/Model.h"
#include <cmath>

// As llama.cpp, recognises the 27B by its depth. Only its attention scale is (hidden / heads)^-0.5, not headDim^-0.5.
static void completeGguf(lathe::Config &config) {
  if (config.layers == 62)
    config.attentionScale = 1 / std::sqrt(static_cast<double>(config.hidden) / config.heads);
}

/// Gemma 3: norms before and after attention and MLP, and of every query and key head, with weights 1 + w; five sliding
/// layers with their own theta, then one full layer. transformers reads attn_logit_softcapping but does not apply it.
const lathe::Model lathe::models::Gemma3 = {
    .huggingFace = {.modelTypes = {"gemma3_text"},
                    .wrapperTypes = {"gemma3"},
                    .defaults = R"({"vocab_size": 262208, "hidden_size": 2304, "intermediate_size": 9216,
                                    "num_hidden_layers": 26, "num_attention_heads": 8, "num_key_value_heads": 4,
                                    "head_dim": 256, "max_position_embeddings": 131072,
                                    "query_pre_attn_scalar": 256, "sliding_window": 4096,
                                    "tie_word_embeddings": true, "bos_token_id": 2, "eos_token_id": 1,
                                    "pad_token_id": 0})",
                    .activationKey = "hidden_activation",
                    .names = {{Slot::PreFFNNorm, "pre_feedforward_layernorm.weight"}}},
    .gguf = {.architectures = {"gemma3"}, .window = true, .windowRequired = true, .complete = completeGguf},
    .norms = NormPlacement::Sandwich,
    .qkNorm = QKNorm::PerHead,
    .normOffset = 1,
    .scaleEmbedding = true,
    .activation = Activation::GeluTanh,
    .theta = 1e6,
    .localTheta = 1e4,
    .window = WindowRule::Periodic,
    .windowPeriod = 6,
    .readsAttentionBias = true,
    .readsQueryPreAttnScalar = true,
    .readsFinalSoftcap = true,
};
