#include "compiler/driver/Report.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <unistd.h>

using namespace lathe;

Report::Report(bool isVerbose) : isVerbose(isVerbose), isTerminal(!isVerbose && isatty(STDERR_FILENO)) {}

void Report::begin(llvm::StringRef name) {
  step = name.str();
  started = shown = Clock::now();
  show(step);
}

void Report::end(uint64_t bytes) {
  if (!isVerbose || step.empty())
    return;
  const double seconds = std::chrono::duration<double>(Clock::now() - started).count();
  llvm::errs() << llvm::format("lathe: %-10s %8.1f ms", step.c_str(), seconds * 1e3);
  if (bytes)
    llvm::errs() << llvm::format(", %.1f MB at %.0f MB/s", bytes / 1e6, bytes / 1e6 / seconds);
  llvm::errs() << '\n';
  step.clear();
}

void Report::progress(uint64_t done, uint64_t all) {
  const Clock::time_point now = Clock::now();
  if (!isTerminal || all == 0 || now - shown < std::chrono::milliseconds(100))
    return;
  shown = now;
  show(llvm::Twine(step) + " " + llvm::Twine(100 * done / all) + " %");
}

void Report::note(const llvm::Twine &message) {
  clear();
  llvm::errs() << "lathe: " << message << '\n';
}

void Report::clear() {
  if (isShown)
    llvm::errs() << "\r\x1b[K";
  isShown = false;
}

void Report::show(const llvm::Twine &line) {
  if (!isTerminal)
    return;
  llvm::errs() << "\r\x1b[Klathe: " << line;
  isShown = true;
}
