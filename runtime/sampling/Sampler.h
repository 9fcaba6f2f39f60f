//===- Sampler.h - from logits to the next token ------------------------------------------------------------------===//
//
// The steps, with the order and the formulas of transformers' generate():
//   1. repeat penalty, then presence and frequency penalty (Penalties.h)
//   2. the logits are divided by the temperature; 0: the token is the one with the largest logit, and no step follows
//   3. top-k: the K likeliest are kept
//   4. top-p: of these, the likeliest that together have probability P
//   5. min-p: of these, those at least P times as likely as the likeliest one
//   6. one of the tokens left is drawn
//
// One difference: of tokens as likely as the K-th, top-k keeps those with the smallest ids.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_SAMPLING_SAMPLER_H
#define LRT_SAMPLING_SAMPLER_H

#include "runtime/sampling/Likeliest.h"

#include <stdint.h>

#include <vector>

namespace lrt {

struct SamplerOptions {
  double temperature = 0; // 0: greedy
  int64_t topK = 0;       // 0: all
  double topP = 1;        // 1: all
  double minP = 0;        // 0: all
  uint64_t seed = 0;
};

/// The same seed and logits give the same tokens on every machine that computes the same logits.
class Sampler {
public:
  Sampler(const SamplerOptions &options, int64_t vocabulary);

  /// The next token; -1: no logit is a number.
  int64_t sample(const float *logits);

private:
  double uniform(); // [0, 1)
  int64_t drawFromAll(int64_t best, double total);
  void keep(const float *logits, double total); // fills `candidates`

  SamplerOptions options;
  int64_t vocabulary;
  uint64_t state;
  std::vector<float> weights;        // [vocabulary], exp((logit - largest) / temperature)
  std::vector<Candidate> candidates; // at most [vocabulary]
};

} // namespace lrt

#endif // LRT_SAMPLING_SAMPLER_H
