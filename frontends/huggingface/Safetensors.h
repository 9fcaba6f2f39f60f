//===- Safetensors.h - the index of .safetensors files ------------------------------------------------------------===//
//
// A file is 8 bytes little endian n, n bytes of JSON (name -> dtype, shape, data_offsets), then the data the offsets
// count from. Nothing of the data is read.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_HUGGINGFACE_SAFETENSORS_H
#define LATHE_FRONTENDS_HUGGINGFACE_SAFETENSORS_H

#include "absl/status/statusor.h"
#include "frontends/config/Checkpoint.h"
#include <memory>

namespace lathe {

/// The tensors of one file, in the order of their data; TensorInfo::file is left 0.
absl::StatusOr<std::vector<TensorInfo>> readSafetensorsHeader(const MappedFile &file);

/// One .safetensors file.
absl::StatusOr<std::unique_ptr<Checkpoint>> openSafetensors(llvm::StringRef path);

/// A model.safetensors.index.json and the shards it names, which lie beside it.
absl::StatusOr<std::unique_ptr<Checkpoint>> openShardedSafetensors(llvm::StringRef indexPath);

/// What was cut for the devices of tensor parallelism, as Grok 2 is published: NAME-TP-common.safetensors with whole
/// tensors, and NAME-TP-000.safetensors to the last device's with a part each of the same tensors. Null: no such files.
absl::StatusOr<std::unique_ptr<Checkpoint>> openCutSafetensors(llvm::StringRef directory);

} // namespace lathe

#endif // LATHE_FRONTENDS_HUGGINGFACE_SAFETENSORS_H
