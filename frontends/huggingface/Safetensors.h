//===- Safetensors.h - reads the headers of .safetensors files ----------------------------------------------------===//
//
// A file consists of n as 8 bytes little endian, n bytes of JSON (name -> dtype, shape, data_offsets), and the data.
// Offsets count from the start of the data. The data is not read.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_HUGGINGFACE_SAFETENSORS_H
#define LATHE_FRONTENDS_HUGGINGFACE_SAFETENSORS_H

#include "absl/status/statusor.h"
#include "frontends/config/Checkpoint.h"
#include <memory>

namespace lathe {

/// The tensors of one file, in the order of their data. TensorInfo::file is 0.
absl::StatusOr<std::vector<TensorInfo>> readSafetensorsHeader(const MappedFile &file);

/// One .safetensors file.
absl::StatusOr<std::unique_ptr<Checkpoint>> openSafetensors(llvm::StringRef path);

/// A model.safetensors.index.json and the shards that it names, in the same directory.
absl::StatusOr<std::unique_ptr<Checkpoint>> openShardedSafetensors(llvm::StringRef indexPath);

/// Weights split for tensor parallelism, as Grok 2 is published: NAME-TP-common.safetensors has whole tensors; each of
/// NAME-TP-000.safetensors, NAME-TP-001.safetensors, ... has a part of every other tensor. Returns null if the
/// directory has no such files.
absl::StatusOr<std::unique_ptr<Checkpoint>> openCutSafetensors(llvm::StringRef directory);

} // namespace lathe

#endif // LATHE_FRONTENDS_HUGGINGFACE_SAFETENSORS_H
