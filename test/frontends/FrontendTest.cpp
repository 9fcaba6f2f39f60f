#include "frontends/config/models/Model.h"
#include "test/frontends/Builders.h"
#include "test/frontends/Sources.h"
#include "llvm/ADT/STLExtras.h"
#include <filesystem>

using namespace lathe;
using namespace lathe::testing;

namespace {

constexpr const char *llama = R"({"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 2,
  "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 12, "vocab_size": 10)";

/// The tensors of `llama`, with a prefix.
std::vector<NamedShape> tensorsOf(const std::string &prefix, const std::string &head) {
  std::vector<NamedShape> out = {{prefix + "embed_tokens.weight", {10, 8}}, {prefix + "norm.weight", {8}}};
  if (!head.empty())
    out.push_back({head, {10, 8}});
  for (int i = 0; i < 2; ++i) {
    const std::string layer = prefix + "layers." + std::to_string(i) + ".";
    const std::vector<NamedShape> more = {
        {layer + "input_layernorm.weight", {8}},     {layer + "post_attention_layernorm.weight", {8}},
        {layer + "self_attn.q_proj.weight", {8, 8}}, {layer + "self_attn.k_proj.weight", {4, 8}},
        {layer + "self_attn.v_proj.weight", {4, 8}}, {layer + "self_attn.o_proj.weight", {8, 8}},
        {layer + "mlp.gate_proj.weight", {12, 8}},   {layer + "mlp.up_proj.weight", {12, 8}},
        {layer + "mlp.down_proj.weight", {8, 12}},
    };
    out.insert(out.end(), more.begin(), more.end());
  }
  return out;
}

std::vector<NamedShape> change(std::vector<NamedShape> tensors, llvm::StringRef name, std::vector<int64_t> shape) {
  llvm::find_if(tensors, [&](const NamedShape &tensor) { return tensor.name == name; })->shape = std::move(shape);
  return tensors;
}

std::vector<NamedShape> without(std::vector<NamedShape> tensors, llvm::StringRef name) {
  llvm::erase_if(tensors, [&](const NamedShape &tensor) { return tensor.name == name; });
  return tensors;
}

} // namespace

TEST(Frontend, OpensADirectoryWithOneFile) {
  TemporaryDirectory directory;
  directory.write("config.json", std::string(llama) + "}");
  directory.write("model.safetensors", safetensorsOf(tensorsOf("model.", "lm_head.weight")));
  directory.write("tokenizer.json", "{}");
  auto source = openModel(directory.str());
  ASSERT_EQ(messageOf(source), "");
  EXPECT_EQ(source->model, &models::Llama);
  EXPECT_FALSE(source->config.tied);
  auto q = source->bind(Slot::Q, 1);
  ASSERT_EQ(messageOf(q), "");
  EXPECT_EQ(q->tensor->name, "model.layers.1.self_attn.q_proj.weight");
  EXPECT_EQ(q->shape, (llvm::SmallVector<int64_t, 2>{8, 8}));
  EXPECT_EQ(q->permuteHeads, 0);
  EXPECT_EQ(q->add, 0);
  // transformers calls the norm before the MLP post_attention_layernorm.
  EXPECT_EQ(source->bind(Slot::PreFFNNorm, 0)->tensor->name, "model.layers.0.post_attention_layernorm.weight");
}

TEST(Frontend, OpensShards) {
  TemporaryDirectory directory;
  directory.write("config.json", std::string(llama) + "}");
  auto tensors = tensorsOf("model.", "lm_head.weight");
  std::string map;
  for (size_t i = 0; i < tensors.size(); ++i)
    map += (i ? ", \"" : "\"") + tensors[i].name + "\": \"" + (i < 9 ? "a" : "b") + ".safetensors\"";
  directory.write("a.safetensors", safetensorsOf(llvm::ArrayRef(tensors).take_front(9)));
  directory.write("b.safetensors", safetensorsOf(llvm::ArrayRef(tensors).drop_front(9)));
  directory.write("model.safetensors.index.json", "{\"weight_map\": {" + map + "}}");
  auto source = openModel(directory.str());
  ASSERT_EQ(messageOf(source), "");
  EXPECT_EQ(source->checkpoint->files().size(), 2u);
}

TEST(Frontend, KnowsThePrefixesOfWrappers) {
  const std::pair<const char *, const char *> layouts[] = {{"model.", "lm_head.weight"},
                                                           {"language_model.model.", "language_model.lm_head.weight"},
                                                           {"model.language_model.", "lm_head.weight"},
                                                           {"", "lm_head.weight"}};
  for (auto [prefix, head] : layouts) {
    TemporaryDirectory directory;
    directory.write("config.json", std::string(llama) + "}");
    directory.write("model.safetensors", safetensorsOf(tensorsOf(prefix, head)));
    auto source = openModel(directory.str());
    ASSERT_EQ(messageOf(source), "") << prefix;
    EXPECT_EQ(source->bind(Slot::Head)->tensor->name, head);
    EXPECT_EQ(source->bind(Slot::Down, 1)->tensor->name, std::string(prefix) + "layers.1.mlp.down_proj.weight");
  }
}

TEST(Frontend, AConfigAloneIsBare) {
  TemporaryDirectory directory;
  const std::string config = directory.write("config.json", std::string(llama) + "}");
  auto source = openModel(config);
  ASSERT_EQ(messageOf(source), "");
  EXPECT_FALSE(source->checkpoint);
  directory.write("model.safetensors", "not looked at");
  EXPECT_EQ(messageOf(openModel(config)), "");
}

TEST(Frontend, ADirectoryWithoutWeightsIsRefused) {
  TemporaryDirectory directory;
  const std::string config = directory.write("config.json", std::string(llama) + "}");
  const std::string expected =
      directory.str() + ": expected model.safetensors or model.safetensors.index.json beside config.json, got ";
  EXPECT_EQ(messageOf(openModel(directory.str())),
            expected + "neither; download them, or name " + config + " itself to compile it without weights");
  directory.write("model-00001-of-00002.safetensors", "");
  EXPECT_EQ(messageOf(openModel(directory.str())),
            expected +
                "\"model-00001-of-00002.safetensors\", a part of the model; download the index that names its parts");
  directory.write("adapter_model.safetensors", "");
  EXPECT_EQ(messageOf(openModel(directory.str())),
            expected +
                "\"adapter_model.safetensors\", an adapter; merge it into its base model (merge_and_unload of peft)");
  std::filesystem::remove(config);
  directory.write("adapter_config.json", "{}");
  EXPECT_EQ(messageOf(openModel(directory.str())),
            directory.str() + ": not a model: expected config.json in the directory, got adapter_config.json, of an "
                              "adapter alone; merge it into its base model (merge_and_unload of peft)");
}

TEST(Frontend, LinksToNowhereAreNotAbsent) {
  const std::string ending =
      ": expected a file, found a symbolic link to \"gone\", which is not there; download the file again";
  for (llvm::StringRef name :
       {"config.json", "generation_config.json", "model.safetensors", "model.safetensors.index.json"}) {
    TemporaryDirectory directory;
    directory.write("config.json", std::string(llama) + "}");
    std::filesystem::remove(directory / name);
    std::filesystem::create_symlink("gone", directory / name);
    EXPECT_EQ(messageOf(openModel(directory.str())), directory / name + ending);
  }
}

TEST(Frontend, NamesOfTheHubAreNotPaths) {
  const std::string expected = ": expected a path, found none of that name; lathe does not download: run `hf download ";
  for (std::string name :
       {"Org/Some-Model_1.5", "Org/Some-Model_1.5:Q4_K_M", "https://huggingface.co/Org/Some-Model_1.5",
        "hf.co/Org/Some-Model_1.5", "https://huggingface.co/Org/Some-Model_1.5/tree/main"})
    EXPECT_EQ(messageOf(openModel(name)),
              name + expected + "Org/Some-Model_1.5 --local-dir Some-Model_1.5`, then compile Some-Model_1.5");
  // An existing folder is a path, not a name of the Hub.
  TemporaryDirectory directory;
  for (std::string path : {directory / "absent", std::string("./a/b"), std::string("a/b/c"), std::string("absent"),
                           std::string("../absent/b"), std::string("/absent/b"), std::string("a b/c")})
    EXPECT_EQ(messageOf(openModel(path)), path + ": No such file or directory");
}

TEST(Frontend, TiesAsTransformersDoes) {
  auto tied = [](const char *config, const std::vector<NamedShape> &tensors, bool differ = false) {
    TemporaryDirectory directory;
    directory.write("config.json", config);
    std::string bytes = safetensorsOf(tensors);
    if (differ) // the first tensor is the embedding
      bytes[bytes.size() - 2] = 1;
    directory.write("model.safetensors", bytes);
    auto source = openModel(directory.str());
    EXPECT_EQ(messageOf(source), "");
    return source.ok() && source->config.tied;
  };
  const std::string stated = std::string(llama) + R"(, "tie_word_embeddings": true})";
  EXPECT_TRUE(tied(stated.c_str(), tensorsOf("model.", "")));
  // A redundant copy, as in Qwen3 0.6B.
  EXPECT_TRUE(tied(stated.c_str(), tensorsOf("model.", "lm_head.weight")));
  // Matrices that differ are not tied. The last bytes of this file are those of the embedding.
  std::vector<NamedShape> tensors = tensorsOf("model.", "lm_head.weight");
  std::rotate(tensors.begin(), tensors.begin() + 1, tensors.end());
  EXPECT_FALSE(tied(stated.c_str(), tensors, /*differ=*/true));
  // Stored under the name of lm_head only.
  EXPECT_TRUE(tied(stated.c_str(), without(tensorsOf("model.", "lm_head.weight"), "model.embed_tokens.weight")));

  // Matrices that are split for two devices are not compared, and are not tied.
  TemporaryDirectory cut;
  cut.write("config.json", stated);
  cut.write("a-TP-common.safetensors", safetensorsOf(without(tensorsOf("model.", ""), "model.embed_tokens.weight")));
  for (const char *device : {"b-TP-000.safetensors", "b-TP-001.safetensors"})
    cut.write(device, safetensorsOf({{"model.embed_tokens.weight", {5, 8}}, {"lm_head.weight", {5, 8}}}));
  auto source = openModel(cut.str());
  ASSERT_EQ(messageOf(source), "");
  EXPECT_FALSE(source->config.tied);

  const std::string wrapper = R"({"model_type": "mistral3", "text_config": )" +
                              llvm::StringRef(llama).substr(0, 16).str() + "mistral" +
                              llvm::StringRef(llama).drop_front(21).str() + "}}";
  EXPECT_TRUE(tied(wrapper.c_str(), tensorsOf("language_model.model.", "")));
  EXPECT_FALSE(tied(wrapper.c_str(), tensorsOf("language_model.model.", "language_model.lm_head.weight")));
}

TEST(Frontend, RefusesWrongTensors) {
  struct {
    std::vector<NamedShape> tensors;
    const char *message;
  } cases[] = {
      {without(tensorsOf("model.", "lm_head.weight"), "model.layers.1.mlp.up_proj.weight"),
       "model.layers.1.mlp.up_proj.weight: expected a tensor of shape [12, 8], found none of that name"},
      {tensorsOf("model.", ""), "lm_head.weight: expected a tensor of shape [10, 8], found none of that name"},
      {{}, "model.embed_tokens.weight: expected a tensor of shape [10, 8], found none of that name"},
      {change(tensorsOf("model.", "lm_head.weight"), "model.layers.0.self_attn.k_proj.weight", {8, 8}),
       "model.layers.0.self_attn.k_proj.weight: expected shape [4, 8], got [8, 8]"},
      {change(tensorsOf("model.", "lm_head.weight"), "model.norm.weight", {8, 1}),
       "model.norm.weight: expected shape [8], got [8, 1]"},
  };
  for (const auto &row : cases) {
    TemporaryDirectory directory;
    directory.write("config.json", std::string(llama) + "}");
    const std::string file = directory.write("model.safetensors", safetensorsOf(row.tensors));
    EXPECT_EQ(messageOf(openModel(directory.str())), file + ": " + row.message);
  }
}

TEST(Frontend, RefusesWrongTypes) {
  TemporaryDirectory directory;
  directory.write("config.json", std::string(llama) + "}");
  std::string bytes = safetensorsOf(tensorsOf("model.", "lm_head.weight"));
  const size_t norm = bytes.find("\"model.norm.weight\":{");
  ASSERT_NE(norm, std::string::npos);
  bytes.replace(bytes.find("BF16", norm), 4, "I16 ");
  const std::string file = directory.write("model.safetensors", bytes);
  EXPECT_EQ(messageOf(openModel(directory.str())),
            file + ": model.norm.weight: expected a dtype such as F32, F16 or BF16, got \"I16 \"");
  bytes.replace(bytes.find("\"I16 \""), 6, "\"U16\" ");
  directory.write("model.safetensors", bytes);
  EXPECT_EQ(messageOf(openModel(directory.str())),
            file + ": model.norm.weight: expected a tensor of type F32, F16 or BF16, got U16");
}

TEST(Frontend, EndTokensComeFromTheGenerationConfig) {
  TemporaryDirectory directory;
  const std::string config = directory.write("config.json", std::string(llama) + R"(, "eos_token_id": 7})");
  directory.write("generation_config.json", R"({"eos_token_id": [5, 3]})");
  EXPECT_EQ(openModel(config)->config.endTokens, (std::vector<int64_t>{3, 5}));
  directory.write("generation_config.json", R"({"do_sample": true})");
  EXPECT_EQ(openModel(config)->config.endTokens, std::vector<int64_t>{7});
  const std::string path = directory.write("generation_config.json", R"({"eos_token_id": "x"})");
  EXPECT_EQ(messageOf(openModel(config)), path + R"(: eos_token_id: expected an integer from -1 to 16777216, got "x")");
  directory.write("generation_config.json", "[]");
  EXPECT_EQ(messageOf(openModel(config)), path + ": expected an object, got an array");
}

TEST(Frontend, SamplingValuesComeFromTheConfigWhereThereIsNoGenerationConfig) {
  TemporaryDirectory directory;
  directory.write("config.json", std::string(llama) + R"(, "do_sample": true, "temperature": 0.5})");
  const std::optional<SamplingValues> found = openModel(directory / "config.json")->config.sampling;
  ASSERT_TRUE(found);
  EXPECT_EQ(found->origin, "config.json");
  EXPECT_EQ(found->temperature, 0.5);
  directory.write("generation_config.json", "{}");
  EXPECT_FALSE(openModel(directory / "config.json")->config.sampling);
}

TEST(Frontend, RefusesWhatIsNoModel) {
  TemporaryDirectory directory;
  const std::string expected = "expected a Hugging Face directory, a config.json, an .onnx file or a .gguf file";
  EXPECT_EQ(messageOf(openModel(directory / "absent")), directory / "absent" + ": No such file or directory");
  EXPECT_EQ(messageOf(openModel(directory.str())),
            directory.str() + ": not a model: expected config.json in the directory, got none");
  std::string path = directory.write("song.mp3", "ID3 \x04");
  EXPECT_EQ(messageOf(openModel(path)),
            path + ": not a model: " + expected + R"(, got a file of 5 bytes that begins with "ID3 \x04")");
  path = directory.write("empty", "");
  EXPECT_EQ(messageOf(openModel(path)),
            path + ": expected a file with contents, found an empty one; download the file again");
  path = directory.write("m.safetensors", "x");
  EXPECT_EQ(messageOf(openModel(path)),
            path + ": " + expected + ", got weights alone; name the directory that holds them");
  path = directory.write("m.gguf", "GGML");
  EXPECT_EQ(messageOf(openModel(path)),
            path + R"(: not a model: expected a GGUF file to begin with "GGUF", got "GGML")");
  EXPECT_EQ(messageOf(openModel(directory.str())),
            directory.str() +
                R"(: not a model: expected config.json in the directory, got "m.gguf"; name that file itself)");
  EXPECT_EQ(messageOf(openModel("/dev/zero")), "/dev/zero: expected a file, found a device");
}

TEST(Frontend, RefusesWeightsItCannotRead) {
  TemporaryDirectory directory;
  directory.write("config.json", std::string(llama) + "}");
  directory.write("training_args.bin", ""); // does not contain weights
  directory.write("pytorch_model.bin", "");
  const std::string expected =
      directory.str() + ": expected model.safetensors or model.safetensors.index.json beside config.json, got ";
  EXPECT_EQ(messageOf(openModel(directory.str())), expected + R"("pytorch_model.bin", which is not supported)");
  directory.write("m.gguf", "");
  EXPECT_EQ(messageOf(openModel(directory.str())), expected + R"("m.gguf"; to compile that, name the file itself)");
}

namespace {

GgufBuilder smallGguf(const std::string &architecture, llvm::StringRef left = "") {
  GgufBuilder builder;
  builder.text("general.architecture", architecture).u32(architecture + ".embedding_length", 8);
  builder.u32(architecture + ".block_count", 1).u32(architecture + ".attention.head_count", 2);
  builder.u32(architecture + ".attention.head_count_kv", 1).u32(architecture + ".feed_forward_length", 12);
  builder.u32(architecture + ".context_length", 64).f32(architecture + ".attention.layer_norm_rms_epsilon", 1e-5f);
  builder.u32(architecture + ".attention.sliding_window", 4).u32(architecture + ".vocab_size", 10);
  std::pair<llvm::StringRef, std::vector<uint64_t>> tensors[] = {
      {"token_embd.weight", {8, 10}},       {"output_norm.weight", {8}},
      {"blk.0.attn_norm.weight", {8}},      {"blk.0.attn_q.weight", {8, 8}},
      {"blk.0.attn_k.weight", {8, 4}},      {"blk.0.attn_v.weight", {8, 4}},
      {"blk.0.attn_output.weight", {8, 8}}, {"blk.0.ffn_norm.weight", {8}},
      {"blk.0.ffn_gate.weight", {8, 12}},   {"blk.0.ffn_up.weight", {8, 12}},
      {"blk.0.ffn_down.weight", {12, 8}},   {"blk.0.attn_q_norm.weight", {4}},
      {"blk.0.attn_k_norm.weight", {4}},    {"blk.0.post_attention_norm.weight", {8}},
      {"blk.0.post_ffw_norm.weight", {8}},  {"blk.0.attn_q.bias", {8}},
      {"blk.0.attn_k.bias", {4}},           {"blk.0.attn_v.bias", {4}},
  };
  for (auto &[name, dimensions] : tensors)
    if (name != left)
      builder.tensor(name, dimensions);
  return builder;
}

} // namespace

TEST(Frontend, GgufRowsOfLlamaAreUnpermuted) {
  TemporaryDirectory directory;
  for (auto [architecture, permuted] :
       {std::pair{"llama", true}, {"mistral3", true}, {"qwen3", false}, {"gemma3", false}}) {
    auto source = openModel(directory.write("m.gguf", smallGguf(architecture).build()));
    ASSERT_EQ(messageOf(source), "");
    EXPECT_EQ(source->name, "m");
    EXPECT_TRUE(source->config.tied);
    EXPECT_EQ(source->bind(Slot::Q)->permuteHeads, permuted ? 2 : 0);
    EXPECT_EQ(source->bind(Slot::K)->permuteHeads, permuted ? 1 : 0);
    EXPECT_EQ(source->bind(Slot::QBias)->permuteHeads, permuted ? 2 : 0);
    EXPECT_EQ(source->bind(Slot::V)->permuteHeads, 0);
    EXPECT_EQ(source->bind(Slot::O)->permuteHeads, 0);
    EXPECT_EQ(source->bind(Slot::InputNorm)->add, 0);
    EXPECT_EQ(source->bind(Slot::PreFFNNorm)->tensor->name, "blk.0.ffn_norm.weight");
  }
  EXPECT_EQ(openModel(directory / "m.gguf")->bind(Slot::PostFFNNorm)->tensor->name, "blk.0.post_ffw_norm.weight");
}

TEST(Frontend, GgufIsKnownByItsContents) {
  TemporaryDirectory directory;
  EXPECT_EQ(messageOf(openModel(directory.write("sha256-0123", smallGguf("llama").build()))), "");
}

TEST(Frontend, GgufInPartsIsOneModel) {
  TemporaryDirectory directory;
  auto split = [](GgufBuilder builder, uint32_t number) {
    return builder.u32("split.no", number).u32("split.count", 2).u32("split.tensors.count", 19).build();
  };
  const std::string path =
      directory.write("m-00001-of-00002.gguf", split(smallGguf("llama", "blk.0.ffn_up.weight"), 0));
  auto rest = [&](float divisor) {
    GgufBuilder builder;
    return split(builder.tensor("blk.0.ffn_up.weight", {8, 12}).tensor("rope_freqs.weight", {2}, divisor), 1);
  };
  const std::string other = directory.write("m-00002-of-00002.gguf", rest(3));
  auto source = openModel(path);
  ASSERT_EQ(messageOf(source), "");
  EXPECT_EQ(source->config.rope.divisors, (std::vector<float>{3, 3}));
  EXPECT_EQ(source->checkpoint->path(*source->bind(Slot::Up)->tensor), other);
  EXPECT_EQ(source->checkpoint->path(*source->bind(Slot::Down)->tensor), path);
  directory.write("m-00002-of-00002.gguf", rest(-3));
  EXPECT_EQ(messageOf(openModel(path)), other + ": rope_freqs.weight: expected numbers greater than 0, got -3");
}

TEST(Frontend, RefusesGgufTensorsThatDoNotFit) {
  TemporaryDirectory directory;
  std::string path = directory.write("m.gguf", smallGguf("llama", "blk.0.ffn_up.weight").build());
  EXPECT_EQ(messageOf(openModel(path)),
            path + ": blk.0.ffn_up.weight: expected a tensor of shape [12, 8], found none of that name");
  directory.write("m.gguf", smallGguf("llama", "token_embd.weight").tensor("token_embd.weight", {8, 11}).build());
  EXPECT_EQ(messageOf(openModel(path)), path + ": token_embd.weight: expected shape [10, 8], got [11, 8]");
  GgufBuilder builder = smallGguf("llama", "blk.0.attn_norm.weight");
  builder.text("x", "");
  builder.tensor("pad", {8});
  builder.entry("blk.0.attn_norm.weight", {8}, 30, builder.data.size());
  builder.data.resize(builder.data.size() + 32);
  EXPECT_EQ(messageOf(openModel(directory.write("m.gguf", builder.build()))), "") << "BF16 will do for a norm";
}

/// ggml has four dimensions, and some writers store all of them.
TEST(Frontend, GgufShapesMayBePaddedWithOnes) {
  TemporaryDirectory directory;
  GgufBuilder builder = smallGguf("llama", "blk.0.ffn_up.weight");
  builder.tensor("blk.0.ffn_up.weight", {8, 12, 1, 1}).tensor("rope_freqs.weight", {2, 1}, 3);
  std::string path = directory.write("m.gguf", builder.build());
  auto source = openModel(path);
  ASSERT_EQ(messageOf(source), "");
  EXPECT_EQ(source->bind(Slot::Up)->shape, (llvm::SmallVector<int64_t, 2>{12, 8}));
  EXPECT_EQ(source->config.rope.divisors, (std::vector<float>{3, 3}));
  builder = smallGguf("llama", "blk.0.ffn_up.weight");
  directory.write("m.gguf", builder.tensor("blk.0.ffn_up.weight", {8, 1, 12}).build());
  EXPECT_EQ(messageOf(openModel(path)), path + ": blk.0.ffn_up.weight: expected shape [12, 8], got [12, 1, 8]");
}

TEST(Frontend, GgufTensorsThatAreReadHaveAKnownType) {
  TemporaryDirectory directory;
  for (auto [type, name] : {std::pair(10u, "Q2_K"), {40u, "NVFP4"}, {999u, "the unknown type 999"}}) {
    GgufBuilder builder = smallGguf("llama", "blk.0.ffn_up.weight");
    builder.entry("blk.0.ffn_up.weight", {8, 12}, type, builder.data.size());
    builder.data.resize(builder.data.size() + 32);
    const std::string path = directory.write("m.gguf", builder.build());
    EXPECT_EQ(messageOf(openModel(path)), path +
                                              ": blk.0.ffn_up.weight: expected a tensor of type F32, F16 or BF16, or "
                                              "quantised as Q4_0 to Q8_0, Q4_K to Q6_K or MXFP4, got " +
                                              name);
  }
}

TEST(Frontend, GemmaNormsGetOneAddedFromSafetensorsOnly) {
  TemporaryDirectory directory;
  directory.write("config.json", R"({"model_type": "gemma3_text", "hidden_size": 8, "num_hidden_layers": 1,
    "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "intermediate_size": 12, "vocab_size": 10})");
  const std::string layer = "model.layers.0.";
  directory.write("model.safetensors", safetensorsOf({{"model.embed_tokens.weight", {10, 8}},
                                                      {"model.norm.weight", {8}},
                                                      {layer + "input_layernorm.weight", {8}},
                                                      {layer + "post_attention_layernorm.weight", {8}},
                                                      {layer + "pre_feedforward_layernorm.weight", {8}},
                                                      {layer + "post_feedforward_layernorm.weight", {8}},
                                                      {layer + "self_attn.q_norm.weight", {4}},
                                                      {layer + "self_attn.k_norm.weight", {4}},
                                                      {layer + "self_attn.q_proj.weight", {8, 8}},
                                                      {layer + "self_attn.k_proj.weight", {4, 8}},
                                                      {layer + "self_attn.v_proj.weight", {4, 8}},
                                                      {layer + "self_attn.o_proj.weight", {8, 8}},
                                                      {layer + "mlp.gate_proj.weight", {12, 8}},
                                                      {layer + "mlp.up_proj.weight", {12, 8}},
                                                      {layer + "mlp.down_proj.weight", {8, 12}}}));
  auto source = openModel(directory.str());
  ASSERT_EQ(messageOf(source), "");
  for (Slot slot : {Slot::InputNorm, Slot::QNorm, Slot::KNorm, Slot::PostAttentionNorm, Slot::PreFFNNorm,
                    Slot::PostFFNNorm, Slot::FinalNorm})
    EXPECT_EQ(source->bind(slot)->add, 1) << slotName(slot).str();
  EXPECT_EQ(source->bind(Slot::Q)->add, 0);
  EXPECT_EQ(source->bind(Slot::PostAttentionNorm)->tensor->name, layer + "post_attention_layernorm.weight");
  EXPECT_EQ(source->bind(Slot::PreFFNNorm)->tensor->name, layer + "pre_feedforward_layernorm.weight");
  EXPECT_EQ(source->bind(Slot::Head)->tensor->name, "model.embed_tokens.weight");
}
