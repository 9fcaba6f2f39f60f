//===- Engine.cpp - one program, its weights and its workers ------------------------------------------------------===//

#include "runtime/engine/Engine.h"

#include "runtime/cpu/Features.h"
#include "runtime/cpu/FreeMemory.h"
#include "runtime/cpu/Topology.h"
#include "runtime/engine/Sequence.h"

#include <algorithm>

using namespace lrt;

bool lrt::checkProgram(const lrt_program &program, std::string &error) {
  if (program.magic != LRT_MAGIC || program.version != LRT_ABI_VERSION || program.size != sizeof(lrt_program)) {
    error =
        format("the compiler and the runtime library disagree: expected ABI version %u with a program of %zu bytes, "
               "found version %u and %u bytes",
               LRT_ABI_VERSION, sizeof(lrt_program), program.version, program.size);
    return false;
  }
  uint64_t missing = program.features & ~cpuFeatures();
  if (missing != 0) {
    error = format("this CPU lacks %s, which the code compiled for --mcpu %s uses", featureNames(missing).c_str(),
                   program.mcpu);
    return false;
  }
  return true;
}

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

MemoryNeed Engine::need(const Sequence *apart) const {
  MemoryNeed need = memoryNeed(program, 0, team->workers(), /*largePages=*/false);
  need.other = options.bufferBytes + program.vocabulary * int64_t(sizeof(float));
  for (const Sequence *sequence : sequences)
    if (sequence != apart)
      need.other += sequence->untouchedBytes();
  return need;
}

bool Engine::open(const EngineOptions &wanted, std::string &error) {
  options = wanted;
  int64_t workers = options.threads > 0 ? options.threads : defaultThreads(program);
  if (!options.randomWeights && !weights.open(program, options.weights, error))
    return false;
  if (!arena.reserve(program.arena_bytes, "activations", error) ||
      !scratch.reserve(program.scratch_bytes * workers, "the workers' scratch", error))
    return false;
  rows.resize(std::max<int64_t>(program.prefill.rows, 1));
  team = std::make_unique<Team>(workers);
  tuner = std::make_unique<WorkerTuner>(team->workers());
  warnOfThreads(team->workers());

  MemoryNeed all = need(/*apart=*/nullptr);
  all.caches = memoryNeed(program, options.positions, 0, options.largePages).caches;
  if (options.randomWeights || options.largePages)
    all.weights = program.weights_bytes;
  int64_t available = availableMemory("");
  if (!checkMemory(all, available, options.largePages, error))
    return false;
  // Only a warning: a model with experts may read only a part of its weights.
  if (all.weights == 0 && program.weights_bytes > available - all.total())
    warn(format(
        "%s of weights, but %s of memory are free for them: expect them to be read from the disk again and again",
        readableBytes(double(program.weights_bytes)).c_str(), readableBytes(double(available - all.total())).c_str()));
  if (options.randomWeights)
    return weights.randomize(program, options.seed, *team, options.largePages, error);
  return !options.largePages || weights.copyToLargePages(*team, error);
}

void Engine::run(const Call &call) {
  for (int64_t row = 0; row < call.rows; ++row)
    rows[row] = {.position = call.position + row, .cache = call.cache};
  // Decode steps all take about as long, so that numbers of workers can be compared.
  const bool isStep = &call.entry == &program.decode;
  struct Work {
    lrt_entry_fn run;
    lrt_step step;
  } work = {call.entry.run,
            {.weights = weights.tensors(),
             .arena = arena.data(),
             .scratch = scratch.data(),
             .row = rows.data(),
             .tokens = call.tokens,
             .logits = call.logits,
             .rows = call.rows,
             .first = call.first,
             .workers = isStep ? tuner->next() : team->workers(),
             .team = team.get()}};
  const double start = now();
  team->run(
      [](void *context, int64_t worker) {
        const Work &work = *static_cast<Work *>(context);
        work.run(&work.step, worker);
      },
      &work, work.step.workers);
  if (isStep)
    tuner->finished(now() - start, team->wasDisturbed());
  if (profile)
    profile->add(call.entry, call.rows, call.position);
}
