//===- Sequence.cpp - the tokens that one answer continues --------------------------------------------------------===//

#include "runtime/engine/Sequence.h"

#include "runtime/cpu/FreeMemory.h"
#include "runtime/support/Signals.h"

#include <assert.h>
#include <string.h>

#include <algorithm>

using namespace lrt;

Sequence::~Sequence() {
  std::erase(engine.sequences, this);
  if (engine.lastPrefill == this)
    engine.lastPrefill = nullptr;
}

/// Bytes of the caches of a sequence that has held `positions`.
static int64_t cacheBytes(const lrt_program &program, int64_t positions, bool largePages) {
  return positions > 0 ? memoryNeed(program, positions, 0, largePages).caches : 0;
}

int64_t Sequence::untouchedBytes() const {
  auto bytes = [&](int64_t positions) { return cacheBytes(engine.program, positions, engine.options.largePages); };
  return std::max<int64_t>(0, bytes(expected) - bytes(reached));
}

bool Sequence::open(int64_t positions, std::string &error) {
  const lrt_program &program = engine.program;
  const bool largePages = engine.options.largePages;
  MemoryNeed all = engine.need(/*apart=*/nullptr);
  all.caches = memoryNeed(program, positions, 0, largePages).caches;
  if (!checkMemory(all, availableMemory(""), largePages, error) ||
      !cache.reserve(program.cache_bytes, "the caches", error, largePages))
    return false;
  expected = positions;
  engine.sequences.push_back(this);
  return true;
}

int64_t Sequence::positionsThatFit() const {
  const bool largePages = engine.options.largePages;
  const int64_t available = availableMemory("") + cacheBytes(engine.program, reached, largePages);
  return lrt::positionsThatFit(engine.program, engine.need(/*apart=*/this), available, largePages);
}

void Sequence::advance(int64_t rows) {
  next += rows;
  reached = std::max(reached, next);
}

void Sequence::prefill(const int32_t *tokens, int64_t rows) {
  engine.run(
      {.entry = engine.program.prefill, .cache = cache.data(), .position = next, .rows = rows, .tokens = tokens});
  engine.lastPrefill = this;
  prefilled = rows;
  advance(rows);
}

void Sequence::logits(int64_t first, int64_t rows, float *logits) {
  assert(engine.lastPrefill == this && first + rows <= prefilled && "the arena holds another sequence's rows");
  engine.run({.entry = engine.program.logits,
              .cache = cache.data(),
              .position = next - prefilled + first,
              .rows = rows,
              .first = first,
              .logits = logits});
}

void Sequence::decode(int32_t token, float *logits) {
  engine.run({.entry = engine.program.decode,
              .cache = cache.data(),
              .position = next,
              .rows = 1,
              .tokens = &token,
              .logits = logits});
  engine.lastPrefill = nullptr;
  advance(1);
}

bool Sequence::feed(const int32_t *tokens, int64_t count, float *logits, Progress *progress) {
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
    rows = std::min(count - done, engine.program.prefill.rows);
    if (progress && rows < count) // more than one pass
      progress->update(done, count);
    prefill(tokens + done, rows);
  }
  this->logits(rows - 1, 1, logits);
  return true;
}

void Sequence::fill(int64_t positions) {
  if (positions <= 0)
    return;
  for (int64_t i = 0; i < engine.program.num_caches; ++i) {
    const lrt_cache &region = engine.program.caches[i];
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
  advance(positions);
  reached = engine.program.context;
}
