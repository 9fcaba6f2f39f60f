//===- WeightsFuzz.cpp - OUT.weights, by a program that takes every file for its own ------------------------------===//
//
// The input is the header, then what follows its page.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "runtime/engine/Weights.h"
#include "runtime/tokenizer/Tokenizer.h"
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lrt_weights_header header = {};
  const size_t headerBytes = std::min(size, sizeof header);
  std::memcpy(&header, data, headerBytes);
  // An allocation of its own, so that the first byte read behind it is noticed.
  const size_t bytes = size < sizeof header ? size : LRT_WEIGHTS_ALIGN + (size - sizeof header);
  std::unique_ptr<uint8_t[]> file(new uint8_t[bytes]());
  std::memcpy(file.get(), data, headerBytes);
  std::copy(data + headerBytes, data + size, file.get() + (bytes - (size - headerBytes)));

  lrt_program program = {};
  std::memcpy(program.content_id, header.content_id, sizeof header.content_id);
  program.content_id[0] |= header.content_id[0] == 0; // both 0 are a bare config's
  program.weights_bytes = static_cast<int64_t>(header.tensors_bytes);
  program.weights_data = reinterpret_cast<const char *>(file.get());
  program.weights_data_bytes = static_cast<int64_t>(bytes);

  lrt::Weights weights;
  std::string error;
  if (!weights.open(program, "", error)) {
    if (error.empty() || error.find('\n') != error.npos)
      std::abort();
    return 0;
  }
  weights.verify(error); // reads both sections
  lrt::Tokenizer tokenizer;
  std::vector<int32_t> ids;
  const std::string_view tables = weights.tokenizer();
  if (!tables.empty() && tokenizer.open(reinterpret_cast<const uint8_t *>(tables.data()), tables.size(), error))
    tokenizer.encode("ab  c\n", true, ids, error);
  return 0;
}
