//===- HuggingFaceTokenizerTest.cpp - the same ids as `tokenizers` ------------------------------------------------===//
//
// Inputs/ is written by test/tools/make-tokenizer-goldens.py.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/tokenizer/SpecialTokens.h"
#include "runtime/tokenizer/Tokenizer.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include <cstdlib>
#include <gtest/gtest.h>

using namespace lathe;

namespace {

std::string inputPath(const std::string &name) { return LATHE_TEST_DIR "/frontends/tokenizer/Inputs/" + name; }

std::string inputFile(const std::string &name) {
  auto file = llvm::MemoryBuffer::getFile(inputPath(name));
  EXPECT_TRUE(bool(file)) << name;
  return file ? (*file)->getBuffer().str() : "";
}

std::string join(const std::vector<int32_t> &ids) {
  std::string text;
  for (int32_t id : ids)
    text += (text.empty() ? "" : ",") + std::to_string(id);
  return text;
}

class Golden : public testing::TestWithParam<const char *> {};

/// A tokenizer.json of two letters, with `rest` added.
std::string tiny(const std::string &rest = "",
                 const std::string &model = R"("vocab":{"a":0,"b":1,"ab":2},"merges":["a b"])") {
  return R"({"version":"1.0","model":{"type":"BPE",)" + model + "}" + rest + "}";
}

std::string refusal(const std::string &tokenizer, const std::string &config = "", const std::string &map = "",
                    const std::string &added = "") {
  HuggingFaceFiles files;
  files.directory = "m";
  files.tokenizer = tokenizer;
  files.tokenizerConfig = config;
  files.specialTokensMap = map;
  files.addedTokens = added;
  auto model = readHuggingFaceTokenizer(files);
  return model.ok() ? "accepted" : std::string(model.status().message());
}

} // namespace

TEST_P(Golden, IdsAndTextAreTheSame) {
  HuggingFaceFiles files;
  files.directory = "Inputs";
  files.tokenizer = inputFile(std::string(GetParam()) + ".tokenizer.json");
  auto model = readHuggingFaceTokenizer(files);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  auto section = serialize(**model);
  ASSERT_TRUE(section.ok()) << section.status().ToString();
  lrt::Tokenizer tokenizer;
  std::string error;
  ASSERT_TRUE(tokenizer.open(section->data(), section->size(), error)) << error;

  llvm::json::Value texts = llvm::cantFail(llvm::json::parse(inputFile("texts.json")));
  const std::string golden = inputFile(std::string(GetParam()) + ".ids");
  llvm::SmallVector<llvm::StringRef> lines;
  llvm::StringRef(golden).rtrim('\n').split(lines, '\n');
  ASSERT_EQ(lines.size(), texts.getAsArray()->size());
  // Only byte-level decoders are compared: the others remove a space at the start or replace invalid characters.
  const bool hasPlainDecoder = (*model)->flags & LRT_TOKENIZER_BYTES;
  for (auto [line, text] : llvm::zip(lines, *texts.getAsArray())) {
    const auto [ids, decoded] = line.split('|');
    std::vector<int32_t> found;
    ASSERT_TRUE(tokenizer.encode(*text.getAsString(), true, found, error)) << error;
    EXPECT_EQ(join(found), ids.str()) << text.getAsString()->str();
    std::string pieces;
    for (int32_t id : found)
      pieces += tokenizer.piece(id);
    if (hasPlainDecoder) {
      EXPECT_EQ(llvm::toHex(pieces, /*LowerCase=*/true), decoded.str()) << text.getAsString()->str();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, Golden,
                         testing::Values("gpt2", "gpt2-prefix", "llama3", "qwen2", "o200k", "deepseek", "smollm",
                                         "falcon", "llama2", "mistral", "gemma", "metaspace", "unigram",
                                         "unigram-bytes", "added"));

/// Tokens, flags and roles in all files besides tokenizer.json, as in transformers.
/// test/tools/make-special-token-goldens.py writes the cases; LATHE_SPECIAL_TOKENS names a file of more cases.
TEST(HuggingFaceTokenizer, SpecialTokensCountWhereTransformersFindsThem) {
  const char *other = std::getenv("LATHE_SPECIAL_TOKENS");
  auto file = llvm::MemoryBuffer::getFile(other ? std::string(other) : inputPath("special-tokens.json"));
  ASSERT_TRUE(bool(file));
  const llvm::json::Value golden = llvm::cantFail(llvm::json::parse((*file)->getBuffer()));
  const llvm::json::Array &cases = *golden.getAsObject()->getArray("cases");
  ASSERT_GE(cases.size(), 100u);
  for (const llvm::json::Value &value : cases) {
    const llvm::json::Object &one = *value.getAsObject(), &beside = *one.getObject("files");
    SCOPED_TRACE(llvm::formatv("{0}", value).str());
    llvm::json::Object tokenizer = *one.getObject("tokenizer");
    tokenizer["model"] = *golden.getAsObject()->get("model");
    // Texts, not objects, to keep the order of the keys.
    const auto textOf = [&](llvm::StringRef name) { return beside.getString(name).value_or("").str(); };
    HuggingFaceFiles files;
    files.directory = "m";
    files.tokenizer = llvm::formatv("{0}", llvm::json::Value(std::move(tokenizer))).str();
    files.tokenizerConfig = textOf("tokenizer_config.json");
    files.specialTokensMap = textOf("special_tokens_map.json");
    files.addedTokens = textOf("added_tokens.json");
    auto model = readHuggingFaceTokenizer(files);
    ASSERT_TRUE(model.ok()) << model.status().ToString();
    auto section = serialize(**model);
    lrt::Tokenizer read;
    std::string error;
    ASSERT_TRUE(section.ok() && read.open(section->data(), section->size(), error)) << error;
    std::vector<int32_t> ids;
    const auto check = [&](const llvm::json::Array &pair, bool isChat) {
      const std::string text = pair[0].getAsString()->str();
      std::vector<int32_t> expected;
      for (const llvm::json::Value &id : *pair[1].getAsArray())
        expected.push_back(static_cast<int32_t>(*id.getAsInteger()));
      ASSERT_TRUE(isChat ? read.encodeChat(text, ids, error) : read.encode(text, true, ids, error)) << error;
      EXPECT_EQ(join(ids), join(expected)) << (isChat ? "chat " : "") << text;
    };
    for (const llvm::json::Value &pair : *one.getArray("ids"))
      check(*pair.getAsArray(), false);
    if (const llvm::json::Array *chat = one.getArray("chat"))
      check(*chat, true);
    for (const llvm::json::Value &id : *one.getArray("special"))
      EXPECT_TRUE(read.isSpecial(static_cast<int32_t>(*id.getAsInteger()))) << *id.getAsInteger();
  }
}

TEST(HuggingFaceTokenizer, NoTokenizerIsNoError) {
  HuggingFaceFiles files;
  files.directory = "m";
  auto model = readHuggingFaceTokenizer(files);
  ASSERT_TRUE(model.ok());
  EXPECT_EQ(*model, nullptr);
}

TEST(HuggingFaceTokenizer, TheTokenizersConfigNamesAnEnd) {
  HuggingFaceFiles files;
  files.directory = "m";
  files.tokenizer = tiny();
  files.tokenizerConfig = R"({"eos_token":{"content":"ab"},"bos_token":"a"})";
  EXPECT_EQ((*readHuggingFaceTokenizer(files))->endIds, (std::vector<uint32_t>{2}));
  EXPECT_EQ((*readHuggingFaceTokenizer(files))->bos, 0);
}

TEST(HuggingFaceTokenizer, ErrorsNameFileKeyExpectedAndFound) {
  EXPECT_EQ(refusal(R"({"model":{"type":"WordPiece"}})"),
            "m/tokenizer.json: model.type: expected BPE or Unigram, got \"WordPiece\"");
  EXPECT_EQ(refusal(R"({})"), "m/tokenizer.json: model: expected an object, got no such key");
  EXPECT_EQ(refusal("[]"), "m/tokenizer.json: expected an object, got an array");
  EXPECT_EQ(refusal(tiny("", R"("vocab":{"a":0},"merges":["a b"])")),
            "m/tokenizer.json: model.merges[0]: expected tokens of model.vocab that make one, got \"a\" and \"b\"");
  EXPECT_EQ(refusal(tiny("", R"("vocab":{"a":0},"merges":["a"])")),
            "m/tokenizer.json: model.merges[0]: expected two tokens, got \"a\"");
  EXPECT_EQ(refusal(tiny("", R"("vocab":{"a":4000000000},"merges":[])")),
            "m/tokenizer.json: model.vocab: expected ids from 0 to 65567, got 4000000000 for \"a\"");
  EXPECT_EQ(refusal(tiny("", R"("vocab":{"a":"x"},"merges":[])")),
            "m/tokenizer.json: model.vocab.a: expected an id, got \"x\"");
  EXPECT_EQ(
      refusal(tiny(R"(,"normalizer":{"type":"Sequence","normalizers":[{"type":"Lowercase"}]})")),
      "m/tokenizer.json: normalizer.normalizers[0].type: expected NFC, NFD, NFKC, NFKD, Nmt, Precompiled, Prepend, "
      "Replace, Sequence or Strip, got \"Lowercase\"");
  EXPECT_EQ(refusal(tiny(R"(,"pre_tokenizer":{"type":"Split","pattern":{"Regex":"[a&&b]"},"behavior":"Isolated"})")),
            "m/tokenizer.json: pre_tokenizer.pattern.Regex: expected a pattern without && in a set");
  EXPECT_EQ(refusal(tiny(R"(,"post_processor":{"type":"RobertaProcessing","cls":["a",7],"sep":["b",1]})")),
            "m/tokenizer.json: post_processor.cls: expected a token and its id, got an array");
}

TEST(HuggingFaceTokenizer, WrongSpecialTokensAreNamed) {
  const std::string config = "m/tokenizer_config.json: ", map = "m/special_tokens_map.json: ";
  EXPECT_EQ(refusal(tiny(), R"({"bos_token":7})"), config + "bos_token: expected a token's text or object, got 7");
  EXPECT_EQ(refusal(tiny(), R"({"bos_token":{"content":7}})"), config + "bos_token.content: expected a string, got 7");
  EXPECT_EQ(refusal(tiny(), R"({"pad_token":{"content":"a","lstrip":"no"}})"),
            config + "pad_token.lstrip: expected true or false, got \"no\"");
  EXPECT_EQ(refusal(tiny(), R"({"additional_special_tokens":"<x>"})"),
            config + "additional_special_tokens: expected an array of tokens, got \"<x>\"");
  EXPECT_EQ(refusal(tiny(), R"({"extra_special_tokens":["<x>",null]})"),
            config + "extra_special_tokens[1]: expected a token's text or object, got null");
  EXPECT_EQ(refusal(tiny(), R"({"extra_special_tokens":{"image_token":null}})"),
            config + "extra_special_tokens.image_token: expected a token's text or object, got null");
  EXPECT_EQ(refusal(tiny(), R"({"added_tokens_decoder":{"x":{"content":"a"}}})"),
            config + "added_tokens_decoder.x: expected an id as the key of a token");
  EXPECT_EQ(refusal(tiny(), R"({"added_tokens_decoder":{"7":null}})"),
            config + "added_tokens_decoder.7: expected a token's object, got null");
  EXPECT_EQ(refusal(tiny(), R"({"split_special_tokens":1})"),
            config + "split_special_tokens: expected true or false, got 1");
  EXPECT_EQ(refusal(tiny(), "", R"({"bos_token":[]})"),
            map + "bos_token: expected a token's text or object, got an array");
  EXPECT_EQ(refusal(tiny(), "", R"({"add_bos_token":true,"bos":"a"})"),
            map + "bos: expected a name of a special token, such as bos_token");
  EXPECT_EQ(refusal(tiny(), "", "[]"), map.substr(0, map.size() - 2) + ": expected an object, got an array");
  EXPECT_EQ(refusal(tiny(), "", "", R"({"<x>":"7"})"), "m/added_tokens.json: <x>: expected an id, got \"7\"");
  EXPECT_EQ(refusal(tiny(), "", "", R"({"<x>":null})"), "m/added_tokens.json: <x>: expected an id, got null");
  std::string names = "{";
  for (int i = 0; i <= 1000; ++i)
    names += (i ? ",\"" : "\"") + std::to_string(i) + "_token\":\"a\"";
  EXPECT_EQ(refusal(tiny(), names + "}"), config + "1000_token: expected at most 1000 names of tokens");
}

TEST(AddedVocabulary, IdsHaveABound) {
  TokenizerModel model;
  model.path = "m";
  AddedVocabulary vocabulary(model, [](llvm::StringRef) { return int64_t(-1); }, LRT_TOKENIZER_MAX_ID);
  EXPECT_EQ(vocabulary.add({AddedToken{.text = "<x>"}}).message(),
            "m: expected ids below 4194304, got 4194304 for \"<x>\"");
}

/// Classes of transformers that replace the steps of tokenizer.json read this key.
TEST(HuggingFaceTokenizer, APrefixSpaceThatTwoFilesSayDifferentlyIsRefused) {
  const std::string bytes = tiny(R"(,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false})");
  const std::string words = tiny(R"(,"normalizer":{"type":"Prepend","prepend":"\u2581"})");
  EXPECT_EQ(refusal(bytes, R"({"tokenizer_class":"GPT2TokenizerFast","add_prefix_space":true})"),
            "m/tokenizer_config.json: add_prefix_space: expected false, as tokenizer.json has it, got true");
  EXPECT_EQ(refusal(words, R"({"tokenizer_class":"LlamaTokenizer","add_prefix_space":false})"),
            "m/tokenizer_config.json: add_prefix_space: expected true, as tokenizer.json has it, got false");
  for (const char *config : {R"({"tokenizer_class":"GPT2Tokenizer","add_prefix_space":false})",
                             R"({"tokenizer_class":"PreTrainedTokenizerFast","add_prefix_space":true})",
                             R"({"tokenizer_class":"LlamaTokenizer","add_prefix_space":true})",
                             R"({"tokenizer_class":"GPT2Tokenizer","add_prefix_space":null})", R"({})"})
    EXPECT_EQ(refusal(bytes, config), "accepted") << config;
  EXPECT_EQ(refusal(words, R"({"tokenizer_class":"LlamaTokenizer","add_prefix_space":true})"), "accepted");
}

/// chat_template.jinja and additional_chat_templates take precedence over tokenizer_config.json.
TEST(HuggingFaceTokenizer, TheTemplateComesFromWhereTransformersFindsIt) {
  HuggingFaceFiles files;
  files.directory = "m";
  files.tokenizer = tiny();
  const auto suffix = [&] {
    auto model = readHuggingFaceTokenizer(files);
    EXPECT_TRUE(model.ok()) << model.status().ToString();
    return !model.ok() ? "" : (*model)->hasChat ? (*model)->chatSuffix : (*model)->chatRefusal;
  };
  const std::string user = "{{ messages[0].content }}";
  files.processorTemplate = R"({"chat_template":")" + user + R"(processor"})";
  EXPECT_EQ(suffix(), "processor");
  files.tokenizerConfig =
      R"({"chat_template":[{"name":"a","template":"x"},{"name":"default","template":")" + user + R"(list"}]})";
  EXPECT_EQ(suffix(), "list");
  files.tokenizerConfig = R"({"chat_template":{"default":")" + user + R"(object"}})";
  EXPECT_EQ(suffix(), "object");
  files.tokenizerConfig = R"({"chat_template":")" + user + R"(text"})";
  EXPECT_EQ(suffix(), "text");
  for (const char *empty : {"[]", "{}"}) {
    files.tokenizerConfig = R"({"chat_template":)" + std::string(empty) + "}";
    EXPECT_EQ(suffix(),
              "tokenizer_config.json: chat_template: expected a template named default, got none; use --prompt")
        << empty;
  }
  files.moreTemplates = {{"rag", user + "rag"}};
  EXPECT_EQ(suffix(), "additional_chat_templates: expected a template named default, got rag; use --prompt");
  files.chatTemplate = user + "jinja";
  EXPECT_EQ(suffix(), "jinja");
  files.moreTemplates.emplace_back("default", user + "more");
  EXPECT_EQ(suffix(), "more");
  files.moreTemplates.clear();
  files.chatTemplate = user + "{{ bos_token is defined }}{{ image_token }}";
  files.tokenizerConfig = R"({"image_token":"<i>"})";
  EXPECT_EQ(suffix(), "False<i>");
}

TEST(HuggingFaceTokenizer, IdsOfAnyNumberAreRefusedOrKept) {
  for (const char *id : {"1000000000", "-1", "9007199254740992", "9223372036854775808", "1e300", "1.5", "null", "[0]"})
    EXPECT_NE(refusal(tiny("", R"("vocab":{"a":0,"b":)" + std::string(id) + R"(},"merges":[])"))
                  .find("m/tokenizer.json: "
                        "model.vocab"),
              std::string::npos)
        << id;
  // Two texts with the same id: both are tokenized, the id is decoded to one of them.
  HuggingFaceFiles files;
  files.directory = "m";
  files.tokenizer = tiny("", R"("vocab":{"a":0,"b":0,"ab":1},"merges":["a b"])");
  auto model = readHuggingFaceTokenizer(files);
  ASSERT_TRUE(model.ok()) << model.status().ToString();
  EXPECT_TRUE(serialize(**model).ok());
}

TEST(HuggingFaceTokenizer, TemplatesOfAnotherKindAreRefused) {
  EXPECT_EQ(refusal(tiny(), R"({"chat_template":7})"),
            "m/tokenizer_config.json: chat_template: expected a string, got 7");
  EXPECT_EQ(refusal(tiny(), R"({"chat_template":[{"name":"default","template":7}]})"),
            "m/tokenizer_config.json: chat_template[0].template: expected a string, got 7");
  EXPECT_EQ(refusal(tiny(), R"({"chat_template":[7]})"),
            "m/tokenizer_config.json: chat_template[0]: expected an object, got 7");
}

/// A template that is not supported does not fail the compilation; --chat reports it.
TEST(HuggingFaceTokenizer, WhyThereIsNoChatIsKept) {
  HuggingFaceFiles files;
  files.directory = "m";
  files.tokenizer = tiny();
  EXPECT_EQ((*readHuggingFaceTokenizer(files))->chatRefusal, "this model has no chat template; use --prompt");
  files.tokenizerConfig = R"({"chat_template":"{% include 'x' %}"})";
  auto model = readHuggingFaceTokenizer(files);
  ASSERT_TRUE(model.ok());
  const std::string why = "tokenizer_config.json: chat_template: line 1: expected if, for, set, break or continue, got "
                          "\"include\"; use --prompt";
  EXPECT_EQ((*model)->chatRefusal, why);
  auto section = serialize(**model);
  lrt::Tokenizer tokenizer;
  std::string error;
  std::vector<int32_t> ids;
  ASSERT_TRUE(section.ok() && tokenizer.open(section->data(), section->size(), error)) << error;
  EXPECT_FALSE(tokenizer.encodeChat("a", ids, error));
  EXPECT_EQ(error, "--chat: " + why);
}

TEST(HuggingFaceTokenizer, NestingEndsInAnErrorNotInACrash) {
  const std::string deep(200000, '[');
  EXPECT_NE(refusal(R"({"model":)" + deep).find("nested"), std::string::npos);
  const std::string pattern = std::string(5000, '(') + std::string(5000, ')');
  EXPECT_NE(refusal(tiny(R"(,"pre_tokenizer":{"type":"Split","pattern":{"Regex":")" + pattern +
                         R"("},"behavior":"Isolated"})"))
                .find("expected a pattern that PCRE2 understands"),
            std::string::npos);
}

TEST(Pattern, OnigurumaIsTranslated) {
  EXPECT_EQ(*translatePattern("(a|b){,3}"), "(?m)(?:a|b){0,3}");
  EXPECT_EQ(*translatePattern("\\v[\\h]"), "(?m)\\x0b[0-9a-fA-F]");
  EXPECT_EQ(*translatePattern("(?m:.)"), "(?m)(?s:.)");
  EXPECT_EQ(*translatePattern("\\s"), "(?m)[\\t-\\r\\x{85}\\p{Z}]");
  for (const char *refused : {"a{1,2}+", "(?<n>a)", "\\1", "[a[b]]", "[", "\\", "\\p{L", "(?x) a"})
    EXPECT_FALSE(translatePattern(refused).ok()) << refused;
}
