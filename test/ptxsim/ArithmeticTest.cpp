//===- ArithmeticTest.cpp - one instruction, its operands, its result ---------------------------------------------===//

#include "Numbers.h"
#include "Simulator.h"

using namespace ptxsim;
using namespace ptxsim::test;

namespace {

/// Runs statements with a, b, c in %rd1-3, %r1-3 and %rs1-3, and c's lowest bit in %p1. The result is in the
/// register number 0 that they name.
uint64_t evaluate(const std::string &text, uint64_t a, uint64_t b = 0, uint64_t c = 0) {
  static Simulator simulator;
  static Allocation &out = simulator.buffer(32, "out");
  std::string error = simulator.run(
      kernel(4, "mov.b64 %rd9, %rd4; mov.b64 %rd0, 0; mov.b32 %r0, 0; mov.b16 %rs0, 0;\n"
                "cvt.u32.u64 %r1, %rd1; cvt.u32.u64 %r2, %rd2; cvt.u32.u64 %r3, %rd3;\n"
                "cvt.u16.u64 %rs1, %rd1; cvt.u16.u64 %rs2, %rd2; cvt.u16.u64 %rs3, %rd3;\n"
                "and.b64 %rd8, %rd3, 1; setp.ne.b64 %p1, %rd8, 0; setp.ne.b64 %p0, 0, 0;\n" +
                    text + "\nselp.b32 %r9, 1, 0, %p0;\n" +
                    "st.global.b64 [%rd9], %rd0; st.global.b32 [%rd9+8], %r0; st.global.b16 [%rd9+16], %rs0;\n"
                    "st.global.b32 [%rd9+24], %r9;"),
      {a, b, c, out.address});
  EXPECT_EQ(error, "") << text;
  std::string to;
  for (const char *name : {"%rd0", "%rs0", "%r0", "%p0"})
    if (to.empty() && text.find(name) != std::string::npos)
      to = name;
  uint64_t result = 0;
  if (to == "%rd0")
    std::memcpy(&result, out.data, 8);
  else if (to == "%r0")
    std::memcpy(&result, out.data + 8, 4);
  else if (to == "%rs0")
    std::memcpy(&result, out.data + 16, 2);
  else if (to == "%p0")
    std::memcpy(&result, out.data + 24, 4);
  else
    ADD_FAILURE() << "no result in " << text;
  return result;
}

uint64_t f(float value) { return bitsOf(value); }
uint64_t d(double value) { return bitsOf(value); }

struct Case {
  const char *text;
  uint64_t a, b, c, result;
};

void check(std::initializer_list<Case> cases) {
  for (const Case &one : cases)
    EXPECT_EQ(evaluate(one.text, one.a, one.b, one.c), one.result)
        << one.text << std::hex << " a " << one.a << " b " << one.b << " c " << one.c;
}

TEST(Arithmetic, Integers) {
  check({
      {"add.s32 %r0, %r1, %r2;", 0xffffffff, 2, 0, 1},
      {"add.s64 %rd0, %rd1, -5;", 3, 0, 0, uint64_t(-2)},
      {"add.u16 %rs0, %rs1, %rs2;", 0xffff, 2, 0, 1},
      {"add.sat.s32 %r0, %r1, %r2;", 0x7fffffff, 1, 0, 0x7fffffff},
      {"sub.s32 %r0, %r1, %r2;", 1, 3, 0, 0xfffffffe},
      {"mul.lo.s32 %r0, %r1, %r2;", 0x10001, 0x10001, 0, 0x20001},
      {"mul.lo.s16 %rs0, %rs1, %rs2;", 0xffff, 3, 0, 0xfffd},
      {"mul.hi.u32 %r0, %r1, %r2;", 0x80000000, 6, 0, 3},
      {"mul.hi.s32 %r0, %r1, %r2;", 0x80000000, 2, 0, 0xffffffff},
      {"mul.hi.u64 %rd0, %rd1, %rd2;", uint64_t(1) << 63, 6, 0, 3},
      {"mul.wide.u32 %rd0, %r1, %r2;", 0xffffffff, 2, 0, 0x1fffffffe},
      {"mul.wide.s32 %rd0, %r1, %r2;", 0xffffffff, 2, 0, uint64_t(-2)},
      {"mul.wide.s16 %r0, %rs1, %rs2;", 0xffff, 2, 0, 0xfffffffe},
      {"mad.lo.s32 %r0, %r1, %r2, %r3;", 3, 5, 7, 22},
      {"mad.hi.u32 %r0, %r1, %r2, %r3;", 0x80000000, 2, 7, 8},
      {"mad.wide.s32 %rd0, %r1, %r2, %rd3;", 0xffffffff, 2, 10, 8},
      {"div.s32 %r0, %r1, %r2;", uint32_t(-7), 2, 0, uint32_t(-3)},
      {"div.u32 %r0, %r1, %r2;", uint32_t(-7), 2, 0, 0x7ffffffc},
      {"div.s64 %rd0, %rd1, %rd2;", uint64_t(INT64_MIN), uint64_t(-1), 0, uint64_t(INT64_MIN)},
      {"rem.s32 %r0, %r1, %r2;", uint32_t(-7), 2, 0, uint32_t(-1)},
      {"rem.u64 %rd0, %rd1, %rd2;", 17, 5, 0, 2},
      {"abs.s32 %r0, %r1;", uint32_t(-7), 0, 0, 7},
      {"neg.s64 %rd0, %rd1;", 7, 0, 0, uint64_t(-7)},
      {"min.s32 %r0, %r1, %r2;", uint32_t(-1), 1, 0, uint32_t(-1)},
      {"min.u32 %r0, %r1, %r2;", uint32_t(-1), 1, 0, 1},
      {"max.s64 %rd0, %rd1, %rd2;", uint64_t(-1), 1, 0, 1},
      {"sad.s32 %r0, %r1, %r2, %r3;", 3, 10, 100, 107},
      {"dp4a.s32.s32 %r0, %r1, %r2, %r3;", 0x01ff0203, 0x02030405, 100, 100 + 2 - 3 + 8 + 15},
      {"dp4a.u32.s32 %r0, %r1, %r2, %r3;", 0x000000ff, 0x000000ff, 0, uint32_t(-255)},
      {"dp2a.lo.s32.s32 %r0, %r1, %r2, %r3;", 0x0002ffff, 0x00000304, 10, 12},
      {"add.cc.s64 %rd0, %rd1, %rd2; addc.s64 %rd0, 0, 0;", ~uint64_t(0), 1, 0, 1},
      {"sub.cc.s32 %r0, %r1, %r2; subc.s32 %r0, 5, 0;", 1, 2, 0, 4},
  });
}

TEST(Arithmetic, Bits) {
  check({
      {"and.b32 %r0, %r1, %r2;", 12, 10, 0, 8},
      {"or.b64 %rd0, %rd1, %rd2;", 12, 10, 0, 14},
      {"xor.b16 %rs0, %rs1, %rs2;", 12, 10, 0, 6},
      {"not.b32 %r0, %r1;", 5, 0, 0, 0xfffffffa},
      {"not.pred %p0, %p1;", 0, 0, 1, 0},
      {"xor.pred %p0, %p1, %p1;", 0, 0, 1, 0},
      {"shl.b32 %r0, %r1, %r2;", 3, 31, 0, 0x80000000},
      {"shl.b32 %r0, %r1, %r2;", 3, 32, 0, 0},
      {"shr.u32 %r0, %r1, %r2;", 0x80000000, 31, 0, 1},
      {"shr.s32 %r0, %r1, %r2;", 0x80000000, 40, 0, 0xffffffff},
      {"shr.u16 %rs0, %rs1, 4;", 0xffff, 0, 0, 0xfff},
      {"shr.s64 %rd0, %rd1, 60;", uint64_t(1) << 63, 0, 0, uint64_t(-8)},
      {"shf.l.wrap.b32 %r0, %r1, %r2, %r3;", 0x80000000, 1, 33, 3},
      {"shf.r.clamp.b32 %r0, %r1, %r2, %r3;", 5, 7, 40, 7},
      {"popc.b32 %r0, %r1;", 0xf0f0, 0, 0, 8},
      {"popc.b64 %r0, %rd1;", ~uint64_t(0), 0, 0, 64},
      {"clz.b32 %r0, %r1;", 1, 0, 0, 31},
      {"clz.b64 %r0, %rd1;", 0, 0, 0, 64},
      {"brev.b32 %r0, %r1;", 1, 0, 0, 0x80000000},
      {"bfind.u32 %r0, %r1;", 0x00800001, 0, 0, 23},
      {"bfind.s32 %r0, %r1;", 0xffffffff, 0, 0, 0xffffffff},
      {"bfind.shiftamt.u32 %r0, %r1;", 0x00800001, 0, 0, 8},
      {"bfe.u32 %r0, %r1, %r2, %r3;", 0xabcd1234, 8, 8, 0x12},
      {"bfe.s32 %r0, %r1, %r2, %r3;", 0x0000f000, 12, 4, 0xffffffff},
      {"bfe.s32 %r0, %r1, %r2, %r3;", 0x80000000, 28, 8, 0xfffffff8},
      {"bfe.u64 %rd0, %rd1, %r2, %r3;", uint64_t(0xab) << 40, 40, 8, 0xab},
      {"bfi.b32 %r0, %r1, %r2, %r3, 8;", 0xff, 0x11111111, 8, 0x1111ff11},
      {"prmt.b32 %r0, %r1, %r2, 0x7531;", 0x33221100, 0x77665544, 0, 0x77553311},
      {"prmt.b32 %r0, %r1, %r2, 0x000b;", 0x80000000, 0, 0, 0x000000ff},
      {"lop3.b32 %r0, %r1, %r2, %r3, 0xE8;", 0xf0f0f0f0, 0xcccccccc, 0xaaaaaaaa, 0xe8e8e8e8},
  });
}

TEST(Arithmetic, Floats) {
  check({
      {"add.rn.f32 %r0, %r1, %r2;", f(1), f(0x1p-24f), 0, f(1)},
      {"add.rz.f32 %r0, %r1, %r2;", f(1), f(-0x1p-30f), 0, f(0x1.fffffep-1f)},
      {"add.rp.f32 %r0, %r1, %r2;", f(1), f(0x1p-30f), 0, f(0x1.000002p0f)},
      {"add.ftz.f32 %r0, %r1, %r2;", f(0x1p-130f), f(0x1p-130f), 0, 0},
      {"sub.rn.f64 %rd0, %rd1, %rd2;", d(3), d(1), 0, d(2)},
      {"mul.rn.f32 %r0, %r1, %r2;", f(3), f(0.5f), 0, f(1.5f)},
      {"mul.sat.f32 %r0, %r1, %r2;", f(3), f(7), 0, f(1)},
      {"fma.rn.f32 %r0, %r1, %r2, %r3;", f(0x1.000002p0f), f(0x1.000002p0f), f(-0x1.000004p0f), f(0x1p-46f)},
      {"fma.rn.f64 %rd0, %rd1, %rd2, %rd3;", d(2), d(3), d(4), d(10)},
      {"div.rn.f32 %r0, %r1, %r2;", f(1), f(3), 0, f(1.0f / 3)},
      {"div.full.f32 %r0, %r1, %r2;", f(1), f(4), 0, f(0.25f)},
      {"rcp.rn.f32 %r0, %r1;", f(3), 0, 0, f(1.0f / 3)},
      {"rcp.approx.ftz.f32 %r0, %r1;", f(8), 0, 0, f(0.125f)},
      {"sqrt.rn.f32 %r0, %r1;", f(2), 0, 0, f(std::sqrt(2.0f))},
      {"rsqrt.approx.f32 %r0, %r1;", f(16), 0, 0, f(0.25f)},
      {"ex2.approx.f32 %r0, %r1;", f(-3), 0, 0, f(0.125f)},
      {"ex2.approx.ftz.f32 %r0, %r1;", f(-INFINITY), 0, 0, 0},
      {"lg2.approx.f32 %r0, %r1;", f(8), 0, 0, f(3)},
      {"sin.approx.f32 %r0, %r1;", f(0), 0, 0, f(0)},
      {"cos.approx.f32 %r0, %r1;", f(0), 0, 0, f(1)},
      {"tanh.approx.f32 %r0, %r1;", f(0), 0, 0, f(0)},
      {"abs.f32 %r0, %r1;", f(-2), 0, 0, f(2)},
      {"neg.f64 %rd0, %rd1;", d(2), 0, 0, d(-2)},
      {"min.f32 %r0, %r1, %r2;", f(NAN), f(2), 0, f(2)},
      {"min.f32 %r0, %r1, %r2;", f(0.0f), f(-0.0f), 0, f(-0.0f)},
      {"max.NaN.f32 %r0, %r1, %r2;", f(NAN), f(2), 0, 0x7fffffff},
      {"max.f32 %r0, %r1, %r2;", f(-1), f(2), 0, f(2)},
      {"copysign.f32 %r0, %r1, %r2;", f(-1), f(2), 0, f(-2)},
      {"testp.infinite.f32 %p0, %r1;", f(INFINITY), 0, 0, 1},
  });
}

TEST(Arithmetic, SixteenBits) {
  const uint64_t half1 = 0x3c00, half2 = 0x4000, bf1 = 0x3f80, bf2 = 0x4000;
  check({
      {"add.rn.f16 %rs0, %rs1, %rs2;", half1, half2, 0, 0x4200},
      {"mul.rn.f16 %rs0, %rs1, %rs2;", 0x7bff, half2, 0, 0x7c00},
      {"fma.rn.f16 %rs0, %rs1, %rs2, %rs3;", half2, half2, half1, 0x4500},
      {"fma.rn.bf16 %rs0, %rs1, %rs2, %rs3;", bf2, bf2, bf1, 0x40a0},
      {"fma.rn.f16x2 %r0, %r1, %r2, %r3;", half1 << 16 | half2, half2 << 16 | half2, 0, 0x40004400},
      {"fma.rn.relu.bf16x2 %r0, %r1, %r2, %r3;", 0xbf80 << 16 | bf2, bf1 << 16 | bf1, 0, 0x00004000},
      {"max.f16x2 %r0, %r1, %r2;", half1 << 16 | half2, half2 << 16 | half1, 0, half2 << 16 | half2},
      {"neg.bf16x2 %r0, %r1;", bf1 << 16 | bf1, 0, 0, 0xbf80bf80},
      {"abs.f16 %rs0, %rs1;", 0xbc00, 0, 0, half1},
      {"ex2.approx.f16 %rs0, %rs1;", half1, 0, 0, half2},
  });
}

TEST(Arithmetic, Conversions) {
  check({
      {"cvt.u32.u64 %r0, %rd1;", 0x1ffffffff, 0, 0, 0xffffffff},
      {"cvt.s64.s32 %rd0, %r1;", 0x80000000, 0, 0, 0xffffffff80000000},
      {"cvt.u64.u32 %rd0, %r1;", 0x80000000, 0, 0, 0x80000000},
      {"cvt.s32.s8 %r0, %r1;", 0x80, 0, 0, 0xffffff80},
      {"cvt.u32.u16 %r0, %rs1;", 0xffff, 0, 0, 0xffff},
      {"cvt.sat.s8.s32 %r0, %r1;", 300, 0, 0, 127},
      {"cvt.sat.u8.s32 %r0, %r1;", uint32_t(-5), 0, 0, 0},
      {"cvt.rn.f32.s32 %r0, %r1;", uint32_t(-3), 0, 0, f(-3)},
      {"cvt.rn.f32.u32 %r0, %r1;", 0xffffffff, 0, 0, f(4294967296.0f)},
      {"cvt.rz.f32.u32 %r0, %r1;", 0xffffffff, 0, 0, f(0x1.fffffep31f)},
      {"cvt.rn.f32.u64 %r0, %rd1;", ~uint64_t(0), 0, 0, f(0x1p64f)},
      {"cvt.rn.f64.s64 %rd0, %rd1;", uint64_t(-3), 0, 0, d(-3)},
      {"cvt.rzi.s32.f32 %r0, %r1;", f(-2.7f), 0, 0, uint32_t(-2)},
      {"cvt.rni.s32.f32 %r0, %r1;", f(2.5f), 0, 0, 2},
      {"cvt.rmi.s32.f32 %r0, %r1;", f(-2.1f), 0, 0, uint32_t(-3)},
      {"cvt.rpi.s32.f32 %r0, %r1;", f(2.1f), 0, 0, 3},
      {"cvt.rzi.s32.f32 %r0, %r1;", f(1e20f), 0, 0, 0x7fffffff},
      {"cvt.rzi.s32.f32 %r0, %r1;", f(NAN), 0, 0, 0},
      {"cvt.rzi.u32.f32 %r0, %r1;", f(-1), 0, 0, 0},
      {"cvt.rni.f32.f32 %r0, %r1;", f(3.5f), 0, 0, f(4)},
      {"cvt.rmi.f32.f32 %r0, %r1;", f(-0.5f), 0, 0, f(-1)},
      {"cvt.sat.f32.f32 %r0, %r1;", f(7), 0, 0, f(1)},
      {"cvt.f64.f32 %rd0, %r1;", f(1.5f), 0, 0, d(1.5)},
      {"cvt.rn.f32.f64 %r0, %rd1;", d(1.1), 0, 0, f(1.1f)},
      {"cvt.rz.f32.f64 %r0, %rd1;", d(0x1.ffffffffp0), 0, 0, f(0x1.fffffep0f)},
      {"cvt.f32.f16 %r0, %rs1;", 0x0001, 0, 0, f(0x1p-24f)},
      {"cvt.rn.f16.f32 %rs0, %r1;", f(65520), 0, 0, 0x7c00},
      {"cvt.rz.f16.f32 %rs0, %r1;", f(65535), 0, 0, 0x7bff},
      {"cvt.rn.f16.f32 %rs0, %r1;", f(0x1.8p-24f), 0, 0, 0x0002},
      {"cvt.f32.bf16 %r0, %rs1;", 0x3fc0, 0, 0, f(1.5f)},
      {"cvt.rn.bf16.f32 %rs0, %r1;", 0x3f808000, 0, 0, 0x3f80},
      {"cvt.rn.bf16.f32 %rs0, %r1;", 0x3f818000, 0, 0, 0x3f82},
      {"cvt.rz.bf16.f32 %rs0, %r1;", 0x3f81ffff, 0, 0, 0x3f81},
      {"cvt.rn.bf16x2.f32 %r0, %r1, %r2;", f(1), f(2), 0, 0x3f804000},
      {"cvt.rn.f16x2.f32 %r0, %r1, %r2;", f(1), f(2), 0, 0x3c004000},
      {"cvt.rn.relu.bf16.f32 %rs0, %r1;", f(-2), 0, 0, 0},
  });
}

TEST(Arithmetic, ComparisonsAndSelection) {
  check({
      {"setp.lt.s32 %p0, %r1, %r2;", uint32_t(-1), 1, 0, 1},
      {"setp.lo.u32 %p0, %r1, %r2;", uint32_t(-1), 1, 0, 0},
      {"setp.hs.u64 %p0, %rd1, %rd2;", 5, 5, 0, 1},
      {"setp.eq.b16 %p0, %rs1, %rs2;", 0x10005, 5, 0, 1},
      {"setp.lt.f32 %p0, %r1, %r2;", f(NAN), f(1), 0, 0},
      {"setp.ltu.f32 %p0, %r1, %r2;", f(NAN), f(1), 0, 1},
      {"setp.ne.f32 %p0, %r1, %r2;", f(NAN), f(1), 0, 0},
      {"setp.neu.f32 %p0, %r1, %r2;", f(NAN), f(1), 0, 1},
      {"setp.num.f64 %p0, %rd1, %rd2;", d(1), d(2), 0, 1},
      {"setp.nan.f32 %p0, %r1, %r2;", f(1), f(NAN), 0, 1},
      {"setp.gt.f16 %p0, %rs1, %rs2;", 0x4000, 0x3c00, 0, 1},
      {"setp.lt.and.s32 %p0, %r1, %r2, %p1;", 1, 2, 1, 1},
      {"setp.lt.and.s32 %p0, %r1, %r2, !%p1;", 1, 2, 1, 0},
      {"setp.lt.s32 %p2|%p0, %r1, %r2;", 3, 2, 0, 1},
      {"setp.lt.f16x2 %p0|%p2, %r1, %r2;", 0x40003c00, 0x3c004000, 0, 1},
      {"setp.lt.f16x2 %p2|%p0, %r1, %r2;", 0x40003c00, 0x3c004000, 0, 0},
      {"setp.lt.xor.s32 %p2|%p0, %r1, %r2, %p1;", 1, 2, 1, 1},
      {"selp.b32 %r0, %r1, %r2, %p1;", 7, 8, 1, 7},
      {"selp.f64 %rd0, %rd1, %rd2, %p1;", 7, 8, 0, 8},
      {"set.lt.u32.s32 %r0, %r1, %r2;", 1, 2, 0, 0xffffffff},
      {"set.lt.f32.s32 %r0, %r1, %r2;", 1, 2, 0, f(1)},
      {"mov.b32 %r0, {%rs1, %rs2};", 0x1111, 0x2222, 0, 0x22221111},
      {"mov.b64 %rd0, {%r1, %r2};", 0x1111, 0x2222, 0, 0x222200001111},
      {"mov.b32 {%rs0, _}, %r1;", 0x22221111, 0, 0, 0x1111},
      {"mov.b32 %r0, 0f3F800000;", 0, 0, 0, f(1)},
      {"mov.b64 %rd0, 0d3FF0000000000000;", 0, 0, 0, d(1)},
      {"mov.b32 %r0, -2;", 0, 0, 0, 0xfffffffe},
      {"mov.u32 %r0, WARP_SZ;", 0, 0, 0, 32},
      {"@%p1 mov.b32 %r0, 5;", 0, 0, 1, 5},
      {"@!%p1 mov.b32 %r0, 5;", 0, 0, 1, 0},
  });
}

} // namespace
