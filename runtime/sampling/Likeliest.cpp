//===- Likeliest.cpp - the largest of many logits -----------------------------------------------------------------===//

#include "runtime/sampling/Likeliest.h"

#include <math.h>
#include <string.h>

#include <algorithm>

using namespace lrt;

float lrt::largest(const float *values, int64_t count) {
  float laneMax[lanes];
  for (float &m : laneMax)
    m = -INFINITY;
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane)
      laneMax[lane] = values[i + lane] > laneMax[lane] ? values[i + lane] : laneMax[lane];
  for (; i < count; ++i)
    laneMax[0] = values[i] > laneMax[0] ? values[i] : laneMax[0];
  float result = laneMax[0];
  for (float m : laneMax)
    result = m > result ? m : result;
  return result;
}

int64_t lrt::argmax(const float *logits, int64_t count) {
  float max = largest(logits, count);
  for (int64_t i = 0; i < count; ++i)
    if (logits[i] == max)
      return i;
  return -1;
}

/// Most blocks hold no logit above the smallest one kept so far; one vector loop per block checks that.
void lrt::keepLikeliest(const float *logits, int64_t count, int64_t wanted, std::vector<Candidate> &kept) {
  constexpr int64_t block = 256;
  kept.clear();
  if (wanted <= 0)
    return;
  for (int64_t begin = 0; begin < count; begin += block) {
    int64_t end = std::min(begin + block, count);
    bool isFull = int64_t(kept.size()) == wanted;
    if (isFull && !(largest(logits + begin, end - begin) > kept.front().logit))
      continue;
    for (int64_t i = begin; i < end; ++i) {
      if (!(logits[i] > -INFINITY)) // NaN too
        continue;
      if (int64_t(kept.size()) == wanted) {
        if (!(logits[i] > kept.front().logit))
          continue;
        std::pop_heap(kept.begin(), kept.end(), isLikelier); // the least likely one
        kept.pop_back();
      }
      kept.push_back({logits[i], int32_t(i)});
      std::push_heap(kept.begin(), kept.end(), isLikelier);
    }
  }
}

/// exp(x) for x <= 0 with a relative error below 1e-6, in plain arithmetic that the compiler turns into vectors.
/// NaN and everything below -87 give 0.
static inline float exponential(float x) {
  float clamped = x > -87.0f ? x : -87.0f;
  float n = clamped * 1.44269504f;
  int32_t whole = int32_t(n - 0.5f); // conversion truncates, so this rounds n <= 0 to nearest
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

double lrt::weigh(const float *logits, int64_t count, float max, float scale, float *weights) {
  for (int64_t i = 0; i < count; ++i)
    weights[i] = exponential((logits[i] - max) * scale);
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += 4096) { // f32 within a block, f64 across
    float sums[lanes] = {};
    int64_t end = std::min(begin + 4096, count), i = begin;
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

LogProbabilities lrt::logProbabilities(const float *logits, int64_t count, int32_t chosen, int64_t wanted,
                                       float *scratch) {
  const float max = largest(logits, count);
  const double whole = double(max) + log(weigh(logits, count, max, 1, scratch));
  // Rounding may make a probability near 1 larger than 1.
  const auto of = [&](int32_t token, float logit) {
    return LogProbability{.token = token, .value = std::min(double(logit) - whole, 0.0)};
  };
  LogProbabilities result = {.chosen = of(chosen, logits[chosen]), .best = {}};
  std::vector<Candidate> best;
  keepLikeliest(logits, count, wanted, best);
  std::sort(best.begin(), best.end(), isLikelier);
  for (const Candidate &candidate : best)
    result.best.push_back(of(candidate.token, candidate.logit));
  return result;
}
