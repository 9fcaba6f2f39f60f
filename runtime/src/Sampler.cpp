//===- Sampler.cpp - from logits to the next token ----------------------------------------------------------------===//

#include "Sampler.h"

#include "Support.h"

#include <math.h>
#include <string.h>

#include <algorithm>

using namespace lrt;

namespace {

constexpr int64_t lanes = 16; // independent maxima, so that the loop becomes vector instructions

/// The largest value; -inf if there is none. A comparison with NaN is false, so NaN never replaces anything.
float largest(const float *values, int64_t count) {
  float most[lanes];
  for (float &m : most)
    m = -INFINITY;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      most[lane] = values[i + lane] > most[lane] ? values[i + lane] : most[lane];
  for (; i < count; ++i)
    most[0] = values[i] > most[0] ? values[i] : most[0];
  float result = most[0];
  for (float m : most)
    result = m > result ? m : result;
  return result;
}

/// exp(x) for x <= 0 with a relative error below 1e-6, in plain arithmetic that the compiler turns into vectors.
/// NaN and everything below -87 give 0.
inline float exponential(float x) {
  float clamped = x > -87.0f ? x : -87.0f;
  float n = clamped * 1.44269504f;
  int32_t whole = int32_t(n - 0.5f); // towards zero: rounds negative numbers to nearest
  float f = clamped - float(whole) * 0.693359375f + float(whole) * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * f * f + f + 1.0f;
  uint32_t power = uint32_t(whole + 127) << 23;
  float scale;
  memcpy(&scale, &power, 4);
  return x > -87.0f ? p * scale : 0.0f;
}

} // namespace

int64_t lrt::argmax(const float *logits, int64_t count) {
  float most = largest(logits, count);
  for (int64_t i = 0; i < count; ++i)
    if (logits[i] == most)
      return i;
  return -1;
}

Sampler::Sampler(const SamplerOptions &options, int64_t vocabulary)
    : options(options), vocabulary(vocabulary), state(options.seed) {
  if (options.temperature <= 0)
    return;
  weights.resize(vocabulary);
  candidates.reserve(vocabulary);
}

double Sampler::uniform() {
  double value = double(scramble(state) >> 11) * 0x1p-53;
  state += 0x9e3779b97f4a7c15ull;
  return value;
}

/// Leaves the options.topK likeliest in `candidates`. Most blocks hold nothing above the smallest kept so far, which
/// one vector loop finds out.
void Sampler::keepTopK(const float *logits) {
  constexpr int64_t block = 256;
  for (int64_t begin = 0; begin < vocabulary; begin += block) {
    int64_t end = std::min(begin + block, vocabulary);
    bool isFull = int64_t(candidates.size()) == options.topK;
    if (isFull && !(largest(logits + begin, end - begin) > candidates.front().logit))
      continue;
    for (int64_t i = begin; i < end; ++i) {
      if (!(logits[i] > -INFINITY)) // NaN too
        continue;
      if (int64_t(candidates.size()) == options.topK) {
        if (!(logits[i] > candidates.front().logit))
          continue;
        std::pop_heap(candidates.begin(), candidates.end(), isLikelier); // the least likely one
        candidates.pop_back();
      }
      candidates.push_back({logits[i], int32_t(i)});
      std::push_heap(candidates.begin(), candidates.end(), isLikelier);
    }
  }
}

double Sampler::weigh(const float *logits, float most) {
  const float scale = float(1 / options.temperature);
  for (int64_t i = 0; i < vocabulary; ++i)
    weights[i] = exponential((logits[i] - most) * scale);
  double total = 0;
  for (int64_t begin = 0; begin < vocabulary; begin += 4096) { // f32 within a block, f64 across
    float sums[lanes] = {};
    int64_t end = std::min(begin + 4096, vocabulary), i = begin;
    for (; i + lanes <= end; i += lanes)
      for (int64_t lane = 0; lane < lanes; ++lane)
        sums[lane] += weights[i + lane];
    for (; i < end; ++i)
      sums[0] += weights[i];
    for (float sum : sums)
      total += double(sum);
  }
  return total;
}

int64_t Sampler::sample(const float *logits) {
  const int64_t best = argmax(logits, vocabulary);
  if (best < 0 || options.temperature <= 0 || isinf(logits[best]))
    return best;

  double total = weigh(logits, logits[best]);
  bool isCut = options.topK > 0 && options.topK < vocabulary;
  if (!isCut && options.topP >= 1) {
    double target = uniform() * total;
    int64_t last = best;
    for (int64_t i = 0; i < vocabulary; ++i) {
      if (weights[i] == 0)
        continue;
      last = i;
      target -= double(weights[i]);
      if (target < 0)
        break;
    }
    return last;
  }

  candidates.clear();
  if (isCut) {
    keepTopK(logits);
    total = 0;
    for (const Candidate &candidate : candidates)
      total += double(weights[candidate.token]);
  } else {
    // What is less likely than (1 - p) / vocabulary adds up to less than 1 - p: the rest reaches p without it.
    float least = float((1 - options.topP) / double(vocabulary) * total * 0.999);
    for (int64_t i = 0; i < vocabulary; ++i)
      if (weights[i] >= least && weights[i] > 0)
        candidates.push_back({logits[i], int32_t(i)});
  }
  std::sort(candidates.begin(), candidates.end(), isLikelier);

  size_t kept = 0;
  double mass = 0;
  while (kept < candidates.size() && (kept == 0 || mass < options.topP * total))
    mass += double(weights[candidates[kept++].token]);
  double target = uniform() * mass;
  for (size_t i = 0; i < kept; ++i) {
    target -= double(weights[candidates[i].token]);
    if (target < 0)
      return candidates[i].token;
  }
  return candidates[kept - 1].token;
}
