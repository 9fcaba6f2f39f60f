//===- ContentId.h - the checksum in a weights file ---------------------------------------------------------------===//

#ifndef LATHE_COMPILER_WEIGHTS_CONTENTID_H
#define LATHE_COMPILER_WEIGHTS_CONTENTID_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <cstring>

namespace lathe {

/// FNV-1a over 64-bit words, the last one padded with zeros, as in lrt/weights.h.
class ContentId {
public:
  void add(llvm::StringRef bytes) {
    while (!bytes.empty() && pendingBytes != 0)
      take(bytes);
    for (; bytes.size() >= 8; bytes = bytes.drop_front(8)) {
      uint64_t word;
      std::memcpy(&word, bytes.data(), 8);
      addWord(word);
    }
    while (!bytes.empty())
      take(bytes);
  }
  uint64_t finish() {
    if (pendingBytes != 0)
      addWord(pending);
    return hash;
  }

private:
  void take(llvm::StringRef &bytes) {
    pending |= uint64_t(uint8_t(bytes.front())) << 8 * pendingBytes;
    bytes = bytes.drop_front();
    if (++pendingBytes == 8) {
      addWord(pending);
      pending = pendingBytes = 0;
    }
  }
  void addWord(uint64_t word) { hash = (hash ^ word) * 0x100000001b3ull; }

  uint64_t hash = 0xcbf29ce484222325ull, pending = 0;
  unsigned pendingBytes = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTS_CONTENTID_H
