//===- Sequence.cpp - the tokens that one answer continues --------------------------------------------------------===//

#include "runtime/engine/Sequence.h"

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
static int64_t cacheBytes(const lrt_program &program, int64_t positions, MemoryKind kind) {
  return positions > 0 ? memoryNeed(program, positions, 0, kind).caches : 0;
}

int64_t Sequence::untouchedBytes() const {
  if (memoryKind() == MemoryKind::Device) // taken when it was reserved
    return 0;
  auto bytes = [&](int64_t positions) { return cacheBytes(engine.program, positions, memoryKind()); };
  return std::max<int64_t>(0, bytes(expected) - bytes(reached));
}

bool Sequence::open(int64_t positions, std::string &error) {
  const lrt_program &program = engine.program;
  MemoryNeed all = engine.need(/*apart=*/nullptr);
  all.caches = memoryNeed(program, positions, 0, memoryKind()).caches;
  if (!checkMemory(all, engine.device->availableMemory(), memoryKind(), error))
    return false;
  cache = engine.device->reserve(program.cache_bytes, "the caches", error);
  if (!cache)
    return false;
  expected = positions;
  engine.sequences.push_back(this);
  return true;
}

int64_t Sequence::positionsThatFit() const {
  if (memoryKind() == MemoryKind::Device) // the whole caches are reserved
    return engine.program.context;
  const int64_t available = engine.device->availableMemory() + cacheBytes(engine.program, reached, memoryKind());
  return lrt::positionsThatFit(engine.program, engine.need(/*apart=*/this), available, memoryKind());
}

void Sequence::advance(int64_t rows) {
  next += rows;
  reached = std::max(reached, next);
}

void Sequence::prefill(const int32_t *tokens, int64_t rows) {
  engine.run(
      {.entry = engine.program.prefill, .cache = cache->address(), .position = next, .rows = rows, .tokens = tokens});
  engine.lastPrefill = this;
  prefilled = rows;
  advance(rows);
}

void Sequence::logits(int64_t first, int64_t rows, float *logits) {
  assert(engine.lastPrefill == this && first + rows <= prefilled && "the arena holds another sequence's rows");
  engine.run({.entry = engine.program.logits,
              .cache = cache->address(),
              .position = next - prefilled + first,
              .rows = rows,
              .first = first,
              .logits = logits});
}

void Sequence::decode(int32_t token, float *logits) {
  engine.run({.entry = engine.program.decode,
              .cache = cache->address(),
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
  // The layout within a region is the compiler's, so all of it is filled: +-(1/64 .. 1/32), in bf16 or f32.
  std::vector<uint8_t> chunk;
  for (int64_t i = 0; i < engine.program.num_caches; ++i) {
    const lrt_cache &region = engine.program.caches[i];
    constexpr int64_t chunkBytes = 1 << 20;
    for (int64_t begin = 0; begin < region.bytes; begin += chunkBytes) {
      chunk.assign(std::min(chunkBytes, region.bytes - begin), 0);
      for (int64_t at = 0, size = region.element == LRT_BF16 ? 2 : 4; at + size <= int64_t(chunk.size()); at += size) {
        uint32_t value = region.element == LRT_BF16 ? 0x3c80 | (scramble(begin + at + i) & 0x807f)
                                                    : 0x3c800000 | (scramble(begin + at + i) & 0x807fffff);
        memcpy(chunk.data() + at, &value, size);
      }
      cache->write(region.offset + begin, chunk.data(), int64_t(chunk.size()));
    }
  }
  advance(positions);
  reached = engine.program.context;
}
