//===- TikToken.cpp - reads tiktoken's ranks ----------------------------------------------------------------------===//
//
// Each line has a token's bytes in base64 and its rank, which is its id. The neighbours whose joined text has the
// lowest rank are merged first. So there is a merge for every way to split a token into two tokens, and all merges into
// one token have the same rank.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/Vocabularies.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include "llvm/Support/ConvertUTF.h"
#include <array>

using namespace lathe;
namespace json = llvm::json;

/// Limit of bytes of a token, as every split of it is tried. Published vocabularies have about a hundred.
static constexpr size_t longestToken = 1024;

/// Limit of reserved tokens: one large id in tokenizer_config.json asks for all ids below it.
static constexpr int64_t maxReserved = 1 << 16;

/// The pattern of Llama 3, which AutoTokenizer uses for classes without their own.
static constexpr const char *llama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+)"
    R"(|\s+(?!\S)|\s+)";

// Kimi's pattern has sets such as [\p{Lu}\p{M}&&[^\p{Han}]]. PCRE2 does not have them; a lookahead does the same.
#define UPPER R"((?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]))"
#define LOWER R"((?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}]))"
#define CONTRACTION R"((?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
static constexpr const char *kimiPattern =
    R"(\p{Han}+|[^\r\n\p{L}\p{N}]?)" UPPER "*" LOWER "+" CONTRACTION R"(|[^\r\n\p{L}\p{N}]?)" UPPER "+" LOWER
    "*" CONTRACTION R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

struct Ranks {
  std::vector<std::string> tokens; // by rank
  llvm::StringMap<uint32_t> rankOf;
};

} // namespace

static bool isBase64(char c) { return llvm::isAlnum(c) || c == '+' || c == '/' || c == '='; }

bool lathe::isTikToken(llvm::StringRef text) {
  const llvm::StringRef token = text.take_while(isBase64);
  llvm::StringRef rest = text.drop_front(token.size());
  if (token.empty() || !rest.consume_front(" "))
    return false;
  const llvm::StringRef rank = rest.take_while(llvm::isDigit);
  rest = rest.drop_front(rank.size());
  return !rank.empty() && (rest.empty() || rest.front() == '\n' || rest.front() == '\r');
}

static absl::StatusOr<Ranks> readRanks(llvm::StringRef path, llvm::StringRef text) {
  struct Line {
    uint32_t rank;
    size_t number;
    std::string token;
  };
  std::vector<Line> lines;
  size_t number = 0;
  for (llvm::StringRef line, rest = text; !rest.empty();) {
    std::tie(line, rest) = rest.split('\n');
    ++number;
    line = line.trim();
    if (line.empty())
      continue;
    const std::string where = "line " + std::to_string(number);
    const auto [encoded, rankText] = line.split(' ');
    std::vector<char> token;
    uint32_t rank = 0;
    if (encoded.empty() || rankText.trim().getAsInteger(10, rank) || rank >= LRT_TOKENIZER_MAX_ID)
      return fileError(path, where,
                       "expected a token in base64 and a rank below " + llvm::Twine(LRT_TOKENIZER_MAX_ID) + ", got " +
                           quoted(line));
    if (encoded.size() > longestToken / 3 * 4 + 4)
      return fileError(path, where,
                       "expected a token of at most " + llvm::Twine(longestToken) + " bytes, got some " +
                           llvm::Twine(encoded.size() / 4 * 3));
    if (llvm::Error error = llvm::decodeBase64(encoded, token))
      return fileError(path, where, "expected base64, got " + llvm::toString(std::move(error)));
    if (token.empty())
      return fileError(path, where, "expected a token, got none");
    lines.push_back({rank, number, std::string(token.begin(), token.end())});
  }
  if (lines.empty())
    return fileError(path, "expected lines of a token and a rank, got none");

  // Special tokens have the ids after the last rank, so there must be no gap between ranks.
  llvm::sort(lines,
             [](const Line &a, const Line &b) { return std::tie(a.rank, a.number) < std::tie(b.rank, b.number); });
  Ranks ranks;
  for (auto [expected, line] : llvm::enumerate(lines)) {
    const std::string where = "line " + std::to_string(line.number);
    if (line.rank != expected)
      return fileError(path, where,
                       "expected every rank from 0 to " + llvm::Twine(lines.size() - 1) + " once, got " +
                           llvm::Twine(line.rank) + (line.rank < expected ? " twice" : ""));
    if (auto [entry, isNew] = ranks.rankOf.try_emplace(line.token, line.rank); !isNew)
      return fileError(path, where,
                       "expected different tokens, got " + quoted(line.token) + " for " + llvm::Twine(entry->second) +
                           " and " + llvm::Twine(line.rank));
    ranks.tokens.push_back(std::move(line.token));
  }
  return ranks;
}

/// Bytes in GPT-2's printable characters, as in tokenizer.json.
static std::string encodeByteAlphabet(llvm::StringRef bytes) {
  static const std::array<uint16_t, 256> characterOf = [] {
    std::array<uint16_t, 256> table;
    uint16_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
      table[byte] = prints ? byte : next++;
    }
    return table;
  }();
  std::string text;
  for (char byte : bytes) {
    char buffer[UNI_MAX_UTF8_BYTES_PER_CODE_POINT], *end = buffer;
    llvm::ConvertCodePointToUTF8(characterOf[static_cast<uint8_t>(byte)], end);
    text.append(buffer, end);
  }
  return text;
}

/// A merge for every way to split a token into two tokens, in the order of ranks.
static std::vector<TokenizerModel::Merge> makeMerges(const Ranks &ranks) {
  std::vector<bool> lengths(longestToken + 4);
  for (const std::string &token : ranks.tokens)
    lengths[token.size()] = true;
  std::vector<TokenizerModel::Merge> merges;
  for (auto [rank, text] : llvm::enumerate(ranks.tokens))
    for (size_t cut = 1; cut < text.size(); ++cut) {
      if (!lengths[cut] || !lengths[text.size() - cut])
        continue;
      const auto left = ranks.rankOf.find(llvm::StringRef(text).take_front(cut));
      if (left == ranks.rankOf.end())
        continue;
      const auto right = ranks.rankOf.find(llvm::StringRef(text).drop_front(cut));
      if (right != ranks.rankOf.end())
        merges.push_back({left->second, right->second, static_cast<uint32_t>(rank)});
    }
  return merges;
}

static json::Object addedToken(int64_t id, llvm::StringRef text) {
  return json::Object{{"id", id},        {"content", text.str()}, {"special", true},     {"normalized", false},
                      {"lstrip", false}, {"rstrip", false},       {"single_word", false}};
}

/// The special tokens, with the ids after the ranks up to the largest id that has a name. Kimi's class has at least 256
/// and at most 258 of them.
static absl::StatusOr<json::Array> makeAdded(size_t base, TokenizerClass kind, const JsonObject &config) {
  const std::map<int64_t, std::string> names = readAddedNames(config);
  LATHE_RETURN_IF_ERROR(config.error());
  const int64_t begin = static_cast<int64_t>(base);
  int64_t end = names.empty() ? begin : names.rbegin()->first + 1;
  if (kind == TokenizerClass::Kimi)
    end = std::clamp(end, begin + 256, begin + 258);
  if (end - begin > maxReserved) {
    config.fail("added_tokens_decoder",
                "expected ids below " + llvm::Twine(begin + maxReserved) + ", got " + llvm::Twine(end - 1));
    return config.error();
  }
  json::Array added;
  for (int64_t id = begin; id < end; ++id) {
    const auto name = names.find(id);
    added.push_back(
        addedToken(id, name != names.end() ? name->second : "<|reserved_token_" + std::to_string(id) + "|>"));
  }
  return added;
}

absl::StatusOr<Vocabulary> lathe::readTikToken(const HuggingFaceFiles &files, llvm::StringRef name,
                                               llvm::StringRef text, TokenizerClass kind, const JsonObject &config) {
  Vocabulary result;
  result.path = pathOf(files, name);
  LATHE_ASSIGN_OR_RETURN(const Ranks ranks, readRanks(result.path, text));
  LATHE_ASSIGN_OR_RETURN(json::Array added, makeAdded(ranks.tokens.size(), kind, config));
  json::Object vocab;
  for (auto [rank, token] : llvm::enumerate(ranks.tokens))
    vocab[encodeByteAlphabet(token)] = static_cast<int64_t>(rank);

  result.merges = makeMerges(ranks);
  result.hasRanksOfResults = true;

  const bool isKimi = kind == TokenizerClass::Kimi;
  json::Object split{{"type", "Split"},
                     {"pattern", json::Object{{"Regex", isKimi ? kimiPattern : llama3Pattern}}},
                     {"behavior", "Isolated"},
                     {"invert", false}};
  json::Object bytes{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  json::Object model{{"type", "BPE"}, {"ignore_merges", true}, {"vocab", std::move(vocab)}, {"merges", json::Array()}};
  result.tokenizer =
      json::Object{{"model", std::move(model)},
                   {"added_tokens", std::move(added)},
                   {"pre_tokenizer", json::Object{{"type", "Sequence"},
                                                  {"pretokenizers", json::Array{std::move(split), std::move(bytes)}}}},
                   {"decoder", json::Object{{"type", "ByteLevel"}}}};
  if (isKimi)
    result.named = {{"bos_token", "[BOS]"}, {"eos_token", "[EOS]"}};
  else if (kind == TokenizerClass::Llama)
    result.named = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}};
  return result;
}
