//===- Report.h - progress and notes on stderr --------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_REPORT_H
#define LATHE_COMPILER_DRIVER_REPORT_H

#include "compiler/driver/Stages.h"
#include "llvm/ADT/Twine.h"
#include <chrono>

namespace lathe {

/// Progress on stderr. On a terminal: one line that changes; with -v: a line for each step; otherwise notes only.
class Report {
public:
  explicit Report(bool isVerbose);
  ~Report() { clear(); }

  void begin(Stage stage) { begin(getStageInfo(stage).name); }
  void begin(llvm::StringRef step);
  /// The step is done; `bytes` went to a file.
  void end(uint64_t bytes = 0);
  void progress(uint64_t done, uint64_t all);
  void note(const llvm::Twine &message);
  /// Removes the progress line, before something else is printed.
  void clear();

private:
  using Clock = std::chrono::steady_clock;
  void show(const llvm::Twine &line);

  bool isVerbose, isTerminal, isShown = false;
  std::string step;
  Clock::time_point started, shown;
};

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_REPORT_H
