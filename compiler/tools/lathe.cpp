#include "compiler/driver/Driver.h"
#include "llvm/Support/Signals.h"

int main(int argc, char **argv) {
  llvm::sys::PrintStackTraceOnErrorSignal(argv[0]);
  return lathe::runCommandLine({argv + 1, argv + std::max(argc, 1)});
}
