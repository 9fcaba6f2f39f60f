#include "compiler/driver/Reproducer.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <fcntl.h>
#include <unistd.h>

using namespace lathe;

namespace {

/// Strings for the crash handler, made before a crash because the handler may not allocate.
struct Crash {
  std::string path, dump, message;
};
Crash crash;

void writeAll(int file, llvm::StringRef text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written <= 0)
      return;
    text = text.drop_front(written);
  }
}

void onCrash(void *) {
  if (crash.message.empty())
    return;
  if (const int file = open(crash.path.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600); file >= 0) {
    writeAll(file, crash.dump);
    close(file);
  }
  writeAll(STDERR_FILENO, crash.message);
}

/// A file name that does not exist yet. The process number is not enough: the input may be such a file of an earlier
/// process.
std::string temporaryPath(llvm::StringRef stage) {
  llvm::SmallString<128> folder;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, folder);
  const std::string start = ("lathe-" + stage + "-" + std::to_string(getpid())).str();
  for (int i = 1;; ++i) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, start + (i > 1 ? "-" + std::to_string(i) : "") + ".mlir");
    if (!llvm::sys::fs::exists(path))
      return path.str().str();
  }
}

} // namespace

mlir::LogicalResult lathe::runReproducibly(mlir::PassManager &passes, mlir::ModuleOp module, llvm::StringRef stage,
                                           llvm::function_ref<void(const llvm::Twine &)> note) {
  // With a recovery context a crash is a failure.
  const std::string path = temporaryPath(stage);
  passes.enableCrashReproducerGeneration(path);
  mlir::LogicalResult result = passes.run(module);
  if (failed(result))
    note("to repeat: lathe-opt --run-reproducer " + path);
  return result;
}

CrashDump::CrashDump(llvm::StringRef stage, std::string dump, llvm::StringRef options) {
  static const bool isRegistered = (llvm::sys::AddSignalHandler(onCrash, nullptr), true);
  (void)isRegistered;
  crash = {temporaryPath(stage), std::move(dump), ""};
  crash.message = ("lathe: stage " + stage + " crashed, which is a mistake of the compiler; to repeat: lathe compile " +
                   crash.path + " " + options + "\n")
                      .str();
}

CrashDump::~CrashDump() { crash = {}; }
