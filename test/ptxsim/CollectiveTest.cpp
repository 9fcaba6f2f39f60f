//===- CollectiveTest.cpp - lanes of a warp and of a block together -----------------------------------------------===//

#include "Simulator.h"

using namespace ptxsim;
using namespace ptxsim::test;

namespace {

/// Runs statements in 32 threads with the lane's number in %r1; what each left in %r2.
std::vector<uint32_t> lanes(const std::string &body, std::string *error = nullptr) {
  Simulator simulator;
  Allocation &out = simulator.buffer(128, "out");
  std::string found = simulator.run(kernel(1, "mov.u32 %r1, %laneid; mov.b32 %r2, 0;\n" + body +
                                                  "\nmul.wide.u32 %rd2, %r1, 4; add.s64 %rd1, %rd1, %rd2;\n"
                                                  "st.global.b32 [%rd1], %r2;"),
                                    {out.address}, grid(1, 32));
  if (error)
    *error = found;
  else
    EXPECT_EQ(found, "");
  return values<uint32_t>(out);
}

template <typename F> std::vector<uint32_t> each(F f) {
  std::vector<uint32_t> result;
  for (uint32_t lane = 0; lane < 32; ++lane)
    result.push_back(f(lane));
  return result;
}

TEST(Collective, Shuffles) {
  EXPECT_EQ(lanes("shfl.sync.bfly.b32 %r2, %r1, 5, 31, -1;"), each([](uint32_t l) { return l ^ 5; }));
  EXPECT_EQ(lanes("shfl.sync.down.b32 %r2, %r1, 3, 31, -1;"), each([](uint32_t l) { return l + 3 > 31 ? l : l + 3; }));
  EXPECT_EQ(lanes("shfl.sync.up.b32 %r2, %r1, 3, 0, -1;"), each([](uint32_t l) { return l < 3 ? l : l - 3; }));
  EXPECT_EQ(lanes("shfl.sync.idx.b32 %r2, %r1, 4, 31, -1;"), each([](uint32_t) { return 4u; }));
  // Segments of 8: c = (32 - 8) << 8 | 31, as a shuffle of width 8 has it.
  EXPECT_EQ(lanes("shfl.sync.idx.b32 %r2, %r1, 2, 0x181f, -1;"), each([](uint32_t l) { return (l & 24) + 2; }));
  EXPECT_EQ(lanes("shfl.sync.down.b32 %r2, %r1, 6, 0x181f, -1;"),
            each([](uint32_t l) { return l % 8 < 2 ? l + 6 : l; }));
  EXPECT_EQ(lanes("shfl.sync.down.b32 %r3|%p1, %r1, 30, 31, -1; selp.b32 %r2, 1, 0, %p1;"),
            each([](uint32_t l) { return l < 2 ? 1u : 0u; }));
}

TEST(Collective, VotesMatchesReduces) {
  EXPECT_EQ(lanes("setp.lt.u32 %p1, %r1, 5; vote.sync.ballot.b32 %r2, %p1, -1;"), each([](uint32_t) { return 31u; }));
  EXPECT_EQ(lanes("setp.lt.u32 %p1, %r1, 5; vote.sync.all.pred %p2, !%p1, -1; selp.b32 %r2, 1, 0, %p2;"),
            each([](uint32_t) { return 0u; }));
  EXPECT_EQ(lanes("setp.lt.u32 %p1, %r1, 5; vote.sync.any.pred %p2, %p1, -1; selp.b32 %r2, 1, 0, %p2;"),
            each([](uint32_t) { return 1u; }));
  EXPECT_EQ(lanes("and.b32 %r3, %r1, 1; match.any.sync.b32 %r2, %r3, -1;"),
            each([](uint32_t l) { return l % 2 ? 0xaaaaaaaau : 0x55555555u; }));
  EXPECT_EQ(lanes("match.all.sync.b32 %r2|%p1, %r1, -1;"), each([](uint32_t) { return 0u; }));
  EXPECT_EQ(lanes("redux.sync.add.u32 %r2, %r1, -1;"), each([](uint32_t) { return 496u; }));
  EXPECT_EQ(lanes("sub.s32 %r3, %r1, 7; redux.sync.min.s32 %r2, %r3, -1;"),
            each([](uint32_t) { return uint32_t(-7); }));
  EXPECT_EQ(lanes("mov.u32 %r2, %lanemask_lt;"), each([](uint32_t l) { return (1u << l) - 1; }));
}

TEST(Collective, LanesMeetAgainAfterABranch) {
  EXPECT_EQ(lanes("setp.lt.u32 %p1, %r1, 9;\n@%p1 bra A;\nactivemask.b32 %r2;\nbra B;\nA: activemask.b32 %r2;\nB: "
                  "activemask.b32 %r3;\n"
                  "xor.b32 %r2, %r2, %r3;"),
            each([](uint32_t l) { return l < 9 ? ~0x1ffu : 0x1ffu; }));
  // Loops of different lengths: the shuffle waits for the longest.
  EXPECT_EQ(lanes("mov.b32 %r3, 0;\nL: add.s32 %r3, %r3, 1;\nsetp.le.u32 %p1, %r3, %r1;\n@%p1 bra L;\n"
                  "shfl.sync.bfly.b32 %r2, %r3, 1, 31, -1;"),
            each([](uint32_t l) { return (l ^ 1) + 1; }));
}

TEST(Collective, LanesMeetThoseThatWaitFurtherUp) {
  EXPECT_EQ(lanes("setp.lt.u32 %p1, %r1, 16;\n@!%p1 bra B;\nA: shfl.sync.bfly.b32 %r2, %r1, 16, 31, -1;\nbra E;\n"
                  "B: add.s32 %r3, %r1, 1;\nbra A;\nE:"),
            each([](uint32_t l) { return l ^ 16; }));
}

TEST(Collective, GroupsShuffleWithTheirOwnMasks) {
  EXPECT_EQ(lanes("setp.lt.u32 %p1, %r1, 16;\n@%p1 bra A;\nshfl.sync.bfly.b32 %r2, %r1, 1, 31, 0xffff0000;\nbra B;\n"
                  "A: shfl.sync.bfly.b32 %r2, %r1, 2, 31, 0xffff;\nB:"),
            each([](uint32_t l) { return l < 16 ? l ^ 2 : l ^ 1; }));
}

TEST(Collective, ReportsMasksThatLanesDoNotMatch) {
  std::string error;
  lanes("setp.lt.u32 %p1, %r1, 16;\n@%p1 bra A;\nshfl.sync.bfly.b32 %r2, %r1, 1, 31, -1;\nA:", &error);
  EXPECT_EQ(error,
            "kernel k block (0,0,0) thread (16,0,0) line 15: shfl.sync.bfly.b32 %r2, %r1, 1, 31, -1: expected lanes "
            "0xffffffff of the warp together, got 0xffff0000; lane 0 has exited");
  lanes("shfl.sync.bfly.b32 %r2, %r1, 1, 31, 0xffff;", &error);
  EXPECT_CONTAINS(error, "member mask 0x0000ffff, expected one that has the lane's own bit 16");
  lanes("shl.b32 %r3, 1, %r1;\nshfl.sync.bfly.b32 %r2, %r1, 1, 31, %r3;", &error);
  EXPECT_CONTAINS(error, "member mask 0x00000002, expected that of lane 0, 0x00000001");
  lanes("setp.lt.u32 %p1, %r1, 16;\n@%p1 shfl.sync.bfly.b32 %r2, %r1, 16, 31, 0xffff;", &error);
  EXPECT_CONTAINS(error, "reads lane 16, which is not in the member mask 0x0000ffff");
}

TEST(Collective, ReportsABarrierThatNotAllLanesReach) {
  std::string error;
  lanes("setp.lt.u32 %p1, %r1, 16;\n@%p1 bra A;\nbar.sync 0;\nA:", &error);
  EXPECT_CONTAINS(error, "line 15: bar.sync 0: expected lanes 0xffffffff of the warp together, got 0xffff0000");

  Simulator simulator;
  const std::string text = kernel(0, "mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 32;\n@%p1 bra A;\nbar.sync 0;\nA:");
  EXPECT_EQ(
      simulator.run(text, {}, grid(1, 64)),
      "kernel k block (0,0,0): barrier 0 has 32 of the 64 threads it needs and no other can come: warp 0 has exited; "
      "warp 1 waits at barrier 0 before line 15;");
}

TEST(Collective, NamedBarriersJoinSomeWarps) {
  Simulator simulator;
  Allocation &out = simulator.buffer(4, "out");
  // Warp 0 gives a value to warp 1 through barrier 1; warp 2 takes no part.
  const std::string text =
      kernel(1, ".shared .align 4 .b8 s[4];\nmov.u32 %r1, %tid.x; shr.u32 %r2, %r1, 5;\n"
                "setp.eq.s32 %p1, %r2, 0; setp.eq.s32 %p2, %r2, 1;\n@%p2 bra ONE;\n@%p1 bra ZERO;\nret;\n"
                "ZERO: setp.eq.s32 %p3, %r1, 0;\n@%p3 st.shared.b32 [s], 42;\nbar.arrive 1, 64;\nret;\n"
                "ONE: bar.sync 1, 64;\nld.shared.b32 %r3, [s];\nst.global.b32 [%rd1], %r3;");
  EXPECT_EQ(simulator.run(text, {out.address}, grid(1, 96)), "");
  EXPECT_EQ(values<uint32_t>(out)[0], 42u);
  EXPECT_CONTAINS(
      simulator.run(without(without(text, "bar.arrive 1, 64;"), "bar.sync 1, 64;"), {out.address}, grid(1, 96)),
      "race: reads 4 bytes at s + 0 (shared), which warp 0 wrote at line");
}

TEST(Collective, SpinningLanesLetOthersOfTheirWarpRun) {
  Simulator simulator;
  Allocation &out = simulator.buffer(8, "out");
  fill<uint32_t>(out, {0, 0});
  EXPECT_EQ(
      simulator.run(
          kernel(1, "mov.u32 %r1, %tid.x; setp.eq.s32 %p1, %r1, 0;\n@!%p1 bra OTHER;\n"
                    "SPIN: ld.acquire.gpu.global.b32 %r2, [%rd1];\nsetp.eq.s32 %p2, %r2, 0;\n@%p2 bra SPIN;\nret;\n"
                    "OTHER: st.release.gpu.global.b32 [%rd1], 1;"),
          {out.address}, grid(1, 2)),
      "");
}

} // namespace
