#include "compiler/driver/MappingGuard.h"
#include "llvm/Support/FileSystem.h"
#include <csignal>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace lathe;

namespace {

/// A file of two pages, mapped, and then cut to one: the second can be neither read nor written.
volatile char *cutFile(int protection) {
  llvm::SmallString<128> path;
  int file;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("lathe-mapped", "bin", file, path));
  EXPECT_EQ(ftruncate(file, 8192), 0);
  void *place = mmap(nullptr, 8192, protection, MAP_SHARED, file, 0);
  EXPECT_EQ(ftruncate(file, 4096), 0);
  close(file);
  unlink(path.c_str());
  return static_cast<char *>(place);
}

} // namespace

TEST(MappingGuard, aFileThatBecomesShorterIsNamed) {
  EXPECT_EXIT(
      {
        MappingGuard guard;
        volatile char *bytes = cutFile(PROT_READ);
        _exit(bytes[0] == 0 && bytes[4096] == 0 ? 0 : 2);
      },
      testing::ExitedWithCode(1),
      "^lathe: /.*lathe-mapped-.*bin.*: cannot read: expected the file to stay as it is while "
      "it is read, found that it became shorter\n$");
}

TEST(MappingGuard, anOutputThatTheDiskCannotHoldIsNamedAsTheUserDoes) {
  EXPECT_EXIT(
      {
        MappingGuard guard("chat");
        cutFile(PROT_READ | PROT_WRITE)[4096] = 1;
        _exit(0);
      },
      testing::ExitedWithCode(1), "^lathe: chat: cannot link: no space left on the disk\n$");
}

TEST(MappingGuard, otherBusErrorsStayWhatTheyWere) {
  EXPECT_EXIT(
      {
        signal(SIGBUS, SIG_DFL);
        MappingGuard guard;
        raise(SIGBUS);
      },
      testing::KilledBySignal(SIGBUS), "^$");
  EXPECT_EXIT(
      {
        signal(SIGBUS, SIG_DFL);
        {
          MappingGuard guard;
        }
        cutFile(PROT_READ)[4096];
      },
      testing::KilledBySignal(SIGBUS), "^$");
}
