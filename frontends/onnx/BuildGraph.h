//===- BuildGraph.h - from the protobuf message to a checked Graph ------------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_BUILDGRAPH_H
#define LATHE_FRONTENDS_ONNX_BUILDGRAPH_H

#include "frontends/onnx/Graph.h"

namespace lathe::onnx {

/// Fills in everything but the path and the model's own file, which is files[0].
absl::Status buildModel(const ::onnx::ModelProto &proto, bool allowsExternal, ModelFile &model);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_BUILDGRAPH_H
