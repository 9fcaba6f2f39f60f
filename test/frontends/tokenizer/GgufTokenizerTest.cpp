//===- GgufTokenizerTest.cpp - tokenizers of GGUF files, as llama.cpp reads them ----------------------------------===//

#include "frontends/tokenizer/GgufTokenizer.h"
#include "runtime/tokenizer/Tokenizer.h"
#include <gtest/gtest.h>

using namespace lathe;

namespace {

using Ids = std::vector<int32_t>;

GgufTokenizer pieces() {
  GgufTokenizer gguf;
  gguf.path = "m.gguf";
  gguf.model = "llama";
  gguf.tokens = {"<unk>", "<s>", "</s>", "\u2581", "a", "b", "\u2581a", "ab", "<0xC3>", "<0xA9>", "<end_of_turn>"};
  gguf.scores = {0, 0, 0, -1, -1, -1, -3, -2, 0, 0, 0};
  gguf.types = {2, 3, 3, 1, 1, 1, 1, 1, 6, 6, 3};
  return gguf;
}

GgufTokenizer merges() {
  GgufTokenizer gguf;
  gguf.path = "m.gguf";
  gguf.model = "gpt2";
  gguf.pre = "gpt-2";
  gguf.tokens = {"a", "b", "Ġ", "ab", "Ġab", "<|im_end|>", "1"};
  gguf.types = {1, 1, 1, 1, 1, 3, 1};
  gguf.merges = {"a b", "Ġ ab"};
  gguf.hasMerges = true;
  gguf.bos = gguf.eos = 5;
  return gguf;
}

Ids encode(const GgufTokenizer &gguf, std::string_view text) {
  auto model = readGgufTokenizer(gguf);
  EXPECT_TRUE(model.ok()) << model.status().ToString();
  if (!model.ok())
    return {};
  auto section = serialize(**model);
  EXPECT_TRUE(section.ok());
  lrt::Tokenizer tokenizer;
  std::string error;
  EXPECT_TRUE(tokenizer.open(section->data(), section->size(), error)) << error;
  Ids ids;
  EXPECT_TRUE(tokenizer.encode(text, true, ids, error)) << error;
  return ids;
}

std::string refusal(const GgufTokenizer &gguf) {
  auto model = readGgufTokenizer(gguf);
  return model.ok() ? "accepted" : std::string(model.status().message());
}

} // namespace

TEST(GgufTokenizer, MergesByScoreBehindASpaceAndABeginning) {
  EXPECT_EQ(encode(pieces(), "ab"), (Ids{1, 3, 7}));                     // ab before _a
  EXPECT_EQ(encode(pieces(), "a\u00e9"), (Ids{1, 6, 8, 9}));             // bytes
  EXPECT_EQ(encode(pieces(), "a<end_of_turn>b"), (Ids{1, 6, 10, 3, 5})); // a space after special tokens, too
  GgufTokenizer plain = pieces();
  plain.addBos = plain.addSpacePrefix = 0;
  EXPECT_EQ(encode(plain, "a b"), (Ids{4, 3, 5}));
}

TEST(GgufTokenizer, MergesByRank) {
  EXPECT_EQ(encode(merges(), "ab ab"), (Ids{3, 4}));
  GgufTokenizer starting = merges();
  starting.addBos = 1;
  EXPECT_EQ(encode(starting, "ab"), (Ids{5, 3}));
}

TEST(GgufTokenizer, EndsAreFoundByText) {
  EXPECT_EQ((*readGgufTokenizer(pieces()))->endIds, (std::vector<uint32_t>{10, 2}));
  GgufTokenizer harmony = merges();
  harmony.tokens = {"a", "<|end|>", "<|return|>", "<|call|>"};
  harmony.types = {1, 3, 3, 3};
  harmony.merges.clear();
  harmony.eos = 2;
  EXPECT_EQ((*readGgufTokenizer(harmony))->endIds, (std::vector<uint32_t>{2, 3})); // not <|end|>
}

TEST(GgufTokenizer, ErrorsNameFileKeyExpectedAndFound) {
  GgufTokenizer gguf = pieces();
  gguf.model = "t5";
  EXPECT_EQ(refusal(gguf), "m.gguf: tokenizer.ggml.model: expected llama, gpt2 or gemma4, got \"t5\"");
  gguf = merges();
  gguf.pre = "gpt-5";
  EXPECT_NE(refusal(gguf).find("m.gguf: tokenizer.ggml.pre: expected one of a.x-4.0, "), std::string::npos);
  EXPECT_NE(refusal(gguf).find(", got \"gpt-5\""), std::string::npos);
  gguf = pieces();
  gguf.scores.pop_back();
  EXPECT_EQ(refusal(gguf), "m.gguf: tokenizer.ggml.scores: expected 11 elements, as many as tokens, got 10");
  gguf = pieces();
  gguf.tokens[3] = "a";
  EXPECT_EQ(refusal(gguf), "m.gguf: tokenizer.ggml.tokens: expected different texts, got \"a\" for 3 and 4");
  gguf = merges();
  gguf.hasMerges = false;
  EXPECT_EQ(refusal(gguf), "m.gguf: tokenizer.ggml.merges: expected an array of pairs, got no such key");
  gguf = merges();
  gguf.bos = 1000;
  gguf.addBos = 1;
  EXPECT_EQ(refusal(gguf),
            "m.gguf: tokenizer.ggml.bos_token_id: expected an id, which add_bos_token asks for, got none");
}

TEST(GgufTokenizer, EveryPreTokenizerCompiles) {
  for (const char *name : {"default",     "llama-bpe", "glm4",      "dbrx",   "deepseek-llm", "deepseek-coder",
                           "deepseek-v3", "falcon",    "starcoder", "smollm", "gpt-2",        "qwen2",
                           "qwen35",      "bloom",     "viking",    "tekken", "gpt-4o",       "bailingmoe",
                           "seed-coder",  "minicpm5",  "laguna",    ""}) {
    GgufTokenizer gguf = merges();
    gguf.pre = name;
    gguf.addBos = 0;
    EXPECT_EQ(encode(gguf, "ab").size(), 1u) << name;
  }
}

TEST(GgufTokenizer, TheTemplatesOwnBeginningIsNotDoubled) {
  GgufTokenizer gguf = pieces();
  gguf.chatTemplate = "{{ bos_token }}{{ '<start_of_turn>user\n' + messages[0].content | trim }}";
  auto model = readGgufTokenizer(gguf);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ((*model)->chatPrefix, "<start_of_turn>user\n");
  EXPECT_TRUE((*model)->flags & LRT_TOKENIZER_CHAT_SPECIAL);
}
