//===- GgufPatterns.cpp - patterns for the names of tokenizer.ggml.pre --------------------------------------------===//
//
// The patterns split a text as llama.cpp does for the name, which may differ from the model's tokenizer.json. They are
// written in Oniguruma's syntax and translated to PCRE2's, like those in tokenizer.json.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/tokenizer/GgufPatterns.h"
#include "compiler/support/Errors.h"
#include "frontends/tokenizer/TokenizerModel.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

#define CONTRACTION R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]))"
#define SYMBOLS R"( ?[^\s\p{L}\p{N}]+[\r\n]*)"
#define SPACES R"(\s*[\r\n]+|\s+(?!\S)|\s+)"
#define GPT2 R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))"
#define LLAMA3 CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)" SYMBOLS "|" SPACES
#define QWEN2 CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)" SYMBOLS "|" SPACES
// Words are split between lower-case and upper-case letters; llama.cpp distinguishes them only in ASCII.
#define CASED(head, tail)                                                                                              \
  R"([^\r\n\p{L}\p{N}]?[^\P{L}a-z]*[^\P{L}A-Z]+)" head R"(|[^\r\n\p{L}\p{N}]?[^\P{L}a-z]+[^\P{L}A-Z]*)" head "|" tail  \
  R"(| ?[^\s\p{L}\p{N}]+[\r\n/]*|)" SPACES
#define DEEPSEEK3_WORDS(symbols)                                                                                       \
  R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+)" symbols

namespace {

struct Named {
  const char *names; // separated by spaces
  std::vector<const char *> patterns;
  uint32_t flags = LRT_TOKENIZER_BYTES;
  bool addsBos = false;
};

} // namespace

/// Latin, Greek, Cyrillic, ... letters that have a case, from the pattern of deepseek-llm.
static constexpr const char *deepseekLetters =
    "\\s?[A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}\\x{1c4}-\\x{293}"
    "\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}\\x{37f}\\x{386}\\x{388}-\\x{38a}"
    "\\x{38c}\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}"
    "\\x{10a0}-\\x{10c5}\\x{13a0}-\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}"
    "\\x{1d00}-\\x{1d2b}\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}"
    "\\x{1f20}-\\x{1f45}\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}\\x{1f5f}"
    "-\\x{1f7d}\\x{1f80}-\\x{1fb4}\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}\\x{1fc6}-\\x{1fcc}"
    "\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}\\x{1fe0}-\\x{1fec}\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}"
    "\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}\\x{2119}-\\x{211d}\\x{2124}\\x{2126}\\x{2128}\\x{212a}"
    "-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}\\x{2145}-\\x{2149}\\x{214e}\\x{2183}"
    "\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}\\x{2cf3}\\x{a640}"
    "-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}\\x{ab70}"
    "-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}\\x{10400}"
    "-\\x{1044f}\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}"
    "\\x{118a0}-\\x{118df}\\x{1e900}-\\x{1e943}]+";

/// [U+0800-U+9FA5, U+AC00-U+D7FF] without white space, which llama.cpp does not match by patterns without categories.
static constexpr const char *deepseekCjk =
    "[\\x{800}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"
    "\\x{3001}-\\x{9fa5}\\x{ac00}-\\x{d7ff}]+";

static const std::vector<Named> &table() {
  constexpr uint32_t wholeWords = LRT_TOKENIZER_BYTES | LRT_TOKENIZER_WHOLE_WORDS;
  static const std::vector<Named> named = {
      {"default", {R"([\p{P}$+<=>^~|]+)", GPT2, R"(\p{N}+)", "[0-9][0-9][0-9]"}},
      {"llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2", {LLAMA3}, wholeWords, true},
      {"dbrx smaug-bpe chatglm-bpe", {LLAMA3}},
      {"glm4 glm5", {LLAMA3}, wholeWords},
      {"deepseek-llm",
       {R"([\r\n])", deepseekLetters, R"(\s?[!-/:-~！-／：-～‘-‟、-。]+)", R"(\s+\z)", deepseekCjk, R"(\p{N}+)"}},
      {"deepseek-coder", {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)", deepseekCjk, R"(\p{N})"}},
      {"deepseek-v3 hunyuan-dense joyai-llm hy_v4",
       {R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", DEEPSEEK3_WORDS(R"(| ?[\p{P}\p{S}]+[\r\n]*|)") SPACES}},
      {"falcon", {R"([\p{P}$+<=>^~|`]+)", GPT2, "[0-9][0-9][0-9]"}},
      {"starcoder refact command-r smollm codeshell exaone minerva-7b mellum2", {R"(\p{N})", GPT2}},
      {"gpt-2 phi-2 mpt olmo jais trillion granite-docling exaone4 gigachat a.x-4.0 mellum", {GPT2}},
      {"qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2", {QWEN2}},
      {"qwen35", {CONTRACTION R"(|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|)" SPACES}},
      {"poro-chat bloom gpt3-finnish", {R"( ?[^(\s|.,!?…。，、।۔،)]+)"}},
      {"viking", {R"( ?[^(\s|.,!?…。，、।۔،)]+)", R"(\p{N})"}},
      {"tekken", {CASED("", R"(\p{N})")}, wholeWords, true},
      {"gpt-4o llama4 kanana2 talkie minimax-m2", {CASED(CONTRACTION "?", R"(\p{N}{1,3})")}},
      {"bailingmoe bailingmoe2 llada-moe",
       {R"('(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)" SYMBOLS
        R"(|\s*[\r\n]|\s+(?!\S)|\s+)"}},
      {"seed-coder", {CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}\r\n]+|)" SPACES}},
      {"minicpm5",
       {R"(\p{N}{1,3})", CONTRACTION R"(|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+|)" SYMBOLS "|" SPACES},
       wholeWords},
      {"laguna", {R"([^\n]+|[\n]+)", QWEN2}},
      // SentencePiece's alphabet with merges by rank: token texts are characters, and spaces are U+2581.
      {"gemma4", {R"([^\n]+|[\n]+)"}, LRT_TOKENIZER_BYTE_FALLBACK | LRT_TOKENIZER_WHOLE_NEWLINES, true},
  };
  return named;
}

absl::StatusOr<GgufPattern> lathe::findGgufPattern(llvm::StringRef path, llvm::StringRef name) {
  if (name.empty()) // older files do not have the key
    name = "default";
  std::vector<llvm::StringRef> known;
  for (const Named &entry : table()) {
    llvm::SmallVector<llvm::StringRef> names;
    llvm::StringRef(entry.names).split(names, ' ');
    known.insert(known.end(), names.begin(), names.end());
    if (!llvm::is_contained(names, name))
      continue;
    GgufPattern found;
    found.flags = entry.flags;
    found.addsBos = entry.addsBos;
    for (const char *pattern : entry.patterns) {
      absl::StatusOr<std::string> translated = translatePattern(pattern, /*unicode=*/15);
      assert(translated.ok() && checkPattern(*translated).ok() && "our own pattern");
      found.patterns.push_back(*translated);
    }
    return found;
  }
  llvm::sort(known);
  return fileError(path, "tokenizer.ggml.pre", "expected one of " + commaSeparated(known) + ", got " + quoted(name));
}
