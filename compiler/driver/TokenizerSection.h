#ifndef LATHE_COMPILER_DRIVER_TOKENIZERSECTION_H
#define LATHE_COMPILER_DRIVER_TOKENIZERSECTION_H

#include "frontends/Frontend.h"

namespace lathe {

struct TokenizerSection {
  std::string bytes;              // as the weights file holds them (lrt/tokenizer.h); empty when the model has none
  std::vector<std::string> notes; // what the user should know now, a line each
};

absl::StatusOr<TokenizerSection> tokenizerSection(const ModelSource &source);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_TOKENIZERSECTION_H
