//===- Weights.h - the weights file, mapped -----------------------------------------------------------------------===//

#ifndef LRT_ENGINE_WEIGHTS_H
#define LRT_ENGINE_WEIGHTS_H

#include "lrt/abi.h"
#include "lrt/weights.h"
#include "runtime/support/Support.h"

namespace lrt {

class Team;

/// The bytes compiled code multiplies with, and the tokenizer's tables: from OUT.weights, from the executable itself
/// (--embed-weights), or made up (bench --random-weights).
class Weights {
public:
  Weights() = default;
  Weights(const Weights &) = delete;
  Weights &operator=(const Weights &) = delete;
  ~Weights();

  /// `path`: the user's --weights, or empty for the embedded ones or the file beside the executable.
  /// Compares the header with the file's real size and with the program; reads nothing else.
  bool open(const lrt_program &program, const std::string &path, std::string &error);

  /// Random bytes of the right size: finite and small as f32, bf16 and f16 alike. No tokenizer.
  bool randomize(const lrt_program &program, uint64_t seed, Team &team, bool largePages, std::string &error);

  /// From now on tensors() is a private copy in large pages.
  bool copyToLargePages(Team &team, std::string &error);

  /// Computes the content id again from every byte (reads the whole file).
  bool verify(std::string &error) const;

  const uint8_t *tensors() const { return copy.data() ? copy.data() : base + header.tensors_offset; }
  /// lrt/tokenizer.h; empty: the model has no tokenizer.
  std::string_view tokenizer() const {
    return {reinterpret_cast<const char *>(base + header.tokenizer_offset), header.tokenizer_bytes};
  }
  int64_t fileBytes() const { return header.file_bytes; }

  /// Where they come from, for messages: a path, "in the executable", "random (seed 1)".
  const std::string &origin() const { return from; }

private:
  bool check(const lrt_program &program, uint64_t realBytes, std::string &error);
  /// From now on the process ends with a one-line error when a page of the mapped file is missing.
  void watch(int64_t bytes);

  const uint8_t *base = nullptr;
  int64_t mapped = 0; // bytes to unmap
  struct WatchedFile *watchedFile = nullptr;
  Memory random, copy;
  lrt_weights_header header = {};
  std::string from;
};

/// FNV-1a over the 64-bit words of `bytes` bytes, the last one padded with zeros.
uint64_t contentId(const uint8_t *data, uint64_t bytes);

} // namespace lrt

#endif // LRT_ENGINE_WEIGHTS_H
