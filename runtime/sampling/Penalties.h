//===- Penalties.h - make tokens that already occurred less likely ------------------------------------------------===//

#ifndef LRT_SAMPLING_PENALTIES_H
#define LRT_SAMPLING_PENALTIES_H

#include <stdint.h>

#include <vector>

namespace lrt {

struct PenaltyOptions {
  double repeat = 1;    // logit > 0: logit / repeat, else logit * repeat; of tokens of the prompt and the answer
  double presence = 0;  // logit - presence; of tokens of the answer
  double frequency = 0; // logit - frequency * (how often the token is in the answer)

  bool isNone() const { return repeat == 1 && presence == 0 && frequency == 0; }
};

/// `repeat` is transformers' RepetitionPenaltyLogitsProcessor; `presence` and `frequency` are OpenAI's formula.
/// `repeat` comes first.
class Penalties {
public:
  Penalties(const PenaltyOptions &options, int64_t vocabulary) : options(options) {
    if (!options.isNone())
      indices.assign(vocabulary, -1);
  }

  void addPrompt(int32_t token) { find(token); }
  void addAnswer(int32_t token) {
    if (Seen *seen = find(token))
      ++seen->count;
  }

  /// Takes time for the different tokens that occurred, not for the whole vocabulary.
  void apply(float *logits) const;

private:
  struct Seen {
    int32_t token;
    int32_t count; // in the answer
  };

  Seen *find(int32_t token); // null without penalties

  PenaltyOptions options;
  std::vector<Seen> seen;       // every token once
  std::vector<int32_t> indices; // [vocabulary] in `seen`, or -1
};

} // namespace lrt

#endif // LRT_SAMPLING_PENALTIES_H
