//===- OutputFileTest.cpp - no output replaces an input -----------------------------------------------------------===//

#include "runtime/support/OutputFile.h"

#include "Files.h"
#include "runtime/engine/Weights.h"
#include "runtime/support/Support.h"

#include <gtest/gtest.h>

#include <csignal>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace lrt;

namespace {

/// Writes "new" to `path` and returns the error, without the path in front.
std::string errorOfWriting(const std::string &path) {
  OutputFile file;
  std::string error;
  if (file.open(path, error) && file.write("new", 3, error))
    file.finish(error);
  return error.rfind(path + ": ", 0) == 0 ? error.substr(path.size() + 2) : error;
}

std::string safetensors() {
  std::string text = R"({"a": {}})";
  std::string bytes(8, '\0');
  bytes[0] = char(text.size());
  return bytes + text;
}

} // namespace

TEST(OutputFile, replacesAFileOnlyWhenItIsComplete) {
  TemporaryDirectory directory;
  std::string path = directory.write("out", "old"), error;
  OutputFile file;
  ASSERT_TRUE(file.open(path, error)) << error;
  ASSERT_TRUE(file.write("new", 3, error));
  EXPECT_EQ(contentsOf(path), "old");
  ASSERT_TRUE(file.finish(error)) << error;
  EXPECT_EQ(contentsOf(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path), {}), 1);
}

TEST(OutputFile, neverReplacesWhatIsRead) {
  TemporaryDirectory directory;
  std::string path = directory.write("prompt", "a question"), hard = directory.path + "/hard",
              soft = directory.path + "/soft", contents, error;
  std::filesystem::create_hard_link(path, hard);
  std::filesystem::create_symlink(path, soft);
  EXPECT_EQ(errorOfWriting(directory.write("another", "text")), "");
  ASSERT_TRUE(readWholeFile(path, contents, error));
  for (const std::string &name : {path, hard, soft})
    EXPECT_EQ(errorOfWriting(name),
              "cannot write: expected a file that this command does not read, found its input " + path);
  EXPECT_EQ(contentsOf(path), "a question");
}

TEST(OutputFile, neverReplacesWhatIsReadWhileItIsWritten) {
  TemporaryDirectory directory;
  std::string path = directory.write("late", "a question"), contents, error;
  OutputFile file;
  ASSERT_TRUE(file.open(path, error));
  ASSERT_TRUE(readWholeFile(path, contents, error));
  EXPECT_FALSE(file.finish(error));
  EXPECT_EQ(error, path + ": cannot write: expected a file that this command does not read, found its input " + path);
  EXPECT_EQ(contentsOf(path), "a question");
}

TEST(OutputFile, neverReplacesTheProgram) {
  TemporaryDirectory directory;
  std::string link = directory.path + "/link";
  std::filesystem::create_symlink(executablePath(), link);
  EXPECT_EQ(errorOfWriting(link),
            "cannot write: expected a file that this command does not read, found its input " + executablePath());
}

TEST(OutputFile, neverReplacesSomebodysWeights) {
  TemporaryDirectory directory;
  EXPECT_EQ(errorOfWriting(directory.write("a", "GGUF and more")),
            "cannot write: expected a file or a new name, found a GGUF file");
  EXPECT_EQ(errorOfWriting(directory.write("b", safetensors())),
            "cannot write: expected a file or a new name, found a safetensors file");
  EXPECT_EQ(errorOfWriting(directory.write("c", "LTHEWTGS and more")),
            "cannot write: expected a file or a new name, found the weights of a program");
  for (const char *harmless : {"", "GGU", "GGML", "12345678{", "LTHEWTG"})
    EXPECT_EQ(errorOfWriting(directory.write("d", harmless)), "") << harmless;
}

TEST(OutputFile, leavesNothingWhenTheProcessIsKilled) {
  TemporaryDirectory directory;
  pid_t child = fork();
  if (child == 0) {
    OutputFile file;
    std::string error;
    if (file.open(directory.path + "/out", error) && file.write("new", 3, error))
      kill(getpid(), SIGKILL);
    _exit(1);
  }
  int status;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(directory.isEmpty());
}

TEST(OutputFile, writesTheNamesOfOpenFilesInPlace) {
  TemporaryDirectory directory;
  std::string path = directory.write("out", "");
  FILE *opened = std::fopen(path.c_str(), "r+");
  EXPECT_EQ(errorOfWriting("/proc/self/fd/" + std::to_string(fileno(opened))), "");
  std::fclose(opened);
  EXPECT_EQ(contentsOf(path), "new");
}
