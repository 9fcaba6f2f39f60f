//===- SamplingArguments.h - the options that choose the next token -----------------------------------------------===//

#ifndef LRT_COMMANDS_SAMPLINGARGUMENTS_H
#define LRT_COMMANDS_SAMPLINGARGUMENTS_H

#include "lrt/abi.h"
#include "runtime/commands/Options.h"
#include "runtime/sampling/Penalties.h"
#include "runtime/sampling/Sampler.h"

namespace lrt {

/// What the options and the model's files come to.
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

  /// `notes`: lines that the user ought to read, such as options that change nothing.
  Sampling resolve(const lrt_program &program, std::vector<std::string> &notes) const;
};

/// "temperature 0.6, top-k 20, top-p 0.95": what differs from taking every token as it comes; "greedy".
std::string describe(const Sampling &sampling);

/// What the files of the model say, as far as it is followed.
Sampling modelSampling(const lrt_program &program);

/// The order of all steps, for the help.
extern const char samplingDetails[];

} // namespace lrt

#endif // LRT_COMMANDS_SAMPLINGARGUMENTS_H
