//===- HuggingFaceFrontend.h - the frontend for directories that transformers writes ------------------------------===//

#ifndef LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACEFRONTEND_H
#define LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACEFRONTEND_H

#include "frontends/Frontend.h"

namespace lathe {

/// A directory with config.json, weights and tokenizer, or a config.json alone.
const Frontend &huggingFaceFrontend();

} // namespace lathe

#endif // LATHE_FRONTENDS_HUGGINGFACE_HUGGINGFACEFRONTEND_H
