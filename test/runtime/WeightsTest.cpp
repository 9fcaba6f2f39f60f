//===- WeightsTest.cpp - foreign and damaged weights are refused --------------------------------------------------===//

#include "runtime/engine/Weights.h"

#include "FakeModel.h"
#include "Files.h"
#include "runtime/workers/Team.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace lrt;

namespace {

/// Opens a weights file with these `bytes` and returns the error, without the path in front.
std::string errorFor(const std::string &bytes) {
  TemporaryDirectory directory;
  std::string path = directory.write("w", bytes), error;
  Weights weights;
  bool isOpen = weights.open(fake::program, path, error);
  EXPECT_EQ(isOpen, error.empty());
  return error.rfind(path + ": ", 0) == 0 ? error.substr(path.size() + 2) : error;
}

template <typename Value> std::string patched(size_t offset, Value value) {
  std::string bytes = fake::weightsFile();
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  return bytes;
}

} // namespace

TEST(Weights, areMapped) {
  TemporaryDirectory directory;
  std::string path = directory.write("w", fake::weightsFile()), error;
  Weights weights;
  ASSERT_TRUE(weights.open(fake::program, path, error)) << error;
  float second;
  std::memcpy(&second, weights.tensors() + 4, 4);
  EXPECT_EQ(second, 0.001f);
  EXPECT_TRUE(weights.tokenizer().empty());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(weights.tensors()) % 4096, 0u);
  EXPECT_TRUE(weights.verify(error)) << error;
}

TEST(Weights, mayBeEmbedded) {
  std::string bytes = fake::weightsFile(), error;
  lrt_program program = fake::program;
  program.weights_data = bytes.data();
  program.weights_data_bytes = int64_t(bytes.size());
  Weights weights;
  EXPECT_TRUE(weights.open(program, "", error)) << error;
  EXPECT_TRUE(weights.verify(error));
  program.weights_data_bytes -= 1;
  EXPECT_FALSE(Weights().open(program, "", error));
  EXPECT_EQ(error, "the weights in the executable: expected 4296 bytes, found 4295: the file is truncated");
}

TEST(Weights, aMissingFileIsNamed) {
  std::string error;
  EXPECT_FALSE(Weights().open(fake::program, "/nowhere/w", error));
  EXPECT_EQ(error, "/nowhere/w: cannot open the weights: No such file or directory");
  EXPECT_FALSE(Weights().open(fake::program, "", error));
  EXPECT_EQ(error, executablePath() + ".weights: cannot open the weights: No such file or directory (--weights FILE "
                                      "names another file)");
  EXPECT_FALSE(Weights().open(fake::program, "/tmp", error));
  EXPECT_EQ(error, "/tmp: expected a weights file, found something that is not a regular file");
}

TEST(Weights, foreignFilesAreRefused) {
  EXPECT_EQ(errorFor(""), "not a weights file: expected at least 72 bytes, found 0");
  EXPECT_EQ(errorFor(std::string(71, 'x')), "not a weights file: expected at least 72 bytes, found 71");
  EXPECT_EQ(errorFor(std::string(5000, 'x')), "not a weights file: expected it to start with \"LTHEWTGS\"");
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, version), 77u)),
            "expected version " + std::to_string(LRT_ABI_VERSION) +
                " of the weights format, found 77: compile the model again");
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, content_id), uint64_t(5)))
                .rfind("weights of another model or compilation: expected content id ", 0),
            0u);
}

TEST(Weights, everyTruncationIsRefused) {
  std::string whole = fake::weightsFile();
  EXPECT_EQ(errorFor(whole), "");
  EXPECT_EQ(errorFor(whole.substr(0, whole.size() - 1)), "expected 4296 bytes, found 4295: the file is truncated");
  EXPECT_EQ(errorFor(whole + "x"), "expected 4296 bytes, found 4297: the file is too long");
  for (size_t size : {72, 4095, 4096, 4097})
    EXPECT_NE(errorFor(whole.substr(0, size)), "") << size;
}

TEST(Weights, sectionsOutsideTheFileAreRefused) {
  const char *message = "damaged header: a section lies outside the file";
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, tensors_offset), uint64_t(8192))), message);
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, tensors_offset), uint64_t(4097))), message);
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, tensors_offset), uint64_t(0))), message);
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, tensors_offset), ~uint64_t(4095))), message);
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, tokenizer_bytes), uint64_t(1))), message);
  // Also the offset of an empty section is checked.
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, tokenizer_offset), ~uint64_t(4095))), message);
  EXPECT_EQ(errorFor(patched(offsetof(lrt_weights_header, tensors_bytes), uint64_t(8))),
            "expected 200 bytes of tensors, found 8");
}

TEST(Weights, verifyFindsAChangedByte) {
  TemporaryDirectory directory;
  std::string error;
  Weights weights;
  ASSERT_TRUE(weights.open(fake::program, directory.write("w", patched(4200, 'x')), error)) << error;
  EXPECT_FALSE(weights.verify(error));
  EXPECT_NE(error.find("damaged tensors: expected content id "), std::string::npos) << error;
}

TEST(Weights, aBareConfigHasNone) {
  lrt_program program = fake::program;
  program.content_id[0] = program.content_id[1] = 0;
  std::string error;
  EXPECT_FALSE(Weights().open(program, "", error));
  EXPECT_EQ(error, "compiled from a config without weights; only bench --random-weights SEED and info can run");
}

TEST(Weights, randomOnesAreSmallNumbersInEveryFormat) {
  lrt_program program = fake::program;
  program.weights_bytes = 100'000;
  Team team(3);
  Weights weights;
  std::string error;
  ASSERT_TRUE(weights.randomize(program, 5, team, /*largePages=*/false, error)) << error;
  bool isVaried = false;
  for (int64_t i = 0; i < program.weights_bytes; i += 4) {
    uint32_t bits;
    std::memcpy(&bits, weights.tensors() + i, 4);
    ASSERT_EQ(bits & 0xff00ff00, 0x3c003c00u) << i; // f16: 1 .. 1.25; bf16 and f32: 0.0078 .. 0.032
    isVaried |= (bits & 0xff) != (bits >> 16 & 0xff);
  }
  EXPECT_TRUE(isVaried);
}

TEST(Weights, aCopyInLargePagesIsTheSame) {
  TemporaryDirectory directory;
  std::string error;
  for (int64_t workers : {1, 3}) {
    Team team(workers);
    Weights weights;
    ASSERT_TRUE(weights.open(fake::program, directory.write("w", fake::weightsFile()), error)) << error;
    const uint8_t *mapped = weights.tensors();
    ASSERT_TRUE(weights.copyToLargePages(team, error)) << error;
    EXPECT_NE(weights.tensors(), mapped);
    EXPECT_EQ(std::memcmp(weights.tensors(), mapped, fake::program.weights_bytes), 0);
    EXPECT_TRUE(weights.verify(error)) << error;
  }
}

TEST(ContentId, isFnvOverPaddedWords) {
  const uint8_t bytes[9] = {1, 0, 0, 0, 0, 0, 0, 0, 2};
  uint64_t one = (0xcbf29ce484222325ull ^ 1) * 0x100000001b3ull;
  EXPECT_EQ(contentId(bytes, 0), 0xcbf29ce484222325ull);
  EXPECT_EQ(contentId(bytes, 8), one);
  EXPECT_EQ(contentId(bytes, 9), (one ^ 2) * 0x100000001b3ull);
}

TEST(Weights, thatBecomeShorterEndInOneLine) {
  TemporaryDirectory directory;
  std::string path = directory.write("w", fake::weightsFile()), error;
  EXPECT_EXIT(
      {
        Weights weights;
        if (!weights.open(fake::program, path, error))
          _exit(2);
        std::filesystem::resize_file(path, 100);
        _exit(*weights.tensors() == 0 ? 0 : 3);
      },
      testing::ExitedWithCode(1),
      "^" + std::string(program_invocation_short_name) +
          ": .*/w: expected the weights to stay as they are while the program runs, found that the file "
          "became shorter\n$");
}

TEST(Weights, ofSeveralModelsAreNamedEach) {
  for (int shortened : {0, 1}) {
    TemporaryDirectory directory;
    std::string error;
    const std::string paths[] = {directory.write("a", fake::weightsFile()), directory.write("b", fake::weightsFile())};
    EXPECT_EXIT(
        {
          Weights weights[2];
          {
            Weights gone;
            if (!weights[0].open(fake::program, paths[0], error) || !gone.open(fake::program, paths[1], error) ||
                !weights[1].open(fake::program, paths[1], error))
              _exit(2);
          }
          std::filesystem::resize_file(paths[shortened], 100);
          _exit(*weights[shortened].tensors() == 0 ? 0 : 3);
        },
        testing::ExitedWithCode(1),
        "^" + std::string(program_invocation_short_name) + ": .*/" + "ab"[shortened] +
            ": expected the weights to stay as they are");
  }
}

TEST(Weights, otherBusErrorsStayWhatTheyAre) {
  TemporaryDirectory directory;
  std::string path = directory.write("w", fake::weightsFile()), error;
  EXPECT_EXIT(
      {
        Weights weights;
        weights.open(fake::program, path, error);
        raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), "^$");
}

TEST(Weights, inAPipeAreRefusedAtOnce) {
  TemporaryDirectory directory;
  std::string path = directory.path + "/pipe", error;
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(Weights().open(fake::program, path, error));
  EXPECT_EQ(error, path + ": expected a weights file, found something that is not a regular file");
  EXPECT_FALSE(Weights().open(fake::program, directory.path, error));
  EXPECT_EQ(error, directory.path + ": expected a weights file, found something that is not a regular file");
}
