//===- Session.cpp - one sequence through one program -------------------------------------------------------------===//

#include "runtime/engine/Session.h"

#include "runtime/cpu/Features.h"
#include "runtime/cpu/FreeMemory.h"
#include "runtime/cpu/Topology.h"
#include "runtime/support/Signals.h"

#include <string.h>

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

/// Workers of which several share a core wait for one another at every barrier: measured with 64 on 2 cores, 25 times
/// slower than with 2.
static void warnOfThreads(int64_t workers) {
  int64_t cores = usableCores();
  if (workers > cores)
    warn(format("%lld threads, but this process may use %lld %s: expect it to be many times slower", (long long)workers,
                (long long)cores, cores == 1 ? "core" : "cores"));
}

MemoryNeed Session::need(int64_t positions) const {
  MemoryNeed need = memoryNeed(program, positions, team->workers(), options.largePages);
  need.other = options.bufferBytes + program.vocabulary * int64_t(sizeof(float));
  return need;
}

bool Session::checkMemory(int64_t positions, std::string &error) const {
  return lrt::checkMemory(need(positions), availableMemory(""), options.largePages, error);
}

int64_t Session::positionsThatFit() const {
  return lrt::positionsThatFit(program, need(0), availableMemory(""), options.largePages);
}

bool Session::open(const SessionOptions &wanted, std::string &error) {
  options = wanted;
  int64_t workers = options.threads > 0 ? options.threads : defaultThreads(program);
  if (!options.randomWeights && !weights.open(program, options.weights, error))
    return false;
  if (!arena.reserve(program.arena_bytes, "activations", error) ||
      !scratch.reserve(program.scratch_bytes * workers, "the workers' scratch", error) ||
      !cache.reserve(program.cache_bytes, "the caches", error, options.largePages))
    return false;
  team = std::make_unique<Team>(workers);
  crew = std::make_unique<Crew>(team->workers());
  warnOfThreads(team->workers());

  MemoryNeed all = need(options.positions);
  if (options.randomWeights || options.largePages)
    all.weights = program.weights_bytes;
  int64_t available = availableMemory("");
  if (!lrt::checkMemory(all, available, options.largePages, error))
    return false;
  // Only a warning: of a model with experts a part of the weights may be all that is ever read.
  if (all.weights == 0 && program.weights_bytes > available - all.total())
    warn(format(
        "%s of weights, but %s of memory are free for them: expect them to be read from the disk again and again",
        readableBytes(double(program.weights_bytes)).c_str(), readableBytes(double(available - all.total())).c_str()));
  if (options.randomWeights)
    return weights.randomize(program, options.seed, *team, options.largePages, error);
  return !options.largePages || weights.copyToLargePages(*team, error);
}

namespace {
struct Call {
  lrt_entry_fn run;
  lrt_step step;
};
} // namespace

void Session::call(const lrt_entry &entry, const int32_t *tokens, int64_t rows, int64_t first, float *logits,
                   int64_t workers) {
  Call call = {entry.run,
               {.weights = weights.tensors(),
                .arena = arena.data(),
                .scratch = scratch.data(),
                .cache = cache.data(),
                .tokens = tokens,
                .logits = logits,
                .rows = rows,
                .first = first,
                .position = position,
                .workers = workers,
                .team = team.get()}};
  team->run(
      [](void *context, int64_t worker) {
        const Call &call = *static_cast<Call *>(context);
        call.run(&call.step, worker);
      },
      &call, workers);
  if (profile)
    profile->add(entry, rows, position);
}

void Session::prefill(const int32_t *tokens, int64_t rows) {
  call(program.prefill, tokens, rows, 0, nullptr, team->workers());
  position += rows;
}

void Session::head(int64_t first, int64_t rows, float *logits) {
  call(program.head, nullptr, rows, first, logits, team->workers());
}

void Session::decode(int32_t token, float *logits) {
  double start = now();
  call(program.decode, &token, 1, 0, logits, crew->next());
  crew->finished(now() - start, team->wasDisturbed());
  ++position;
}

bool Session::feed(const int32_t *tokens, int64_t count, float *logits, Progress *progress) {
  if (interrupted)
    return false;
  if (count == 1) {
    decode(tokens[0], logits);
    return true;
  }
  int64_t rows = 0;
  for (int64_t done = 0; done < count; done += rows) {
    if (interrupted)
      return false;
    rows = std::min(count - done, program.prefill.rows);
    if (progress && rows < count) // more than one pass
      progress->update(done, count);
    prefill(tokens + done, rows);
  }
  head(rows - 1, 1, logits);
  return true;
}

void Session::fill(int64_t positions) {
  if (positions <= 0)
    return;
  for (int64_t i = 0; i < program.num_caches; ++i) {
    const lrt_cache &region = program.caches[i];
    uint8_t *bytes = cache.data() + region.offset;
    // The layout within a region is the compiler's, so all of it is filled: +-(1/64 .. 1/32), in bf16 or f32.
    if (region.element == LRT_BF16) {
      for (int64_t at = 0; at + 2 <= region.bytes; at += 2) {
        uint16_t value = 0x3c80 | (scramble(at + i) & 0x807f);
        memcpy(bytes + at, &value, 2);
      }
    } else {
      for (int64_t at = 0; at + 4 <= region.bytes; at += 4) {
        uint32_t value = 0x3c800000 | (scramble(at + i) & 0x807fffff);
        memcpy(bytes + at, &value, 4);
      }
    }
  }
  position += positions;
}
