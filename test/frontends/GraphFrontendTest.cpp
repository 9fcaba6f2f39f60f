// A frontend without a config, as docs/add-a-frontend.md describes it, from a file to logits.
#include "compiler/driver/Driver.h"
#include "compiler/support/Errors.h"
#include "compiler/support/File.h"
#include "frontends/Describe.h"
#include "frontends/Registry.h"
#include "mlir/Parser/Parser.h"
#include "test/frontends/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include <cmath>
#include <cstring>
#include <fstream>

using namespace lathe;
using namespace lathe::testing;

namespace {

constexpr int hidden = 16, vocabulary = 32;
// Offsets in values: the embedding, which is also lm_head, and three square matrices.
constexpr int gateAt = vocabulary * hidden, upAt = gateAt + hidden * hidden, downAt = upAt + hidden * hidden,
              allValues = downAt + hidden * hidden;
constexpr llvm::StringLiteral mark = "toy graph\n......";

/// Reads files of `mark` and f32 values. The model is y = x + down(silu(gate(x)) * up(x)) for embedded tokens x; the
/// logits are those of y.
class GraphFrontend final : public Frontend {
public:
  llvm::ArrayRef<llvm::StringLiteral> kinds() const override {
    static constexpr llvm::StringLiteral kinds[] = {"a toy graph"};
    return kinds;
  }
  bool canRead(const Candidate &candidate) const override { return candidate.bytes.starts_with(mark); }

  absl::StatusOr<Imported> import(llvm::StringRef path, const ImportOptions &options,
                                  mlir::MLIRContext &context) const override {
    LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
    if (file->size() != mark.size() + allValues * sizeof(float))
      return fileError(path,
                       "expected " + llvm::Twine(allValues) + " values, got " + llvm::Twine(file->size()) + " bytes");
    std::string text = moduleText;
    const std::string from = (" from \"" + absolutePath(path) + "\" at ").str();
    for (auto [name, value] : {std::pair("EMBED", 0), {"GATE", gateAt}, {"UP", upAt}, {"DOWN", downAt}})
      text.replace(text.find(name), strlen(name), from + std::to_string(mark.size() + value * sizeof(float)));
    Imported imported;
    imported.module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!imported.module)
      return fileError(path, "expected a module that parses");
    describeModel(*imported.module, {.path = path.str(),
                                     .name = "toy",
                                     .architecture = "toy",
                                     .layers = 1,
                                     .hidden = hidden,
                                     .heads = 1,
                                     .vocabulary = vocabulary,
                                     .context = options.context ? options.context : 64,
                                     .parameters = allValues,
                                     .activeParameters = allValues});
    describeFiles(*imported.module, WeightsFile{file->path(), file->size(), mark});
    imported.notes.push_back(path.str() + ": a toy");
    return std::move(imported);
  }

private:
  static constexpr const char *moduleText = R"(
    module {
      lm.weight @layers.0.gate_proj : !lm.weight<16x16xf32>GATE
      lm.weight @layers.0.up_proj : !lm.weight<16x16xf32>UP
      lm.weight @layers.0.down_proj : !lm.weight<16x16xf32>DOWN
      lm.weight @embed_tokens : !lm.weight<32x16xf32>EMBED
      func.func private @layer(%x: tensor<?x16xf32>, %position: index,
                               %gate: !lm.weight<16x16xf32> {lm.slot = "gate_proj"},
                               %up: !lm.weight<16x16xf32> {lm.slot = "up_proj"},
                               %down: !lm.weight<16x16xf32> {lm.slot = "down_proj"}) -> tensor<?x16xf32> {
        %g = lm.linear %x, %gate : tensor<?x16xf32>, <16x16xf32> -> tensor<?x16xf32>
        %u = lm.linear %x, %up : tensor<?x16xf32>, <16x16xf32> -> tensor<?x16xf32>
        %h = lm.glu %g, %u silu : tensor<?x16xf32>
        %d = lm.linear %h, %down : tensor<?x16xf32>, <16x16xf32> -> tensor<?x16xf32>
        %y = lm.add %x, %d : tensor<?x16xf32>
        return %y : tensor<?x16xf32>
      }
      func.func @forward(%ids: tensor<?xi32>, %position: index) -> tensor<?x32xf32> {
        %table = lm.use @embed_tokens : !lm.weight<32x16xf32>
        %x = lm.embed %ids, %table scale 1.0 : tensor<?xi32>, <32x16xf32> -> tensor<?x16xf32>
        %y = lm.layers %x at %position [@layer] : tensor<?x16xf32> -> tensor<?x16xf32>
        %logits = lm.linear %y, %table : tensor<?x16xf32>, <32x16xf32> -> tensor<?x32xf32>
        return %logits : tensor<?x32xf32>
      }
    })";
};

struct Graph : ::testing::Test {
  GraphFrontend frontend;
  const Frontend *frontends[1] = {&frontend};
  TemporaryDirectory directory;
  std::vector<float> values;
  std::string path;

  Graph() {
    for (int i = 0; i < allValues; ++i)
      values.push_back(std::sin(0.7f * i) / 2);
    std::string bytes = mark.str();
    bytes.append(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(float));
    path = directory.write("model.toy", bytes);
  }

  /// rows * x, for `rows` rows of matrix `at`.
  std::vector<double> multiply(int at, int rows, const std::vector<double> &x) const {
    std::vector<double> out(rows);
    for (int row = 0; row < rows; ++row)
      for (int i = 0; i < hidden; ++i)
        out[row] += values[at + row * hidden + i] * x[i];
    return out;
  }
  std::vector<double> logitsOf(int token) const {
    std::vector<double> x(values.begin() + token * hidden, values.begin() + (token + 1) * hidden);
    std::vector<double> gate = multiply(gateAt, hidden, x), up = multiply(upAt, hidden, x);
    for (int i = 0; i < hidden; ++i)
      gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
    const std::vector<double> down = multiply(downAt, hidden, gate);
    for (int i = 0; i < hidden; ++i)
      x[i] += down[i];
    return multiply(0, vocabulary, x);
  }

  void expectLogits(const std::string &program) const {
    const std::string out = directory / "logits.npy";
    ASSERT_EQ(std::system((program + " logits --tokens 3,1,31 --out " + out).c_str()), 0);
    std::ifstream file(out, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::vector<float> found(3 * vocabulary);
    const size_t size = found.size() * sizeof(float);
    ASSERT_GT(bytes.size(), size);
    memcpy(found.data(), bytes.data() + bytes.size() - size, size);
    constexpr int tokens[] = {3, 1, 31};
    for (auto [row, token] : llvm::enumerate(tokens))
      for (auto [id, expected] : llvm::enumerate(logitsOf(token)))
        EXPECT_NEAR(found[row * vocabulary + id], expected, 2e-6) << "token " << token << ", logit " << id;
  }
};

} // namespace

TEST_F(Graph, BecomesAnExecutable) {
  Options options;
  options.input = path;
  options.output = directory / "program";
  ASSERT_EQ(messageOf(compile(options, frontends)), "");
  expectLogits(options.output);
}

TEST_F(Graph, IsFoundAgainWhenADumpIsGoneOnFrom) {
  Options first;
  first.input = path;
  first.output = directory / "graph.mlir";
  first.emit = Stage::Graph;
  ASSERT_EQ(messageOf(compile(first, frontends)), "");
  Options rest;
  rest.input = first.output;
  rest.output = directory / "program";
  rest.from = Stage::Graph;
  ASSERT_EQ(messageOf(compile(rest, frontends)), "");
  expectLogits(rest.output);
  // A file that no other frontend can read.
  EXPECT_EQ(messageOf(compile(rest)),
            first.output + ": the model it was made of: " + path +
                ": not a model: expected a Hugging Face directory, a config.json, an "
                ".onnx file or a .gguf file, got a file of 5136 bytes that begins with \"toy grap\"");
}

TEST_F(Graph, IsReadByItsOwnFrontendAlone) {
  EXPECT_EQ(messageOf(findFrontend(directory.write("m.gguf", "GGUF"), frontends)),
            directory / "m.gguf" +
                ": not a model: expected a toy graph, got a file of 4 bytes that begins with \"GGUF\"");
  EXPECT_EQ(messageOf(findFrontend(directory.str(), frontends)),
            directory.str() + ": not a model: expected a toy graph, got a directory");
  const Frontend *all[] = {&frontend, allFrontends()[0], allFrontends()[2]};
  auto found = findFrontend(path, all);
  ASSERT_EQ(messageOf(found), "");
  EXPECT_EQ(*found, &frontend);
  EXPECT_EQ(
      messageOf(findFrontend(directory.write("m.onnx", "x"), all)),
      directory / "m.onnx" +
          ": not a model: expected a Hugging Face directory, a config.json, a .gguf file or a toy graph, got a file "
          "of 1 bytes that begins with \"x\"");
}
