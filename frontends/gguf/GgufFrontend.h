//===- GgufFrontend.h - the frontend for llama.cpp's model files --------------------------------------------------===//

#ifndef LATHE_FRONTENDS_GGUF_GGUFFRONTEND_H
#define LATHE_FRONTENDS_GGUF_GGUFFRONTEND_H

#include "frontends/Frontend.h"

namespace lathe {

/// A .gguf file; of a model in several files, the first one.
const Frontend &ggufFrontend();

} // namespace lathe

#endif // LATHE_FRONTENDS_GGUF_GGUFFRONTEND_H
