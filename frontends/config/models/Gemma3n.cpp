#include "frontends/config/models/Model.h"

static void completeGguf(lathe::Config &config) {
  config.attentionScale = 1;
  config.finalSoftcap = 30;
}

/// Gemma 3n, text: four streams of alternating updates; a learned augmented residual (LAuReL) parallel to attention; a
/// per-layer embedding, added to all streams but the first. Later layers attend to the caches of earlier ones, gates of
/// early layers are sparse. Norms have weights w, not 1 + w; attention scores are not scaled. MatFormer's smaller
/// models have smaller values in intermediate_size.
const lathe::Model lathe::models::Gemma3n = {
    .huggingFace = {.modelTypes = {"gemma3n_text"},
                    .wrapperTypes = {"gemma3n"},
                    .defaults = R"({"vocab_size": 262400, "vocab_size_per_layer_input": 262144,
                                    "hidden_size": 2048, "hidden_size_per_layer_input": 256,
                                    "intermediate_size": 16384, "num_hidden_layers": 35,
                                    "num_attention_heads": 8, "num_key_value_heads": 2, "head_dim": 256,
                                    "max_position_embeddings": 32768, "sliding_window": 512,
                                    "final_logit_softcapping": 30.0, "altup_num_inputs": 4, "laurel_rank": 64,
                                    "num_kv_shared_layers": 15, "tie_word_embeddings": true, "bos_token_id": 2,
                                    "eos_token_id": 1, "pad_token_id": 0})",
                    .required = R"({"altup_active_idx": 0, "altup_correct_scale": true,
                                    "attention_bias": false})",
                    .activationKey = "hidden_activation",
                    .names = {{Slot::PreFFNNorm, "pre_feedforward_layernorm.weight"}}},
    .gguf = {.architectures = {"gemma3n"}, .window = true, .windowRequired = true, .complete = completeGguf},
    .norms = NormPlacement::Sandwich,
    .qkNorm = QKNorm::PerHead,
    .scaleEmbedding = true,
    .activation = Activation::GeluTanh,
    .theta = 1e6,
    .localTheta = 1e4,
    .window = WindowRule::Periodic,
    .windowPeriod = 5,
    .readsFinalSoftcap = true,
    .altUp = true,
};
