#include "frontends/config/Checks.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace lathe;

void lathe::completeExperts(const ExpertRule &rule, Config &config) {
  config.scoring = rule.scoring;
  config.correctsRouting = rule.corrected;
  config.expertActivation = rule.clamped ? Activation::QuickGelu : config.activation;
  config.expertUpOffset = rule.clamped ? 1 : 0;
  if (rule.shared == SharedExpert::One)
    config.sharedIntermediate = config.expertIntermediate;
  if (rule.shared == SharedExpert::Dense) {
    config.sharedIntermediate = config.intermediate;
    config.sharedScale = std::sqrt(0.5);
    config.routingScale *= config.sharedScale;
  }
}

void lathe::checkExperts(const ExpertRule &rule, const Config &config, const ExpertKeys &keys, Complain complain) {
  if (config.expertsPerToken > config.experts)
    return complain(keys.perToken, "expected at most " + keys.count + " (" + llvm::Twine(config.experts) + "), got " +
                                       llvm::Twine(config.expertsPerToken));
  if (rule.scalesInput && config.expertsPerToken != 1)
    return complain(keys.perToken,
                    "expected 1, as an expert's weight scales its input, got " + llvm::Twine(config.expertsPerToken));
  const int64_t size = config.experts / config.expertGroups;
  if (config.experts % config.expertGroups)
    return complain(keys.groups, "expected a divisor of " + keys.count + " (" + llvm::Twine(config.experts) +
                                     "), got " + llvm::Twine(config.expertGroups));
  if (config.expertGroups > 1 && size < rule.groupTerms)
    return complain(keys.groups, "expected groups of at least " + llvm::Twine(rule.groupTerms) + " experts, got " +
                                     llvm::Twine(size));
  if (config.topGroups > config.expertGroups)
    return complain(keys.topGroups, "expected at most " + keys.groups + " (" + llvm::Twine(config.expertGroups) +
                                        "), got " + llvm::Twine(config.topGroups));
  if (config.expertsPerToken > config.topGroups * size)
    complain(keys.perToken, "expected at most the " + llvm::Twine(config.topGroups * size) + " experts of " +
                                keys.topGroups + " groups, got " + llvm::Twine(config.expertsPerToken));
}

void lathe::checkFrequencies(const Config &config, llvm::StringRef key, Complain complain) {
  for (const Rope *rope : {&config.rope, &config.slidingRope})
    for (int64_t context : {int64_t(1), limits::positions})
      if (!llvm::all_of(rope->in(context).frequencies(), [](float frequency) { return std::isfinite(frequency); }))
        complain(key, "expected rotary parameters that make finite frequencies, got " + numberString(rope->theta));
}

void lathe::checkLatent(const Config &config, llvm::StringRef ropeKey, llvm::StringRef rankKey, Complain complain) {
  if (config.ropeDim % 2)
    complain(ropeKey, "expected an even number, as rotation takes pairs, got " + llvm::Twine(config.ropeDim));
  if (config.latentRank % 2)
    complain(rankKey, "expected an even number, got " + llvm::Twine(config.latentRank));
}

void lathe::checkDeltaNet(const Config &config, llvm::StringRef valueHeadsKey, llvm::StringRef keyHeadsKey,
                          Complain complain) {
  if (config.deltaValueHeads % config.deltaKeyHeads)
    complain(valueHeadsKey, "expected a multiple of " + keyHeadsKey + " (" + llvm::Twine(config.deltaKeyHeads) +
                                "), got " + llvm::Twine(config.deltaValueHeads));
}

void lathe::checkSharedCaches(const Config &config, llvm::StringRef key, Complain complain) {
  const auto own = llvm::ArrayRef(config.kinds).take_front(config.sharedFrom);
  for (int64_t i = config.sharedFrom; config.sharedFrom && i < config.layers; ++i)
    if (!llvm::is_contained(own, config.kinds[i]))
      return complain(key, "expected a layer before the shared ones of the kind of layer " + llvm::Twine(i) +
                               ", found none");
}
