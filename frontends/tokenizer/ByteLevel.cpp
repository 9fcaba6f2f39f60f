//===- ByteLevel.cpp - reads vocab.json and merges.txt ------------------------------------------------------------===//
//
// Byte-level BPE as GPT-2 published it. The files do not say how a text is split into words; this follows from the
// class.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/Vocabularies.h"

using namespace lathe;
namespace json = llvm::json;

static constexpr const char *qwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
static constexpr const char *qwen35Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+)"
    R"(|\s+(?!\S)|\s+)";

/// The pre_tokenizer that the constructor of the class in transformers sets.
static json::Object splitterOf(TokenizerClass kind, bool addsPrefixSpace) {
  const char *pattern = kind == TokenizerClass::Qwen2    ? qwen2Pattern
                        : kind == TokenizerClass::Qwen35 ? qwen35Pattern
                                                         : nullptr;
  json::Object bytes{{"type", "ByteLevel"}, {"add_prefix_space", addsPrefixSpace}, {"use_regex", pattern == nullptr}};
  if (kind == TokenizerClass::Cohere)
    return json::Object{{"type", "Sequence"},
                        {"pretokenizers",
                         json::Array{json::Object{{"type", "Digits"}, {"individual_digits", true}}, std::move(bytes)}}};
  if (!pattern)
    return bytes;
  json::Object split{
      {"type", "Split"}, {"pattern", json::Object{{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  return json::Object{{"type", "Sequence"}, {"pretokenizers", json::Array{std::move(split), std::move(bytes)}}};
}

static std::vector<std::pair<std::string, std::string>> namedBy(TokenizerClass kind) {
  const std::string end = "<|endoftext|>";
  switch (kind) {
  case TokenizerClass::Qwen2:
  case TokenizerClass::Qwen35:
    return {{"eos_token", end}, {"unk_token", end}, {"pad_token", end}};
  case TokenizerClass::GPTNeoX:
    return {{"bos_token", end}, {"eos_token", end}, {"unk_token", end}, {"pad_token", "<|padding|>"}};
  case TokenizerClass::Cohere:
    return {{"bos_token", "<BOS_TOKEN>"},  {"eos_token", "<|END_OF_TURN_TOKEN|>"},
            {"unk_token", "<UNK>"},        {"sep_token", "<SEP>"},
            {"pad_token", "<PAD>"},        {"cls_token", "<CLS>"},
            {"mask_token", "<MASK_TOKEN>"}};
  default:
    return {{"bos_token", end}, {"eos_token", end}, {"unk_token", end}};
  }
}

/// Each line has two tokens. Lines that begin with "#version" are skipped.
static absl::StatusOr<json::Array> readMerges(llvm::StringRef path, llvm::StringRef text, const json::Object &vocab) {
  json::Array merges;
  size_t number = 0;
  for (llvm::StringRef line, rest = text; !rest.empty();) {
    std::tie(line, rest) = rest.split('\n');
    ++number;
    line.consume_back("\r");
    if (line.empty() || line.starts_with("#version"))
      continue;
    const std::string where = "line " + std::to_string(number);
    const auto [left, right] = line.split(' ');
    if (left.empty() || right.empty() || right.contains(' '))
      return fileError(path, where, "expected two tokens, got " + quoted(line));
    if (!vocab.get(left) || !vocab.get(right) || !vocab.get((left + right).str()))
      return fileError(path, where,
                       "expected tokens of vocab.json that make one, got " + quoted(left) + " and " + quoted(right));
    merges.push_back(line.str());
  }
  return merges;
}

absl::StatusOr<Vocabulary> lathe::readByteLevel(const HuggingFaceFiles &files, TokenizerClass kind,
                                                const JsonObject &config) {
  Vocabulary result;
  result.path = pathOf(files, "vocab.json");
  LATHE_ASSIGN_OR_RETURN(json::Value vocab, parseJson(result.path, files.vocab));
  if (!vocab.getAsObject())
    return fileError(result.path, "expected an object, got " + describe(vocab));
  LATHE_ASSIGN_OR_RETURN(json::Array merges,
                         readMerges(pathOf(files, "merges.txt"), files.merges, *vocab.getAsObject()));
  const bool addsPrefixSpace = config.boolean("add_prefix_space", false);
  LATHE_RETURN_IF_ERROR(config.error());

  json::Object model{{"type", "BPE"}, {"vocab", std::move(vocab)}, {"merges", std::move(merges)}};
  result.tokenizer = json::Object{{"model", std::move(model)},
                                  {"pre_tokenizer", splitterOf(kind, addsPrefixSpace)},
                                  {"decoder", json::Object{{"type", "ByteLevel"}}}};
  if (kind != TokenizerClass::GPT2)
    result.tokenizer["normalizer"] = json::Object{{"type", "NFC"}};
  result.hasPlainSpecial = kind == TokenizerClass::Qwen2;
  result.named = namedBy(kind);
  return result;
}
