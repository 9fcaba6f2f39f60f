//===- ConfigRope.cpp - reads the rotary positions of a Config from a GGUF ----------------------------------------===//
//
// Linear and yarn scaling have keys. llama3 and longrope scaling are stored as tensors: rope_freqs.weight, or
// rope_factors_short.weight and rope_factors_long.weight.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/gguf/ConfigReader.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <cstring>

using namespace lathe;

/// One divisor for each rotated pair: [dims/2].
static absl::StatusOr<std::vector<float>> readDivisors(const Gguf &gguf, const TensorInfo &tensor, const Rope &rope) {
  const MappedFile &file = *gguf.files()[tensor.file];
  if (tensor.format != Format::F32 || !hasDimensions(tensor, {rope.dims / 2}))
    return fileError(file.path(), tensor.name,
                     "expected F32 of shape " + shapeString({rope.dims / 2}) + ", got " + tensor.storedType +
                         " of shape " + shapeString(tensor.shape));
  std::vector<float> divisors(rope.dims / 2);
  std::memcpy(divisors.data(), file.bytes().data() + tensor.offset, tensor.bytes);
  for (float divisor : divisors)
    if (!(divisor > 0) || !std::isfinite(divisor))
      return fileError(file.path(), tensor.name, "expected numbers greater than 0, got " + numberString(divisor));
  return divisors;
}

/// Scaling that the converter stores as tensors: llama3 and longrope.
static absl::Status readScalingTensors(const ConfigReader &keys, llvm::StringRef type, Config &config) {
  Rope &rope = config.rope;
  constexpr llvm::StringLiteral shortName = "rope_factors_short.weight", longName = "rope_factors_long.weight";
  const TensorInfo *common = findTensor(keys.gguf, "rope_freqs.weight");
  const TensorInfo *shortOnes = findTensor(keys.gguf, shortName), *longOnes = findTensor(keys.gguf, longName);
  const TensorInfo *any = common ? common : shortOnes ? shortOnes : longOnes;
  if (!any)
    return type == "longrope"
               ? keys.gguf.error(shortName, "expected a tensor of that name for longrope scaling, found none")
               : absl::OkStatus();
  if (rope.scaling != RopeScaling::None)
    return keys.error("rope.scaling.type",
                      "expected none or linear by 1 beside the tensor " + any->name + ", got " + quoted(type));
  if (common) {
    LATHE_ASSIGN_OR_RETURN(rope.divisors, readDivisors(keys.gguf, *common, rope));
    rope.scaling = RopeScaling::Divisors;
    return absl::OkStatus();
  }
  if (!shortOnes || !longOnes)
    return keys.gguf.error(shortOnes ? longName : shortName,
                           "expected a tensor of that name beside " + any->name + ", found none");
  LATHE_ASSIGN_OR_RETURN(rope.divisors, readDivisors(keys.gguf, *shortOnes, rope));
  LATHE_ASSIGN_OR_RETURN(rope.longDivisors, readDivisors(keys.gguf, *longOnes, rope));
  LATHE_RETURN_IF_ERROR(keys.integer(rope.originalPositions, "rope.scaling.original_context_length", 1,
                                     limits::positions, config.maxPositions));
  rope.scaling = RopeScaling::LongRope;
  return keys.positive(rope.attentionFactor, "rope.scaling.attn_factor", 1);
}

absl::Status lathe::readGgufRope(const ConfigReader &keys, const Model &model, Config &config) {
  Rope &rope = config.rope;
  rope.dims = model.latent ? config.ropeDim : config.headDim;
  if (model.partialRotary)
    LATHE_RETURN_IF_ERROR(keys.integer(rope.dims, "rope.dimension_count", 2, config.headDim, config.headDim));
  if (rope.dims % 2)
    return keys.error("rope.dimension_count", "expected an even number, got " + llvm::Twine(rope.dims));
  LATHE_RETURN_IF_ERROR(keys.positive(rope.theta, "rope.freq_base", 10000));
  config.slidingRope = rope;
  if (model.localTheta)
    LATHE_RETURN_IF_ERROR(keys.positive(config.slidingRope.theta, "rope.freq_base_swa",
                                        model.localTheta == model.theta ? rope.theta : model.localTheta));

  LATHE_ASSIGN_OR_RETURN(llvm::StringRef type, keys.gguf.string(keys.key("rope.scaling.type"), "linear"));
  // Older files have rope.scale_linear and no scaling type.
  const char *factorKey =
      !keys.has("rope.scaling.factor") && keys.has("rope.scale_linear") ? "rope.scale_linear" : "rope.scaling.factor";
  double factor = 1;
  if (type != "none") {
    LATHE_ASSIGN_OR_RETURN(factor, keys.gguf.number(keys.key(factorKey), 0));
  }
  if (factor < 0)
    return keys.error(factorKey, "expected a number not below 0, got " + numberString(factor));
  factor = factor == 0 ? 1 : factor; // in llama.cpp 0 means no scaling
  if (type == "linear") {
    if (factor != 1) {
      rope.scaling = RopeScaling::Linear;
      rope.factor = factor;
    }
  } else if (type == "yarn") {
    rope.scaling = RopeScaling::Yarn;
    rope.factor = factor;
    LATHE_RETURN_IF_ERROR(keys.integer(rope.originalPositions, "rope.scaling.original_context_length", 1,
                                       limits::positions, config.maxPositions));
    LATHE_RETURN_IF_ERROR(keys.positive(rope.betaFast, "rope.scaling.yarn_beta_fast", 32));
    LATHE_RETURN_IF_ERROR(keys.positive(rope.betaSlow, "rope.scaling.yarn_beta_slow", 1));
    LATHE_ASSIGN_OR_RETURN(double extrapolation, keys.gguf.number(keys.key("rope.scaling.yarn_ext_factor"), 1));
    if (extrapolation != 1)
      return keys.error("rope.scaling.yarn_ext_factor", "expected 1, got " + numberString(extrapolation));
    double multiplier = 1;
    LATHE_RETURN_IF_ERROR(keys.positive(multiplier, "rope.scaling.attn_factor", 1));
    const double stretch = factor <= 1 ? 0 : std::log(factor);
    // yarn_log_multiplier is mscale_all_dim / 10. mscale has no key: in published models it equals mscale_all_dim, so
    // attentionFactor is 1, and the square of the magnitude multiplies the attention scores.
    double growth = 0;
    LATHE_RETURN_IF_ERROR(keys.number(growth, "rope.scaling.yarn_log_multiplier", 0));
    config.attentionScale *= (1 + growth * stretch) * (1 + growth * stretch);
    // yarn_attn_factor is config.json's attention_factor and replaces the computed one.
    LATHE_RETURN_IF_ERROR(keys.positive(rope.attentionFactor, "rope.scaling.yarn_attn_factor",
                                        multiplier * (growth != 0 ? 1 : 0.1 * stretch + 1)));
    if (rope.theta == 1)
      return keys.error("rope.freq_base", "expected another value than 1 for yarn, got 1");
  } else if (type != "none" && type != "longrope")
    return keys.error("rope.scaling.type", "expected one of none, linear, yarn, longrope, got " + quoted(type));
  if (type == "longrope" && factor != 1)
    return keys.error(factorKey, "expected 1 for longrope, got " + numberString(factor));

  LATHE_RETURN_IF_ERROR(readScalingTensors(keys, type, config));
  if (!model.localTheta)
    config.slidingRope = rope;
  return keys.check([&](Complain complain) { checkFrequencies(config, keys.key("rope.freq_base"), complain); });
}
