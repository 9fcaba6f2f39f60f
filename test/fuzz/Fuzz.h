//===- Fuzz.h - what every reader promises about any bytes --------------------------------------------------------===//

#ifndef LATHE_TEST_FUZZ_FUZZ_H
#define LATHE_TEST_FUZZ_FUZZ_H

#include "absl/status/status.h"
#include "frontends/config/Checkpoint.h"
#include "llvm/ADT/StringRef.h"
#include <cstdlib>

namespace lathe::fuzz {

inline llvm::StringRef asText(const uint8_t *data, size_t size) { return {reinterpret_cast<const char *>(data), size}; }

/// A refusal is one line that begins with the file.
inline void checkMessage(const absl::Status &status, llvm::StringRef path) {
  const llvm::StringRef message(status.message().data(), status.message().size());
  if (!status.ok() && (!message.starts_with(path) || message.size() > 2000 || message.contains('\n')))
    std::abort();
}

/// A tensor that was accepted lies in the file and holds what its shape says.
inline void checkTensor(const TensorInfo &tensor, uint64_t fileSize) {
  if (tensor.offset > fileSize || tensor.bytes > fileSize - tensor.offset)
    std::abort();
  if (!tensor.format)
    return;
  const FormatInfo &info = getFormatInfo(*tensor.format);
  uint64_t count = 1;
  for (int64_t size : tensor.shape)
    count *= size;
  if (count / info.block * info.bytes != tensor.bytes)
    std::abort();
}

} // namespace lathe::fuzz

#endif // LATHE_TEST_FUZZ_FUZZ_H
