//===- TikTokenFuzz.cpp - tiktoken.model --------------------------------------------------------------------------===//
//
// The first byte chooses the class that tokenizer_config.json names.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "test/fuzz/UseTokenizer.h"

using namespace lathe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  HuggingFaceFiles files;
  fuzz::chooseClass(data[0], files);
  files.names.push_back("tiktoken.model");
  files.tikToken = fuzz::asText(data + 1, size - 1).str();
  fuzz::useTokenizer(readHuggingFaceTokenizer(files));
  return 0;
}
