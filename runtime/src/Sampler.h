//===- Sampler.h - from logits to the next token ------------------------------------------------------------------===//

#ifndef LRT_SRC_SAMPLER_H
#define LRT_SRC_SAMPLER_H

#include <stdint.h>

#include <vector>

namespace lrt {

/// Index of the largest logit, the first one of equals; what is not a number never wins. -1: none is a number.
int64_t argmax(const float *logits, int64_t count);

struct SamplerOptions {
  double temperature = 0; // 0: greedy
  int64_t topK = 0;       // keep the K likeliest; 0: all
  double topP = 1;        // of these, keep the likeliest whose probabilities reach P
  uint64_t seed = 0;
};

/// The same seed and logits give the same tokens on every machine that computes the same logits.
class Sampler {
public:
  Sampler(const SamplerOptions &options, int64_t vocabulary);

  /// The next token; -1: no logit is a number.
  int64_t sample(const float *logits);

private:
  struct Candidate {
    float logit;
    int32_t token;
  };

  /// The likelier first, of equals the one with the smaller id.
  static bool isLikelier(const Candidate &a, const Candidate &b) {
    return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
  }

  double uniform();                              // [0, 1)
  double weigh(const float *logits, float most); // fills `weights`, returns their sum
  void keepTopK(const float *logits);

  SamplerOptions options;
  int64_t vocabulary;
  uint64_t state;
  std::vector<float> weights;        // [vocabulary], exp((logit - largest) / temperature)
  std::vector<Candidate> candidates; // at most [vocabulary]
};

} // namespace lrt

#endif // LRT_SRC_SAMPLER_H
