//===- ConfigReader.h - reads GGUF keys that begin with the architecture's name -----------------------------------===//

#ifndef LATHE_FRONTENDS_GGUF_CONFIGREADER_H
#define LATHE_FRONTENDS_GGUF_CONFIGREADER_H

#include "compiler/support/Errors.h"
#include "frontends/config/Checks.h"
#include "frontends/gguf/Gguf.h"

namespace lathe {

/// Reads keys `architecture.name`. An error names the file, the key, what was expected and what was found.
struct ConfigReader {
  const Gguf &gguf;
  std::string architecture;

  std::string key(llvm::StringRef name) const { return architecture + "." + name.str(); }
  bool has(llvm::StringRef name) const { return gguf.has(key(name)); }
  absl::Status error(llvm::StringRef name, const llvm::Twine &message) const { return gguf.error(key(name), message); }

  absl::Status integer(int64_t &out, llvm::StringRef name, int64_t min, int64_t max,
                       std::optional<int64_t> fallback = std::nullopt) const {
    LATHE_ASSIGN_OR_RETURN(out, gguf.integer(key(name), min, max, fallback));
    return absl::OkStatus();
  }
  absl::Status positive(double &out, llvm::StringRef name, std::optional<double> fallback = std::nullopt) const {
    LATHE_ASSIGN_OR_RETURN(out, gguf.number(key(name), fallback));
    return out > 0 ? absl::OkStatus() : error(name, "expected a number greater than 0, got " + numberString(out));
  }
  absl::Status number(double &out, llvm::StringRef name, std::optional<double> fallback = std::nullopt) const {
    LATHE_ASSIGN_OR_RETURN(out, gguf.number(key(name), fallback));
    return absl::OkStatus();
  }
  /// The first complaint of a check as an error. Complaints name whole keys, with the architecture.
  absl::Status check(llvm::function_ref<void(Complain)> checks) const {
    absl::Status status;
    checks([&](llvm::StringRef whole, const llvm::Twine &message) {
      if (status.ok())
        status = gguf.error(whole, message);
    });
    return status;
  }
  /// An integer, or an array with the same integer for every layer.
  absl::Status perLayer(int64_t &out, llvm::StringRef name, int64_t min, int64_t max,
                        std::optional<int64_t> fallback = std::nullopt) const {
    const Gguf::Value *value = gguf.find(key(name));
    if (!value || !value->isArray)
      return integer(out, name, min, max, fallback);
    LATHE_ASSIGN_OR_RETURN(std::vector<int64_t> all, gguf.integers(key(name), min, max));
    for (int64_t found : all)
      if (found != all.front())
        return error(name, "expected the same for every layer, got " + llvm::Twine(all.front()) + " and " +
                               llvm::Twine(found));
    if (all.empty())
      return error(name, "expected an integer, got an empty array");
    out = all.front();
    return absl::OkStatus();
  }
};

/// [layers]: whether the layer has a tensor blk.LAYER.NAME.
std::vector<bool> layersWith(const Gguf &gguf, llvm::StringRef name, const Config &config);

/// Null if there is no tensor of that name.
const TensorInfo *findTensor(const Gguf &gguf, llvm::StringRef name);

/// Rotary positions, from keys and from the tensors in which the converter stores scaling (ConfigRope.cpp).
absl::Status readGgufRope(const ConfigReader &keys, const Model &model, Config &config);

/// The experts' scoring, by a key, or by tensors that only sigmoid scoring has. It distinguishes models that share an
/// architecture name.
absl::StatusOr<Scoring> readGgufScoring(const ConfigReader &keys);
/// Experts, and which layers have them (ConfigExperts.cpp).
absl::Status readGgufExperts(const ConfigReader &keys, const Model &model, Config &config);

} // namespace lathe

#endif // LATHE_FRONTENDS_GGUF_CONFIGREADER_H
