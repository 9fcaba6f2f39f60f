//===- ExternalData.h - values of tensors that lie beside the model -----------------------------------------------===//

#ifndef LATHE_FRONTENDS_ONNX_EXTERNALDATA_H
#define LATHE_FRONTENDS_ONNX_EXTERNALDATA_H

#include "frontends/onnx/Graph.h"

namespace onnx {
class TensorProto;
} // namespace onnx

namespace lathe::onnx {

struct ExternalPlace {
  const MappedFile *file = nullptr;
  uint64_t offset = 0;
};

/// Opens each file once, and keeps it in ModelFile::files.
class ExternalFiles {
public:
  explicit ExternalFiles(ModelFile &model) : model(model) {}

  /// Where `bytes` bytes of the tensor lie. The location is a path inside the model's directory: an absolute path, one
  /// with `..`, a symbolic link and anything but a regular file are refused, as are offsets outside the file and a
  /// length that is not `bytes`.
  absl::StatusOr<ExternalPlace> find(const ::onnx::TensorProto &tensor, llvm::StringRef name, uint64_t bytes);

private:
  absl::StatusOr<const MappedFile *> open(llvm::StringRef location, llvm::StringRef name);

  ModelFile &model;
  llvm::StringMap<const MappedFile *> opened; // by location
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_EXTERNALDATA_H
