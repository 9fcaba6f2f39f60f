//===- Profile.cpp - the time of phases, beside their limits ------------------------------------------------------===//

#include "runtime/engine/Profile.h"

#include "runtime/support/Support.h"

#include <algorithm>

using namespace lrt;

/// The median of get(sample).
template <typename Samples, typename Get> static double medianOf(const Samples &samples, Get get) {
  std::vector<double> numbers;
  for (const auto &sample : samples)
    numbers.push_back(get(sample));
  return median(std::move(numbers));
}

static int64_t maxBarriers(const lrt_program &program) {
  // The team adds one at the end. Another one detects calls with more barriers than described.
  return std::max({program.decode.num_order, program.prefill.num_order, program.logits.num_order}) + 2;
}

Profile::Profile(const lrt_program &program, int64_t workers) : stamps(workers, maxBarriers(program)) {}

void Profile::add(const lrt_entry &entry, int64_t rows, int64_t position) {
  const int64_t occurrences = entry.num_order;
  // The call may end with the barrier of its last phase, or with another one after it.
  if (occurrences < 1 || (stamps.barriers != occurrences && stamps.barriers != occurrences + 1)) {
    problem = format("a call of %s has %lld barriers, but the program describes %lld phases", entry.name,
                     (long long)stamps.barriers - 1, (long long)occurrences);
    return;
  }
  Calls *same = nullptr;
  for (Calls &known : calls)
    if (known.entry == &entry && known.rows == rows && (known.position == position || entry.rows == 1))
      same = &known;
  if (!same)
    same = &calls.emplace_back(Calls{&entry, rows, position, {}});

  Sample sample = {position, stamps.left[stamps.barriers - 1] - stamps.begin, {}, {}, {}};
  double begin = stamps.begin;
  for (int64_t barrier = 0; barrier < stamps.barriers; ++barrier) {
    double last = 0, sum = 0, end = stamps.left[barrier];
    for (int64_t worker = 0; worker < stamps.workers; ++worker) {
      // A worker may leave the previous barrier before worker 0 and reach this one before worker 0 has left that one.
      double at = std::max(stamps.arrived[worker][barrier], begin);
      last = std::max(last, at);
      sum += at;
    }
    double waited = end - sum / double(stamps.workers), handover = end - last;
    if (barrier < occurrences) {
      sample.measured.push_back(float(end - begin));
      sample.waited.push_back(float(waited));
      sample.handover.push_back(float(handover));
    } else { // the rest, after the barrier of the last phase
      sample.measured.back() += float(end - begin);
      sample.waited.back() += float(waited);
      sample.handover.back() += float(handover);
    }
    begin = end;
  }
  same->samples.push_back(std::move(sample));
}

bool Profile::passes(const Peaks &peaks, std::vector<Pass> &result, std::string &error) const {
  error = problem;
  result.clear();
  for (const Calls &group : calls) {
    const lrt_entry &entry = *group.entry;
    auto known = std::find_if(result.begin(), result.end(), [&](const Pass &pass) { return pass.entry == &entry; });
    if (known == result.end()) {
      Pass pass;
      pass.entry = &entry;
      pass.samples = int64_t(group.samples.size());
      pass.position = int64_t(medianOf(group.samples, [](const Sample &sample) { return double(sample.position); }));
      pass.phases.resize(entry.num_phases);
      for (int64_t i = 0; i < entry.num_phases; ++i)
        pass.phases[i].phase = &entry.phases[i];
      known = result.insert(result.end(), std::move(pass));
    }
    Pass &pass = *known;
    ++pass.calls;
    pass.rows += group.rows;
    pass.samples = std::min(pass.samples, int64_t(group.samples.size()));
    pass.median += medianOf(group.samples, [](const Sample &sample) { return sample.whole; });

    // The mean over the positions of the calls.
    struct Prediction {
      Work work;
      double limit = 0;
    };
    std::vector<Prediction> predictions(entry.num_phases);
    const double share = 1.0 / double(group.samples.size());
    for (int64_t i = 0; i < entry.num_phases; ++i) {
      for (const Sample &sample : group.samples) {
        Work work = workOf(entry.phases[i], group.rows, sample.position);
        predictions[i].limit += peaks.seconds(work) * share;
        predictions[i].work += work;
      }
      predictions[i].work *= share;
    }
    for (int64_t occurrence = 0; occurrence < entry.num_order; ++occurrence) {
      PhaseTimes &times = pass.phases[entry.order[occurrence]];
      ++times.count;
      times.work += predictions[entry.order[occurrence]].work;
      times.limit += predictions[entry.order[occurrence]].limit;
      times.measured += medianOf(group.samples, [&](const Sample &sample) { return sample.measured[occurrence]; });
      times.waited += medianOf(group.samples, [&](const Sample &sample) { return sample.waited[occurrence]; });
      times.handover += medianOf(group.samples, [&](const Sample &sample) { return sample.handover[occurrence]; });
    }
  }
  for (Pass &pass : result) {
    for (PhaseTimes &times : pass.phases) {
      times.isBoundByBytes = peaks.isBoundByBytes(times.work);
      pass.barriers += times.count;
      pass.work += times.work;
      pass.limit += times.limit;
      pass.measured += times.measured;
      pass.waited += times.waited;
      pass.handover += times.handover;
    }
    std::sort(pass.phases.begin(), pass.phases.end(), [](const PhaseTimes &a, const PhaseTimes &b) {
      return a.loss() != b.loss() ? a.loss() > b.loss() : a.phase < b.phase;
    });
  }
  return error.empty();
}
