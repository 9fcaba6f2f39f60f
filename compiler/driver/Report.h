//===- Report.h - what the user sees while it works ---------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_REPORT_H
#define LATHE_COMPILER_DRIVER_REPORT_H

#include "compiler/driver/Stages.h"
#include "llvm/ADT/Twine.h"
#include <chrono>

namespace lathe {

/// On stderr: a line that changes when it is a terminal, a line per step with -v, else only notes.
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
  /// Takes the changing line away, before something else is printed.
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
