//===- UseTokenizer.h - what becomes of a tokenizer that was accepted ---------------------------------------------===//

#ifndef LATHE_TEST_FUZZ_USETOKENIZER_H
#define LATHE_TEST_FUZZ_USETOKENIZER_H

#include "frontends/tokenizer/HuggingFaceFiles.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "test/fuzz/Fuzz.h"

namespace lathe::fuzz {

/// Opens a section and encodes with it.
inline void useSection(const uint8_t *bytes, size_t size, bool mustOpen) {
  lrt::Tokenizer tokenizer;
  std::string error;
  if (!tokenizer.open(bytes, size, error)) {
    // The compiler must not write what the runtime refuses.
    if (mustOpen || error.find('\n') != error.npos)
      std::abort();
    return;
  }
  std::vector<int32_t> ids;
  for (const char *text : {"", "ab  c\n<s>12 \xc3\xa9\xf0\x9f\x91\x8b x", "\xff\xfe a\xed\xa0\x80"})
    if (tokenizer.encode(text, true, ids, error))
      for (int32_t id : ids)
        if (id < 0 || id >= tokenizer.size())
          std::abort();
  tokenizer.encodeChat(" hi ", ids, error);
}

/// Writes it as the compiler does, and uses what was written.
inline void useTokenizer(const absl::StatusOr<std::unique_ptr<TokenizerModel>> &model) {
  checkMessage(model.status(), "f");
  if (!model.ok() || !*model)
    return;
  auto section = serialize(**model);
  checkMessage(section.status(), "f");
  if (section.ok())
    useSection(section->data(), section->size(), /*mustOpen=*/true);
}

/// The class that a number chooses, as tokenizer_config.json and config.json name it.
inline void chooseClass(uint8_t number, HuggingFaceFiles &files) {
  static constexpr const char *classes[] = {"",
                                            "GPT2Tokenizer",
                                            "Qwen2Tokenizer",
                                            "CohereTokenizer",
                                            "LlamaTokenizer",
                                            "GemmaTokenizer",
                                            "TikTokenTokenizer",
                                            "XTokenizer"};
  files.directory = "f";
  files.names.push_back("tokenizer_config.json");
  files.tokenizerConfig = std::string(R"({"tokenizer_class":")") + classes[number % 8] + R"(","legacy":)" +
                          (number & 8 ? "true" : "false") +
                          R"(,"add_bos_token":true,"bos_token":"<s>","added_tokens_decoder":{"2":{"content":"<s>"}}})";
}

} // namespace lathe::fuzz

#endif // LATHE_TEST_FUZZ_USETOKENIZER_H
