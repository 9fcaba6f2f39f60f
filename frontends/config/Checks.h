//===- Checks.h - derived numbers of a Config, and checks between its numbers -------------------------------------===//
//
// The same for every file that a Config is read from. The reader passes its file's keys, and decides what to do with a
// complaint.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CONFIG_CHECKS_H
#define LATHE_FRONTENDS_CONFIG_CHECKS_H

#include "frontends/config/models/Model.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/Twine.h"

namespace lathe {

using Complain = llvm::function_ref<void(llvm::StringRef key, const llvm::Twine &message)>;

struct ExpertKeys {
  std::string count, perToken, groups, topGroups;
};

/// Sets the numbers that follow from the rule and not from a key. Called when sizes and scales have been read.
void completeExperts(const ExpertRule &rule, Config &config);

/// Checks expertsPerToken and the expert groups. Stops at the first complaint.
void checkExperts(const ExpertRule &rule, const Config &config, const ExpertKeys &keys, Complain complain);

/// Rotary frequencies must be finite: numbers that are each in range can overflow together.
void checkFrequencies(const Config &config, llvm::StringRef key, Complain complain);

/// Latent attention: ropeDim and latentRank must be even. Rotation and the cache take values in pairs.
void checkLatent(const Config &config, llvm::StringRef ropeKey, llvm::StringRef rankKey, Complain complain);

/// Gated DeltaNet: deltaValueHeads must be a multiple of deltaKeyHeads.
void checkDeltaNet(const Config &config, llvm::StringRef valueHeadsKey, llvm::StringRef keyHeadsKey, Complain complain);

/// Every layer that attends to another layer's cache needs an earlier layer of its kind.
void checkSharedCaches(const Config &config, llvm::StringRef key, Complain complain);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_CHECKS_H
