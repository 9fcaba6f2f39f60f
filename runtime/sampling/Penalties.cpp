//===- Penalties.cpp - make tokens that already occurred less likely ----------------------------------------------===//

#include "runtime/sampling/Penalties.h"

using namespace lrt;

Penalties::Seen *Penalties::find(int32_t token) {
  if (indices.empty())
    return nullptr;
  int32_t &index = indices[token];
  if (index < 0) {
    index = int32_t(seen.size());
    seen.push_back({token, 0});
  }
  return &seen[index];
}

void Penalties::apply(float *logits) const {
  const float repeat = float(options.repeat);
  for (auto [token, count] : seen) {
    float &logit = logits[token];
    logit = logit < 0 ? logit * repeat : logit / repeat;
    if (count > 0)
      logit -= float(options.presence + options.frequency * double(count));
  }
}
