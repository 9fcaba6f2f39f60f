//===- WorkerTuner.h - how many workers take part in a step -------------------------------------------------------===//

#ifndef LRT_WORKERS_WORKERTUNER_H
#define LRT_WORKERS_WORKERTUNER_H

#include <stdint.h>

namespace lrt {

/// Chooses the number of workers for steps that all take about as long. It is the whole team unless other processes use
/// its cores: two workers that share a core pay for a thread switch at every barrier, and one worker alone may be
/// faster. The tuner then tries another number for a few steps now and then, and keeps it if the steps were faster.
class WorkerTuner {
public:
  explicit WorkerTuner(int64_t size) : size(size), current(size) {}

  /// Workers for the next step.
  int64_t next() const { return trial > 0 ? trial : current; }

  /// The time of that step, and whether other processes disturbed its workers.
  void finished(double seconds, bool wasDisturbed);

private:
  void endWindow();

  // Steps are compared by the mean of this many: on a crowded machine some steps are interrupted and others are not.
  static constexpr int window = 8;

  int64_t size;
  int64_t current;
  int64_t trial = 0;      // workers that are being tried; 0: none
  int steps = 0;          // of this window
  int disturbed = 0;      // of these
  double spent = 0;       // by these, in seconds
  double currentStep = 0; // seconds of a step of the last window with `current` workers
  int64_t pause = 1;      // windows until the next trial may begin; the first one touches memory for the first time
  int64_t refused = 0;    // trials in a row that were not faster
};

} // namespace lrt

#endif // LRT_WORKERS_WORKERTUNER_H
