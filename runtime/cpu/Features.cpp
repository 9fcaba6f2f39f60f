//===- Features.cpp - what this CPU can do ------------------------------------------------------------------------===//

#include "runtime/cpu/Features.h"

#include "lrt/abi.h"

#include <cpuid.h>
#include <string.h>

namespace {

struct Leaf {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;

  explicit Leaf(unsigned leaf, unsigned subleaf = 0) { __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx); }
};

/// The register states the operating system saves when it switches threads.
uint64_t enabledStates() {
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

bool bit(unsigned word, unsigned position) { return (word >> position) & 1; }

} // namespace

uint64_t lrt::cpuFeatures() {
  Leaf basic(1), extended(7), more(7, 1), amd(0x80000001);
  bool hasXgetbv = bit(basic.ecx, 27);
  uint64_t states = hasXgetbv ? enabledStates() : 0;
  bool ymm = (states & 0x06) == 0x06; // SSE and AVX
  bool zmm = (states & 0xe6) == 0xe6; // and masks, upper halves, upper registers

  uint64_t features = 0;
  auto set = [&](lrt_feature feature, bool present) { features |= uint64_t(present) << feature; };
  set(LRT_FEATURE_SSE3, bit(basic.ecx, 0));
  set(LRT_FEATURE_SSSE3, bit(basic.ecx, 9));
  set(LRT_FEATURE_SSE41, bit(basic.ecx, 19));
  set(LRT_FEATURE_SSE42, bit(basic.ecx, 20));
  set(LRT_FEATURE_MOVBE, bit(basic.ecx, 22));
  set(LRT_FEATURE_POPCNT, bit(basic.ecx, 23));
  set(LRT_FEATURE_LZCNT, bit(amd.ecx, 5));
  set(LRT_FEATURE_BMI, bit(extended.ebx, 3));
  set(LRT_FEATURE_AVX, ymm && bit(basic.ecx, 28));
  set(LRT_FEATURE_FMA, ymm && bit(basic.ecx, 12));
  set(LRT_FEATURE_F16C, ymm && bit(basic.ecx, 29));
  set(LRT_FEATURE_AVX2, ymm && bit(extended.ebx, 5));
  set(LRT_FEATURE_BMI2, bit(extended.ebx, 8));
  set(LRT_FEATURE_AVXVNNI, ymm && bit(more.eax, 4));
  set(LRT_FEATURE_AVX512F, zmm && bit(extended.ebx, 16));
  set(LRT_FEATURE_AVX512DQ, zmm && bit(extended.ebx, 17));
  set(LRT_FEATURE_AVX512BW, zmm && bit(extended.ebx, 30));
  set(LRT_FEATURE_AVX512VL, zmm && bit(extended.ebx, 31));
  set(LRT_FEATURE_AVX512VNNI, zmm && bit(extended.ecx, 11));
  set(LRT_FEATURE_AVX512BF16, zmm && bit(more.eax, 5));
  set(LRT_FEATURE_AVX512CD, zmm && bit(extended.ebx, 28));
  set(LRT_FEATURE_AVX512IFMA, zmm && bit(extended.ebx, 21));
  set(LRT_FEATURE_AVX512VBMI, zmm && bit(extended.ecx, 1));
  set(LRT_FEATURE_AVX512VBMI2, zmm && bit(extended.ecx, 6));
  set(LRT_FEATURE_AVX512BITALG, zmm && bit(extended.ecx, 12));
  set(LRT_FEATURE_AVX512VPOPCNTDQ, zmm && bit(extended.ecx, 14));
  set(LRT_FEATURE_AVX512FP16, zmm && bit(extended.edx, 23));
  set(LRT_FEATURE_AVXNECONVERT, ymm && bit(more.edx, 5));
  return features;
}

std::string lrt::featureNames(uint64_t features) {
  static const char *const names[] = {
#define LRT_FEATURE_NAME(id, name) name,
      LRT_FEATURES(LRT_FEATURE_NAME)
#undef LRT_FEATURE_NAME
  };
  std::string text;
  for (unsigned i = 0; i < 64; ++i) {
    if (!((features >> i) & 1))
      continue;
    text += text.empty() ? "" : ", ";
    text += i < LRT_FEATURE_COUNT ? names[i] : "a feature newer than this runtime";
  }
  return text;
}

std::string lrt::cpuName() {
  char name[49] = {};
  for (unsigned i = 0; i < 3; ++i) {
    Leaf part(0x80000002 + i);
    memcpy(name + 16 * i, &part, 16);
  }
  std::string text = name;
  while (!text.empty() && text.back() == ' ')
    text.pop_back();
  text.erase(0, text.find_first_not_of(' '));
  return text.empty() ? "unknown" : text;
}
