//===- SamplingArguments.cpp - the options that choose the next token ---------------------------------------------===//

#include "runtime/commands/SamplingArguments.h"

#include "runtime/support/Support.h"

#include <sys/random.h>

using namespace lrt;

void SamplingArguments::declare(Options &options) {
  options.number("--temperature", "T", "sample with this temperature; default, and 0: the likeliest token", temperature,
                 0, 1000);
  options.integer("--top-k", "K", "sample among the K likeliest; 0: all", topK, 0);
  options.number("--top-p", "P", "sample among the likeliest that together reach probability P", topP, 0, 1);
  options.number("--min-p", "P", "sample among those at least P times as likely as the likeliest one", minP, 0, 1);
  options.number("--repeat-penalty", "R", "make tokens of the prompt and the answer less likely; 1: no penalty",
                 repeatPenalty, 0.01, 100);
  options.number("--presence-penalty", "A", "subtracted from the logit of every token of the answer; 0: no penalty",
                 presencePenalty, -100, 100);
  options.number("--frequency-penalty", "A",
                 "subtracted once for each time the token occurs in the answer; 0: no penalty", frequencyPenalty, -100,
                 100);
  options.choice("--sampling", "use the values of the model's files; other options override them", {"model"}, source);
  options.integer("--seed", "S", "seed of sampling; default: a new one each time, shown on stderr", seed, 0);
}

static uint64_t freshSeed() {
  uint32_t seed = 1;
  (void)!getrandom(&seed, sizeof(seed), 0);
  return seed;
}

Sampling lrt::modelSampling(const lrt_program &program) {
  const lrt_sampling &model = program.sampling;
  Sampling sampling;
  if (!model.origin)
    return sampling;
  sampling.sampler = {.temperature = model.temperature, .topK = model.top_k, .topP = model.top_p, .minP = model.min_p};
  sampling.penalties.repeat = model.repeat_penalty;
  return sampling;
}

Sampling SamplingArguments::resolve(const lrt_program &program, std::vector<std::string> &notes) const {
  Sampling sampling;
  if (source)
    sampling = modelSampling(program);
  SamplerOptions &sampler = sampling.sampler;
  PenaltyOptions &penalties = sampling.penalties;
  sampler.temperature = temperature.value_or(sampler.temperature);
  sampler.topK = topK.value_or(sampler.topK);
  sampler.topP = topP.value_or(sampler.topP);
  sampler.minP = minP.value_or(sampler.minP);
  penalties.repeat = repeatPenalty.value_or(penalties.repeat);
  penalties.presence = presencePenalty.value_or(0);
  penalties.frequency = frequencyPenalty.value_or(0);
  if (!sampling.isGreedy())
    sampler.seed = seed ? uint64_t(*seed) : freshSeed();

  if (source && !program.sampling.origin)
    notes.push_back("--sampling model: this model's files name no sampling values");
  if (source && program.sampling.origin) {
    notes.push_back(format("--sampling model: %s (%s)", describe(sampling).c_str(), program.sampling.origin));
    if (*program.sampling.unfollowed)
      notes.push_back(format("--sampling model: %s also names %s, which is not followed", program.sampling.origin,
                             program.sampling.unfollowed));
  }
  if (sampling.isGreedy()) {
    std::string unused;
    const std::pair<const char *, bool> options[] = {{"--top-k", topK.has_value()},
                                                     {"--top-p", topP.has_value()},
                                                     {"--min-p", minP.has_value()},
                                                     {"--seed", seed.has_value()}};
    for (auto [name, isGiven] : options)
      if (isGiven)
        unused += (unused.empty() ? "" : ", ") + std::string(name);
    if (!unused.empty())
      notes.push_back(unused + ": no effect at temperature 0, where the likeliest token is taken; see --temperature");
  }
  return sampling;
}

std::string lrt::describe(const Sampling &sampling) {
  const SamplerOptions &sampler = sampling.sampler;
  const PenaltyOptions &penalties = sampling.penalties;
  std::string text = sampling.isGreedy() ? "greedy" : format("temperature %g", sampler.temperature);
  if (!sampling.isGreedy()) {
    if (sampler.topK > 0)
      text += format(", top-k %lld", (long long)sampler.topK);
    if (sampler.topP < 1)
      text += format(", top-p %g", sampler.topP);
    if (sampler.minP > 0)
      text += format(", min-p %g", sampler.minP);
  }
  if (penalties.repeat != 1)
    text += format(", repeat penalty %g", penalties.repeat);
  if (penalties.presence != 0)
    text += format(", presence penalty %g", penalties.presence);
  if (penalties.frequency != 0)
    text += format(", frequency penalty %g", penalties.frequency);
  return text;
}
