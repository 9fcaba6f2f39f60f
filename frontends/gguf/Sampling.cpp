//===- Sampling.cpp - reads the sampling settings of a GGUF -------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/config/Config.h"
#include "frontends/gguf/Gguf.h"

using namespace lathe;

static constexpr llvm::StringLiteral prefix = "general.sampling.";

namespace {

/// A number in [low, high].
absl::StatusOr<double> number(const Gguf &gguf, llvm::StringRef name, double low, double high, double fallback) {
  const std::string key = (prefix + name).str();
  LATHE_ASSIGN_OR_RETURN(double value, gguf.number(key, fallback));
  if (value >= low && value <= high)
    return value;
  return gguf.error(key, "expected a number from " + numberString(low) + " to " + numberString(high) + ", got " +
                             numberString(value));
}

/// Lists the keys that ask for a sampling method that the runtime does not have.
absl::Status readUnfollowed(const Gguf &gguf, SamplingValues &values) {
  for (auto [name, neutral] : {std::pair("mirostat", 0.0), std::pair("xtc_probability", 0.0)}) {
    LATHE_ASSIGN_OR_RETURN(double value, gguf.number((prefix + name).str(), neutral));
    if (value != neutral)
      values.unfollowed.push_back(name);
  }
  // The runtime's repeat penalty is over all tokens.
  LATHE_ASSIGN_OR_RETURN(double last, gguf.number((prefix + "penalty_last_n").str(), -1));
  if (last != -1 && values.repeatPenalty != 1)
    values.unfollowed.push_back("penalty_last_n");
  if (gguf.has((prefix + "sequence").str())) // another order of the samplers
    values.unfollowed.push_back("sequence");
  return absl::OkStatus();
}

} // namespace

absl::Status lathe::readGgufSampling(const Gguf &gguf, Config &config) {
  if (llvm::none_of(gguf.metadata(), [](const Gguf::Entry &entry) { return entry.key.starts_with(prefix); }))
    return absl::OkStatus();
  SamplingValues values;
  values.origin = "general.sampling of the GGUF";
  LATHE_ASSIGN_OR_RETURN(values.temperature, number(gguf, "temp", -1e6, 1e6, 1));
  values.temperature = std::max(values.temperature, 0.0); // in llama.cpp <= 0 means greedy
  LATHE_ASSIGN_OR_RETURN(values.topK, gguf.integer((prefix + "top_k").str(), INT32_MIN, INT32_MAX, 0));
  values.topK = std::max<int64_t>(values.topK, 0);
  LATHE_ASSIGN_OR_RETURN(values.topP, number(gguf, "top_p", 0, 1, 1));
  LATHE_ASSIGN_OR_RETURN(values.minP, number(gguf, "min_p", 0, 1, 0));
  LATHE_ASSIGN_OR_RETURN(values.repeatPenalty, number(gguf, "penalty_repeat", 0.01, 100, 1));
  LATHE_RETURN_IF_ERROR(readUnfollowed(gguf, values));
  config.sampling = std::move(values);
  return absl::OkStatus();
}
