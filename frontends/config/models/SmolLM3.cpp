#include "frontends/config/models/Model.h"

/// SmolLM3: Llama without rotary positions in every fourth layer. GGUF has no key for these layers.
const lathe::Model lathe::models::SmolLM3 = {
    .huggingFace = {.modelTypes = {"smollm3"},
                    .defaults = R"({"vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 11008,
                                    "num_hidden_layers": 36, "num_attention_heads": 16,
                                    "num_key_value_heads": 4, "max_position_embeddings": 32768,
                                    "no_rope_layer_interval": 4, "tie_word_embeddings": true,
                                    "bos_token_id": 128000, "eos_token_id": 128001, "pad_token_id": 128004})"},
    .gguf = {.architectures = {"smollm3"}, .interleaved = true},
    .theta = 2e6,
    .window = WindowRule::Unrotated,
    .noRopeInterval = 4,
    .readsAttentionBias = true,
    .readsMlpBias = true,
};
