//===- Progress.cpp - the progress of long work, on a terminal ----------------------------------------------------===//

#include "runtime/support/Progress.h"

#include "runtime/support/Support.h"

#include <unistd.h>

using namespace lrt;

static void show(const std::string &line) { (void)writeAll(STDERR_FILENO, line.data(), line.size()); }

void Progress::update(int64_t done, int64_t total) {
  constexpr double seconds = 0.1; // between two lines
  static const bool isTerminal = isatty(STDERR_FILENO) == 1;
  if (!isTerminal || (shownAt != 0 && now() - shownAt < seconds))
    return;
  shownAt = now();
  // Back to the first column, and erase what was there.
  show(format("\r\033[K%s: %s of %s %s", what, readableCount(done).c_str(), readableCount(total).c_str(), unit));
}

void Progress::end() {
  if (shownAt != 0)
    show("\r\033[K");
  shownAt = 0;
}
