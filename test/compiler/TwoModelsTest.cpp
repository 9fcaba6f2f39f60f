//===- TwoModelsTest.cpp - two models in one process --------------------------------------------------------------===//

#include "compiler/driver/Driver.h"
#include "compiler/driver/Link.h"
#include "compiler/support/File.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;

namespace {

std::string contentsOf(llvm::StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  EXPECT_TRUE(buffer) << path.str();
  return buffer ? (*buffer)->getBuffer().str() : "";
}

/// A folder that goes away with the test.
struct Folder {
  llvm::SmallString<128> path;

  Folder() { EXPECT_FALSE(llvm::sys::fs::createUniqueDirectory("lathe-two-models", path)); }
  ~Folder() { llvm::sys::fs::remove_directories(path); }
  std::string operator/(llvm::StringRef name) const { return (path + "/" + name).str(); }
};

/// A tiny model, compiled with a prefix of its own; its golden logits are those of the first prompt.
struct Model {
  std::string directory, output, ids;
  ModelObjects objects;

  Model(const Folder &folder, llvm::StringRef name, llvm::StringRef prefix)
      : directory(LATHE_TEST_DIR "/models/" + name.str()), output(folder / prefix) {
    Options options;
    options.input = directory;
    options.output = output;
    options.weights = "f32";
    options.symbolPrefix = prefix.str();
    options.given.insert("--weights");
    absl::StatusOr<ModelObjects> compiled = compileToObjects(options);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    if (compiled.ok())
      objects = *std::move(compiled);
    auto prompts = llvm::json::parse(contentsOf(directory + "/prompts.json"));
    for (const llvm::json::Value &id :
         *prompts->getAsObject()->getArray("prompts")->front().getAsObject()->getArray("tokens"))
      ids += (ids.empty() ? "" : ",") + llvm::itostr(*id.getAsInteger());
  }

  std::string logits() const { return output + ".logits"; }

  /// The largest difference from the golden logits, by the largest of these.
  double difference() const {
    const std::string golden = contentsOf(directory + "/prompt-0.npy"), found = contentsOf(logits());
    EXPECT_FALSE(found.empty());
    EXPECT_GT(golden.size(), found.size()); // a header comes first
    double largest = 0, worst = 0;
    for (size_t at = 0; at + sizeof(float) <= found.size(); at += sizeof(float)) {
      float expected, actual;
      memcpy(&expected, golden.data() + golden.size() - found.size() + at, sizeof expected);
      memcpy(&actual, found.data() + at, sizeof actual);
      largest = std::max<double>(largest, std::fabs(expected));
      worst = std::fmax(worst, std::isfinite(actual) ? std::fabs(actual - expected) : INFINITY);
    }
    return worst / largest;
  }
};

/// What the link says; empty: it worked.
std::string linkThem(llvm::ArrayRef<const Model *> models, const std::string &output) {
  const std::string mainObject = contentsOf(LATHE_TWO_MODELS_MAIN);
  std::vector<llvm::StringRef> objects = {mainObject};
  for (const Model *model : models)
    objects.insert(objects.end(), {model->objects.code, model->objects.program});
  auto file = OutputFile::create(output, OutputKind::Program);
  EXPECT_TRUE(file.ok()) << file.status();
  absl::Status status = link({objects, "", "", models.front()->objects.inputs}, **file);
  if (status.ok())
    status = (*file)->keep();
  return std::string(status.message());
}

} // namespace

TEST(TwoModels, runInOneProcessAndSequencesInTurnsGiveWhatTheyGiveAlone) {
  const Folder folder;
  // The second one has recurrent states beside its keys and values.
  const Model first(folder, "llama/plain", "first"), second(folder, "qwen3_next/plain", "second");
  const std::string program = folder / "two-models";
  ASSERT_EQ(linkThem({&first, &second}, program), "");
  const std::string firstWeights = first.output + ".weights", secondWeights = second.output + ".weights",
                    firstLogits = first.logits(), secondLogits = second.logits();
  std::string error;
  const int status = llvm::sys::ExecuteAndWait(
      program, {program, first.ids, firstWeights, firstLogits, second.ids, secondWeights, secondLogits}, std::nullopt,
      {}, 0, 0, &error);
  ASSERT_EQ(status, 0) << error;
  EXPECT_LE(first.difference(), 1e-4);
  EXPECT_LE(second.difference(), 1e-4);
}

TEST(TwoModels, ofOnePrefixDoNotLink) {
  const Folder folder;
  const Model first(folder, "llama/plain", "first");
  const std::string program = folder / "two-models";
  EXPECT_EQ(linkThem({&first, &first}, program), program + ": cannot link: duplicate symbol: first_decode");
  EXPECT_FALSE(llvm::sys::fs::exists(program));
}

TEST(TwoModels, weightsCannotBeEmbeddedInObjects) {
  const Folder folder;
  Options options;
  options.input = LATHE_TEST_DIR "/models/llama/plain";
  options.output = folder / "model";
  options.embedWeights = true;
  options.given.insert("--embed-weights");
  EXPECT_EQ(compileToObjects(options).status().message(),
            "--embed-weights: expected an executable to put the weights into, found objects");
}
