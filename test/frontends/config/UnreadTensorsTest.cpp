#include "frontends/config/UnreadTensors.h"
#include "frontends/config/LeftOut.h"
#include "test/frontends/Builders.h"
#include "test/frontends/Sources.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace lathe::testing;

namespace {

/// A model of two layers with Llama's names.
struct Unread : ::testing::Test {
  TemporaryDirectory directory;
  std::string config = R"({"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2,
    "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 12, "vocab_size": 10})";
  std::string prefix = "model.";
  std::vector<std::string> ignore;

  std::vector<NamedShape> tensors() const {
    std::vector<NamedShape> out = {
        {prefix + "embed_tokens.weight", {10, 8}}, {prefix + "norm.weight", {8}}, {"lm_head.weight", {10, 8}}};
    for (int i = 0; i < 2; ++i)
      for (auto &[name, shape] : std::initializer_list<NamedShape>{{"input_layernorm.weight", {8}},
                                                                   {"post_attention_layernorm.weight", {8}},
                                                                   {"self_attn.q_proj.weight", {8, 8}},
                                                                   {"self_attn.k_proj.weight", {4, 8}},
                                                                   {"self_attn.v_proj.weight", {4, 8}},
                                                                   {"self_attn.o_proj.weight", {8, 8}},
                                                                   {"mlp.gate_proj.weight", {12, 8}},
                                                                   {"mlp.up_proj.weight", {12, 8}},
                                                                   {"mlp.down_proj.weight", {8, 12}}})
        out.push_back({prefix + "layers." + std::to_string(i) + "." + name, shape});
    return out;
  }

  /// The notes about the model with these tensors in addition, one per line; or the error.
  std::string said(const std::vector<NamedShape> &more) {
    std::vector<NamedShape> all = tensors();
    all.insert(all.end(), more.begin(), more.end());
    directory.write("config.json", config);
    directory.write("model.safetensors", safetensorsOf(all));
    auto source = openModel(directory.str());
    if (!source.ok())
      return messageOf(source);
    auto notes = checkLeftOut(*source, 64, ignore);
    return notes.ok() ? llvm::join(*notes, "\n") : messageOf(notes);
  }
  std::string refusal(const std::string &tensor, int count = 1) const {
    return directory / "model.safetensors" + ": " + tensor +
           ": expected no tensor of layers, embedding, final norm and head that llama does not read, found " +
           (count == 1 ? "this one" : std::to_string(count) + ", this one first") +
           "; --ignore-tensors PATTERN compiles without them";
  }
  std::string without(const std::string &parts) const {
    return directory / "config.json" + ": llama is compiled without " + parts;
  }
};

} // namespace

TEST_F(Unread, NothingIsSaidOfWhatIsRead) { EXPECT_EQ(said({}), ""); }

TEST_F(Unread, TensorsOfTheDecoderAreRefused) {
  for (llvm::StringRef name :
       {"self_attn.q_proj.bias", "self_attn.q_norm.weight", "mlp.up_proj.bias", "mlp.experts.0.up_proj.weight",
        "self_attn.q_proj.weight_scale_inv", "self_attn.q_proj.input_scale", "self_attn.q_proj.lora_A.weight",
        "attn.bias", "self_attn.bias", "foo"}) {
    const std::string tensor = "model.layers.1." + name.str();
    EXPECT_EQ(said({{tensor, {8}}}), refusal(tensor)) << name.str();
  }
  EXPECT_EQ(said({{"model.layers.0.a", {8}}, {"model.layers.1.b", {8}}, {"v_head.weight", {8}}}),
            refusal("model.layers.0.a", 2));
  // Tensors of the modules of embedding, final norm and lm_head.
  for (std::string tensor :
       {"lm_head.bias", "model.norm.bias", "model.embed_tokens.bias", "model.embed_tokens.weight_scale",
        "lm_head.weight.absmax", "transformer.ln_f.bias", "lm_head.original_module.weight"})
    EXPECT_EQ(said({{tensor, {8}}}), refusal(tensor));
}

TEST_F(Unread, LayersAreKnownUnderEveryWrapper) {
  for (std::string begin :
       {"model.layers.0.", "language_model.model.layers.0.", "model.language_model.layers.0.", "layers.0.",
        "transformer.h.0.", "h.0.", "base_model.model.model.layers.0.", "module.model.layers.0."})
    EXPECT_EQ(said({{begin + "self_attn.q_proj.bias", {8}}}), refusal(begin + "self_attn.q_proj.bias"));
  for (std::string begin : {"vision_tower.encoder.layers.0.", "model.vision_tower.vision_model.encoder.layers.0."})
    EXPECT_EQ(said({{begin + "a.bias", {8}}}), without("vision (1 tensor: " + begin + "a.bias)"));
  // Prefixes of the model's wrapper classes.
  prefix = "model.language_model.";
  EXPECT_EQ(said({}), "");
  EXPECT_EQ(said({{"model.language_model.layers.0.a", {8}}}), refusal("model.language_model.layers.0.a"));
}

TEST_F(Unread, BuffersAreNoWeights) {
  const std::string attention = "model.layers.0.self_attn.";
  EXPECT_EQ(said({{attention + "rotary_emb.inv_freq", {2}},
                  {"model.rotary_emb.inv_freq", {2}},
                  {"model.layers.1.attn.bias", {1, 1, 64, 64}},
                  {"model.layers.1.attn.masked_bias", {}},
                  {"model.embeddings.position_ids", {1, 64}},
                  {attention + "q_proj.bias", {0}}, // no values
                  {attention + "k_scale", {1}},
                  {attention + "v_scale", {}},
                  {attention + "k_proj.output_scale", {1}},
                  {attention + "v_proj.output_scale", {1}},
                  {attention + "k_proj.k_scale", {1}},
                  {attention + "attn.v_scale", {1}}}),
            "");
  // Tensors of these names with other shapes are weights.
  EXPECT_EQ(said({{"model.layers.1.attn.bias", {8, 8}}}), refusal("model.layers.1.attn.bias"));
  EXPECT_EQ(said({{attention + "k_scale", {8}}}), refusal(attention + "k_scale"));
  EXPECT_EQ(said({{attention + "q_proj.output_scale", {1}}}), refusal(attention + "q_proj.output_scale"));
  EXPECT_EQ(said({{"model.layers.1.mlp.k_scale", {1}}}), refusal("model.layers.1.mlp.k_scale"));
}

TEST_F(Unread, TheHeadOfATiedModelIsNotRead) {
  config = with(config, R"({"tie_word_embeddings": true})");
  EXPECT_EQ(said({}), "");
  EXPECT_EQ(said({{"lm_head.bias", {10}}}), refusal("lm_head.bias"));
}

TEST_F(Unread, OtherTensorsAreSaid) {
  EXPECT_EQ(said({{"v_head.summary.weight", {8}}, {"score.weight", {2, 8}}}),
            without("what it does not read (2 tensors: v_head.summary.weight, score.weight)"));
  std::vector<NamedShape> many = {{"z.weight", {1}}};
  for (int i = 0; i < 9; ++i)
    many.push_back({"vision_tower." + std::to_string(i), {1}});
  many.push_back({"audio_tower.a", {1}});
  EXPECT_EQ(said(many), without("what it does not read (1 tensor: z.weight) and vision (9 tensors: vision_tower.0, "
                                "vision_tower.1, vision_tower.2, ...) and audio (1 tensor: audio_tower.a)"));
  // Architectures without layers of multi-token prediction.
  EXPECT_EQ(said({{"mtp.fc.weight", {8}}}), without("what it does not read (1 tensor: mtp.fc.weight)"));
}

TEST_F(Unread, LayersThatTheConfigDoesNotCountAreRefused) {
  auto beyond = [&](const std::string &key, int expected, int got) {
    return directory / "config.json" + ": " + key + ": expected " + std::to_string(expected) + ", as " +
           directory / "model.safetensors" + " has, got " + std::to_string(got) +
           "; --ignore-tensors PATTERN compiles without the others";
  };
  config = with(config, R"({"num_hidden_layers": 1})");
  EXPECT_EQ(said({}), beyond("num_hidden_layers", 2, 1));
  EXPECT_EQ(said({{"model.layers.7.a", {1}}, {"model.layers.7.eh_proj.weight", {1}}}),
            beyond("num_hidden_layers", 3, 1));
  ignore = {"model.layers.1.*"};
  EXPECT_EQ(said({}), without("9 tensors that --ignore-tensors names"));
}

TEST_F(Unread, PatternsNameWhatIsLeftOut) {
  const std::vector<NamedShape> biases = {{"model.layers.0.self_attn.q_proj.bias", {8}},
                                          {"model.layers.1.self_attn.q_proj.bias", {8}},
                                          {"lm_head.bias", {10}}};
  ignore = {"*.self_attn.q_proj.bias"};
  EXPECT_EQ(said(biases), refusal("lm_head.bias"));
  ignore.push_back("lm_head.[ab]*");
  EXPECT_EQ(said(biases), without("3 tensors that --ignore-tensors names"));
  ignore = {"{lm_head,model.layers.?.self_attn.q_proj}.bias"};
  EXPECT_EQ(said(biases), without("3 tensors that --ignore-tensors names"));
  ignore.push_back("*.q_proj.weight");
  EXPECT_EQ(said(biases), directory / "model.safetensors" +
                              ": --ignore-tensors \"*.q_proj.weight\": expected a pattern "
                              "that tensors which are not read match, found none");
  ignore = {"[a"};
  EXPECT_TRUE(llvm::StringRef(said(biases)).starts_with("--ignore-tensors: expected a pattern of names, got \"[a\": "));
}

TEST_F(Unread, PatternsNeedWeights) {
  directory.write("config.json", config);
  auto source = openModel(directory / "config.json");
  ASSERT_EQ(messageOf(source), "");
  EXPECT_EQ(messageOf(checkLeftOut(*source, 64, {"*"})),
            directory / "config.json" + ": --ignore-tensors: expected a model with weights, got a config alone");
}

TEST_F(Unread, AdaptersBesideTheWeightsAreSaid) {
  directory.write("adapter_config.json", "{}");
  EXPECT_EQ(said({}), directory / "adapter_config.json" +
                          ": the adapter beside the weights is not applied; merge it into them before "
                          "(merge_and_unload of peft)");
}

namespace {

struct GgufUnread : ::testing::Test {
  TemporaryDirectory directory;
  std::string path = directory / "m.gguf";

  static GgufBuilder model(const std::string &architecture, uint32_t blocks = 1) {
    GgufBuilder builder;
    builder.text("general.architecture", architecture).u32(architecture + ".embedding_length", 8);
    builder.u32(architecture + ".block_count", blocks).u32(architecture + ".attention.head_count", 2);
    builder.u32(architecture + ".attention.head_count_kv", 1).u32(architecture + ".feed_forward_length", 12);
    builder.u32(architecture + ".context_length", 64).f32(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);
    builder.u32(architecture + ".vocab_size", 10);
    builder.tensor("token_embd.weight", {8, 10}).tensor("output_norm.weight", {8});
    return layer(builder, 0);
  }
  static GgufBuilder layer(GgufBuilder builder, int number) {
    const std::pair<llvm::StringRef, std::vector<uint64_t>> tensors[] = {
        {"attn_norm.weight", {8}},    {"attn_q.weight", {8, 8}},      {"attn_k.weight", {8, 4}},
        {"attn_v.weight", {8, 4}},    {"attn_output.weight", {8, 8}}, {"ffn_norm.weight", {8}},
        {"ffn_gate.weight", {8, 12}}, {"ffn_up.weight", {8, 12}},     {"ffn_down.weight", {12, 8}}};
    for (const auto &[name, shape] : tensors)
      builder.tensor("blk." + std::to_string(number) + "." + name.str(), shape);
    return builder;
  }
  std::string said(const GgufBuilder &builder) {
    directory.write("m.gguf", builder.build());
    auto source = openModel(path);
    if (!source.ok())
      return messageOf(source);
    auto notes = checkLeftOut(*source, 64);
    return notes.ok() ? llvm::join(*notes, "\n") : messageOf(notes);
  }
  std::string refusal(const std::string &tensor, int count = 1) const {
    return path + ": " + tensor +
           ": expected no tensor of layers, embedding, final norm and head that llama does not "
           "read, found " +
           (count == 1 ? "this one" : std::to_string(count) + ", this one first") +
           "; --ignore-tensors PATTERN compiles without them";
  }
};

} // namespace

TEST_F(GgufUnread, TensorsOfTheDecoderAreRefused) {
  EXPECT_EQ(said(model("llama")), "");
  for (std::string tensor : {"blk.0.attn_q.scale", "blk.0.attn_q_norm.weight", "blk.0.attn_q_bias", "output_norm.bias",
                             "token_embd_norm.weight", "output.bias", "blk.0.attn_kv_b.weight"})
    EXPECT_EQ(said(model("llama").tensor(tensor, {8})), refusal(tensor));
  // The first block decides whether there are biases: if its bias has another name, the others are not read.
  EXPECT_EQ(said(model("llama").tensor("blk.0.attn_q.bia", {8}).tensor("blk.0.attn_k.bias", {4})),
            refusal("blk.0.attn_q.bia", 2));
}

TEST_F(GgufUnread, OthersAreSaidWhateverTheirType) {
  EXPECT_EQ(said(model("llama").tensor("rope_freqs.weight", {2}, 1).tensor("blk.0.attn_rot_embd.weight", {2})), "");
  GgufBuilder builder = model("llama").tensor("v.blk.0.attn_q.weight", {8}).tensor("mm.0.weight", {8});
  builder.entry("cls.weight", {8}, 999, builder.data.size());
  builder.data.resize(builder.data.size() + 32);
  EXPECT_EQ(said(builder), path + ": llama is compiled without what it does not read (1 tensor: cls.weight) and vision "
                                  "(2 tensors: v.blk.0.attn_q.weight, mm.0.weight)");
  builder = model("llama");
  builder.entry("blk.0.cls.weight", {8}, 999, builder.data.size());
  builder.data.resize(builder.data.size() + 32);
  EXPECT_EQ(said(builder), refusal("blk.0.cls.weight"));
}

TEST_F(GgufUnread, BlocksThatAreNotCountedAreRefused) {
  const std::string ending = "; --ignore-tensors PATTERN compiles without the others";
  EXPECT_EQ(said(layer(model("llama"), 1)),
            path + ": llama.block_count: expected 2, as " + path + " has, got 1" + ending);
  EXPECT_EQ(said(layer(layer(model("llama", 2), 1).u32("llama.nextn_predict_layers", 1), 2)),
            path + ": llama.block_count: expected 3, as " + path + " has, got 2" + ending);
  // Counted by nextn_predict_layers, but without the tensors of multi-token prediction.
  EXPECT_EQ(said(layer(model("llama", 2), 1).u32("llama.nextn_predict_layers", 1)),
            path + ": llama.nextn_predict_layers: expected 0, as " + path + " has, got 1" + ending);
}
