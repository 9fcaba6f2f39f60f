//===- RefusalTest.cpp - graphs that are no language model, or that no rule reads ---------------------------------===//

#include "frontends/onnx/Emit.h"
#include "test/frontends/onnx/ModelBuilder.h"
#include <random>

using namespace lathe;
using namespace lathe::testing;

namespace {

constexpr int64_t hidden = 8, heads = 2, dim = 4;
constexpr int32_t int64Type = ::onnx::TensorProto::INT64, floatType = ::onnx::TensorProto::FLOAT;

/// One layer of attention over [1, heads, positions, dim]. Members are the names of nodes that a test replaces.
struct Attention {
  ModelBuilder builder;
  std::string stream = "x", scoresIn = "scores", mask = "mask", logitsIn = "sum";

  Attention() {
    builder.input("input_ids", int64Type, {-1, -1});
    builder.input("past.key", floatType, {-1, heads, -1, dim});
    builder.input("past.value", floatType, {-1, heads, -1, dim});
    builder.weights("table", {16, hidden});
    builder.node("Gather", {"table", "input_ids"}, {"x"});
  }

  /// keys <= queries, from shapes.
  void addMask() {
    builder.integers("zero", {}, {0});
    builder.integers("one", {}, {1});
    builder.integers("two", {}, {2});
    builder.integers("axis0", {1}, {0});
    builder.integers("axis1", {1}, {1});
    builder.node("Shape", {"past.key"}, {"shape of past"});
    builder.node("Gather", {"shape of past", "two"}, {"past length"});
    builder.node("Shape", {"input_ids"}, {"shape of ids"});
    builder.node("Gather", {"shape of ids", "one"}, {"length"});
    builder.node("Add", {"past length", "length"}, {"total"});
    builder.node("Range", {"past length", "total", "one"}, {"queries"});
    builder.node("Range", {"zero", "total", "one"}, {"keys"});
    builder.node("Unsqueeze", {"queries", "axis1"}, {"query column"});
    builder.node("Unsqueeze", {"keys", "axis0"}, {"key row"});
    builder.node("LessOrEqual", {"key row", "query column"}, {"visible"});
    builder.floats("zero float", {}, {0});
    builder.floats("hidden float", {}, {-1e30f});
    builder.node("Where", {"visible", "zero float", "hidden float"}, {"mask"});
  }
  void addAttention() {
    builder.integers("in heads", {4}, {0, 0, heads, dim});
    builder.integers("in rows", {3}, {0, 0, hidden});
    for (const std::string name : {"q", "k", "v"}) {
      builder.weights(name + " weight", {hidden, hidden});
      builder.node("MatMul", {stream, name + " weight"}, {name});
      builder.node("Reshape", {name, "in heads"}, {name + " reshaped"});
      ModelBuilder::set(builder.node("Transpose", {name + " reshaped"}, {name + " heads"}), "perm",
                        std::vector<int64_t>{0, 2, 1, 3});
    }
    ModelBuilder::set(builder.node("Concat", {"past.key", "k heads"}, {"present.key"}), "axis", int64_t(2));
    ModelBuilder::set(builder.node("Concat", {"past.value", "v heads"}, {"present.value"}), "axis", int64_t(2));
    ModelBuilder::set(builder.node("Transpose", {"present.key"}, {"k turned"}), "perm",
                      std::vector<int64_t>{0, 1, 3, 2});
    builder.node("MatMul", {"q heads", "k turned"}, {"scores"});
    builder.node("Add", {scoresIn, mask}, {"masked"});
    builder.node("Softmax", {"masked"}, {"weights"});
    builder.node("MatMul", {"weights", "present.value"}, {"attended"});
    ModelBuilder::set(builder.node("Transpose", {"attended"}, {"attended turned"}), "perm",
                      std::vector<int64_t>{0, 2, 1, 3});
    builder.node("Reshape", {"attended turned", "in rows"}, {"rows"});
    builder.node("Add", {"x", "rows"}, {"sum"});
    builder.weights("head", {hidden, 16});
    builder.node("MatMul", {logitsIn, "head"}, {"logits"});
    for (const char *name : {"logits", "present.key", "present.value"})
      builder.output(name);
  }
  std::string refusal() {
    addMask();
    addAttention();
    auto model = builder.open();
    if (!model.ok())
      return messageOf(model);
    auto program = lathe::onnx::analyze(**model, 64, 64);
    if (!program.ok())
      return messageOf(program);
    mlir::MLIRContext context;
    return messageOf(lathe::onnx::emitModule(**model, **program, context));
  }
};

} // namespace

TEST(OnnxRefusal, AWholeModelIsRead) {
  Attention model;
  model.addMask();
  model.addAttention();
  auto file = model.builder.open();
  ASSERT_EQ(messageOf(file), "");
  auto program = lathe::onnx::analyze(**file, 64, 64);
  ASSERT_EQ(messageOf(program), "");
  EXPECT_EQ((*program)->layers.size(), 1u);
  EXPECT_EQ((*program)->context, 64);
  EXPECT_EQ((*program)->windows.begin()->second.size, 0);
}

TEST(OnnxRefusal, EveryNodeThatTheLogitsDependOnIsReadOrNamed) {
  Attention model;
  model.builder.node("Softplus", {"x"}, {"unread"});
  EXPECT_EQ(model.refusal(), ""); // nothing depends on it
  model = Attention();
  model.builder.node("Softplus", {"x"}, {"unread"});
  model.stream = "unread";
  EXPECT_EQ(model.refusal(), "m.onnx: make unread: Softplus of x: expected an op that a rule reads, got this one");
  model = Attention();
  model.builder.node("Magic", {"x"}, {"unread"}, "org.strange");
  model.stream = "unread";
  EXPECT_EQ(model.refusal(),
            "m.onnx: make unread: org.strange::Magic: expected an op of a language model, got one that "
            "is not known");
  model = Attention();
  model.builder.node("Erf", {"x"}, {"unread"});
  model.stream = "unread";
  EXPECT_EQ(model.refusal(),
            "m.onnx: make unread: Erf of x: expected a step that another node completes, got erf alone");
}

TEST(OnnxRefusal, OutputsAreLogitsAndCaches) {
  Attention model;
  model.builder.output("x");
  EXPECT_EQ(model.refusal(), "m.onnx: x: expected an output that is a cache, got embed");
}

TEST(OnnxRefusal, MasksAreTheSameForAllHeadsAndShowThePast) {
  Attention model;
  model.builder.floats("per head", {1, heads, 1, 1}, {0, -1e30f});
  model.mask = "per head";
  EXPECT_EQ(model.refusal(), "m.onnx: make masked: Add of scores, per head: expected a mask that is the same for all "
                             "heads, got [1, 2, 1, 1]");
  model = Attention();
  model.builder.floats("nothing", {1, 1, 1, 1}, {0});
  model.mask = "nothing";
  EXPECT_EQ(model.refusal(),
            "m.onnx: make attended: MatMul: expected a mask that shows each token its own position and "
            "neighbours before it, got one that shows position 0 something else");
}

TEST(OnnxRefusal, InputsAreThoseOfALanguageModel) {
  ModelBuilder builder;
  builder.input("inputs_embeds", floatType, {-1, -1, hidden});
  builder.node("Neg", {"inputs_embeds"}, {"logits"});
  builder.output("logits");
  auto model = builder.open();
  ASSERT_EQ(messageOf(model), "");
  EXPECT_EQ(messageOf(lathe::onnx::analyze(**model, 64, 64)),
            "m.onnx: inputs_embeds: expected ids of tokens, masks, positions and caches as inputs, got float of 3 "
            "dimensions");
  Attention attention;
  attention.builder.input("other_ids", int64Type, {-1, -1});
  EXPECT_EQ(attention.refusal(), "m.onnx: other_ids: expected one input of ids, got a second one");
  attention = Attention();
  attention.builder.input("past.more", floatType, {-1, -1, -1, dim});
  EXPECT_EQ(attention.refusal(), "m.onnx: past.more: expected a cache of a known number of heads and width, got shape "
                                 "[-1, -1, -1, 4]");
  builder = ModelBuilder();
  builder.input("attention_mask", int64Type, {-1, -1});
  builder.node("Neg", {"attention_mask"}, {"logits"});
  builder.output("logits");
  model = builder.open();
  EXPECT_EQ(messageOf(lathe::onnx::analyze(**model, 64, 64)), "m.onnx: expected an input of ids, got none");
}

TEST(OnnxRefusal, AGraphIsOfAnyLength) {
  Attention model;
  // Right for 31 tokens after 17 alone.
  model.builder.integers("31 tokens", {4}, {1, 31, heads, dim});
  model.addMask();
  model.addAttention();
  for (::onnx::NodeProto &node : *model.builder.model.mutable_graph()->mutable_node())
    if (node.op_type() == "Reshape" && node.output(0) == "q reshaped")
      node.set_input(1, "31 tokens");
  auto file = model.builder.open();
  ASSERT_EQ(messageOf(file), "");
  EXPECT_EQ(messageOf(lathe::onnx::analyze(**file, 64, 64)),
            "m.onnx: make q reshaped: Reshape: expected a shape of 184 values, got [1, 31, 2, 4]");
}

TEST(OnnxRefusal, ChangedBytesAreReadOrRefused) {
  Attention model;
  model.addMask();
  model.addAttention();
  const std::string good = model.builder.bytes();
  // --gtest_random_seed and --gtest_repeat try others.
  static unsigned round = 0;
  std::mt19937 random(::testing::UnitTest::GetInstance()->random_seed() + round++);
  int read = 0;
  for (int i = 0; i < 2000; ++i) {
    std::string bytes = good;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
      case 0:
        bytes[at] = static_cast<char>(random());
        break;
      case 1: // another name or number of the same length
        bytes[at] ^= static_cast<char>(1 << random() % 8);
        break;
      case 2:
        bytes.erase(at, random() % 8);
        break;
      default:
        bytes.insert(at, bytes.substr(random() % bytes.size(), random() % 40));
      }
    }
    auto file = lathe::onnx::openModel(MappedFile::fromBytes("m.onnx", bytes));
    std::string message = messageOf(file);
    if (file.ok()) {
      auto program = lathe::onnx::analyze(**file, 64, 64);
      message = messageOf(program);
      mlir::MLIRContext context;
      if (program.ok())
        message = messageOf(lathe::onnx::emitModule(**file, **program, context));
    }
    read += message.empty();
    EXPECT_TRUE(message.empty() || llvm::StringRef(message).starts_with("m.onnx: ")) << message;
    EXPECT_FALSE(llvm::StringRef(message).contains('\n')) << message;
  }
  EXPECT_GT(read, 0);
}
