#include "compiler/support/Json.h"
#include "frontends/config/models/Model.h"

static void readTemperature(const lathe::JsonObject &keys, lathe::Config &config) {
  // attn_temperature_tuning is an integer (4) in old files.
  const llvm::json::Value *tuning = keys.find("attn_temperature_tuning");
  const std::optional<int64_t> count = tuning ? lathe::asInteger(*tuning) : std::nullopt;
  if (count ? *count == 0 : !keys.boolean("attn_temperature_tuning", true))
    return;
  config.temperature = {.length = keys.integer("floor_scale", 1, lathe::limits::positions),
                        .scale = keys.number("attn_scale"),
                        .stepped = true,
                        .unrotated = true};
}

// As llama.cpp, recognises Maverick by its 128 experts. It has no norms of queries and keys.
static void completeGguf(lathe::Config &config) {
  config.normsRotated = config.experts != 128;
  config.temperature = {.length = 8192, .scale = 0.1, .stepped = true, .unrotated = true};
}

/// Llama 4, text: layers with rotary positions attend inside chunks, with norms of rotated queries and keys; every
/// fourth layer has no rotary positions, attends to all positions, and scales its scores by the query's position. One
/// expert per token, whose weight scales its input, and a shared expert; in Maverick only every second layer has them.
const lathe::Model lathe::models::Llama4 = {
    .huggingFace = {.modelTypes = {"llama4_text"},
                    .wrapperTypes = {"llama4"},
                    .defaults = R"({"vocab_size": 202048, "hidden_size": 5120, "intermediate_size": 8192,
                                    "intermediate_size_mlp": 16384, "num_hidden_layers": 48,
                                    "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128,
                                    "max_position_embeddings": 131072, "rms_norm_eps": 1e-5, "bos_token_id": 1,
                                    "eos_token_id": 2, "num_experts_per_tok": 1, "num_local_experts": 16,
                                    "interleave_moe_layer_step": 1, "use_qk_norm": true,
                                    "no_rope_layer_interval": 4, "attention_chunk_size": 8192,
                                    "floor_scale": 8192, "attn_scale": 0.1})",
                    .keyNames = {{"intermediate_size", "intermediate_size_mlp"},
                                 {"moe_intermediate_size", "intermediate_size"},
                                 {"num_experts", "num_local_experts"}},
                    .names = {{Slot::Gate, "feed_forward.gate_proj.weight"},
                              {Slot::Up, "feed_forward.up_proj.weight"},
                              {Slot::Down, "feed_forward.down_proj.weight"},
                              {Slot::Router, "feed_forward.router.weight"},
                              {Slot::ExpertGate, "feed_forward.experts.gate_up_proj"},
                              {Slot::ExpertUp, "feed_forward.experts.gate_up_proj"},
                              {Slot::ExpertDown, "feed_forward.experts.down_proj"},
                              {Slot::SharedGate, "feed_forward.shared_expert.gate_proj.weight"},
                              {Slot::SharedUp, "feed_forward.shared_expert.up_proj.weight"},
                              {Slot::SharedDown, "feed_forward.shared_expert.down_proj.weight"}},
                    .experts = ExpertTensors::Transposed,
                    .interleaved = true},
    .gguf = {.architectures = {"llama4"},
             .window = true,
             .windowSize = 8192,
             .interleaved = true,
             .complete = completeGguf},
    .theta = 500000,
    .window = WindowRule::Chunked,
    .noRopeInterval = 4,
    .experts = {.layers = SparseLayers::Interleaved,
                .scoring = Scoring::Sigmoid,
                .shared = SharedExpert::One,
                .scalesInput = true},
    .readsAttentionBias = true,
    .normsRotated = true,
    .readTemperature = readTemperature,
};
