//===- ReadProto.h - reads an ONNX file without the values of its tensors -----------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_READPROTO_H
#define LATHE_FRONTENDS_ONNX_READPROTO_H

#include "absl/status/statusor.h"
#include "compiler/support/File.h"
#include <memory>

namespace onnx {
class ModelProto;
} // namespace onnx

namespace lathe::onnx {

/// Where the raw values of a tensor lie in the file. TensorProto::raw_data of the parsed model holds one.
struct RawPlace {
  uint64_t offset, bytes;
};

/// Parses the file. A model of any size takes little memory: the raw values of every tensor are left in the file, and
/// raw_data holds a RawPlace instead. Packed float_data and double_data are treated the same. Names of intermediate
/// shapes, documentation and training information are left out. Errors: not a protobuf message, no graph, subgraphs
/// nested too deep, too many values that are stored as varints.
absl::StatusOr<std::shared_ptr<const ::onnx::ModelProto>> readProto(const MappedFile &file);

/// Whether the bytes look like an ONNX model: fields of ModelProto, the first of them ir_version.
bool looksLikeModel(llvm::StringRef bytes);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_READPROTO_H
