//===- MemoryNeed.cpp - memory a call will touch ------------------------------------------------------------------===//

#include "runtime/engine/MemoryNeed.h"

#include "runtime/support/Support.h"

#include <algorithm>

using namespace lrt;

/// Bytes of a cache that `positions` touch. Rows are filled in order; a ring is full when it wraps. The keys of a head
/// are contiguous; values are stored in runs of 16 columns, [rows][16]. Each such region may begin in a page of its
/// own.
static int64_t touched(const lrt_cache &cache, int64_t positions) {
  if (cache.bytes_per_position == 0) // fixed size
    return cache.bytes;
  constexpr int64_t page = 4096, lanes = 16;
  int64_t pieces = cache.bytes_per_position / (lanes * (cache.element == LRT_BF16 ? 2 : 4));
  return std::min(cache.bytes, std::min(positions, cache.rows) * cache.bytes_per_position + pieces * page);
}

MemoryNeed lrt::memoryNeed(const lrt_program &program, int64_t positions, int64_t workers, MemoryKind kind) {
  MemoryNeed need;
  const bool isWhole = kind != MemoryKind::Pages;
  for (int64_t i = 0; i < program.num_caches && positions > 0 && !isWhole; ++i)
    need.caches += touched(program.caches[i], positions);
  if (isWhole)
    need.caches = program.cache_bytes;
  need.activations = program.arena_bytes + program.scratch_bytes * workers;
  return need;
}

bool lrt::checkMemory(const MemoryNeed &need, int64_t available, MemoryKind kind, std::string &error) {
  if (need.total() <= available)
    return true;
  std::string parts, help;
  auto add = [](std::string &text, const char *separator, const std::string &part) {
    text += (text.empty() ? "" : separator) + part;
  };
  auto part = [&](int64_t bytes, const char *what) {
    if (bytes * 100 >= need.total()) // do not name less than a hundredth
      add(parts, ", ", format("%s for %s", readableBytes(double(bytes)).c_str(), what));
  };
  const bool isDevice = kind == MemoryKind::Device, isLarge = kind == MemoryKind::LargePages;
  part(need.weights, isDevice ? "weights" : isLarge ? "a copy of the weights in large pages" : "made-up weights");
  part(need.caches, "caches");
  part(need.activations, "activations");
  part(need.other, "buffers");
  if (isLarge)
    add(help, " or ", "leave out --large-pages");
  if (isDevice && need.weights * 100 >= need.total())
    add(help, " or ", "compile with fewer bits (--weights q8 or q4)");
  if (need.caches * 100 >= need.total())
    add(help, " or ",
        isDevice ? "compile with a smaller --context" : "ask for fewer tokens or compile with a smaller --context");
  if (need.activations * 100 >= need.total())
    add(help, " or ", "compile with a smaller --prefill-rows");
  error = format("expected %s of free %smemory (%s), found %s%s%s", readableBytes(double(need.total())).c_str(),
                 isDevice ? "device " : "", parts.c_str(), readableBytes(double(available)).c_str(),
                 help.empty() ? "" : ": ", help.c_str());
  return false;
}

int64_t lrt::positionsThatFit(const lrt_program &program, MemoryNeed need, int64_t available, MemoryKind kind) {
  int64_t fits = 0, tooMany = program.context + 1;
  while (tooMany - fits > 1) {
    int64_t middle = fits + (tooMany - fits) / 2;
    need.caches = memoryNeed(program, middle, 0, kind).caches;
    (need.total() <= available ? fits : tooMany) = middle;
  }
  return fits;
}
