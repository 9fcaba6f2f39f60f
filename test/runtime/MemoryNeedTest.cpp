//===- MemoryNeedTest.cpp - memory a call will touch --------------------------------------------------------------===//

#include "runtime/engine/MemoryNeed.h"

#include <gtest/gtest.h>

using namespace lrt;

namespace {

constexpr int64_t million = 1'000'000;

/// A cache of 8000 positions, a ring of 1000, and a state of fixed size.
const lrt_cache caches[] = {
    {.offset = 0,
     .bytes = 8000 * 4096,
     .rows = 8000,
     .window = 0,
     .bytes_per_position = 4096,
     .element = LRT_BF16,
     .is_chunked = 0},
    {.offset = 0,
     .bytes = 1000 * 4096,
     .rows = 1000,
     .window = 512,
     .bytes_per_position = 4096,
     .element = LRT_BF16,
     .is_chunked = 0},
    {.offset = 0, .bytes = 5000, .rows = 0, .window = 0, .bytes_per_position = 0, .element = LRT_F32, .is_chunked = 0},
};

lrt_program makeProgram() {
  lrt_program program = {};
  program.context = 8000;
  program.arena_bytes = 3 * million;
  program.scratch_bytes = million;
  program.cache_bytes = 40 * million;
  program.caches = caches;
  program.num_caches = 3;
  return program;
}

/// 4096 bytes per position are 128 runs of 16 bf16 values; each begins a page.
constexpr int64_t pieces = 128 * 4096;

std::string errorOf(const MemoryNeed &need, int64_t available, MemoryKind kind = MemoryKind::Pages) {
  std::string error;
  EXPECT_EQ(checkMemory(need, available, kind, error), error.empty());
  return error;
}

} // namespace

TEST(MemoryNeed, growsWithThePositions) {
  const lrt_program program = makeProgram();
  EXPECT_EQ(memoryNeed(program, 0, 2, MemoryKind::Pages).caches, 0);
  EXPECT_EQ(memoryNeed(program, 100, 2, MemoryKind::Pages).caches, 2 * (100 * 4096 + pieces) + 5000);
  // The ring is full, and no cache takes more than it has.
  EXPECT_EQ(memoryNeed(program, 2000, 2, MemoryKind::Pages).caches, 2000 * 4096 + pieces + 1000 * 4096 + 5000);
  EXPECT_EQ(memoryNeed(program, 8000, 2, MemoryKind::Pages).caches, 9000 * 4096 + 5000);
}

TEST(MemoryNeed, ofLargePagesIsAll) {
  EXPECT_EQ(memoryNeed(makeProgram(), 1, 2, MemoryKind::LargePages).caches, 40 * million);
}

TEST(MemoryNeed, ofADeviceIsAllBeforeAnyPosition) {
  EXPECT_EQ(memoryNeed(makeProgram(), 0, 2, MemoryKind::Device).caches, 40 * million);
}

TEST(MemoryNeed, hasScratchForEachWorker) {
  EXPECT_EQ(memoryNeed(makeProgram(), 1, 2, MemoryKind::Pages).activations, 5 * million);
  EXPECT_EQ(memoryNeed(makeProgram(), 1, 8, MemoryKind::Pages).activations, 11 * million);
}

TEST(MemoryNeed, isRefusedWithBothNumbersAndWhatHelps) {
  MemoryNeed need = {.caches = 800 * million, .activations = 100 * million, .weights = 0, .other = 100 * million};
  EXPECT_EQ(errorOf(need, 1000 * million), "");
  EXPECT_EQ(errorOf(need, 1000 * million - 1),
            "expected 1.0 GB of free memory (800 MB for caches, 100 MB for activations, 100 MB for buffers), found "
            "1000 MB: ask for fewer tokens or compile with a smaller --context or compile with a smaller "
            "--prefill-rows");
  need.activations = need.other = 0;
  EXPECT_EQ(errorOf(need, 5 * million), "expected 800 MB of free memory (800 MB for caches), found 5.0 MB: ask for "
                                        "fewer tokens or compile with a smaller --context");
  need.weights = 4000 * million;
  EXPECT_EQ(
      errorOf(need, 5 * million, MemoryKind::LargePages),
      "expected 4.8 GB of free memory (4.0 GB for a copy of the weights in large pages, 800 MB for caches), found "
      "5.0 MB: leave out --large-pages or ask for fewer tokens or compile with a smaller --context");
  EXPECT_EQ(errorOf(need, 5 * million, MemoryKind::Device),
            "expected 4.8 GB of free device memory (4.0 GB for weights, 800 MB for caches), found 5.0 MB: compile with "
            "fewer bits (--weights q8 or q4) or compile with a smaller --context");
  need.caches = 0;
  EXPECT_EQ(errorOf(need, 5 * million), "expected 4.0 GB of free memory (4.0 GB for made-up weights), found 5.0 MB");
}

TEST(MemoryNeed, saysHowManyPositionsFit) {
  const lrt_program program = makeProgram();
  MemoryNeed beside = {.caches = 0, .activations = 10 * million, .weights = 0, .other = 0};
  EXPECT_EQ(positionsThatFit(program, beside, INT64_MAX, MemoryKind::Pages), 8000);
  EXPECT_EQ(positionsThatFit(program, beside, 10 * million + 2 * (100 * 4096 + pieces) + 5000, MemoryKind::Pages), 100);
  EXPECT_EQ(positionsThatFit(program, beside, 10 * million, MemoryKind::Pages), 0);
  EXPECT_EQ(positionsThatFit(program, beside, 1, MemoryKind::Pages), 0);
}
