//===- Session.h - one sequence through one program ---------------------------------------------------------------===//

#ifndef LRT_ENGINE_SESSION_H
#define LRT_ENGINE_SESSION_H

#include "lrt/abi.h"
#include "runtime/engine/MemoryNeed.h"
#include "runtime/engine/Profile.h"
#include "runtime/engine/Weights.h"
#include "runtime/support/Progress.h"
#include "runtime/support/Support.h"
#include "runtime/workers/Crew.h"
#include "runtime/workers/Team.h"

#include <memory>

namespace lrt {

struct SessionOptions {
  std::string weights;        // path; empty: beside the executable, or embedded
  bool randomWeights = false; // instead of a file
  uint64_t seed = 0;          // of the random weights
  bool largePages = false;    // for caches and a copy of the weights
  int64_t threads = 0;        // 0: the program's default, else the physical cores this process may use
  int64_t positions = 0;      // that the caches will hold, as far as it is known before the weights are open
  int64_t bufferBytes = 0;    // of memory that the command will touch besides
};

/// Weights, workers, memory and the position in the sequence. Calls the compiled entry points; nothing here allocates
/// once it is open.
class Session {
public:
  explicit Session(const lrt_program &program) : program(program) {}

  /// Refuses what needs more memory than there is, before it touches any; says what else is amiss on stderr.
  bool open(const SessionOptions &options, std::string &error);

  /// The same once more, when it is known how many positions the caches will hold.
  bool checkMemory(int64_t positions, std::string &error) const;

  /// The most positions, up to the context, that the memory has room for.
  int64_t positionsThatFit() const;

  /// Feeds up to program.prefill.rows tokens; their hidden states stay in the arena until the next call.
  void prefill(const int32_t *tokens, int64_t rows);

  /// Logits of rows [first, first + rows) of the last prefill: [rows, vocabulary].
  void head(int64_t first, int64_t rows, float *logits);

  /// Feeds one token; logits: [vocabulary].
  void decode(int32_t token, float *logits);

  /// Feeds a prompt in as few passes as possible and leaves the logits of its last token. Returns false when it was
  /// interrupted between two passes; `position` says how far it came. `progress` may be null.
  bool feed(const int32_t *tokens, int64_t count, float *logits, Progress *progress = nullptr);

  /// The caches hold `positions` made-up positions.
  void fill(int64_t positions);

  /// Calls from now on are recorded there; null: no more.
  void record(Profile *wanted) {
    profile = wanted;
    team->setStamps(wanted ? &wanted->stamps : nullptr);
  }

  int64_t position = 0; // of the next token
  int64_t left() const { return program.context - position; }

  const lrt_program &program;
  Weights weights;
  std::unique_ptr<Team> team;

private:
  /// Without weights, which are there when the session is open.
  MemoryNeed need(int64_t positions) const;
  void call(const lrt_entry &entry, const int32_t *tokens, int64_t rows, int64_t first, float *logits, int64_t workers);

  SessionOptions options;
  std::unique_ptr<Crew> crew; // of decode steps
  Memory arena, scratch, cache;
  Profile *profile = nullptr;
};

/// Magic, version and CPU features: everything that must hold before compiled code runs.
bool checkProgram(const lrt_program &program, std::string &error);

/// How many workers a session uses when nobody says.
int64_t defaultThreads(const lrt_program &program);

} // namespace lrt

#endif // LRT_ENGINE_SESSION_H
