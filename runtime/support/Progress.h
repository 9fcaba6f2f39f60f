//===- Progress.h - the progress of long work, on a terminal ------------------------------------------------------===//

#ifndef LRT_SUPPORT_PROGRESS_H
#define LRT_SUPPORT_PROGRESS_H

#include <stdint.h>

namespace lrt {

/// One line on stderr that every update rewrites and end() erases. Writes nothing where stderr is no terminal. Nothing
/// runs between two updates, so measurements are not disturbed.
class Progress {
public:
  /// "WHAT: 512 of 4,096 UNIT"
  Progress(const char *what, const char *unit) : what(what), unit(unit) {}
  Progress(const Progress &) = delete;
  Progress &operator=(const Progress &) = delete;
  ~Progress() { end(); }

  void update(int64_t done, int64_t total);
  void end();

private:
  const char *what, *unit;
  double shownAt = 0; // seconds of now(); 0: nothing is shown
};

} // namespace lrt

#endif // LRT_SUPPORT_PROGRESS_H
