#ifndef LATHE_COMPILER_DRIVER_TOKENIZERSECTION_H
#define LATHE_COMPILER_DRIVER_TOKENIZERSECTION_H

#include "frontends/Frontend.h"

namespace lathe {

/// The model's tokenizer as the weights file holds it (lrt/tokenizer.h). Empty when the model has none.
absl::StatusOr<std::string> tokenizerSection(const ModelSource &source);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_TOKENIZERSECTION_H
