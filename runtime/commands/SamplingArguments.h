//===- SamplingArguments.h - the options that choose the next token -----------------------------------------------===//

#ifndef LRT_COMMANDS_SAMPLINGARGUMENTS_H
#define LRT_COMMANDS_SAMPLINGARGUMENTS_H

#include "lrt/abi.h"
#include "runtime/commands/Options.h"
#include "runtime/sampling/Penalties.h"
#include "runtime/sampling/Sampler.h"

namespace lrt {

/// The settings that result from the options and the model's files.
struct Sampling {
  SamplerOptions sampler;
  PenaltyOptions penalties;

  bool isGreedy() const { return sampler.temperature <= 0; }
};

struct SamplingArguments {
  std::optional<int64_t> topK, seed;
  std::optional<double> temperature, topP, minP, repeatPenalty, presencePenalty, frequencyPenalty;
  std::optional<std::string> source; // "model"

  void declare(Options &options);

  /// `notes`: lines for the user, such as options that have no effect.
  Sampling resolve(const lrt_program &program, std::vector<std::string> &notes) const;
};

/// "temperature 0.6, top-k 20, top-p 0.95" or "greedy": only settings that have an effect.
std::string describe(const Sampling &sampling);

/// The settings of the model's files, as far as the runtime implements them.
Sampling modelSampling(const lrt_program &program);

} // namespace lrt

#endif // LRT_COMMANDS_SAMPLINGARGUMENTS_H
