//===- NpyTest.cpp - the file is complete or does not exist -------------------------------------------------------===//

#include "runtime/support/Npy.h"

#include "Files.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>
#include <sys/resource.h>

using namespace lrt;

TEST(Npy, isWhatNumPyReads) {
  TemporaryDirectory directory;
  std::string path = directory.path + "/a.npy", error;
  {
    NpyWriter file;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    ASSERT_TRUE(file.open(path, 2, 3, error)) << error;
    ASSERT_TRUE(file.write(values, 4, error));
    ASSERT_TRUE(file.write(values + 4, 2, error));
    EXPECT_FALSE(std::filesystem::exists(path)) << "visible before it is complete";
    ASSERT_TRUE(file.finish(error));
  }
  std::string bytes = contentsOf(path);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  size_t header = 10 + size_t((unsigned char)bytes[8]) + 256 * size_t((unsigned char)bytes[9]);
  EXPECT_EQ(header % 64, 0u);
  EXPECT_EQ(bytes[header - 1], '\n');
  EXPECT_NE(bytes.find("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"), std::string::npos);
  ASSERT_EQ(bytes.size(), header + 24);
  float last;
  std::memcpy(&last, bytes.data() + header + 20, 4);
  EXPECT_EQ(last, 6);
}

TEST(Npy, nothingIsLeftWithoutFinish) {
  TemporaryDirectory directory;
  std::string error;
  {
    NpyWriter file;
    ASSERT_TRUE(file.open(directory.path + "/a.npy", 1, 1, error));
  }
  EXPECT_TRUE(directory.isEmpty());
}

TEST(Npy, aPathThatCannotBeWrittenIsOneLine) {
  TemporaryDirectory directory;
  std::string file = directory.write("file", ""), error;
  EXPECT_FALSE(NpyWriter().open(file + "/a.npy", 1, 1, error));
  EXPECT_EQ(error, file + "/a.npy: cannot create: Not a directory");
  EXPECT_FALSE(NpyWriter().open(directory.path, 1, 1, error));
  EXPECT_EQ(error, directory.path + ": cannot write: Is a directory");
}

TEST(Npy, aFullDiskIsOneLineAndLeavesNothing) {
  TemporaryDirectory directory;
  std::string path = directory.path + "/a.npy", error;
  rlimit before, small = {100'000, RLIM_INFINITY};
  getrlimit(RLIMIT_FSIZE, &before);
  small.rlim_max = before.rlim_max;
  std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  {
    NpyWriter file;
    std::vector<float> values(50'000);
    EXPECT_TRUE(file.open(path, 1, 50'000, error));
    EXPECT_FALSE(file.write(values.data(), 50'000, error));
  }
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_EQ(error, path + ": cannot write: File too large");
  EXPECT_TRUE(directory.isEmpty());
}

TEST(Npy, aDeviceIsWrittenInPlace) {
  NpyWriter file;
  std::string error;
  float value = 1;
  EXPECT_TRUE(file.open("/dev/null", 1, 1, error)) << error;
  EXPECT_TRUE(file.write(&value, 1, error));
  EXPECT_TRUE(file.finish(error));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}
