//===- HostDevice.cpp - the host's own cores as a device ----------------------------------------------------------===//

#include "runtime/engine/HostDevice.h"

#include "runtime/cpu/FreeMemory.h"
#include "runtime/cpu/Topology.h"

#include <string.h>

#include <algorithm>

using namespace lrt;

int64_t lrt::defaultThreads(const lrt_program &program) {
  return program.default_threads > 0 ? program.default_threads : usableCores();
}

/// Workers that share a core wait for each other at every barrier: 64 on 2 cores were measured 25 times slower than 2.
static void warnOfThreads(int64_t workers) {
  int64_t cores = usableCores();
  if (workers > cores)
    warn(format("%lld threads, but this process may use %lld %s: expect it to be many times slower", (long long)workers,
                (long long)cores, cores == 1 ? "core" : "cores"));
}

bool HostDevice::open(const DeviceOptions &wanted, std::string &error) {
  options = wanted;
  if (options.timeLimit) {
    error = "--time-limit: expected a program for a GPU (--target cuda), found one for the CPU, whose calls always end";
    return false;
  }
  int64_t workers = options.threads > 0 ? options.threads : defaultThreads(program);
  if (!arena.reserve(program.arena_bytes, "activations", error) ||
      !scratch.reserve(program.scratch_bytes * workers, "the workers' scratch", error))
    return false;
  rows.resize(std::max<int64_t>(program.prefill.rows, 1));
  workerTeam = std::make_unique<Team>(workers);
  tuner.emplace(workerTeam->workers());
  warnOfThreads(workerTeam->workers());
  return true;
}

int64_t HostDevice::availableMemory() const { return lrt::availableMemory(""); }

MemoryNeed HostDevice::need() const {
  MemoryNeed need = memoryNeed(program, 0, workerTeam->workers(), MemoryKind::Pages);
  need.weights = !tensors && (options.randomWeights || options.largePages) ? program.weights_bytes : 0;
  need.other = program.vocabulary * int64_t(sizeof(float));
  return need;
}

bool HostDevice::load(Weights &weights, std::string &error) {
  bool isLoaded = options.randomWeights
                      ? weights.randomize(program, options.seed, *workerTeam, options.largePages, error)
                      : !options.largePages || weights.copyToLargePages(*workerTeam, error);
  tensors = weights.tensors();
  return isLoaded;
}

namespace {
class HostMemory final : public DeviceMemory {
public:
  uint8_t *address() const override { return memory.data(); }
  void write(int64_t offset, const void *from, int64_t bytes) override { memcpy(memory.data() + offset, from, bytes); }

  Memory memory;
};
} // namespace

std::unique_ptr<DeviceMemory> HostDevice::reserve(int64_t bytes, const char *what, std::string &error) {
  auto result = std::make_unique<HostMemory>();
  return result->memory.reserve(bytes, what, error, options.largePages) ? std::move(result) : nullptr;
}

void HostDevice::run(const Call &call) {
  for (int64_t row = 0; row < call.rows; ++row)
    rows[row] = {.position = call.position + row, .cache = call.cache};
  // Decode steps all take about as long, so that numbers of workers can be compared.
  const bool isStep = &call.entry == &program.decode;
  struct Work {
    lrt_entry_fn run;
    lrt_step step;
  } work = {call.entry.run,
            {.weights = tensors,
             .arena = arena.data(),
             .scratch = scratch.data(),
             .row = rows.data(),
             .tokens = call.tokens,
             .logits = call.logits,
             .rows = call.rows,
             .first = call.first,
             .workers = isStep ? tuner->next() : workerTeam->workers(),
             .team = workerTeam.get()}};
  const double start = now();
  workerTeam->run(
      [](void *context, int64_t worker) {
        const Work &work = *static_cast<Work *>(context);
        work.run(&work.step, worker);
      },
      &work, work.step.workers);
  if (isStep)
    tuner->finished(now() - start, workerTeam->wasDisturbed());
}
