//===- OnnxFrontend.h - the frontend for ONNX graphs --------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_ONNXFRONTEND_H
#define LATHE_FRONTENDS_ONNX_ONNXFRONTEND_H

#include "frontends/Frontend.h"

namespace lathe {

/// An .onnx file, or a directory that holds one and no other weights.
const Frontend &onnxFrontend();

} // namespace lathe

#endif // LATHE_FRONTENDS_ONNX_ONNXFRONTEND_H
