//===- TokenizerFuzz.cpp - tokenizer.json, GGUF's tokenizer and the section itself --------------------------------===//
//
// The first byte chooses the reader. What is accepted must serialize, open, and encode without losing its way. Sections
// come as they are, and as good ones of every kind with bytes changed: an input is then places and values.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/tokenizer/GgufTokenizer.h"
#include "test/fuzz/UseTokenizer.h"
#include <cstring>

using namespace lathe;

static void useCopy(llvm::StringRef bytes) {
  std::vector<uint64_t> aligned(bytes.size() / 8 + 1);
  std::memcpy(aligned.data(), bytes.data(), bytes.size());
  fuzz::useSection(reinterpret_cast<const uint8_t *>(aligned.data()), bytes.size(), /*mustOpen=*/false);
}

static const std::string &goodSection(unsigned kind) {
  const auto make = [](const char *json) {
    HuggingFaceFiles files;
    files.directory = "f";
    files.tokenizer = json;
    const std::vector<uint8_t> bytes = *serialize(**readHuggingFaceTokenizer(files));
    return std::string(bytes.begin(), bytes.end());
  };
  static const std::string sections[] = {
      make(R"({"normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Prepend", "prepend": "x"},
                 {"type": "Replace", "pattern": {"Regex": " +"}, "content": "_"}]},
               "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"},
               "added_tokens": [{"content": "<s>", "special": true, "lstrip": true, "normalized": true}],
               "model": {"type": "BPE", "byte_fallback": true, "unk_token": "a", "fuse_unk": true,
                         "vocab": {"a": 0, "b": 1, "ab": 2, "<0x20>": 3}, "merges": ["a b"]}})"),
      make(R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
                 {"type": "Split", "pattern": {"Regex": "\\s+|\\w"}, "behavior": "Isolated"},
                 {"type": "ByteLevel", "add_prefix_space": true, "use_regex": false}]},
               "model": {"type": "BPE", "ignore_merges": true, "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})"),
      make(R"({"added_tokens": [{"content": "b c", "single_word": true}],
               "model": {"type": "Unigram", "unk_id": 0, "vocab": [["?", -9], ["a", -2], ["ab", -1], ["b", -3]]}})")};
  return sections[kind % 3];
}

/// Strings end at zero bytes.
static GgufTokenizer ggufFrom(llvm::StringRef text) {
  GgufTokenizer gguf;
  gguf.path = "f";
  const auto [head, lists] = text.split('\0');
  gguf.model = head.starts_with("l") ? "llama" : head.starts_with("4") ? "gemma4" : "gpt2";
  gguf.pre = head.drop_front(std::min<size_t>(1, head.size())).str();
  gguf.hasMerges = true;
  bool isMerges = false;
  llvm::StringRef rest = lists;
  while (!rest.empty()) {
    llvm::StringRef item;
    std::tie(item, rest) = rest.split('\0');
    if (item == "|") {
      isMerges = true;
    } else if (isMerges) {
      gguf.merges.push_back(item.str());
    } else {
      gguf.scores.push_back(item.empty() ? 0 : float(item[0]));
      gguf.types.push_back(item.size() > 1 ? item[1] % 8 : 1);
      gguf.tokens.push_back(item.str());
    }
  }
  gguf.bos = gguf.tokens.size() / 2;
  gguf.addBos = text.size() % 2;
  return gguf;
}

/// Files end at zero bytes.
static HuggingFaceFiles filesFrom(llvm::StringRef text) {
  HuggingFaceFiles files;
  files.directory = "f";
  files.tokenizer = R"({"added_tokens": [{"id": 3, "content": "<s>", "special": true, "lstrip": true}],
                        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}})";
  for (std::string *file : {&files.tokenizerConfig, &files.specialTokensMap, &files.addedTokens, &files.chatTemplate}) {
    const auto [contents, rest] = text.split('\0');
    *file = contents.str();
    text = rest;
  }
  return files;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  const llvm::StringRef text = fuzz::asText(data + 1, size - 1);
  switch (data[0] % 6) {
  case 0: {
    HuggingFaceFiles files;
    files.directory = "f";
    files.tokenizer = text.str();
    fuzz::useTokenizer(readHuggingFaceTokenizer(files));
    break;
  }
  case 1:
    fuzz::useTokenizer(readGgufTokenizer(ggufFrom(text)));
    break;
  case 2:
    useCopy(text);
    break;
  case 3:
    if (auto pattern = translatePattern(text); pattern.ok())
      (void)checkPattern(*pattern);
    break;
  case 4: {
    std::string section = goodSection(data[0] / 6);
    for (llvm::StringRef change = text; change.size() >= 3; change = change.drop_front(3))
      section[(uint8_t(change[0]) | uint8_t(change[1]) << 8) % section.size()] = change[2];
    useCopy(section);
    break;
  }
  case 5: // what the files beside tokenizer.json say
    fuzz::useTokenizer(readHuggingFaceTokenizer(filesFrom(text)));
    break;
  }
  return 0;
}
