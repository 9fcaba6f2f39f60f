//===- Checks.h - numbers that follow from others, or must fit them -----------------------------------------------===//
//
// What is asked of a Config whichever file it was read from. A reader says how its file calls the numbers, and what
// happens to a complaint.
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

/// What the rule says without any file, once sizes and weights are read.
void completeExperts(const ExpertRule &rule, Config &config);

/// Experts of a token and their groups. Stops at the first complaint.
void checkExperts(const ExpertRule &rule, const Config &config, const ExpertKeys &keys, Complain complain);

/// Numbers that are each possible can make angles that are none.
void checkFrequencies(const Config &config, llvm::StringRef key, Complain complain);

/// Latent attention: rotated values are pairs, and so are keys in their cache.
void checkLatent(const Config &config, llvm::StringRef ropeKey, llvm::StringRef rankKey, Complain complain);

/// Gated DeltaNet: value heads are dealt out to key heads.
void checkDeltaNet(const Config &config, llvm::StringRef valueHeadsKey, llvm::StringRef keyHeadsKey, Complain complain);

/// Every layer that attends to another one's cache finds one of its kind.
void checkSharedCaches(const Config &config, llvm::StringRef key, Complain complain);

} // namespace lathe

#endif // LATHE_FRONTENDS_CONFIG_CHECKS_H
