#include "frontends/huggingface/ConfigRope.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace lathe;
namespace json = llvm::json;

static constexpr llvm::StringLiteral ropeTypes = "expected one of default, linear, llama3, yarn, longrope";

/// One divisor for each rotated pair: [dims/2].
static std::vector<float> readDivisors(const JsonObject &keys, llvm::StringRef key, const Rope &rope) {
  std::vector<float> found = keys.positives(key);
  if (keys.ok() && static_cast<int64_t>(found.size()) != rope.dims / 2)
    keys.fail(key, "expected one for each of the " + llvm::Twine(rope.dims / 2) + " pairs that are rotated, got " +
                       llvm::Twine(found.size()));
  return found;
}

static void readLongRope(const JsonObject &keys, Rope &rope) {
  rope.divisors = readDivisors(keys, "short_factor", rope);
  rope.longDivisors = readDivisors(keys, "long_factor", rope);
  if (keys.has("attention_factor"))
    rope.attentionFactor = keys.positive("attention_factor");
  else if (rope.factor > 1)
    rope.attentionFactor = std::sqrt(1 + std::log(rope.factor) / std::log(rope.originalPositions));
}

/// The scaling by rope_type, or by type in older files.
static RopeScaling readScaling(const JsonObject &keys) {
  const bool old = !keys.has("rope_type") && keys.has("type");
  const llvm::StringRef typeKey = old ? "type" : "rope_type";
  if (!keys.has(typeKey) && keys.has("factor"))
    keys.fail(typeKey, llvm::Twine(ropeTypes) + " beside a factor, got no such key");
  const std::string type = keys.string(typeKey, "default");
  auto known = llvm::StringSwitch<std::optional<RopeScaling>>(type)
                   .Case("default", RopeScaling::None)
                   .Case("linear", RopeScaling::Linear)
                   .Case("llama3", RopeScaling::Llama3)
                   .Case("yarn", RopeScaling::Yarn)
                   .Cases({"longrope", "su"}, RopeScaling::LongRope)
                   .Default(std::nullopt);
  if (!known)
    keys.fail(typeKey, ropeTypes + ", got " + quoted(type));
  return known.value_or(RopeScaling::None);
}

/// Sets `rope.dims` if only a part of a head is rotated.
static void readRotatedPart(const JsonObject &keys, const JsonObject &top, const Model &model, const Config &config,
                            Rope &rope) {
  for (const JsonObject *object : {&top, &keys}) {
    if (!object->has("partial_rotary_factor") && (object == &keys || model.rotaryPart == 1))
      continue;
    const double part = object->number("partial_rotary_factor", model.rotaryPart);
    if (!model.partialRotary) {
      if (part != 1)
        object->fail("partial_rotary_factor", "expected 1 for this architecture, got " + numberString(part));
      continue;
    }
    // If both have the key, the set of parameters takes precedence. Rounded down, as in transformers.
    rope.dims = part > 0 && part <= 1 ? static_cast<int64_t>(config.headDim * part) : 0;
    if (rope.dims < 2 || rope.dims % 2)
      object->fail("partial_rotary_factor", "expected a part of " + llvm::Twine(config.headDim) +
                                                " values that is an even number of them, got " + numberString(part));
  }
}

static void readLlama3(const JsonObject &keys, Rope &rope) {
  rope.factor = keys.positive("factor");
  rope.lowFrequency = keys.positive("low_freq_factor");
  rope.highFrequency = keys.positive("high_freq_factor");
  if (rope.highFrequency < rope.lowFrequency)
    keys.fail("high_freq_factor", "expected at least low_freq_factor (" + numberString(rope.lowFrequency) + "), got " +
                                      numberString(rope.highFrequency));
}

/// `isOne`: the set of parameters is for one kind of layer (rope_parameters.full_attention).
static void readYarn(const JsonObject &keys, bool isOne, Rope &rope) {
  // In transformers, too, zero means the default.
  rope.betaFast = keys.number("beta_fast", 32);
  rope.betaSlow = keys.number("beta_slow", 1);
  rope.betaFast = rope.betaFast ? rope.betaFast : 32;
  rope.betaSlow = rope.betaSlow ? rope.betaSlow : 1;
  for (const char *beta : {"beta_fast", "beta_slow"})
    if (keys.number(beta, 1) < 0)
      keys.fail(beta, "expected a number not below 0, got " + describe(*keys.find(beta)));
  // transformers does not read `truncate` in the set of one kind of layer.
  rope.truncate = keys.boolean("truncate", true) || isOne;
  const double mscale = keys.number("mscale", 0), mscaleAll = keys.number("mscale_all_dim", 0);
  auto magnitude = [&](double k) { return rope.factor <= 1 ? 1 : 0.1 * k * std::log(rope.factor) + 1; };
  if (keys.has("attention_factor"))
    rope.attentionFactor = keys.positive("attention_factor");
  else if (mscale && mscaleAll)
    rope.attentionFactor = magnitude(mscale) / magnitude(mscaleAll);
  else
    rope.attentionFactor = magnitude(1);
  if (!std::isfinite(rope.attentionFactor) || rope.attentionFactor <= 0)
    keys.fail("mscale",
              "expected values that make a positive attention factor, got " + numberString(rope.attentionFactor));
  if (rope.theta == 1)
    keys.fail("rope_theta", "expected another value than 1 for yarn, got 1");
}

/// Reads one set of rotary parameters, from rope_scaling or rope_parameters. `top`: the config, where some of the keys
/// may be instead. `isOne`: the set is for one kind of layer.
static Rope readRope(const JsonObject &keys, const JsonObject &top, const Model &model, const Config &config,
                     double theta, bool isOne = false) {
  Rope rope;
  rope.dims = config.latentRank ? config.ropeDim : config.headDim;
  rope.theta = keys.positive("rope_theta", theta);
  rope.scaling = readScaling(keys);
  readRotatedPart(keys, top, model, config, rope);
  if (rope.scaling == RopeScaling::None)
    return rope;
  if (rope.scaling == RopeScaling::Linear) {
    rope.factor = keys.positive("factor");
    return rope;
  }
  // As in transformers, the config's own key takes precedence if there is one set for all layers.
  const JsonObject &original = !isOne && top.has("original_max_position_embeddings") ? top : keys;
  const bool isLong = rope.scaling == RopeScaling::LongRope;
  rope.originalPositions = original.integer("original_max_position_embeddings", isLong ? 2 : 1, limits::positions,
                                            isLong ? std::nullopt : std::optional(config.maxPositions));
  if (rope.scaling == RopeScaling::Llama3) {
    readLlama3(keys, rope);
    return rope;
  }
  const double stretch = rope.originalPositions ? double(config.maxPositions) / rope.originalPositions : 1;
  rope.factor = keys.positive("factor", stretch);
  if (isLong) {
    readLongRope(keys, rope);
    return rope;
  }
  readYarn(keys, isOne, rope);
  return rope;
}

void lathe::readRopes(const JsonObject &keys, const Model &model, Config &config) {
  static const json::Object nothing;
  const double theta = keys.positive("rope_theta", model.theta);
  const double localTheta = keys.positive("rope_local_base_freq", model.localTheta ? model.localTheta : theta);
  std::optional<JsonObject> scaling = keys.object("rope_scaling");
  std::optional<JsonObject> parameters = keys.object("rope_parameters");
  // One set for each kind of layer, under its name.
  std::optional<JsonObject> full, sliding;
  if (parameters) {
    full = parameters->object("full_attention");
    sliding = parameters->object("sliding_attention");
  }
  const bool nested = full || sliding;
  if (!keys.ok())
    return;

  if (model.localTheta) {
    if (parameters && !nested && !parameters->keys().empty())
      return parameters->fail("full_attention", "expected an object, as for sliding_attention, got no such key");
    // rope_scaling of older files is for full layers only.
    const JsonObject fallback = keys.sub("rope_parameters", nothing);
    config.rope = readRope(scaling ? *scaling : full.value_or(fallback), keys, model, config,
                           scaling && full ? full->positive("rope_theta", theta) : theta, /*isOne=*/true);
    config.slidingRope = readRope(sliding.value_or(fallback), keys, model, config, localTheta, /*isOne=*/true);
    return;
  }
  if (scaling && !scaling->keys().empty())
    config.rope = config.slidingRope = readRope(*scaling, keys, model, config, theta);
  else if (nested) {
    const JsonObject &first = full ? *full : *sliding;
    config.rope = readRope(first, keys, model, config, theta, /*isOne=*/true);
    config.slidingRope = readRope(sliding ? *sliding : first, keys, model, config, theta, /*isOne=*/true);
  } else
    config.rope = config.slidingRope =
        readRope(parameters ? *parameters : keys.sub("rope_parameters", nothing), keys, model, config, theta);
}
