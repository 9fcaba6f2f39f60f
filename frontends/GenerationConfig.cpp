//===- GenerationConfig.cpp - reads generation_config.json --------------------------------------------------------===//
//
// The file is read as generate() of transformers 5 reads it: without do_sample decoding is greedy; with it, the default
// of top_k is 50. Keys that then have no effect are not checked.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/GenerationConfig.h"
#include "compiler/support/Errors.h"
#include "compiler/support/Json.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace json = llvm::json;

namespace {

/// The largest token id or top_k: no model has more tokens.
constexpr int64_t maxTokens = 1 << 24;

/// A key that changes the output of generate() unless it is `neutral`, null or empty, and that the runtime ignores.
struct Unfollowed {
  llvm::StringLiteral key;
  double neutral;          // false is 0
  bool isSampling = false; // the key has an effect only with do_sample
};

constexpr Unfollowed unfollowed[] = {{"num_beams", 1},
                                     {"num_beam_groups", 1},
                                     {"diversity_penalty", 0},
                                     {"penalty_alpha", 0},
                                     {"dola_layers", 0},
                                     {"constraints", 0},
                                     {"force_words_ids", 0},
                                     {"guidance_scale", 1},
                                     {"sequence_bias", 0},
                                     {"encoder_repetition_penalty", 1},
                                     {"no_repeat_ngram_size", 0},
                                     {"encoder_no_repeat_ngram_size", 0},
                                     {"bad_words_ids", 0},
                                     {"min_length", 0},
                                     {"min_new_tokens", 0},
                                     {"forced_bos_token_id", -1},
                                     {"forced_eos_token_id", -1},
                                     {"remove_invalid_values", 0},
                                     {"exponential_decay_length_penalty", 0},
                                     {"suppress_tokens", 0},
                                     {"begin_suppress_tokens", 0},
                                     {"stop_strings", 0},
                                     {"token_healing", 0},
                                     {"watermarking_config", 0},
                                     {"top_h", 1, true},
                                     {"typical_p", 1, true},
                                     {"epsilon_cutoff", 0, true},
                                     {"eta_cutoff", 0, true}};

bool isNeutral(const json::Value &value, double neutral) {
  if (const json::Array *list = value.getAsArray())
    return list->empty();
  if (const json::Object *object = value.getAsObject())
    return object->empty();
  if (std::optional<bool> flag = value.getAsBoolean())
    return *flag == (neutral != 0);
  return value.getAsNumber() == neutral;
}

/// A probability from 0 to 1; a larger number means 1.
double share(const JsonObject &keys, llvm::StringRef key, double fallback) {
  const double value = keys.number(key, fallback);
  if (value < 0)
    keys.fail(key, "expected a number not below 0, got " + describe(*keys.find(key)));
  return std::min(value, 1.0);
}

/// The sampling settings among these keys, or none.
std::optional<SamplingValues> samplingOf(const JsonObject &keys, llvm::StringRef origin) {
  SamplingValues values;
  values.origin = origin.str();
  const bool isSampling = keys.boolean("do_sample", false);
  bool says = keys.has("do_sample");
  if (isSampling) {
    values.temperature = keys.number("temperature", 1);
    if (values.temperature < 0)
      keys.fail("temperature", "expected a number not below 0, got " + describe(*keys.find("temperature")));
    values.topK = std::max<int64_t>(keys.integer("top_k", -1, maxTokens, 50), 0); // -1: all, as vLLM reads it
    values.topP = share(keys, "top_p", 1);
    values.minP = share(keys, "min_p", 0);
  }
  values.repeatPenalty = keys.positive("repetition_penalty", 1);
  for (llvm::StringRef key : {"temperature", "top_k", "top_p", "min_p", "repetition_penalty"})
    says |= keys.has(key);
  for (const Unfollowed &entry : unfollowed)
    if (const json::Value *value = keys.find(entry.key);
        value && (isSampling || !entry.isSampling) && !isNeutral(*value, entry.neutral))
      values.unfollowed.push_back(entry.key.str());
  if (!says && values.unfollowed.empty())
    return std::nullopt;
  return values;
}

/// Calls `reader` with the object in the file; returns the first error.
absl::Status read(llvm::StringRef path, llvm::StringRef text, llvm::function_ref<void(const JsonObject &)> reader) {
  LATHE_ASSIGN_OR_RETURN(json::Value value, parseJson(path, text, uint64_t(16) << 20));
  if (!value.getAsObject())
    return fileError(path, "expected an object, got " + describe(value));
  absl::Status status;
  reader(JsonObject(path, *value.getAsObject(), status));
  return status;
}

} // namespace

absl::StatusOr<GenerationConfig> lathe::readGenerationConfig(llvm::StringRef path, llvm::StringRef text) {
  GenerationConfig config;
  LATHE_RETURN_IF_ERROR(read(path, text, [&](const JsonObject &keys) {
    config.endTokens = keys.integers("eos_token_id", -1, maxTokens);
    llvm::erase(config.endTokens, -1);
    llvm::sort(config.endTokens);
    config.sampling = samplingOf(keys, llvm::sys::path::filename(path));
  }));
  return config;
}

absl::StatusOr<std::optional<SamplingValues>> lathe::readSampling(llvm::StringRef path, llvm::StringRef text) {
  std::optional<SamplingValues> values;
  LATHE_RETURN_IF_ERROR(
      read(path, text, [&](const JsonObject &keys) { values = samplingOf(keys, llvm::sys::path::filename(path)); }));
  return values;
}
