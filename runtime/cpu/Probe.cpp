//===- Probe.cpp - peak rates of this machine ---------------------------------------------------------------------===//
//
// Reads: every worker streams through its share of a buffer much larger than the last-level cache. It runs every loop
// below whose instructions the CPU has, since none of them is the fastest on every machine. Operations: independent
// chains of one instruction on registers, enough of them to hide its latency.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "runtime/cpu/Probe.h"

#include "runtime/cpu/Features.h"
#include "runtime/cpu/FreeMemory.h"
#include "runtime/cpu/Topology.h"

#include <immintrin.h>

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

/// The fastest of a kind first.
constexpr Kernel kernels[] = {
    {LRT_PEAK_F32, "vfmadd, 16 lanes", LRT_FEATURE_AVX512F | LRT_FEATURE_FMA, 32, f32Avx512},
    {LRT_PEAK_F32, "vfmadd, 8 lanes", LRT_FEATURE_AVX2 | LRT_FEATURE_FMA, 16, f32Fma},
    {LRT_PEAK_F32, "mulps, addps", 0, 8, f32Sse},
    {LRT_PEAK_BF16, "vdpbf16ps", LRT_FEATURE_AVX512F | LRT_FEATURE_AVX512BF16, 64, bf16Avx512},
    // Without a bf16 dot product, bf16 is widened to f32.
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
  return *found; // the last of every kind needs no features
}

constexpr int64_t block = 256; // bytes that a loop below reads in a step

// Sums that must be computed and are never used. `distance`: prefetch distance in bytes, 0: no prefetch. A prefetch
// past the end of the buffer does nothing.
#define LRT_READ_LOOP(name, features, type, constraint, zero, load, add, distance)                                     \
  __attribute__((target(features))) void name(const uint8_t *data, int64_t bytes) {                                    \
    type sums[4] = {zero(), zero(), zero(), zero()};                                                                   \
    for (const uint8_t *end = data + bytes; data < end; data += block) {                                               \
      if (distance > 0)                                                                                                \
        _Pragma("GCC unroll 4") for (int64_t line = 0; line < block; line += 64)                                       \
            _mm_prefetch(reinterpret_cast<const char *>(data) + line + distance, _MM_HINT_T0);                         \
      _Pragma("GCC unroll 16") for (size_t i = 0; i < block / sizeof(type); ++i) sums[i % 4] =                         \
          add(sums[i % 4], load(reinterpret_cast<const type *>(data) + i));                                            \
    }                                                                                                                  \
    sums[0] = add(add(sums[0], sums[1]), add(sums[2], sums[3]));                                                       \
    __asm__ volatile("" : : constraint(sums[0]));                                                                      \
  }

LRT_READ_LOOP(readSse, "sse2", __m128i, "x", _mm_setzero_si128, _mm_load_si128, _mm_add_epi64, 0)
LRT_READ_LOOP(readSsePrefetch, "sse2", __m128i, "x", _mm_setzero_si128, _mm_load_si128, _mm_add_epi64, 4096)
LRT_READ_LOOP(readAvx2, "avx2", __m256i, "x", _mm256_setzero_si256, _mm256_load_si256, _mm256_add_epi64, 4096)
LRT_READ_LOOP(readAvx512, "avx512f", __m512i, "v", _mm512_setzero_si512, _mm512_load_si512, _mm512_add_epi64, 4096)
#undef LRT_READ_LOOP

struct Reader {
  uint64_t features; // all of these
  void (*run)(const uint8_t *data, int64_t bytes);
};

constexpr Reader readers[] = {
    {0, readSse},
    {0, readSsePrefetch},
    {uint64_t(1) << LRT_FEATURE_AVX2, readAvx2},
    {uint64_t(1) << LRT_FEATURE_AVX512F, readAvx512},
};

} // namespace

Spread lrt::spreadOf(const std::vector<double> &rates) {
  if (rates.empty())
    return {};
  return {*std::min_element(rates.begin(), rates.end()), median(rates), *std::max_element(rates.begin(), rates.end())};
}

Share lrt::shareOf(double rate, double limit, double bytes, double cacheBytes) {
  // Two measurements of the same work differ by up to this factor.
  constexpr double accuracy = 1.05;
  if (rate <= limit * accuracy)
    return {Share::Percent, std::min(100 * rate / limit, 100.0)};
  const double fromMemory = bytes > 0 ? std::max(0.0, 1 - cacheBytes / bytes) : 1; // min share of the bytes
  return {rate * fromMemory <= limit * accuracy ? Share::Cached : Share::Disturbed, 0};
}

const char *lrt::peakName(lrt_peak kind) {
  const char *names[LRT_PEAKS] = {"f32", "bf16", "int8"};
  return names[kind];
}

const char *Probe::instruction(lrt_peak kind) const { return kernelFor(kind).instruction; }

int64_t Probe::bufferBytes() {
  int64_t size = std::max<int64_t>(int64_t(512) << 20, 4 * lastLevelCacheBytes());
  return std::max(std::min(size, availableMemory("") / 8) & ~int64_t(4095), int64_t(1) << 20);
}

bool Probe::open(std::string &error) {
  int64_t size = bufferBytes();
  if (!buffer.reserve(size, "measuring the bandwidth", error))
    return false;
  team.each([&](int64_t worker) { // first touch: a page is allocated near the worker that reads it
    int64_t share = size / team.workers() & ~int64_t(63);
    for (int64_t at = worker * share; at < (worker + 1) * share; at += 64)
      *reinterpret_cast<uint64_t *>(buffer.data() + at) = uint64_t(at);
  });
  return true;
}

double Probe::measure() {
  const uint64_t present = cpuFeatures();
  const int64_t workers = team.workers(), share = buffer.size() / workers & ~int64_t(63);
  const int64_t part = share / int64_t(std::size(readers)) / block * block; // of a worker, for each loop
  double read = 0;
  for (size_t i = 0; i < std::size(readers); ++i) {
    if (readers[i].features & ~present)
      continue;
    double start = now();
    team.each([&](int64_t worker) { readers[i].run(buffer.data() + worker * share + int64_t(i) * part, part); });
    read = std::max(read, double(part * workers) / (now() - start));
  }
  reads.push_back(read);

  constexpr int64_t steps = 200'000; // a millisecond
  constexpr int repetitions = 5;
  for (int kind = 0; kind < LRT_PEAKS; ++kind) {
    const Kernel &kernel = kernelFor(lrt_peak(kind));
    double best = 0;
    for (int i = 0; i < repetitions; ++i) {
      double start = now();
      team.each([&](int64_t) { kernel.run(steps); });
      best = std::max(best, double(workers) * double(steps) * chains * kernel.operations / (now() - start));
    }
    ops[kind].push_back(best);
  }
  return read;
}
