#include "frontends/config/Tensors.h"
#include "frontends/config/Config.h"
#include "frontends/config/models/Model.h"
#include "frontends/gguf/Tensors.h"
#include "frontends/huggingface/Tensors.h"
#include "test/frontends/Builders.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::testing;

namespace {

Config smallConfig() {
  Config config;
  config.hidden = 32;
  config.layers = 1;
  config.heads = 4;
  config.kvHeads = 2;
  config.headDim = 16;
  config.intermediate = 96;
  config.vocabulary = 10;
  return config;
}

/// A checkpoint with one tensor.
Checkpoint with(const TensorConventions &conventions, TensorInfo tensor) {
  Checkpoint checkpoint(conventions, "m");
  checkpoint.addFile(MappedFile::fromBytes("m", ""));
  checkpoint.add(std::move(tensor));
  return checkpoint;
}

std::string names(llvm::ArrayRef<Slot> slots) {
  std::string out;
  for (Slot slot : slots)
    out += (out.empty() ? "" : " ") + slotName(slot).str();
  return out;
}

} // namespace

TEST(Tensors, SlotsOfALayerFollowTheForwardPass) {
  Config config = smallConfig();
  EXPECT_EQ(names(layerSlots(models::Llama, config, 0)),
            "input_norm q_proj k_proj v_proj o_proj pre_ffn_norm gate_proj up_proj down_proj");
  config.qkvBias = config.oBias = config.mlpBias = true;
  config.qkNorm = QKNorm::PerHead;
  EXPECT_EQ(names(layerSlots(models::Gemma3, config, 0)),
            "input_norm q_proj k_proj v_proj q_bias k_bias v_bias q_norm k_norm o_proj o_bias post_attention_norm "
            "pre_ffn_norm gate_proj up_proj down_proj gate_bias up_bias down_bias post_ffn_norm");
  EXPECT_EQ(names(globalSlots(models::Llama, config)), "embed_tokens final_norm lm_head");
  config.tied = true;
  EXPECT_EQ(names(globalSlots(models::Llama, config)), "embed_tokens final_norm");
  EXPECT_EQ(names(globalSlots(models::GPT2, config)), "embed_tokens positions final_norm final_norm_bias");
  config.qkNorm = QKNorm::None;
  EXPECT_EQ(names(layerSlots(models::GPT2, config, 0)),
            "input_norm input_norm_bias q_proj k_proj v_proj q_bias k_bias v_bias o_proj o_bias pre_ffn_norm "
            "pre_ffn_norm_bias up_proj down_proj up_bias down_bias");
  config.qkNorm = QKNorm::Whole;
  EXPECT_EQ(names(layerSlots(models::Olmo2, config, 0)),
            "q_proj k_proj v_proj q_bias k_bias v_bias q_norm k_norm o_proj o_bias post_attention_norm gate_proj "
            "up_proj down_proj gate_bias up_bias down_bias post_ffn_norm");
}

TEST(Tensors, ShapesComeFromTheConfig) {
  const Config config = smallConfig();
  auto shape = [&](Slot slot) {
    auto found = slotShape(models::Llama, config, slot);
    return std::vector<int64_t>(found.begin(), found.end());
  };
  EXPECT_EQ(shape(Slot::Q), (std::vector<int64_t>{64, 32})); // heads * headDim is not hidden
  EXPECT_EQ(shape(Slot::K), (std::vector<int64_t>{32, 32}));
  EXPECT_EQ(shape(Slot::O), (std::vector<int64_t>{32, 64}));
  EXPECT_EQ(shape(Slot::Down), (std::vector<int64_t>{32, 96}));
  EXPECT_EQ(shape(Slot::QNorm), std::vector<int64_t>{16});
  EXPECT_EQ(shape(Slot::GateBias), std::vector<int64_t>{96});
  EXPECT_EQ(shape(Slot::Head), (std::vector<int64_t>{10, 32}));
}

TEST(Tensors, NormsOverAllHeadsAreAsWideAsTheHeads) {
  Config config = smallConfig();
  config.qkNorm = QKNorm::Whole;
  EXPECT_EQ(slotShape(models::Olmo2, config, Slot::QNorm)[0], 64);
  EXPECT_EQ(slotShape(models::Olmo2, config, Slot::KNorm)[0], 32);
}

TEST(Tensors, ExpertsAreATensorEachOrOneForAll) {
  Config config = smallConfig();
  config.experts = 2, config.expertsPerToken = 1, config.expertIntermediate = 8;
  config.sparse.assign(config.layers, true);
  auto tensor = [](const char *name, std::vector<int64_t> shape, uint64_t offset, Format format = Format::F32) {
    TensorInfo info{.name = name, .format = format, .storedType = "F32", .shape = std::move(shape)};
    info.offset = offset;
    return info;
  };
  Checkpoint each(huggingFaceTensors(), "m");
  each.addFile(MappedFile::fromBytes("m", ""));
  each.add(tensor("norm.weight", {32}, 0));
  each.add(tensor("layers.0.mlp.experts.0.up_proj.weight", {8, 32}, 4000));
  EXPECT_EQ(messageOf(bindTensor(models::Qwen3MoE, config, &each, Slot::ExpertUp)),
            "m: layers.0.mlp.experts.1.up_proj.weight: expected a tensor of shape [8, 32], found none of that name");
  each.add(tensor("layers.0.mlp.experts.1.up_proj.weight", {8, 32}, 1000));
  auto found = bindTensor(models::Qwen3MoE, config, &each, Slot::ExpertUp);
  ASSERT_EQ(messageOf(found), "");
  EXPECT_EQ(found->segments[0].offset, 4000u);
  EXPECT_EQ(found->segments[1].offset, 1000u);

  Checkpoint mixed(huggingFaceTensors(), "m");
  mixed.addFile(MappedFile::fromBytes("m", ""));
  mixed.add(tensor("norm.weight", {32}, 0));
  mixed.add(tensor("layers.0.mlp.experts.0.up_proj.weight", {8, 32}, 4000));
  mixed.add(tensor("layers.0.mlp.experts.1.up_proj.weight", {8, 32}, 1000, Format::BF16));
  EXPECT_EQ(messageOf(bindTensor(models::Qwen3MoE, config, &mixed, Slot::ExpertUp)),
            "m: layers.0.mlp.experts.1.up_proj.weight: expected the type of the other experts, F32, got F32");

  Checkpoint all(huggingFaceTensors(), "m");
  all.addFile(MappedFile::fromBytes("m", ""));
  all.add(tensor("norm.weight", {32}, 0));
  all.add(tensor("layers.0.mlp.experts.gate_up_proj", {2, 16, 32}, 100));
  all.add(tensor("layers.0.mlp.experts.down_proj", {2, 32, 8}, 9000));
  auto up = bindTensor(models::Qwen3MoE, config, &all, Slot::ExpertUp);
  ASSERT_EQ(messageOf(up), "");
  EXPECT_EQ(up->segments[0].offset, 100u + 8 * 32 * 4); // after the rows of the gate
  EXPECT_EQ(up->segments[1].offset, 100u + (16 + 8) * 32 * 4);
  auto down = bindTensor(models::Qwen3MoE, config, &all, Slot::ExpertDown);
  ASSERT_EQ(messageOf(down), "");
  EXPECT_EQ(down->segments[1].offset, 9000u + 32 * 8 * 4);
}

TEST(Tensors, OlderFilesHaveKeysAndValuesOfAllHeadsInOneMatrix) {
  Config config = smallConfig();
  config.heads = config.kvHeads = 2;
  config.nopeDim = 48, config.ropeDim = 16, config.headDim = 64, config.valueDim = 32, config.latentRank = 512;
  for (auto [format, rowBytes] : {std::pair{Format::F16, 1024u}, {Format::Q8_0, 544u}, {Format::Q4_K, 288u}}) {
    TensorInfo both{.name = "blk.0.attn_kv_b.weight", .format = format, .storedType = "X", .shape = {160, 512}};
    both.offset = 64;
    Checkpoint checkpoint = with(ggufTensors(), both);
    auto keys = bindTensor(models::DeepSeekV2, config, &checkpoint, Slot::KUp);
    ASSERT_EQ(messageOf(keys), "");
    EXPECT_EQ(keys->transposedRows, 512);
    EXPECT_EQ(keys->segments[0].offset, 64u);
    EXPECT_EQ(keys->segments[1].offset, 64u + 80 * rowBytes);
    auto values = bindTensor(models::DeepSeekV2, config, &checkpoint, Slot::VUp);
    ASSERT_EQ(messageOf(values), "");
    EXPECT_EQ(values->transposedRows, 0);
    EXPECT_EQ(values->segments[0].offset, 64u + 48 * rowBytes);
    EXPECT_EQ(values->segments[1].offset, 64u + 128 * rowBytes);
    EXPECT_EQ(values->format, format);
  }
}

TEST(Tensors, RefusesTypesItCannotUse) {
  const Config config = smallConfig();
  TensorInfo norm{.name = "output_norm.weight", .format = Format::Q8_0, .storedType = "Q8_0", .shape = {32}};
  Checkpoint quantised = with(ggufTensors(), norm);
  EXPECT_EQ(messageOf(bindTensor(models::Llama, config, &quantised, Slot::FinalNorm)),
            "m: output_norm.weight: expected a tensor of type F32, F16 or BF16, got Q8_0");

  TensorInfo head{.name = "lm_head.weight", .format = std::nullopt, .storedType = "F8_E5M2", .shape = {10, 32}};
  Checkpoint fp8 = with(huggingFaceTensors(), head);
  EXPECT_EQ(messageOf(bindTensor(models::Llama, config, &fp8, Slot::Head)),
            "m: lm_head.weight: expected a tensor of type F32, F16 or BF16, or F8_E4M3 with scales, got F8_E5M2");

  head.format = Format::F8E4M3, head.storedType = "F8_E4M3";
  Checkpoint unscaled = with(huggingFaceTensors(), head);
  EXPECT_EQ(messageOf(bindTensor(models::Llama, config, &unscaled, Slot::Head)),
            "m: lm_head.weight_scale_inv: expected a tensor of shape [1, 1] beside one of type F8_E4M3, found none");

  TensorInfo output{.name = "output.weight", .format = std::nullopt, .storedType = "I8", .shape = {10, 32}};
  Checkpoint bytes = with(ggufTensors(), output);
  EXPECT_EQ(messageOf(bindTensor(models::Llama, config, &bytes, Slot::Head)),
            "m: output.weight: expected a tensor of type F32, F16 or BF16, or quantised as Q4_0 to Q8_0, Q4_K to "
            "Q6_K or MXFP4, got I8");
}

/// Two slots have the same name only if one tensor has the rows of both.
static void expectOwnNames(const NamedModel &entry, const TensorConventions &conventions,
                           llvm::ArrayRef<FusedTensor> fused) {
  Config config = smallConfig();
  config.qkvBias = config.oBias = config.mlpBias = true;
  std::vector<std::string> seen;
  auto sharesTensor = [&](Slot slot) {
    return llvm::any_of(fused, [&](const FusedTensor &tensor) {
      return llvm::is_contained(llvm::ArrayRef(tensor.slots, tensor.count).drop_front(tensor.count > 0), slot);
    });
  };
  for (Slot slot : layerSlots(*entry.model, config, 0))
    if (!sharesTensor(slot))
      seen.push_back(tensorName(*entry.model, Checkpoint(conventions, "m"), slot, 3));
  llvm::sort(seen);
  EXPECT_EQ(llvm::unique(seen), seen.end()) << entry.name.str();
}

TEST(Tensors, EverySlotHasItsOwnName) {
  for (const NamedModel &entry : allModels()) {
    expectOwnNames(entry, huggingFaceTensors(), entry.model->huggingFace.fused);
    expectOwnNames(entry, ggufTensors(), entry.model->gguf.fused);
  }
}

TEST(Tensors, PartsAreOfRowsOrColumns) {
  Config config = smallConfig(); // gate: [96, 32]
  auto bind = [&](std::vector<int64_t> shape, int parts, Slot slot = Slot::Gate, const char *type = "BF16") {
    TensorInfo whole = {.name = tensorName(models::Llama, Checkpoint(huggingFaceTensors(), "m"), slot, 0),
                        .format = parseFormat(llvm::StringRef(type).lower()),
                        .storedType = type};
    for (int i = 0; i < parts; ++i)
      whole.parts.push_back({.name = whole.name, .offset = uint64_t(1000 * i), .format = whole.format, .shape = shape});
    const Checkpoint checkpoint = with(huggingFaceTensors(), whole);
    absl::StatusOr<TensorBinding> binding = bindTensor(models::Llama, config, &checkpoint, slot);
    if (!binding.ok())
      return std::string(binding.status().message());
    std::string out = std::to_string(binding->cut.rows) + " " + std::to_string(binding->cut.columns) + ":";
    for (const MatrixSegment &segment : binding->segments)
      out += " " + std::to_string(segment.offset);
    return out;
  };
  EXPECT_EQ(bind({24, 32}, 4), "4 1: 0 1000 2000 3000");
  EXPECT_EQ(bind({96, 16}, 2), "1 2: 0 1000");
  const std::string name = "m: model.layers.0.mlp.gate_proj.weight: ";
  EXPECT_EQ(bind({24, 32}, 3), name + "expected parts of a tensor of shape [96, 32], got 3 parts of shape [24, 32]");
  EXPECT_EQ(bind({24, 16}, 4), name + "expected parts of a tensor of shape [96, 32], got 4 parts of shape [24, 16]");
  EXPECT_EQ(bind({96, 32}, 2), name + "expected parts of a tensor of shape [96, 32], got 2 parts of shape [96, 32]");
  EXPECT_EQ(bind({3072}, 2), name + "expected parts of a tensor of shape [96, 32], got 2 parts of shape [3072]");
  EXPECT_EQ(bind({24, 32}, 4, Slot::Gate, "F8_E4M3"), name + "expected parts of type F32, F16 or BF16, got F8_E4M3");
  EXPECT_EQ(bind({16}, 2, Slot::InputNorm),
            "m: model.layers.0.input_layernorm.weight: expected one tensor of shape [32], got 2 parts of shape [16]");
}

TEST(Tensors, ExpertsAreCutAlike) {
  Config config = smallConfig();
  config.experts = 2;
  config.expertIntermediate = 8;
  config.sparse = {true};
  Checkpoint checkpoint(huggingFaceTensors(), "m");
  checkpoint.addFile(MappedFile::fromBytes("m", ""));
  for (int i : {0, 1}) {
    TensorInfo whole = {.name = "model.layers.0.mlp.experts." + std::to_string(i) + ".up_proj.weight",
                        .format = Format::BF16};
    for (int part : {0, 1})
      whole.parts.push_back({.name = whole.name,
                             .offset = uint64_t(1000 * i + 100 * part),
                             .format = Format::BF16,
                             .shape = i ? std::vector<int64_t>{8, 16} : std::vector<int64_t>{4, 32}});
    checkpoint.add(whole);
  }
  EXPECT_EQ(messageOf(bindTensor(models::Qwen3MoE, config, &checkpoint, Slot::ExpertUp)),
            "m: model.layers.0.mlp.experts.1.up_proj.weight: expected parts like those of "
            "model.layers.0.mlp.experts.0.up_proj.weight, got others");
}
