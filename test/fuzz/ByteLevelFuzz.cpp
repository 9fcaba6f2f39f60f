//===- ByteLevelFuzz.cpp - vocab.json and merges.txt --------------------------------------------------------------===//
//
// The first byte chooses the class that tokenizer_config.json names; a zero byte ends vocab.json.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "test/fuzz/UseTokenizer.h"

using namespace lathe;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  HuggingFaceFiles files;
  fuzz::chooseClass(data[0], files);
  files.names.push_back("merges.txt");
  files.names.push_back("vocab.json");
  const auto [vocab, merges] = fuzz::asText(data + 1, size - 1).split('\0');
  files.vocab = vocab.str();
  files.merges = merges.str();
  fuzz::useTokenizer(readHuggingFaceTokenizer(files));
  return 0;
}
