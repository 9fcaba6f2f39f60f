//===- WorkerTuner.cpp - how many workers take part in a step -----------------------------------------------------===//

#include "runtime/workers/WorkerTuner.h"

#include <algorithm>

using namespace lrt;

void WorkerTuner::finished(double seconds, bool wasDisturbed) {
  spent += seconds;
  disturbed += wasDisturbed;
  ++steps;
  // End a trial that is clearly worse early: each of its steps costs time.
  bool isHopeless = trial > 0 && steps >= 2 && spent > 1.1 * currentStep * steps;
  if (steps < window && !isHopeless)
    return;
  endWindow();
  steps = disturbed = 0;
  spent = 0;
}

void WorkerTuner::endWindow() {
  const double step = spent / steps;
  if (trial > 0) {
    bool isBetter = step < 0.97 * currentStep; // a little faster may be chance
    refused = isBetter ? 0 : refused + 1;
    if (isBetter) {
      current = trial;
      currentStep = step;
    }
    trial = 0;
    // With fewer workers than the team has, try again soon, because the other processes may be gone. The whole team is
    // often the best number, disturbed only by its own uneven phases.
    int64_t longestPause = current < size ? 8 : 128;
    pause = std::min(int64_t(1) << std::min<int64_t>(refused, 7), longestPause);
    return;
  }

  currentStep = step;
  if (pause > 0) {
    --pause;
    return;
  }
  bool mayGrow = current < size, mayShrink = disturbed >= window / 2 && current > 1;
  if (mayGrow && (!mayShrink || refused % 2 == 0))
    trial = current + 1;
  else if (mayShrink)
    trial = current - 1;
}
