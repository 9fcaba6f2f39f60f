//===- Sequence.h - the tokens that one answer continues ----------------------------------------------------------===//

#ifndef LRT_ENGINE_SEQUENCE_H
#define LRT_ENGINE_SEQUENCE_H

#include "runtime/engine/Engine.h"
#include "runtime/support/Progress.h"

namespace lrt {

/// The caches and the position of one sequence. Made and destroyed at any time between two calls of its
/// engine, which must outlive it. Calls the compiled entry points; nothing here allocates once it is open.
class Sequence {
public:
  explicit Sequence(Engine &engine) : engine(engine) {}
  Sequence(const Sequence &) = delete;
  Sequence &operator=(const Sequence &) = delete;
  ~Sequence();

  /// Makes empty caches for an open engine. Fails, before it touches memory, if `positions` would need more than other
  /// open sequences leave.
  bool open(int64_t positions, std::string &error);

  /// The maximum number of positions, up to the context, that fit into memory.
  int64_t positionsThatFit() const;

  /// Feeds up to program.prefill.rows tokens; their hidden states stay with the engine until its next call.
  void prefill(const int32_t *tokens, int64_t rows);

  /// Logits of rows [first, first + rows) of the engine's last prefill, which must have been this sequence's:
  /// [rows, vocabulary].
  void logits(int64_t first, int64_t rows, float *logits);

  /// Feeds one token; logits: [vocabulary].
  void decode(int32_t token, float *logits);

  /// Feeds a prompt in as few passes as possible and leaves the logits of its last token. Returns false when it was
  /// interrupted between two passes; position() tells how far it came. `progress` may be null.
  bool feed(const int32_t *tokens, int64_t count, float *logits, Progress *progress = nullptr);

  /// Adds `positions` positions with made-up values to the caches. Touches whole caches.
  void fill(int64_t positions);

  /// Goes back to an earlier position, for measurements. The caches keep their contents: keys and values are
  /// overwritten later, recurrent states are not restored.
  void rewind(int64_t earlier) { next = earlier; }

  const lrt_program &program() const { return engine.program; }
  int64_t position() const { return next; } // of the next token
  int64_t left() const { return engine.program.context - next; }

private:
  friend class Engine;

  void advance(int64_t rows);

  MemoryKind memoryKind() const { return engine.device->memoryKind(); }

  /// Bytes of the caches that the expected positions will touch but have not touched yet.
  int64_t untouchedBytes() const;

  Engine &engine;
  std::unique_ptr<DeviceMemory> cache;
  int64_t next = 0;
  int64_t expected = 0;  // positions that open() counted
  int64_t reached = 0;   // maximum number of positions held so far: their memory is touched
  int64_t prefilled = 0; // rows of its last prefill
};

} // namespace lrt

#endif // LRT_ENGINE_SEQUENCE_H
