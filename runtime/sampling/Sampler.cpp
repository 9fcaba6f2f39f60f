//===- Sampler.cpp - from logits to the next token ----------------------------------------------------------------===//

#include "runtime/sampling/Sampler.h"

#include "runtime/support/Support.h"

#include <math.h>

#include <algorithm>

using namespace lrt;

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

int64_t Sampler::drawFromAll(int64_t best, double total) {
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

/// The likeliest token has weight 1, so min-p is a bound on weights. Candidates are sorted only for top-k and top-p.
void Sampler::keep(const float *logits, double total) {
  const float minWeight = float(options.minP);
  const bool isTopK = options.topK > 0 && options.topK < vocabulary, isTopP = options.topP < 1;
  candidates.clear();
  if (isTopK) {
    keepLikeliest(logits, vocabulary, options.topK, candidates);
    total = 0;
    for (const Candidate &candidate : candidates)
      total += double(weights[candidate.token]);
  } else {
    // Tokens less likely than (1 - p) / vocabulary have less than 1 - p together: the others reach p without them.
    const float topPBound = isTopP ? float((1 - options.topP) / double(vocabulary) * total * 0.999) : 0;
    for (int64_t i = 0; i < vocabulary; ++i)
      if (weights[i] >= topPBound && weights[i] >= minWeight && weights[i] > 0)
        candidates.push_back({logits[i], int32_t(i)});
    if (!isTopP)
      return;
  }
  std::sort(candidates.begin(), candidates.end(), isLikelier);

  size_t kept = 0;
  double mass = 0;
  while (kept < candidates.size() &&
         (kept == 0 || (mass < options.topP * total && weights[candidates[kept].token] >= minWeight)))
    mass += double(weights[candidates[kept++].token]);
  candidates.resize(kept);
}

int64_t Sampler::sample(const float *logits) {
  const int64_t best = argmax(logits, vocabulary);
  if (best < 0 || options.temperature <= 0 || isinf(logits[best]))
    return best;

  // Below 1e-30 a temperature makes no difference any more, but its inverse would be infinite.
  const float scale = float(1 / std::max(options.temperature, 1e-30));
  const double total = weigh(logits, vocabulary, logits[best], scale, weights.data());
  const bool isTopK = options.topK > 0 && options.topK < vocabulary;
  if (!isTopK && options.topP >= 1 && options.minP <= 0)
    return drawFromAll(best, total);

  keep(logits, total);
  double mass = 0;
  for (const Candidate &candidate : candidates)
    mass += double(weights[candidate.token]);
  double target = uniform() * mass;
  for (const Candidate &candidate : candidates) {
    target -= double(weights[candidate.token]);
    if (target < 0)
      return candidate.token;
  }
  return candidates.empty() ? best : candidates.back().token;
}
