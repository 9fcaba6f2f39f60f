//===- Probe.cpp - what this machine can do at most ---------------------------------------------------------------===//
//
// Reads: every worker streams through its share of a buffer much larger than the last-level cache.
// Operations: independent chains of one instruction on registers, enough of them to hide its latency.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "Probe.h"

#include "Features.h"
#include "Topology.h"

#include <immintrin.h>
#include <unistd.h>

#include <algorithm>

using namespace lrt;

namespace {

constexpr int chains = 12; // latency 4 or 5, two units, and no more than 16 registers with the operands

using Loop = void (*)(int64_t steps);

// `step` computes the new value of `sum` from x and y, whose values the compiler may not know. The empty assembly keeps
// it from simplifying the chain.
#define LRT_PEAK_LOOP(name, features, type, constraint, step)                                                          \
  __attribute__((target(features))) void name(int64_t steps) {                                                         \
    type sums[chains] = {}, x = {}, y = {};                                                                            \
    __asm__ volatile("" : "+" constraint(x), "+" constraint(y));                                                       \
    for (int64_t i = 0; i < steps; ++i) {                                                                              \
      _Pragma("GCC unroll 12") for (type &sum : sums) {                                                                \
        sum = step;                                                                                                    \
        __asm__ volatile("" : "+" constraint(sum));                                                                    \
      }                                                                                                                \
    }                                                                                                                  \
  }

LRT_PEAK_LOOP(f32Sse, "sse2", __m128, "x", _mm_add_ps(sum, _mm_mul_ps(x, y)))
LRT_PEAK_LOOP(f32Fma, "avx2,fma", __m256, "x", _mm256_fmadd_ps(x, y, sum))
LRT_PEAK_LOOP(f32Avx512, "avx512f", __m512, "v", _mm512_fmadd_ps(x, y, sum))
LRT_PEAK_LOOP(bf16Avx512, "avx512f,avx512bf16", __m512, "v", _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)y))
LRT_PEAK_LOOP(int8Sse, "sse2", __m128i, "x", _mm_add_epi32(sum, _mm_madd_epi16(x, y)))
LRT_PEAK_LOOP(int8Avx2, "avx2", __m256i, "x", _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(x, sum), y)))
LRT_PEAK_LOOP(int8AvxVnni, "avx2,avxvnni", __m256i, "x", _mm256_dpbusd_avx_epi32(sum, x, y))
LRT_PEAK_LOOP(int8Avx512, "avx512f,avx512bw", __m512i, "v",
              _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(x, sum), y)))
LRT_PEAK_LOOP(int8Vnni, "avx512f,avx512vnni", __m512i, "v", _mm512_dpbusd_epi32(sum, x, y))
#undef LRT_PEAK_LOOP

struct Kernel {
  lrt_peak kind;
  const char *instruction;
  uint64_t features; // all of these
  int operations;    // of one step of one chain
  Loop run;
};

constexpr uint64_t operator|(lrt_feature a, lrt_feature b) { return uint64_t(1) << a | uint64_t(1) << b; }

/// The best first.
constexpr Kernel kernels[] = {
    {LRT_PEAK_F32, "vfmadd, 16 lanes", LRT_FEATURE_AVX512F | LRT_FEATURE_FMA, 32, f32Avx512},
    {LRT_PEAK_F32, "vfmadd, 8 lanes", LRT_FEATURE_AVX2 | LRT_FEATURE_FMA, 16, f32Fma},
    {LRT_PEAK_F32, "mulps, addps", 0, 8, f32Sse},
    {LRT_PEAK_BF16, "vdpbf16ps", LRT_FEATURE_AVX512F | LRT_FEATURE_AVX512BF16, 64, bf16Avx512},
    // Without a dot product of its own, bf16 is widened to f32.
    {LRT_PEAK_BF16, "vfmadd, 16 lanes", LRT_FEATURE_AVX512F | LRT_FEATURE_FMA, 32, f32Avx512},
    {LRT_PEAK_BF16, "vfmadd, 8 lanes", LRT_FEATURE_AVX2 | LRT_FEATURE_FMA, 16, f32Fma},
    {LRT_PEAK_BF16, "mulps, addps", 0, 8, f32Sse},
    {LRT_PEAK_INT8, "vpdpbusd, 16 lanes", LRT_FEATURE_AVX512F | LRT_FEATURE_AVX512VNNI, 128, int8Vnni},
    {LRT_PEAK_INT8, "vpdpbusd, 8 lanes", LRT_FEATURE_AVX2 | LRT_FEATURE_AVXVNNI, 64, int8AvxVnni},
    {LRT_PEAK_INT8, "vpmaddubsw, vpmaddwd, 16 lanes", LRT_FEATURE_AVX512F | LRT_FEATURE_AVX512BW, 128, int8Avx512},
    {LRT_PEAK_INT8, "vpmaddubsw, vpmaddwd, 8 lanes", LRT_FEATURE_AVX | LRT_FEATURE_AVX2, 64, int8Avx2},
    {LRT_PEAK_INT8, "pmaddwd, 4 lanes", 0, 16, int8Sse},
};

const Kernel &kernelFor(lrt_peak kind) {
  uint64_t present = cpuFeatures();
  const Kernel *found = nullptr;
  for (const Kernel &kernel : kernels)
    if (!found && kernel.kind == kind && (kernel.features & ~present) == 0)
      found = &kernel;
  return *found; // the last of every kind needs nothing
}

/// A sum that must be computed and is never used.
void readAll(const uint8_t *data, int64_t bytes) {
  __m128i a = _mm_setzero_si128(), b = a, c = a, d = a;
  for (const uint8_t *end = data + bytes; data < end; data += 64) {
    const __m128i *line = reinterpret_cast<const __m128i *>(data);
    a = _mm_add_epi64(a, _mm_load_si128(line));
    b = _mm_add_epi64(b, _mm_load_si128(line + 1));
    c = _mm_add_epi64(c, _mm_load_si128(line + 2));
    d = _mm_add_epi64(d, _mm_load_si128(line + 3));
  }
  a = _mm_add_epi64(_mm_add_epi64(a, b), _mm_add_epi64(c, d));
  __asm__ volatile("" : : "x"(a));
}

} // namespace

const char *lrt::peakName(lrt_peak kind) {
  const char *names[LRT_PEAKS] = {"f32", "bf16", "int8"};
  return names[kind];
}

const char *Probe::instruction(lrt_peak kind) const { return kernelFor(kind).instruction; }

bool Probe::open(std::string &error) {
  int64_t memory = int64_t(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  int64_t size = std::max<int64_t>(int64_t(512) << 20, 8 * lastLevelCacheBytes());
  size = std::min(size, memory / 8) & ~int64_t(4095);
  if (!buffer.reserve(size, "measuring the bandwidth", error))
    return false;
  team.each([&](int64_t worker) { // pages come into being where the worker that reads them runs
    int64_t begin = size / 64 * worker / team.workers(), end = size / 64 * (worker + 1) / team.workers();
    for (int64_t line = begin; line < end; ++line)
      *reinterpret_cast<uint64_t *>(buffer.data() + line * 64) = uint64_t(line);
  });
  return true;
}

double Probe::measure() {
  int64_t lines = buffer.size() / 64, workers = team.workers();
  double start = now();
  team.each([&](int64_t worker) {
    int64_t begin = lines * worker / workers, end = lines * (worker + 1) / workers;
    readAll(buffer.data() + begin * 64, (end - begin) * 64);
  });
  const double read = double(lines * 64) / (now() - start);
  bestRead = std::max(bestRead, read);

  constexpr int64_t steps = 200'000; // a millisecond
  constexpr int repetitions = 5;
  for (int kind = 0; kind < LRT_PEAKS; ++kind) {
    const Kernel &kernel = kernelFor(lrt_peak(kind));
    for (int i = 0; i < repetitions; ++i) {
      start = now();
      team.each([&](int64_t) { kernel.run(steps); });
      double operations = double(workers) * double(steps) * chains * kernel.operations;
      best[kind] = std::max(best[kind], operations / (now() - start));
    }
  }
  return read;
}
