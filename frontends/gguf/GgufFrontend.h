//===- GgufFrontend.h - llama.cpp's model files -------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_GGUF_GGUFFRONTEND_H
#define LATHE_FRONTENDS_GGUF_GGUFFRONTEND_H

#include "frontends/Frontend.h"

namespace lathe {

/// A .gguf file, or the first of a model's parts.
const Frontend &ggufFrontend();

} // namespace lathe

#endif // LATHE_FRONTENDS_GGUF_GGUFFRONTEND_H
