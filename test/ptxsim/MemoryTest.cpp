//===- MemoryTest.cpp - state spaces, variables, calls, bounds ----------------------------------------------------===//

#include "Numbers.h"
#include "Simulator.h"

using namespace ptxsim;
using namespace ptxsim::test;

namespace {

TEST(Memory, LoadsAndStoresVectors) {
  Simulator simulator;
  Allocation &in = simulator.buffer(16, "in"), &out = simulator.buffer(32, "out");
  fill<uint32_t>(in, {0xff, 2, 3, 4});
  EXPECT_EQ(simulator.run(kernel(2, "ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%rd1];\n"
                                    "st.global.v2.b32 [%rd2], {%r4, %r3};\n"
                                    "ld.global.nc.L1::no_allocate.v2.b64 {%rd3, %rd4}, [%rd1];\n"
                                    "st.global.b64 [%rd2+8], %rd4;\n"
                                    "ld.global.s8 %r5, [%rd1];\n"
                                    "st.global.b32 [%rd2+16], %r5;\n"
                                    "ld.global.b8 %rs1, [%rd1+4]; st.global.b8 [%rd2+20], %rs1;"),
                          {in.address, out.address}),
            "");
  std::vector<uint32_t> expected = {4, 3, 3, 4, 0xffffffff, 0xffffff02};
  auto found = values<uint32_t>(out);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found.begin()));
}

TEST(Memory, ReadsInitialisedVariables) {
  Simulator simulator;
  Allocation &out = simulator.buffer(32, "out");
  EXPECT_EQ(
      simulator.run(kernel(1,
                           "mov.b64 %rd2, table; ld.const.b32 %r1, [%rd2+8]; st.global.b32 [%rd1], %r1;\n"
                           "ld.global.b64 %rd3, [pointers+8]; ld.global.b32 %r1, [%rd3]; st.global.b32 [%rd1+4], %r1;\n"
                           "ld.global.f32 %f1, [x]; st.global.f32 [%rd1+8], %f1;\n"
                           "ld.global.b32 %r1, [zero]; st.global.b32 [%rd1+12], %r1;",
                           ".const .align 4 .b8 table[12] = {1, 0, 0, 0, 2, 0, 0, 0, 3};\n"
                           ".visible .global .align 4 .f32 x[2] = {0f3F800000, 0f40000000};\n"
                           ".global .align 8 .u64 pointers[2] = {x, generic(x)+4};\n.global .align 4 .b8 zero[4];"),
                    {out.address}),
      "");
  auto found = values<uint32_t>(out);
  found.resize(4);
  EXPECT_EQ(found, (std::vector<uint32_t>{3, 0x40000000, 0x3f800000, 0}));
}

TEST(Memory, RefusesToWriteConstants) {
  Simulator simulator;
  EXPECT_EQ(simulator.run(kernel(0, "mov.b64 %rd2, table; st.b32 [%rd2], 1;", ".const .align 4 .b32 table = 1;"), {}),
            "kernel k block (0,0,0) thread (0,0,0) line 11: mov.b64 %rd2, table; st.b32 [%rd2], 1: writes the constant "
            "table");
}

const char *const kSum = R"(
.func (.param .b32 result) sum(.param .b32 n, .param .align 16 .b8 v[16])
{
  .reg .pred %p<2>; .reg .b32 %r<9>;
  ld.param.b32 %r1, [n];
  ld.param.v4.b32 {%r2, %r3, %r4, %r5}, [v];
  setp.eq.b32 %p1, %r1, 0;
  mov.b32 %r6, 0;
  @%p1 bra done;
  sub.s32 %r7, %r1, 1;
  { .param .b32 a; .param .align 16 .b8 b[16]; .param .b32 r;
    st.param.b32 [a], %r7; st.param.v4.b32 [b], {%r2, %r3, %r4, %r5};
    call.uni (r), sum, (a, b);
    ld.param.b32 %r6, [r]; }
  add.s32 %r6, %r6, %r3;
done:
  st.param.b32 [result], %r6;
  ret;
}
.global .align 8 .u64 pointer = sum;
)";

TEST(Memory, CallsRecursivelyByLane) {
  Simulator simulator;
  Allocation &out = simulator.buffer(128, "out");
  EXPECT_EQ(simulator.run(kernel(1,
                                 "mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.s64 %rd1, %rd1, %rd2;\n"
                                 "{ .param .b32 a; .param .align 16 .b8 b[16]; .param .b32 r;\n"
                                 "st.param.b32 [a], %r1; st.param.v4.b32 [b], {1, 10, 3, 4};\n"
                                 "call (r), sum, (a, b);\nld.param.b32 %r6, [r]; }\nst.global.b32 [%rd1], %r6;",
                                 kSum),
                          {out.address}, grid(1, 32)),
            "");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(values<uint32_t>(out)[lane], 10 * lane);
}

TEST(Memory, CallsThroughAPointer) {
  Simulator simulator;
  Allocation &out = simulator.buffer(4, "out");
  EXPECT_EQ(
      simulator.run(kernel(1,
                           "ld.global.b64 %rd2, [pointer];\n"
                           "{ .param .b32 a; .param .align 16 .b8 b[16]; .param .b32 r;\n"
                           "st.param.b32 [a], 3; st.param.v4.b32 [b], {1, 10, 3, 4};\n"
                           "prototype : .callprototype (.param .b32 _) _ (.param .b32 _, .param .align 16 .b8 _[16]);\n"
                           "call (r), %rd2, (a, b), prototype;\nld.param.b32 %r6, [r]; }\nst.global.b32 [%rd1], %r6;",
                           kSum),
                    {out.address}),
      "");
  EXPECT_EQ(values<uint32_t>(out)[0], 30u);
}

TEST(Memory, RefusesACallThatDoesNotFit) {
  Simulator simulator;
  EXPECT_EQ(simulator.run(kernel(0, "{ .param .b64 a; .param .b32 r; call (r), sum, (a); }", kSum), {}),
            "line 31: calls sum with parameters or results of other sizes than it has");
}

TEST(Memory, KeepsLocalVariablesApart) {
  Simulator simulator;
  Allocation &out = simulator.buffer(128, "out");
  EXPECT_EQ(simulator.run(kernel(1, ".local .align 8 .b8 depot[16];\n.reg .b64 %SP, %SPL;\n"
                                    "mov.b64 %SPL, depot; cvta.local.u64 %SP, %SPL; mov.u32 %r1, %tid.x;\n"
                                    "st.local.b32 [%SPL+8], %r1; ld.b32 %r2, [%SP+8];\n"
                                    "mul.wide.u32 %rd2, %r1, 4; add.s64 %rd1, %rd1, %rd2; st.global.b32 [%rd1], %r2;"),
                          {out.address}, grid(1, 32)),
            "");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(values<uint32_t>(out)[lane], lane);
}

TEST(Memory, PlacesDynamicSharedMemoryBehindStatic) {
  Simulator simulator;
  Allocation &out = simulator.buffer(16, "out");
  const std::string text = kernel(
      1,
      ".shared .align 4 .b8 own[8];\nst.shared.b32 [own+4], 7; mov.b64 %rd2, dynamic; st.shared.b32 [%rd2+60], 8;\n"
      "ld.shared.b32 %r1, [own+4]; ld.shared.b32 %r2, [dynamic+60]; ld.shared.b32 %r3, [own];\n"
      "st.global.v4.b32 [%rd1], {%r1, %r2, %r3, 0};",
      ".extern .shared .align 16 .b8 dynamic[];");
  EXPECT_EQ(simulator.run(text, {out.address}, grid(1, 1, false, 64)), "");
  EXPECT_EQ(values<uint32_t>(out),
            (std::vector<uint32_t>{7, 8, 0xffffffff, 0})); // bytes that were never written are a NaN
  EXPECT_CONTAINS(simulator.run(text, {out.address}, grid(1, 1, false, 32)), "expected less than 160");
}

TEST(Memory, ReadsSpecialRegisters) {
  Simulator simulator;
  Allocation &out = simulator.buffer(32, "out");
  Grid size;
  size.blocks[0] = 2, size.blocks[1] = 3, size.threads[0] = 4, size.threads[1] = 2, size.threads[2] = 5;
  EXPECT_EQ(
      simulator.run(
          kernel(1, "mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mov.u32 %r3, %tid.z; mov.u32 %r4, %ctaid.x;\n"
                    "mov.u32 %r5, %ctaid.y; mov.u32 %r6, %nctaid.y; mov.u32 %r7, %ntid.z; mov.u32 %r8, %laneid;\n"
                    "setp.eq.s32 %p1, %r1, 3; setp.eq.and.s32 %p1, %r2, 1, %p1; setp.eq.and.s32 %p1, %r3, 4, %p1;\n"
                    "setp.eq.and.s32 %p1, %r4, 1, %p1; setp.eq.and.s32 %p1, %r5, 2, %p1;\n"
                    "@%p1 st.global.v4.b32 [%rd1], {%r1, %r2, %r3, %r4};\n"
                    "@%p1 st.global.v4.b32 [%rd1+16], {%r5, %r6, %r7, %r8};"),
          {out.address}, size),
      "");
  EXPECT_EQ(values<uint32_t>(out), (std::vector<uint32_t>{3, 1, 4, 1, 2, 3, 5, 7}));
}

TEST(Memory, JumpsThroughATable) {
  Simulator simulator;
  Allocation &out = simulator.buffer(128, "out");
  EXPECT_EQ(simulator.run(kernel(1, "mov.u32 %r1, %tid.x; mul.wide.u32 %rd2, %r1, 4; add.s64 %rd1, %rd1, %rd2;\n"
                                    "rem.u32 %r2, %r1, 3; table: .branchtargets A, B, C;\nbrx.idx %r2, table;\n"
                                    "A: mov.b32 %r3, 5; bra E;\nB: mov.b32 %r3, 6; bra E;\nC: mov.b32 %r3, 7;\n"
                                    "E: st.global.b32 [%rd1], %r3;"),
                          {out.address}, grid(1, 32)),
            "");
  for (uint32_t lane = 0; lane < 32; ++lane)
    EXPECT_EQ(values<uint32_t>(out)[lane], 5 + lane % 3);
}

TEST(Memory, UpdatesAtomically) {
  Simulator simulator;
  Allocation &out = simulator.buffer(64, "out");
  fill<uint32_t>(out, {0, 0, 100, 0, 5, 0, 0, 0, 0, 0});
  EXPECT_EQ(simulator.run(kernel(1, "mov.u32 %r1, %tid.x; cvt.rn.f32.u32 %f1, %r1;\n"
                                    "atom.global.add.u32 %r2, [%rd1], 1;\n"
                                    "red.global.add.f32 [%rd1+4], %f1;\n"
                                    "red.relaxed.gpu.global.min.s32 [%rd1+8], %r1;\n"
                                    "atom.acq_rel.gpu.global.max.u32 %r2, [%rd1+12], %r1;\n"
                                    "atom.global.cas.b32 %r2, [%rd1+16], 5, 77;\n"
                                    "atom.global.inc.u32 %r2, [%rd1+20], 9;\n"
                                    "atom.global.or.b32 %r2, [%rd1+24], %r1;\n"
                                    "mov.b32 %r3, 0x3c000000; atom.global.add.noftz.f16x2 %r2, [%rd1+28], %r3;\n"
                                    "atom.global.exch.b64 %rd2, [%rd1+32], 9;"),
                          {out.address}, grid(1, 32)),
            "");
  auto found = values<uint32_t>(out);
  EXPECT_EQ(std::vector<uint32_t>(found.begin(), found.begin() + 9),
            (std::vector<uint32_t>{32, uint32_t(bitsOf(496.0f)), 0, 31, 77, 2, 31, 0x50000000, 9}));
}

struct Violation {
  const char *body, *text;
};

TEST(Memory, ReportsBadAddresses) {
  for (const Violation &one : std::initializer_list<Violation>{
           {"ld.global.b32 %r1, [%rd1+64];",
            "reads 4 bytes outside of every allocation: 0x700000140 (byte 64 of in, 64 bytes at "
            "0x700000100)"},
           {"st.global.v4.b32 [%rd1+56], {%r1, %r1, %r1, %r1};",
            "writes 16 bytes outside of every allocation: 0x700000138 (byte 56"
            " of in, 64 bytes at 0x700000100)"},
           {"ld.global.b32 %r1, [%rd1+-4];",
            "reads 4 bytes outside of every allocation: 0x7000000fc (4 bytes before in, 64 bytes "
            "at 0x700000100)"},
           {"ld.global.v4.b32 {%r1, %r2, %r3, %r4}, [%rd1+8];",
            "reads 16 bytes at 0x700000108, expected a multiple of 16"},
           {"mov.b64 %rd2, 1234; ld.b32 %r1, [%rd2];",
            "reads 4 bytes outside of every allocation: 0x4d2 (no address of the device)"},
           {"atom.global.add.u32 %r1, [%rd1+2], 1;", "updates 4 bytes at 0x700000102, expected a multiple of 4"},
           {"mov.b64 %rd2, 4096; ld.shared.b32 %r1, [%rd2];",
            "reads 4 bytes at shared byte 4096, expected less than 0"},
           {"ld.local.b32 %r1, [64];", "reads 4 bytes at local byte 64, expected less than 0"},
           {"trap;", "trap"},
       }) {
    Simulator simulator;
    Allocation &in = simulator.buffer(64, "in");
    std::string statement(one.body);
    statement.pop_back();
    EXPECT_EQ(simulator.run(kernel(1, one.body), {in.address}),
              "kernel k block (0,0,0) thread (0,0,0) line 12: " + statement + ": " + one.text);
  }
}

TEST(Memory, ReportsUseAfterFree) {
  Simulator simulator;
  uint64_t address = simulator.buffer(64, "in").address;
  simulator.device.memory.free(address);
  EXPECT_CONTAINS(simulator.run(kernel(1, "ld.global.b32 %r1, [%rd1];"), {address}), "(in in, which was freed)");
}

TEST(Memory, ReportsWhatNobodyWrote) {
  Settings settings;
  settings.checks.uninitialised = true;
  Simulator simulator(settings);
  Allocation &in = simulator.buffer(64, "in");
  const std::string text =
      kernel(1, ".shared .align 4 .b8 s[8];\nst.global.b32 [%rd1], 1; st.shared.b32 [s], 1;\n"
                "ld.global.b32 %r1, [%rd1]; ld.shared.b32 %r1, [s];\nld.global.b32 %r1, [%rd1+4];\n");
  EXPECT_CONTAINS(simulator.run(text, {in.address}),
                  "line 15: ld.global.b32 %r1, [%rd1+4]: reads 4 bytes that nobody wrote: 0x700000104 (byte 4 of in");
  EXPECT_CONTAINS(simulator.run(without(text, "[%rd1+4];", "[%rd1]; ld.shared.b32 %r1, [s+4];"), {in.address}),
                  "reads 4 bytes that nobody wrote at s + 4 (shared)");
}

TEST(Memory, RefusesWhatItDoesNotKnow) {
  for (const Violation &one : std::initializer_list<Violation>{
           {"wgmma.fence.sync.aligned;", "line 12: wgmma.fence.sync.aligned: unknown instruction"},
           {"add.rn.ftz.sat.foo.f32 %f1, %f1, %f1;",
            "line 12: add.rn.ftz.sat.foo.f32 %f1, %f1, %f1: unknown modifier .foo"},
           {"add.s32 %r1, %r2;", "line 12: add.s32 %r1, %r2: expected 3 to 3 operands, found 2"},
           {"mov.b32 %r1, nothing;", "line 12: unknown name nothing"},
           {"bra nowhere;", "line 12: unknown label nowhere"},
           {"call missing;", "line 12: undefined function missing"},
           {"cp.async.bulk.commit_group;", "line 12: cp.async.bulk.commit_group: unknown modifier .bulk"},
           {".surf .b32 x;", "line 12: unknown directive .surf"},
       }) {
    Simulator simulator;
    EXPECT_EQ(simulator.run(kernel(1, one.body), {0}), one.text);
  }
}

} // namespace
