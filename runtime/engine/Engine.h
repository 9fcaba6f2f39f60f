//===- Engine.h - one program, its weights and its workers --------------------------------------------------------===//

#ifndef LRT_ENGINE_ENGINE_H
#define LRT_ENGINE_ENGINE_H

#include "lrt/abi.h"
#include "runtime/engine/MemoryNeed.h"
#include "runtime/engine/Profile.h"
#include "runtime/engine/Weights.h"
#include "runtime/support/Support.h"
#include "runtime/workers/Team.h"
#include "runtime/workers/WorkerTuner.h"

#include <memory>
#include <vector>

namespace lrt {

class Sequence;

struct EngineOptions {
  std::string weights;        // path; empty: beside the executable, or embedded
  bool randomWeights = false; // instead of a file
  uint64_t seed = 0;          // of the random weights
  bool largePages = false;    // for caches and a copy of the weights
  int64_t threads = 0;        // 0: the program's default, else the physical cores this process may use
  int64_t positions = 0;      // positions of the first sequence, if known before the weights are open
  int64_t bufferBytes = 0;    // other memory that the command will touch
};

/// Program, weights, workers, activations and scratch: everything that sequences share. Any number of sequences are
/// open at a time. An engine runs one call at a time: callers on several threads take turns. Nothing here allocates
/// once it is open.
class Engine {
public:
  explicit Engine(const lrt_program &program) : program(program) {}
  Engine(const Engine &) = delete;
  Engine &operator=(const Engine &) = delete;

  /// Fails, before it touches memory, if more is needed than is free. Prints other problems as warnings on stderr.
  bool open(const EngineOptions &options, std::string &error);

  /// Later calls are recorded in it; null: stops recording.
  void record(Profile *wanted) {
    profile = wanted;
    team->setStamps(wanted ? &wanted->stamps : nullptr);
  }

  int64_t workers() const { return team->workers(); }

  const lrt_program &program;
  Weights weights;
  std::unique_ptr<Team> team; // there when the engine is open

private:
  friend class Sequence;

  /// A forward call of `rows` consecutive positions of one sequence.
  struct Call {
    const lrt_entry &entry;
    uint8_t *cache;
    int64_t position; // of the first row
    int64_t rows;
    const int32_t *tokens = nullptr; // [rows]
    int64_t first = 0;               // for program.logits: first row of the last prefill
    float *logits = nullptr;         // [rows, vocabulary]
  };
  void run(const Call &call);

  /// Memory not touched yet: the activations, counted whole; in `other`, open sequences except `apart` and the buffers
  /// of the command. Not the weights, which are loaded when the engine is open.
  MemoryNeed need(const Sequence *apart) const;

  EngineOptions options;
  std::unique_ptr<WorkerTuner> tuner; // of decode steps
  Memory arena, scratch;
  std::vector<lrt_row> rows;               // of the current call; program.prefill.rows of them
  std::vector<const Sequence *> sequences; // that are open
  const Sequence *lastPrefill = nullptr;   // whose hidden states the arena holds
  Profile *profile = nullptr;
};

/// Magic, version and CPU features: everything that must hold before compiled code runs.
bool checkProgram(const lrt_program &program, std::string &error);

/// The number of workers if no option sets it.
int64_t defaultThreads(const lrt_program &program);

} // namespace lrt

#endif // LRT_ENGINE_ENGINE_H
