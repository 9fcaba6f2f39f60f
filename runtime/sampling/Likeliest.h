//===- Likeliest.h - the largest of many logits -------------------------------------------------------------------===//

#ifndef LRT_SAMPLING_LIKELIEST_H
#define LRT_SAMPLING_LIKELIEST_H

#include <stdint.h>

#include <vector>

namespace lrt {

constexpr int64_t lanes = 16; // independent values, so that a loop over them becomes vector instructions

/// The largest value; -inf if there is none. A comparison with NaN is false, so NaN never replaces anything.
float largest(const float *values, int64_t count);

/// Index of the largest logit, the first one of equal logits; NaN is ignored. -1: no logit is a number.
int64_t argmax(const float *logits, int64_t count);

struct Candidate {
  float logit;
  int32_t token;
};

/// Order of candidates: the larger logit first; of equal logits the smaller id first.
inline bool isLikelier(const Candidate &a, const Candidate &b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

/// Puts the `wanted` likeliest tokens into `kept`, as a heap with the least likely one in front. Leaves out NaN and
/// -inf.
void keepLikeliest(const float *logits, int64_t count, int64_t wanted, std::vector<Candidate> &kept);

/// weights[i] = exp((logits[i] - max) * scale), relative error below 1e-6; NaN and what is below exp(-87) give 0.
/// Returns their sum.
double weigh(const float *logits, int64_t count, float max, float scale, float *weights);

/// The model's own log probability of a token, before penalties and temperature.
struct LogProbability {
  int32_t token;
  double value; // natural logarithm
};

struct LogProbabilities {
  LogProbability chosen;
  std::vector<LogProbability> best; // [wanted], the likeliest first
};

/// `scratch`: [count].
LogProbabilities logProbabilities(const float *logits, int64_t count, int32_t chosen, int64_t wanted, float *scratch);

} // namespace lrt

#endif // LRT_SAMPLING_LIKELIEST_H
