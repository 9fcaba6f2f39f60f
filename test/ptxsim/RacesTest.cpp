//===- RacesTest.cpp - orders between warps and blocks, and what happens without them -----------------------------===//

#include "Simulator.h"

using namespace ptxsim;
using namespace ptxsim::test;

namespace {

/// Every thread gives its number to its neighbour in the next warp, through shared memory, twice.
const char *const kExchange =
    ".shared .align 4 .b8 s[512];\nmov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.s64 %rd1, %rd1, %rd2;\n"
    "mov.b64 %rd3, s; add.s64 %rd4, %rd3, %rd2; xor.b32 %r2, %r1, 32; mul.wide.u32 %rd5, %r2, 4; add.s64 %rd5, %rd3, "
    "%rd5;\n"
    "st.shared.b32 [%rd4], %r1;\nbar.sync 0; // written\nld.shared.b32 %r3, [%rd5];\nbar.sync 0; // read\n"
    "st.shared.b32 [%rd4], %r3;\nbar.sync 0; // again\nld.shared.b32 %r4, [%rd5];\nst.global.b32 [%rd1], %r4;";

std::string exchange(const std::string &text) {
  Simulator simulator;
  Allocation &out = simulator.buffer(512, "out");
  std::string error = simulator.run(text, {out.address}, grid(1, 128));
  if (error.empty())
    for (uint32_t k = 0; k < 128; ++k)
      EXPECT_EQ(values<uint32_t>(out)[k], k);
  return error;
}

TEST(Races, InSharedMemory) {
  const std::string text = kernel(1, kExchange);
  EXPECT_EQ(exchange(text), "");
  EXPECT_EQ(exchange(without(text, "bar.sync 0; // written")),
            "kernel k block (0,0,0) thread (32,0,0) line 15: st.shared.b32 [%rd4], %r1: race: writes 4 bytes at s + "
            "128 (shared), "
            "which warp 0 read at line 17: expected a barrier between them");
  EXPECT_CONTAINS(
      exchange(without(text, "bar.sync 0; // read")),

      "line 17: ld.shared.b32 %r3, [%rd5]: race: reads 4 bytes at s + 0 (shared), which warp 0 wrote at line 19");
  EXPECT_CONTAINS(exchange(without(text, "bar.sync 0; // again")), "which warp 0 read at line 21");
}

TEST(Races, NeighbouringBytesAreNone) {
  Simulator simulator;
  EXPECT_EQ(
      simulator.run(
          kernel(0, ".shared .align 4 .b8 s[64];\nmov.u32 %r1, %tid.x; shr.u32 %r2, %r1, 5; and.b32 %r3, %r1, 31;\n"
                    "shl.b32 %r3, %r3, 1; add.s32 %r3, %r3, %r2; cvt.u64.u32 %rd1, %r3; mov.b64 %rd2, s;\n"
                    "add.s64 %rd2, %rd2, %rd1; st.shared.b8 [%rd2], %r1;"),
          {}, grid(1, 64)),
      "");
}

/// Block b writes its value, all blocks meet, then block b reads the one of block b + 1: the grid barrier of a
/// cooperative kernel, written with a release and an acquire, or with fences around a relaxed update.
std::string meeting(const std::string &arrive, const std::string &wait) {
  return kernel(2, "mov.u32 %r1, %ctaid.x; mov.u32 %r2, %nctaid.x; mov.u32 %r3, %tid.x;\n"
                   "mul.wide.u32 %rd3, %r1, 4; add.s64 %rd3, %rd1, %rd3;\n"
                   "add.s32 %r4, %r1, 1; rem.u32 %r4, %r4, %r2; mul.wide.u32 %rd4, %r4, 4; add.s64 %rd4, %rd1, %rd4;\n"
                   "setp.ne.u32 %p1, %r3, 32; // the thread that writes is not the one that meets the others\n"
                   "@!%p1 st.global.b32 [%rd3], %r1;\n"
                   "bar.sync 0; // before\n"
                   "setp.ne.u32 %p2, %r3, 0;\n@%p2 bra MET;\n" +
                       arrive + "\nSPIN:\n" + wait +
                       "\nsetp.lt.u32 %p3, %r5, %r2;\n@%p3 bra SPIN;\n// after the spin\nMET:\nbar.sync 0; // after\n"
                       "@!%p1 ld.global.b32 %r6, [%rd4];\n@!%p1 st.global.b32 [%rd3+64], %r6;");
}

std::string meet(const std::string &text, uint64_t seed = 0, uint32_t blocks = 5) {
  Settings settings;
  settings.seed = seed;
  Simulator simulator(settings);
  Allocation &out = simulator.buffer(128, "out"), &barrier = simulator.buffer(4, "barrier");
  fill<uint32_t>(barrier, {0});
  std::string error = simulator.run(text, {out.address, barrier.address}, grid(blocks, 64, true));
  if (error.empty())
    for (uint32_t block = 0; block < blocks; ++block)
      EXPECT_EQ(values<uint32_t>(out)[16 + block], (block + 1) % blocks);
  return error;
}

const std::string kRelease = "red.release.gpu.global.add.u32 [%rd2], 1;",
                  kAcquire = "ld.acquire.gpu.global.b32 %r5, [%rd2];";

TEST(Races, AGridBarrierOrdersBlocks) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    EXPECT_EQ(meet(meeting(kRelease, kAcquire), seed), "");
    EXPECT_EQ(meet(meeting("fence.acq_rel.gpu;\nred.relaxed.gpu.global.add.u32 [%rd2], 1;",
                           "ld.relaxed.gpu.global.b32 %r5, [%rd2];\nfence.acq_rel.gpu;"),
                   seed),
              "");
    EXPECT_EQ(meet(meeting("membar.gl;\natom.global.add.u32 %r9, [%rd2], 1;",
                           "ld.volatile.global.b32 %r5, [%rd2];\nmembar.gl;"),
                   seed),
              "");
  }
}

const char *const kWhat = ": expected a barrier or a release and an acquire at gpu scope between them";

TEST(Races, WithoutAReleaseOrAnAcquire) {
  const std::string text = meeting(kRelease, kAcquire);
  EXPECT_CONTAINS(meet(without(text, ".release", ".relaxed")), kWhat);
  EXPECT_CONTAINS(meet(without(text, "ld.acquire", "ld.relaxed")), kWhat);
  // A release for the own block alone, and an acquire of it.
  EXPECT_CONTAINS(meet(without(text, "release.gpu", "release.cta")), kWhat);
  EXPECT_CONTAINS(meet(without(text, "acquire.gpu", "acquire.cta")), kWhat);
  // What LLVM makes of an atomicrmw that asks for acq_rel: no order at all.
  EXPECT_CONTAINS(meet(without(text, kRelease, "atom.global.add.u32 %r9, [%rd2], 1;")), kWhat);
}

TEST(Races, WithoutAFence) {
  const std::string text = meeting("fence.acq_rel.gpu; // first\nred.relaxed.gpu.global.add.u32 [%rd2], 1;",
                                   "ld.relaxed.gpu.global.b32 %r5, [%rd2];\nfence.acq_rel.gpu; // second\n");
  EXPECT_EQ(meet(text), "");
  EXPECT_CONTAINS(meet(without(text, "fence.acq_rel.gpu; // first")), kWhat);
  EXPECT_CONTAINS(meet(without(text, "fence.acq_rel.gpu; // second")), kWhat);
  EXPECT_CONTAINS(meet(without(text, "fence.acq_rel.gpu; // first", "fence.acq_rel.cta;")), kWhat);
}

TEST(Races, WithoutABlockBarrierAroundTheGridBarrier) {
  const std::string text = meeting(kRelease, kAcquire);
  EXPECT_CONTAINS(meet(without(text, "bar.sync 0; // before")), "race: ");
  EXPECT_CONTAINS(meet(without(text, "bar.sync 0; // after")), "race: ");
}

TEST(Races, SaysWhoAndWhere) {
  EXPECT_EQ(meet(without(meeting(kRelease, kAcquire), ".release", ".relaxed")),
            "kernel k block (4,0,0) thread (32,0,0) line 29: @!%p1 ld.global.b32 %r6, [%rd4]: race: reads 4 bytes at "
            "0x700000100 "
            "(byte 0 of out, 128 bytes at 0x700000100), which block (0,0,0) warp 1 wrote at line 17" +
                std::string(kWhat));
}

TEST(Races, BetweenBlocksOfAnOrdinaryLaunch) {
  Simulator simulator;
  Allocation &out = simulator.buffer(4, "out");
  const std::string text = kernel(1, "mov.u32 %r1, %ctaid.x; st.global.b32 [%rd1], %r1;");
  EXPECT_CONTAINS(simulator.run(text, {out.address}, grid(2, 1)),
                  "race: writes 4 bytes at 0x700000100 (byte 0 of out, 4 bytes at 0x700000100), which block "
                  "(0,0,0) warp 0 wrote");
  EXPECT_EQ(simulator.run(without(text, "st.global.b32", "st.relaxed.gpu.global.b32"), {out.address}, grid(2, 1)), "");
  Settings settings;
  settings.checks.races = false;
  Simulator unchecked(settings);
  EXPECT_EQ(unchecked.run(text, {unchecked.buffer(4, "out").address}, grid(2, 1)), "");
}

TEST(Races, ReadOnlyLoadsOfWhatTheKernelWrites) {
  Simulator simulator;
  Allocation &out = simulator.buffer(4, "out");
  EXPECT_CONTAINS(
      simulator.run(kernel(1,
                           "mov.u32 %r1, %tid.x; setp.eq.s32 %p1, %r1, 0;\n@%p1 st.global.b32 [%rd1], 1;\nbar.sync 0;\n"
                           "ld.global.nc.b32 %r2, [%rd1];"),
                    {out.address}, grid(1, 64)),

      "as read-only (.nc) at 0x700000100 (byte 0 of out, 4 bytes at 0x700000100), which the same kernel wrote at "
      "line 13");
}

TEST(Hangs, AreReportedWithEveryBlocksLine) {
  // No warp arrives.
  std::string error = meet(without(meeting(kRelease, kAcquire), kRelease), 0, 2);
  EXPECT_CONTAINS(error, "kernel k: hangs: every warp waits for another one\n  block (0,0,0): warp 0 is at line 2");
  EXPECT_CONTAINS(error, "warp 1 waits at barrier 0 before line 29;\n  block (1,0,0): warp 0 is at line");
}

TEST(Hangs, OfBlocksThatDoNotRunAtOnce) {
  Simulator simulator;
  Allocation &out = simulator.buffer(128, "out"), &barrier = simulator.buffer(4, "barrier");
  fill<uint32_t>(barrier, {0});
  EXPECT_CONTAINS(simulator.run(meeting(kRelease, kAcquire), {out.address, barrier.address}, grid(2, 64)),
                  "hangs: every warp waits for another one\n  block (0,0,0):");
}

TEST(Hangs, OfLanesThatWatchFlagsOfTheirOwn) {
  Simulator simulator;
  Allocation &flags = simulator.buffer(128, "flags");
  EXPECT_CONTAINS(
      simulator.run(kernel(1, "mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.s64 %rd1, %rd1, %rd2;\n"
                              "L: ld.acquire.gpu.global.b32 %r2, [%rd1];\nsetp.ne.s32 %p1, %r2, 0;\n@%p1 bra L;"),
                    {flags.address}, grid(1, 32)),
      "hangs: every warp waits for another one");
}

TEST(Hangs, EndAtALimitOfSteps) {
  Settings settings;
  settings.stepLimit = 10'000;
  Simulator simulator(settings);
  EXPECT_CONTAINS(
      simulator.run(kernel(0, "L: add.s32 %r1, %r1, 1;\nbra L;"), {}),

      "kernel k: stopped after 12288 instructions of warps (PTXSIM_STEPS)\n  block (0,0,0): warp 0 is at line 1");
}

TEST(Order, IsTheSameForTheSameSeedAndAnotherForOthers) {
  // Each block records its position in the order of arrival.
  auto order = [](uint64_t seed) {
    Settings settings;
    settings.seed = seed;
    Simulator simulator(settings);
    Allocation &out = simulator.buffer(32, "out"), &count = simulator.buffer(4, "count");
    fill<uint32_t>(count, {0});
    EXPECT_EQ(simulator.run(kernel(2, "mov.u32 %r1, %ctaid.x; mul.wide.u32 %rd3, %r1, 4; add.s64 %rd1, %rd1, %rd3;\n"
                                      "atom.global.add.u32 %r2, [%rd2], 1; st.global.b32 [%rd1], %r2;"),
                            {out.address, count.address}, grid(8, 1)),
              "");
    return values<uint32_t>(out);
  };
  EXPECT_EQ(order(0), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(order(3), order(3));
  EXPECT_NE(order(3), order(0));
  EXPECT_NE(order(3), order(4));
}

} // namespace
