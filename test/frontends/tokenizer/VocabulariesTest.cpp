//===- VocabulariesTest.cpp - vocab.json, tokenizer.model, tiktoken.model -----------------------------------------===//
//
// Inputs/vocabularies/ is written by test/tools/make-vocabulary-goldens.py; test/tools/compare-tokenizers.py runs the
// test with another folder.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/tokenizer/HuggingFaceFiles.h"
#include "frontends/tokenizer/SentencePiece.pb.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "runtime/tokenizer/Unicode.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <gtest/gtest.h>

using namespace lathe;

namespace {

const char *const otherInputs = std::getenv("LATHE_TOKENIZER_INPUTS");
const std::string inputs = otherInputs ? otherInputs : LATHE_TEST_DIR "/frontends/tokenizer/Inputs/";

std::string contentsOf(const std::string &path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  EXPECT_TRUE(bool(file)) << path;
  return file ? (*file)->getBuffer().str() : "";
}

std::string join(const std::vector<int32_t> &ids) {
  std::string text;
  for (int32_t id : ids)
    text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

/// Opens the serialized tokenizer as a program does.
std::string open(const TokenizerModel &model, lrt::Tokenizer &tokenizer, std::vector<uint8_t> &section) {
  auto bytes = serialize(model);
  if (!bytes.ok())
    return std::string(bytes.status().message());
  section = *std::move(bytes);
  std::string error;
  return tokenizer.open(section.data(), section.size(), error) ? "" : error;
}

class Vocabulary : public testing::TestWithParam<const char *> {};

using Names = std::vector<std::pair<std::string, std::string>>;

/// A directory with these files.
HuggingFaceFiles filesOf(const Names &contents) {
  HuggingFaceFiles files;
  files.directory = "m";
  for (const auto &[name, text] : contents) {
    files.names.push_back(name);
    for (const auto &[known, place] :
         {std::pair("config.json", &files.config), std::pair("tokenizer_config.json", &files.tokenizerConfig),
          std::pair("vocab.json", &files.vocab), std::pair("merges.txt", &files.merges),
          std::pair("tokenizer.model", &files.sentencePiece), std::pair("tiktoken.model", &files.tikToken)})
      if (name == known)
        *place = text;
  }
  return files;
}

std::string refusal(const Names &contents) {
  auto model = readHuggingFaceTokenizer(filesOf(contents));
  return model.ok() ? (*model ? "accepted" : "none") : std::string(model.status().message());
}

/// The ids of a text, or the error.
std::string encode(const Names &contents, llvm::StringRef text) {
  auto model = readHuggingFaceTokenizer(filesOf(contents));
  if (!model.ok())
    return std::string(model.status().message());
  lrt::Tokenizer tokenizer;
  std::vector<uint8_t> section;
  std::string error = open(**model, tokenizer, section);
  std::vector<int32_t> ids;
  if (!error.empty() || !tokenizer.encode(std::string_view(text), true, ids, error))
    return error;
  return join(ids);
}

using Piece = std::tuple<std::string, float, int>;

std::string sentencePiece(const std::vector<Piece> &pieces,
                          llvm::function_ref<void(sentencepiece::Model &)> change = nullptr) {
  sentencepiece::Model model;
  model.mutable_trainer_spec()->set_model_type(2);
  for (const auto &[text, score, type] : pieces) {
    sentencepiece::Piece *piece = model.add_pieces();
    piece->set_text(text);
    piece->set_score(score);
    piece->set_type(type);
  }
  if (change)
    change(model);
  return model.SerializeAsString();
}

const std::vector<Piece> small = {{"<unk>", 0, 2}, {"<s>", 0, 3}, {"</s>", 0, 3}, {"\u2581", -3, 1},
                                  {"a", -4, 1},    {"b", -5, 1},  {"ab", -1, 1},  {"\u2581ab", -2, 1}};

Names lone(const std::string &model) { return {{"tokenizer.model", model}}; }

/// The lines of a tiktoken file.
std::string ranks(llvm::ArrayRef<llvm::StringRef> tokens) {
  std::string text;
  for (auto [rank, token] : llvm::enumerate(tokens))
    text += llvm::encodeBase64(token) + " " + std::to_string(rank) + "\n";
  return text;
}

} // namespace

TEST_P(Vocabulary, IdsAndTextAreThoseOfTheReference) {
  const std::string folder = inputs + "vocabularies/" + GetParam();
  if (!llvm::sys::fs::exists(folder)) {
    ASSERT_TRUE(otherInputs || GetParam() == std::string("unigram-nmt")) << folder;
    GTEST_SKIP() << "not committed: its map of characters is large";
  }
  auto model = readHuggingFaceTokenizer(folder);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  ASSERT_TRUE(*model);
  lrt::Tokenizer tokenizer;
  std::vector<uint8_t> section;
  ASSERT_EQ(open(**model, tokenizer, section), "");

  llvm::json::Value texts = llvm::cantFail(llvm::json::parse(contentsOf(inputs + "texts.json")));
  const std::string golden = contentsOf(folder + "/ids");
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(golden).drop_back().split(lines, '\n');
  ASSERT_EQ(lines.size(), texts.getAsArray()->size());
  for (auto [line, text] : llvm::zip(lines, *texts.getAsArray())) {
    const auto [ids, decoded] = line.split('|');
    std::vector<int32_t> found;
    std::string error, pieces;
    ASSERT_TRUE(tokenizer.encode(*text.getAsString(), true, found, error)) << error;
    EXPECT_EQ(join(found), ids.str()) << text.getAsString()->str();
    for (int32_t id : found)
      pieces += tokenizer.piece(id);
    // Not compared: a space at the start, which decoders remove and a stream cannot; incomplete characters.
    const std::string hex = llvm::toHex(pieces, /*LowerCase=*/true);
    if (lrt::isValidUtf8(pieces))
      EXPECT_TRUE(hex == decoded || hex == "20" + decoded.str()) << text.getAsString()->str() << ": " << hex;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Vocabulary,
                         testing::Values("gpt2", "gpt2-prefix", "qwen2", "qwen3", "qwen35", "neox", "cohere",
                                         "llama-bpe", "llama-legacy", "llama-no-prefix", "mistral-bpe", "gemma-bpe",
                                         "bpe-plain", "bpe-first", "unigram", "unigram-bytes", "unigram-nmt", "kimi",
                                         "llama3-ranks"));

TEST(Vocabularies, NothingIsNoError) { EXPECT_EQ(refusal({{"config.json", "{}"}, {"model.safetensors", ""}}), "none"); }

TEST(Vocabularies, WhatIsNotReadIsNamedAndNoError) {
  const auto unread = [](const Names &contents) {
    auto model = readHuggingFaceTokenizer(filesOf(contents));
    EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented);
    return std::string(model.status().message());
  };
  const std::string expected =
      ": expected tokenizer.json, tokenizer.model, tiktoken.model or vocab.json with merges.txt, got ";
  for (const auto &[name, what] :
       {std::pair("vocab.txt", "a WordPiece vocabulary"), std::pair("tekken.json", "Mistral's own kind of vocabulary"),
        std::pair("tokenizer.model.v3", "Mistral's own kind of vocabulary"),
        std::pair("spiece.model", "a SentencePiece model of an encoder"),
        std::pair("sentencepiece.bpe.model", "a SentencePiece model of an encoder"),
        std::pair("source.spm", "a SentencePiece model of a translator"),
        std::pair("qwen.tiktoken", "ranks without a class that says how a text is split"),
        std::pair("tokenizer.tok.json", "a vocabulary of SGLang"), std::pair("tokenizer.pkl", "Python objects"),
        std::pair("bpe.codes", "a vocabulary of fastBPE"),
        std::pair("vocab.json", "a vocabulary without its merges.txt"),
        std::pair("merges.txt", "merges without their vocab.json"),
        std::pair("spm.model", "a vocabulary under another name"), std::pair("tokenization_x.py", "Python code"),
        std::pair("tokenizer_config.json", "settings of a vocabulary that is not there")})
    EXPECT_EQ(unread({{name, "{}"}}), "m/" + std::string(name) + expected + what);

  const std::string vocab = R"({"a":0,"b":1,"ab":2})";
  EXPECT_EQ(unread({{"vocab.json", vocab}, {"merges.txt", "a b\n"}}),
            "m/vocab.json: expected a tokenizer_class CohereTokenizer, GPT2Tokenizer, GPTNeoXTokenizer, Qwen2Tokenizer "
            "or Qwen3_5Tokenizer in tokenizer_config.json, which says how a text is split, got none");
  EXPECT_EQ(unread({{"vocab.json", vocab},
                    {"merges.txt", "a b\n"},
                    {"tokenizer_config.json", R"({"tokenizer_class":"LlamaTokenizerFast"})"}}),
            "m/vocab.json: expected a tokenizer_class CohereTokenizer, GPT2Tokenizer, GPTNeoXTokenizer, Qwen2Tokenizer "
            "or Qwen3_5Tokenizer in tokenizer_config.json, which says how a text is split, got \"LlamaTokenizerFast\"");
  EXPECT_EQ(unread({{"tokenizer.model", sentencePiece(small)},
                    {"tokenizer_config.json", R"({"tokenizer_class":"T5Tokenizer"})"}}),
            "m/tokenizer_config.json: tokenizer_class: expected CohereTokenizer, GPT2Tokenizer, GPTNeoXTokenizer, "
            "GemmaTokenizer, LlamaTokenizer, PreTrainedTokenizerFast, Qwen2Tokenizer, Qwen3_5Tokenizer or "
            "TikTokenTokenizer, got \"T5Tokenizer\"");
  EXPECT_EQ(unread({{"tiktoken.model", ranks({"a"})},
                    {"tokenizer_config.json", R"({"auto_map":{"AutoTokenizer":["tokenization_x.XTokenizer",null]}})"}}),
            "m/tokenizer_config.json: auto_map.AutoTokenizer: expected none or tokenization_kimi.TikTokenTokenizer, "
            "got \"tokenization_x.XTokenizer\", which is Python code beside the model");
  EXPECT_EQ(unread({{"tokenizer.model", sentencePiece(small)},
                    {"tokenizer_config.json", R"({"tokenizer_class":"GPT2Tokenizer"})"}}),
            "m/tokenizer.model: expected a tokenizer_class of SentencePiece models, got \"GPT2Tokenizer\"");
}

TEST(Vocabularies, TheClassChoosesAmongSeveralFiles) {
  const Names files = {{"vocab.json", R"({"a":0,"b":1,"ab":2})"},
                       {"merges.txt", "a b\n"},
                       {"tokenizer.model", sentencePiece(small)},
                       {"tiktoken.model", ranks({"b", "a"})}};
  const auto with = [&](const std::string &config) {
    Names all = files;
    all.emplace_back("tokenizer_config.json", config);
    return encode(all, "a");
  };
  EXPECT_EQ(with(R"({"tokenizer_class":"GPT2Tokenizer"})"), "0");
  EXPECT_EQ(with(R"({"tokenizer_class":"LlamaTokenizer"})"), "3,4");
  EXPECT_EQ(with(R"({"auto_map":{"AutoTokenizer":["tokenization_kimi.TikTokenTokenizer",null]}})"), "1");
  EXPECT_EQ(with("{}"), "3,4");
}

TEST(Vocabularies, KimisModelsHaveKimisPattern) {
  // Kimi splits between Han and Latin letters, Llama 3 does not.
  const std::string text = ranks({"a", "\xe4", "\xb8", "\xad",
                                  "\xad"
                                  "a"});
  EXPECT_EQ(encode({{"config.json", R"({"model_type":"kimi_k2"})"}, {"tiktoken.model", text}}, "中a"), "1,2,3,0");
  EXPECT_EQ(encode({{"config.json", R"({"model_type":"llama"})"}, {"tiktoken.model", text}}, "中a"), "1,2,4");
}

TEST(Vocabularies, ControlPiecesAreFoundInTextsUnlessTheConfigListsOthers) {
  std::vector<Piece> pieces = small;
  pieces.push_back({"<c>", 0, 3});
  Names files = lone(sentencePiece(pieces));
  EXPECT_EQ(encode(files, "ab<c>"), "7,8");
  files.push_back({"tokenizer_config.json", R"({"additional_special_tokens":[]})"});
  EXPECT_EQ(encode(files, "ab<c>"), "7,0");
}

TEST(Vocabularies, ErrorsOfMergesNameTheLine) {
  const auto with = [](const std::string &vocab, const std::string &merges) {
    return refusal({{"vocab.json", vocab},
                    {"merges.txt", merges},
                    {"tokenizer_config.json", R"({"tokenizer_class":"GPT2Tokenizer"})"}});
  };
  const std::string good = R"({"a":0,"b":1,"ab":2})";
  EXPECT_EQ(with(good, "#version: 0.2\r\na b\r\n\n"), "accepted");
  EXPECT_EQ(with(good, "#version: 0.2\na  b\n"), "m/merges.txt: line 2: expected two tokens, got \"a  b\"");
  EXPECT_EQ(with(good, "ab\n"), "m/merges.txt: line 1: expected two tokens, got \"ab\"");
  EXPECT_EQ(with(good, "a b\nb a\n"),
            "m/merges.txt: line 2: expected tokens of vocab.json that make one, got \"b\" and \"a\"");
  EXPECT_EQ(with("[]", ""), "m/vocab.json: expected an object, got an array");
  EXPECT_EQ(with(R"({"a":-1})", ""), "m/vocab.json: model.vocab: expected ids from 0 to 65567, got -1 for \"a\"");
  EXPECT_TRUE(llvm::StringRef(with("{", "")).starts_with("m/vocab.json: "));
}

TEST(Vocabularies, ErrorsOfSentencePieceNameThePiece) {
  const auto with = [](const std::vector<Piece> &more) {
    std::vector<Piece> pieces = small;
    pieces.insert(pieces.end(), more.begin(), more.end());
    return refusal(lone(sentencePiece(pieces)));
  };
  EXPECT_EQ(with({}), "accepted");
  EXPECT_EQ(with({{"", 0, 1}}), "m/tokenizer.model: pieces[8]: expected a text, got none");
  EXPECT_EQ(with({{"ab", 0, 1}}), "m/tokenizer.model: pieces[8]: expected different texts, got \"ab\" for 6 and 8");
  EXPECT_EQ(with({{"\xff", 0, 1}}), "m/tokenizer.model: pieces[8]: expected UTF-8, got \"\\xff\"");
  EXPECT_EQ(with({{"c", 0, 7}}), "m/tokenizer.model: pieces[8]: expected a type from 1 to 6, got 7");
  EXPECT_EQ(with({{"c", NAN, 1}}), "m/tokenizer.model: pieces[8]: expected a finite score, got nan");
  EXPECT_EQ(with({{"c", 0, 2}}), "m/tokenizer.model: pieces[8]: expected one unknown piece, got 0 and 8");
  EXPECT_EQ(with({{std::string(1025, 'c'), 0, 1}}),
            "m/tokenizer.model: pieces[8]: expected at most 1024 bytes, got 1025");
  EXPECT_EQ(refusal(lone(sentencePiece({{"a", 0, 1}}))),
            "m/tokenizer.model: pieces: expected one of type 2 (unknown), got none");
  EXPECT_EQ(refusal(lone(sentencePiece({}))), "m/tokenizer.model: pieces: expected 1 to 4194304, got 0");

  const std::string good = sentencePiece(small);
  EXPECT_EQ(refusal(lone(good.substr(0, good.size() - 1))),
            "m/tokenizer.model: expected a SentencePiece model (protobuf) or tiktoken's ranks, got "
            "\"\\x0a\\x0e\\x0a\\x05<unk>\\x15\\x00\\x00\\x00\\x00\\x18\\x02\" and 115 bytes that are neither");
  EXPECT_EQ(refusal(lone("hello\n")), "m/tokenizer.model: expected a SentencePiece model (protobuf) or tiktoken's "
                                      "ranks, got \"hello\\x0a\" and 6 bytes that are neither");
  // A piece with a length of 2^31 - 1 bytes but without data; nested groups.
  EXPECT_TRUE(llvm::StringRef(refusal(lone("\x0a\xff\xff\xff\xff\x07")))
                  .starts_with("m/tokenizer.model: expected a SentencePiece model"));
  EXPECT_TRUE(llvm::StringRef(refusal(lone(std::string(100'000, '\x0b'))))
                  .starts_with("m/tokenizer.model: expected a SentencePiece model"));
  EXPECT_EQ(refusal(lone(std::string((16 << 20) + 1, '\0'))),
            "m/tokenizer.model: expected at most 16777216 bytes, got 16777217");
}

TEST(Vocabularies, OtherAlgorithmsOfSentencePieceAreNotRead) {
  const auto with = [](llvm::function_ref<void(sentencepiece::Model &)> change) {
    auto model = readHuggingFaceTokenizer(filesOf(lone(sentencePiece(small, change))));
    EXPECT_EQ(model.status().code(), absl::StatusCode::kUnimplemented);
    return std::string(model.status().message());
  };
  EXPECT_EQ(with([](auto &model) { model.mutable_trainer_spec()->set_model_type(3); }),
            "m/tokenizer.model: trainer_spec.model_type: expected 1 (unigram) or 2 (BPE), got 3 (word)");
  EXPECT_EQ(with([](auto &model) { model.mutable_trainer_spec()->set_model_type(4); }),
            "m/tokenizer.model: trainer_spec.model_type: expected 1 (unigram) or 2 (BPE), got 4 (char)");
  EXPECT_EQ(with([](auto &model) { model.mutable_trainer_spec()->set_model_type(9); }),
            "m/tokenizer.model: trainer_spec.model_type: expected 1 (unigram) or 2 (BPE), got 9");
  EXPECT_EQ(with([](auto &model) { model.mutable_trainer_spec()->set_treat_whitespace_as_suffix(true); }),
            "m/tokenizer.model: trainer_spec.treat_whitespace_as_suffix: expected false, got true");
  EXPECT_EQ(with([](auto &model) { model.mutable_normalizer_spec()->set_escape_whitespaces(false); }),
            "m/tokenizer.model: normalizer_spec.escape_whitespaces: expected true, got false");
  EXPECT_EQ(with([](auto &model) { model.mutable_denormalizer_spec()->set_precompiled_charsmap("12"); }),
            "m/tokenizer.model: denormalizer_spec.precompiled_charsmap: expected none, got 2 bytes");
}

TEST(Vocabularies, AClassThatExpectsAnotherNormalizerFollowsTheFile) {
  // LlamaTokenizer removes no spaces; this file does.
  const Names files = {{"tokenizer.model", sentencePiece(small)},
                       {"tokenizer_config.json", R"({"tokenizer_class":"LlamaTokenizer"})"}};
  EXPECT_EQ(encode(files, "  ab   ab "), "7,7");
}

TEST(Vocabularies, ScoresOfALoneModelRankItsMerges) {
  std::vector<Piece> pieces(small.begin(), small.end() - 1);
  EXPECT_EQ(encode(lone(sentencePiece(pieces)), "ab"), "3,6");
  pieces.push_back({"\u2581a", 0, 1}); // a higher score than "ab"
  EXPECT_EQ(encode(lone(sentencePiece(pieces)), "ab"), "7,5");
}

TEST(Vocabularies, ErrorsOfRanksNameTheLine) {
  const auto with = [](const std::string &text) { return refusal({{"tiktoken.model", text}}); };
  EXPECT_EQ(with("YQ== 0\nYg== 1\n\nYWI= 2\r\n"), "accepted");
  EXPECT_EQ(with(""), "m/tiktoken.model: expected lines of a token and a rank, got none");
  EXPECT_EQ(with("YQ==\n"),
            "m/tiktoken.model: line 1: expected a token in base64 and a rank below 4194304, got \"YQ==\"");
  for (const char *rank : {"-1", "x", "4194304", "2147483648", "99999999999999999999", "1.5"})
    EXPECT_EQ(with(std::string("YQ== ") + rank),
              "m/tiktoken.model: line 1: expected a token in base64 and a rank below "
              "4194304, got \"YQ== " +
                  std::string(rank) + "\"");
  EXPECT_TRUE(llvm::StringRef(with("YQ== 0\n!!!! 1\n")).starts_with("m/tiktoken.model: line 2: expected base64, got "));
  EXPECT_EQ(with("YQ== 0\nYg== 2\n"), "m/tiktoken.model: line 2: expected every rank from 0 to 1 once, got 2");
  EXPECT_EQ(with("YQ== 0\nYg== 0\n"), "m/tiktoken.model: line 2: expected every rank from 0 to 1 once, got 0 twice");
  EXPECT_EQ(with("YQ== 0\nYQ== 1\n"), "m/tiktoken.model: line 2: expected different tokens, got \"a\" for 0 and 1");
  EXPECT_EQ(with(llvm::encodeBase64(std::string(10'000'000, 'a')) + " 0"),
            "m/tiktoken.model: line 1: expected a token of at most 1024 bytes, got some 10000002");
  EXPECT_EQ(refusal({{"tiktoken.model", "YQ== 0\n"},
                     {"tokenizer_config.json", R"({"added_tokens_decoder":{"99999999":{"content":"x"}}})"}}),
            "m/tokenizer_config.json: added_tokens_decoder: expected ids below 65537, got 99999999");
  EXPECT_EQ(refusal({{"tiktoken.model", "YQ== 0\n"},
                     {"tokenizer_config.json", R"({"added_tokens_decoder":{"x":{"content":"x"}}})"}}),
            "m/tokenizer_config.json: added_tokens_decoder.x: expected an id as the key");
}

TEST(Vocabularies, MergesIntoOneTokenAreEqualAndTheFirstPlaceWins) {
  // "aaa" is aa+a or a+aa: in "aa a aa" both are possible; tiktoken takes the leftmost.
  const std::string text = ranks({"a", "b", "aa", "aaa"});
  EXPECT_EQ(encode({{"tiktoken.model", text}}, "aaaaa"), "2,3");
  EXPECT_EQ(encode({{"tokenizer.model", text}}, "aaaaa"), "2,3");
}
