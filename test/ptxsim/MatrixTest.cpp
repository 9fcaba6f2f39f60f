//===- MatrixTest.cpp - fragments of mma and ldmatrix, copies of cp.async -----------------------------------------===//
//
// The layouts are those that the PTX manual gives by formula for each operand ("row = groupID for a0, a1 ..."), written
// out here element by element and not by the rule that the simulator uses.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "Numbers.h"
#include "Simulator.h"

#include <random>

using namespace ptxsim;
using namespace ptxsim::test;

namespace {

struct Place {
  int row, column;
};

// The manual's formulas: element i of a lane's fragment.
Place a16816(int lane, int i) { // m16n8k16, 16 bits: a0..a7
  int group = lane >> 2, inGroup = lane % 4;
  return {(i < 2 || (i >= 4 && i < 6)) ? group : group + 8, i < 4 ? inGroup * 2 + (i & 1) : inGroup * 2 + (i & 1) + 8};
}
Place b16816(int lane, int i) { // b0..b3
  int group = lane >> 2, inGroup = lane % 4;
  return {i < 2 ? inGroup * 2 + (i & 1) : inGroup * 2 + (i & 1) + 8, group};
}
Place c168(int lane, int i) { // c0..c3 of every m16n8
  int group = lane >> 2, inGroup = lane % 4;
  return {i < 2 ? group : group + 8, inGroup * 2 + (i & 1)};
}
Place a1688(int lane, int i) { // m16n8k8, 16 bits: a0..a3
  int group = lane >> 2, inGroup = lane % 4;
  return {i < 2 ? group : group + 8, inGroup * 2 + (i & 1)};
}
Place b1688(int lane, int i) { return {(lane % 4) * 2 + i, lane >> 2}; }
Place a16832(int lane, int i) { // m16n8k32, 8 bits: a0..a15
  int group = lane >> 2, inGroup = lane % 4;
  return {(i < 4 || (i >= 8 && i < 12)) ? group : group + 8,
          i < 8 ? inGroup * 4 + (i & 3) : inGroup * 4 + (i & 3) + 16};
}
Place b16832(int lane, int i) { // b0..b7
  int group = lane >> 2, inGroup = lane % 4;
  return {i < 4 ? inGroup * 4 + (i & 3) : inGroup * 4 + (i & 3) + 16, group};
}
Place a1688t(int lane, int i) { // m16n8k8, tf32: a0..a3
  int group = lane >> 2, inGroup = lane % 4;
  return {i == 0 || i == 2 ? group : group + 8, i < 2 ? inGroup : inGroup + 4};
}
Place b1688t(int lane, int i) { return {i == 0 ? lane % 4 : lane % 4 + 4, lane >> 2}; }

struct Shape {
  const char *opcode;
  int depth, bits, registersA, registersB;
  Place (*a)(int, int), (*b)(int, int);
  uint32_t (*encode)(int); // a small integer as an element
  bool isInteger = false, isUnsignedA = false;
};

uint32_t half(int v) { return Half::fromFloat(float(v)); }
uint32_t bfloat(int v) { return BFloat::fromFloat(float(v)); }
uint32_t tensorFloat(int v) { return uint32_t(bitsOf(float(v))); }
uint32_t byte(int v) { return uint8_t(v); }

const Shape kShapes[] = {
    {"mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", 16, 16, 4, 2, a16816, b16816, bfloat},
    {"mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", 16, 16, 4, 2, a16816, b16816, half},
    {"mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32", 8, 16, 2, 1, a1688, b1688, bfloat},
    {"mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32", 8, 16, 2, 1, a1688, b1688, half},
    {"mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", 8, 32, 4, 2, a1688t, b1688t, tensorFloat},
    {"mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", 32, 8, 4, 2, a16832, b16832, byte, true},
    {"mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32", 32, 8, 4, 2, a16832, b16832, byte, true, true},
};

/// The largest difference between what an mma gives and the product, for small random integers. `shift` reads the
/// fragments of A by that many elements further on: a mistake that must be seen.
int difference(const Shape &shape, int shift) {
  std::mt19937 random(7);
  auto number = [&] { return int(random() % 9) - 4; };
  int a[16][32], b[32][8], c[16][8], perRegister = 32 / shape.bits;
  for (auto &row : a)
    for (int &value : row)
      value = shape.isUnsignedA ? int(random() % 200) : number();
  for (auto &row : b)
    for (int &value : row)
      value = number();
  for (auto &row : c)
    for (int &value : row)
      value = number();
  int registers = shape.registersA + shape.registersB + 4;
  std::vector<uint32_t> input(32 * registers);
  for (int lane = 0; lane < 32; ++lane) {
    uint32_t *to = &input[lane * registers];
    int elementsA = shape.registersA * perRegister;
    for (int i = 0; i < elementsA; ++i) {
      Place from = shape.a(lane, (i + shift) % elementsA);
      to[i / perRegister] |= shape.encode(a[from.row][from.column]) << shape.bits % 32 * (i % perRegister);
    }
    for (int i = 0; i < shape.registersB * perRegister; ++i) {
      Place from = shape.b(lane, i);
      to[shape.registersA + i / perRegister] |= shape.encode(b[from.row][from.column])
                                                << shape.bits % 32 * (i % perRegister);
    }
    for (int i = 0; i < 4; ++i) {
      Place from = c168(lane, i);
      int value = c[from.row][from.column];
      to[shape.registersA + shape.registersB + i] = shape.isInteger ? uint32_t(value) : uint32_t(bitsOf(float(value)));
    }
  }
  Simulator simulator;
  Allocation &in = simulator.buffer(input.size() * 4, "in"), &out = simulator.buffer(32 * 16, "out");
  fill(in, input);
  std::string body = "mov.u32 %r31, %laneid; mul.wide.u32 %rd3, %r31, " + std::to_string(registers * 4) +
                     "; add.s64 %rd1, %rd1, %rd3; mul.wide.u32 %rd3, %r31, 16; add.s64 %rd2, %rd2, %rd3;\n";
  auto list = [](int first, int count) {
    std::string text = "{";
    for (int k = 0; k < count; ++k)
      text += (k ? ", %r" : "%r") + std::to_string(first + k);
    return text + "}";
  };
  for (int k = 0; k < registers; ++k)
    body += "ld.global.b32 %r" + std::to_string(k) + ", [%rd1+" + std::to_string(4 * k) + "];\n";
  body += shape.opcode + std::string(" ") + list(20, 4) + ", " + list(0, shape.registersA) + ", " +
          list(shape.registersA, shape.registersB) + ", " + list(shape.registersA + shape.registersB, 4) +
          ";\nst.global.v4.b32 [%rd2], {%r20, %r21, %r22, %r23};";
  EXPECT_EQ(simulator.run(kernel(2, body), {in.address, out.address}, grid(1, 32)), "") << shape.opcode;
  auto result = values<uint32_t>(out);
  int worst = 0;
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) {
      Place at = c168(lane, i);
      int expected = c[at.row][at.column];
      for (int k = 0; k < shape.depth; ++k)
        expected += a[at.row][k] * b[k][at.column];
      uint32_t bits = result[4 * lane + i];
      int found = shape.isInteger ? int(bits) : int(as<float>(bits));
      worst = std::max(worst, std::abs(found - expected));
    }
  return worst;
}

TEST(Matrix, MultipliesInTheManualsLayouts) {
  for (const Shape &shape : kShapes)
    EXPECT_EQ(difference(shape, 0), 0) << shape.opcode;
}

TEST(Matrix, NoticesAShiftedFragment) {
  for (const Shape &shape : kShapes)
    for (int shift = 1; shift < shape.registersA * 32 / shape.bits; ++shift)
      EXPECT_GT(difference(shape, shift), 0) << shape.opcode << " shifted by " << shift;
}

/// 8 x 8 matrices whose element (row, column) of matrix m is 100 m + 8 row + column, loaded by ldmatrix.
std::vector<uint32_t> loadMatrices(const std::string &opcode, const std::string &registers) {
  Simulator simulator;
  Allocation &in = simulator.buffer(512, "in"), &out = simulator.buffer(512, "out");
  std::vector<uint16_t> elements;
  for (int m = 0; m < 4; ++m)
    for (int k = 0; k < 64; ++k)
      elements.push_back(uint16_t(100 * m + k));
  fill(in, elements);
  std::string found = simulator.run(
      kernel(2, ".shared .align 16 .b8 s[512];\nmov.u32 %r31, %laneid; mul.wide.u32 %rd3, %r31, 16; add.s64 %rd1, "
                "%rd1, %rd3;\n"
                "add.s64 %rd2, %rd2, %rd3; mov.b64 %rd4, s; add.s64 %rd4, %rd4, %rd3;\n"
                "mov.b32 %r1, 0; mov.b32 %r2, 0; mov.b32 %r3, 0;\n"
                "ld.global.v4.b32 {%r4, %r5, %r6, %r7}, [%rd1];\nst.shared.v4.b32 [%rd4], {%r4, %r5, %r6, %r7};\n" +
                    opcode + " " + registers + ", [%rd4];\nst.global.v4.b32 [%rd2], {%r0, %r1, %r2, %r3};"),
      {in.address, out.address}, grid(1, 32));
  EXPECT_EQ(found, "");
  return values<uint32_t>(out);
}

TEST(Matrix, LoadsRowsAndColumns) {
  auto plain = loadMatrices("ldmatrix.sync.aligned.m8n8.x4.shared.b16", "{%r0, %r1, %r2, %r3}");
  auto turned = loadMatrices("ldmatrix.sync.aligned.m8n8.x4.trans.shared::cta.b16", "{%r0, %r1, %r2, %r3}");
  auto one = loadMatrices("ldmatrix.sync.aligned.m8n8.x1.shared.b16", "{%r0}");
  for (uint32_t lane = 0; lane < 32; ++lane)
    for (uint32_t m = 0; m < 4; ++m) {
      uint32_t row = lane / 4, column = 2 * (lane % 4);
      uint32_t low = 100 * m + 8 * row + column, high = low + 1;
      EXPECT_EQ(plain[4 * lane + m], low | high << 16);
      low = 100 * m + 8 * column + row, high = low + 8;
      EXPECT_EQ(turned[4 * lane + m], low | high << 16);
      EXPECT_EQ(one[4 * lane + m], m ? 0 : plain[4 * lane]);
    }
}

const char *const kCopy =
    ".shared .align 16 .b8 s[512];\nmov.u32 %r31, %tid.x; mul.wide.u32 %rd3, %r31, 16; add.s64 %rd1, %rd1, %rd3;\n"
    "mov.b64 %rd4, s; add.s64 %rd4, %rd4, %rd3;\n"
    "cp.async.cg.shared.global [%rd4], [%rd1], 16;\ncp.async.commit_group;\n"
    "cp.async.wait_group 0;\nbar.sync 0;\n"
    "xor.b32 %r1, %r31, 32; mul.wide.u32 %rd5, %r1, 16; mov.b64 %rd6, s; add.s64 %rd5, %rd5, %rd6;\n"
    "ld.shared.v4.b32 {%r4, %r5, %r6, %r7}, [%rd5];\nadd.s64 %rd2, %rd2, %rd3;\n"
    "st.global.v4.b32 [%rd2], {%r4, %r5, %r6, %r7};";

std::string copy(const std::string &text, std::vector<uint32_t> *result = nullptr) {
  Simulator simulator;
  Allocation &in = simulator.buffer(1024, "in"), &out = simulator.buffer(1024, "out");
  std::vector<uint32_t> input(256);
  for (uint32_t k = 0; k < 256; ++k)
    input[k] = k;
  fill(in, input);
  std::string error = simulator.run(text, {in.address, out.address}, grid(1, 64));
  if (result)
    *result = values<uint32_t>(out);
  return error;
}

TEST(Async, CopiesAtItsWait) {
  std::string text = without(kernel(2, kCopy), "s[512]", "s[1024]");
  std::vector<uint32_t> result;
  EXPECT_EQ(copy(text, &result), "");
  for (uint32_t k = 0; k < 256; ++k)
    EXPECT_EQ(result[k], k ^ 128);
}

TEST(Async, CopiesFewerBytesAndFillsTheRest) {
  std::string text = without(without(kernel(2, kCopy), "s[512]", "s[1024]"), "[%rd1], 16;", "[%rd1], 16, 8;");
  std::vector<uint32_t> result;
  EXPECT_EQ(copy(text, &result), "");
  EXPECT_EQ(result[128], 0u);
  EXPECT_EQ(result[129], 1u);
  EXPECT_EQ(result[130], 0u);
}

TEST(Async, ReportsAMissingWait) {
  std::string text = without(kernel(2, kCopy), "s[512]", "s[1024]");
  EXPECT_CONTAINS(
      copy(without(text, "cp.async.wait_group 0;")),

      "ld.shared.v4.b32 {%r4, %r5, %r6, %r7}, [%rd5]: reads 16 bytes at s + 0 (shared), which a cp.async still "
      "fills: expected cp.async.wait before");
  EXPECT_CONTAINS(copy(without(text, "wait_group 0", "wait_group 1")), "which a cp.async still fills");
}

TEST(Async, ReportsAMissingBarrierAfterTheWait) {
  std::string text = without(kernel(2, kCopy), "s[512]", "s[1024]");
  EXPECT_CONTAINS(copy(without(text, "bar.sync 0;")),
                  "race: writes 16 bytes at s + 512 (shared), which warp 0 read at line 21: expected a barrier");
}

TEST(Async, ReportsCopiesOutOfBounds) {
  EXPECT_CONTAINS(copy(kernel(2, kCopy)), "writes 16 bytes at shared byte 512, expected less than 512");
}

} // namespace
