//===- FeaturesTest.cpp - code for another CPU is refused ---------------------------------------------------------===//

#include "runtime/cpu/Features.h"

#include "FakeModel.h"
#include "runtime/engine/Engine.h"

#include <gtest/gtest.h>

using namespace lrt;

TEST(Features, agreeWithTheCompiler) {
  __builtin_cpu_init();
  uint64_t found = cpuFeatures();
  auto has = [&](lrt_feature feature) { return ((found >> feature) & 1) != 0; };
  EXPECT_EQ(has(LRT_FEATURE_SSE42), __builtin_cpu_supports("sse4.2") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX), __builtin_cpu_supports("avx") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX2), __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(has(LRT_FEATURE_FMA), __builtin_cpu_supports("fma") != 0);
  EXPECT_EQ(has(LRT_FEATURE_BMI2), __builtin_cpu_supports("bmi2") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512F), __builtin_cpu_supports("avx512f") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512BW), __builtin_cpu_supports("avx512bw") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512VL), __builtin_cpu_supports("avx512vl") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512DQ), __builtin_cpu_supports("avx512dq") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512VNNI), __builtin_cpu_supports("avx512vnni") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512BF16), __builtin_cpu_supports("avx512bf16") != 0);
  EXPECT_EQ(has(LRT_FEATURE_SSE3), __builtin_cpu_supports("sse3") != 0);
  EXPECT_EQ(has(LRT_FEATURE_SSSE3), __builtin_cpu_supports("ssse3") != 0);
  EXPECT_EQ(has(LRT_FEATURE_SSE41), __builtin_cpu_supports("sse4.1") != 0);
  EXPECT_EQ(has(LRT_FEATURE_POPCNT), __builtin_cpu_supports("popcnt") != 0);
  EXPECT_EQ(has(LRT_FEATURE_LZCNT), __builtin_cpu_supports("lzcnt") != 0);
  EXPECT_EQ(has(LRT_FEATURE_MOVBE), __builtin_cpu_supports("movbe") != 0);
  EXPECT_EQ(has(LRT_FEATURE_F16C), __builtin_cpu_supports("f16c") != 0);
  EXPECT_EQ(has(LRT_FEATURE_BMI), __builtin_cpu_supports("bmi") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVXVNNI), __builtin_cpu_supports("avxvnni") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512CD), __builtin_cpu_supports("avx512cd") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512IFMA), __builtin_cpu_supports("avx512ifma") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512VBMI), __builtin_cpu_supports("avx512vbmi") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512VBMI2), __builtin_cpu_supports("avx512vbmi2") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512BITALG), __builtin_cpu_supports("avx512bitalg") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512VPOPCNTDQ), __builtin_cpu_supports("avx512vpopcntdq") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVX512FP16), __builtin_cpu_supports("avx512fp16") != 0);
  EXPECT_EQ(has(LRT_FEATURE_AVXNECONVERT), __builtin_cpu_supports("avxneconvert") != 0);
}

TEST(Features, areNamed) {
  EXPECT_EQ(featureNames(1 << LRT_FEATURE_AVX2 | 1 << LRT_FEATURE_AVX512BF16), "avx2, avx512bf16");
  EXPECT_EQ(featureNames(0), "");
}

TEST(Program, thatNeedsMoreIsRefused) {
  lrt_program program = fake::program;
  std::string error;
  EXPECT_TRUE(checkProgram(program, error)) << error;
  program.mcpu = "tomorrow";
  program.features = uint64_t(1) << 63;
  EXPECT_FALSE(checkProgram(program, error));
  EXPECT_EQ(error,
            "this CPU lacks a feature newer than this runtime, which the code compiled for --mcpu tomorrow uses");
}

TEST(Program, ofAnotherAbiIsRefused) {
  lrt_program program = fake::program;
  std::string error;
  program.version = LRT_ABI_VERSION + 1;
  EXPECT_FALSE(checkProgram(program, error));
  EXPECT_EQ(error.rfind("the compiler and the runtime library disagree: ", 0), 0u) << error;
}
