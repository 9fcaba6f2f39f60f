//===- ReaderTest.cpp - files as they are and as nobody writes them -----------------------------------------------===//

#include "frontends/onnx/ReadProto.h"
#include "test/frontends/onnx/ModelBuilder.h"

using namespace lathe;
using namespace lathe::testing;

namespace {

/// y = x + w, for a test that changes something.
ModelBuilder sum() {
  ModelBuilder builder;
  builder.input("x", ::onnx::TensorProto::FLOAT, {1, -1});
  builder.weights("w", {4});
  builder.node("Add", {"x", "w"}, {"y"});
  builder.output("y");
  return builder;
}

std::string refusal(const ModelBuilder &builder) { return messageOf(builder.open()); }

} // namespace

TEST(OnnxReader, LeavesValuesInTheFile) {
  ModelBuilder builder = sum();
  builder.weights("large", {3, 5});
  const std::string bytes = builder.bytes();
  auto model = builder.open();
  ASSERT_EQ(messageOf(model), "");
  const lathe::onnx::Graph &graph = *(*model)->graph;
  for (const lathe::onnx::GraphValue &value : graph.values)
    if (value.constant) {
      const std::string &raw = builder.model.graph().initializer(value.name == "large").raw_data();
      EXPECT_EQ(value.constant->raw(), raw) << value.name;
      EXPECT_EQ(bytes.substr(value.constant->offset, value.constant->bytes), raw);
    }
}

TEST(OnnxReader, ReadsPackedFloatsAndVarints) {
  ModelBuilder builder = sum();
  ::onnx::TensorProto &tensor = *builder.model.mutable_graph()->add_initializer();
  tensor.set_name("packed");
  tensor.set_data_type(::onnx::TensorProto::FLOAT);
  tensor.add_dims(2);
  tensor.add_float_data(1.5f);
  tensor.add_float_data(-2);
  ::onnx::TensorProto &numbers = *builder.model.mutable_graph()->add_initializer();
  numbers.set_name("numbers");
  numbers.set_data_type(::onnx::TensorProto::INT64);
  numbers.add_dims(1);
  numbers.add_int64_data(-7);
  auto model = builder.open();
  ASSERT_EQ(messageOf(model), "");
  for (const lathe::onnx::GraphValue &value : (*model)->graph->values) {
    if (value.name == "packed")
      EXPECT_EQ(value.constant->raw(), llvm::StringRef("\0\0\xc0\x3f\0\0\0\xc0", 8));
    if (value.name == "numbers")
      EXPECT_EQ(value.constant->integers, std::vector<int64_t>{-7});
  }
}

TEST(OnnxReader, PutsNodesInOrder) {
  ModelBuilder builder = sum();
  builder.node("Neg", {"second"}, {"third"});
  builder.node("Neg", {"y"}, {"second"});
  auto model = builder.open();
  ASSERT_EQ(messageOf(model), "");
  std::vector<std::string> names;
  for (const lathe::onnx::Node &node : (*model)->graph->nodes)
    names.push_back(node.name);
  EXPECT_EQ(names, (std::vector<std::string>{"make y", "make second", "make third"}));
}

TEST(OnnxReader, RefusesBytesThatAreNoModel) {
  auto read = [](llvm::StringRef bytes) {
    return messageOf(lathe::onnx::openModel(MappedFile::fromBytes("m.onnx", bytes)));
  };
  EXPECT_EQ(read(""), "m.onnx: expected an ONNX model, got a message without a graph");
  EXPECT_EQ(read(llvm::StringRef("\0", 1)), "m.onnx: expected an ONNX model, got a broken tag at byte 0");
  EXPECT_EQ(read("\x08"), "m.onnx: expected an ONNX model, got a broken number at byte 0");
  EXPECT_EQ(read("\x3a\x7f"), "m.onnx: expected an ONNX model, got a field that ends after the message at byte 0");
  EXPECT_EQ(read("\x09 1"), "m.onnx: expected an ONNX model, got a field that ends after the message at byte 0");
  EXPECT_EQ(read("\x0b"), "m.onnx: expected an ONNX model, got a broken tag at byte 0");
  // Without its last field, the opset of com.microsoft, the model is whole.
  const std::string good = sum().bytes();
  const size_t last = 2 + 2 + llvm::StringRef("com.microsoft").size() + 2;
  for (size_t size = 0; size < good.size() - last; ++size)
    EXPECT_NE(read(llvm::StringRef(good).take_front(size)), "") << size;
}

TEST(OnnxReader, RefusesDeepSubgraphs) {
  ModelBuilder builder = sum();
  ::onnx::GraphProto *graph = builder.model.mutable_graph();
  for (int depth = 0; depth < 40; ++depth) {
    ::onnx::NodeProto &node = *graph->add_node();
    node.set_op_type("If");
    ::onnx::AttributeProto &branch = *node.add_attribute();
    branch.set_name("then_branch");
    graph = branch.mutable_g();
  }
  EXPECT_TRUE(llvm::StringRef(refusal(builder))
                  .starts_with("m.onnx: expected an ONNX model, got messages nested deeper than 32 at byte "));
}

TEST(OnnxReader, RefusesBrokenGraphs) {
  ModelBuilder builder = sum();
  builder.node("Neg", {"absent"}, {"z"});
  EXPECT_EQ(refusal(builder), R"(m.onnx: make z: Neg: expected a value named "absent", got none)");
  builder = sum();
  builder.node("Ne\ng", {"absent"}, {"z"});
  EXPECT_EQ(refusal(builder), R"(m.onnx: make z: Ne\x0ag: expected a value named "absent", got none)");
  builder = sum();
  builder.node("Neg", {"x"}, {"y"});
  EXPECT_EQ(refusal(builder), "m.onnx: y: expected one value of this name, got two");
  builder = sum();
  builder.weights("w", {1});
  EXPECT_EQ(refusal(builder), "m.onnx: w: expected one value of this name, got two");
  builder = sum();
  builder.node("Neg", {"b"}, {"a"});
  builder.node("Neg", {"a"}, {"b"});
  EXPECT_EQ(refusal(builder), "m.onnx: make a: Neg: expected nodes without a cycle, got one that depends on its own "
                              "result");
  builder = sum();
  builder.output("absent");
  EXPECT_EQ(refusal(builder), "m.onnx: absent: expected a node that computes this output, got none");
  builder = sum();
  builder.model.add_functions()->set_name("recursive");
  EXPECT_EQ(refusal(builder),
            "m.onnx: recursive: expected a graph without functions of its own, got a function; export "
            "it with functions inlined");
  EXPECT_EQ(refusal(ModelBuilder(12)), "m.onnx: expected an ONNX model, got a message without a graph");
  builder = sum();
  builder.model.mutable_opset_import(0)->set_version(11);
  EXPECT_EQ(refusal(builder), "m.onnx: expected opset 13 or later, got 11");
}

TEST(OnnxReader, RefusesBrokenTensors) {
  ModelBuilder builder = sum();
  builder.weights("t", {2}).add_dims(int64_t(1) << 62);
  EXPECT_EQ(refusal(builder), "m.onnx: t: expected sizes of at most 2^48 values, got [2, 4611686018427387904]");
  builder = sum();
  builder.weights("t", {2}).set_dims(0, -1);
  EXPECT_EQ(refusal(builder), "m.onnx: t: expected sizes of at most 2^48 values, got [-1]");
  builder = sum();
  builder.weights("t", {2}).set_dims(0, 3);
  EXPECT_EQ(refusal(builder), "m.onnx: t: expected 12 bytes for [3] of float, got 8");
  builder = sum();
  builder.weights("t", {2}).set_data_type(8);
  EXPECT_EQ(refusal(builder), "m.onnx: t: expected numbers, got values of type 8");
  builder = sum();
  builder.weights("t", {2}).clear_raw_data();
  EXPECT_EQ(refusal(builder), "m.onnx: t: expected 2 values for [2], got 0");
  builder = sum();
  builder.weights("t", {2}).set_data_location(::onnx::TensorProto::EXTERNAL);
  EXPECT_EQ(refusal(builder), "m.onnx: t: expected values in the file, got external data");
}

namespace {

/// A model in a directory whose tensor w lies elsewhere.
std::string openExternal(const TemporaryDirectory &directory,
                         std::vector<std::pair<std::string, std::string>> entries) {
  ModelBuilder builder = sum();
  ::onnx::TensorProto &tensor = *builder.model.mutable_graph()->mutable_initializer(0);
  tensor.clear_raw_data();
  tensor.set_data_location(::onnx::TensorProto::EXTERNAL);
  for (const auto &[key, value] : entries) {
    ::onnx::StringStringEntryProto &entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string message = messageOf(lathe::onnx::openModel(directory.write("m.onnx", builder.bytes())));
  llvm::StringRef rest = message;
  rest.consume_front(directory / "m.onnx" + ": w: ");
  return rest.str();
}

} // namespace

TEST(OnnxReader, ReadsExternalDataInsideTheDirectoryAlone) {
  TemporaryDirectory directory;
  directory.write("w.data", std::string(20, 'a'));
  EXPECT_EQ(openExternal(directory, {{"location", "w.data"}, {"offset", "4"}, {"length", "16"}}), "");
  EXPECT_EQ(openExternal(directory, {{"location", "./w.data"}}), "");
  EXPECT_EQ(openExternal(directory, {{"location", "w.data"}, {"offset", "5"}}),
            R"(expected 16 bytes at 5 of "w.data", got a file of 20 bytes)");
  EXPECT_EQ(openExternal(directory, {{"location", "w.data"}, {"offset", "18446744073709551615"}}),
            R"(expected 16 bytes at 18446744073709551615 of "w.data", got a file of 20 bytes)");
  EXPECT_EQ(openExternal(directory, {{"location", "w.data"}, {"offset", "-1"}}),
            R"(expected a number as offset of external data, got "-1")");
  EXPECT_EQ(openExternal(directory, {{"location", "w.data"}, {"length", "8"}}),
            "expected 16 bytes of external data, got 8");
  const std::string inside = "expected external data in a file inside the model's directory, got ";
  EXPECT_EQ(openExternal(directory, {}), inside + R"("")");
  EXPECT_EQ(openExternal(directory, {{"location", "/etc/passwd"}}), inside + R"("/etc/passwd")");
  EXPECT_EQ(openExternal(directory, {{"location", "a/../../w.data"}}),
            R"(expected external data in "a/../../w.data", which cannot be opened: No such file or directory)");
  EXPECT_EQ(openExternal(directory, {{"location", "../w.data"}}), inside + R"("../w.data")");
  EXPECT_EQ(openExternal(directory, {{"location", "absent"}}),
            R"(expected external data in "absent", which cannot be opened: No such file or directory)");
  ASSERT_EQ(symlink("/etc/passwd", (directory / "link").c_str()), 0);
  EXPECT_EQ(openExternal(directory, {{"location", "link"}}), inside + R"("link", a symbolic link)");
}

TEST(OnnxReader, RecognisesAModelWithoutItsSuffix) {
  EXPECT_TRUE(lathe::onnx::looksLikeModel(sum().bytes()));
  EXPECT_FALSE(lathe::onnx::looksLikeModel("{\"model_type\": 1}"));
  EXPECT_FALSE(lathe::onnx::looksLikeModel("GGUF\3"));
}
