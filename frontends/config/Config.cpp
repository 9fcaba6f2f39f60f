#include "frontends/config/Config.h"
#include <algorithm>
#include <cmath>
#include <numbers>

using namespace lathe;

/// llama3: frequencies of long wavelengths are divided by the factor, short ones are kept, those between are blended.
static float scaleLlama3(const Rope &rope, float w) {
  const double wavelength = 2 * std::numbers::pi / w;
  const double shortest = rope.originalPositions / rope.highFrequency;
  const double longest = rope.originalPositions / rope.lowFrequency;
  if (wavelength < shortest)
    return w;
  // Llama 4 Scout has equal frequencies: nothing is between them, and the blend would divide by zero.
  if (wavelength > longest || rope.highFrequency == rope.lowFrequency)
    return w / rope.factor;
  const double blend =
      (rope.originalPositions / wavelength - rope.lowFrequency) / (rope.highFrequency - rope.lowFrequency);
  return (1 - blend) * w / rope.factor + blend * w;
}

/// yarn (arXiv:2309.00071): pairs up to `low` turn often and keep their frequency, pairs from `high` on turn at most
/// betaSlow times in the original context and are divided by the factor. Returns the part of a pair that is divided.
struct YarnRamp {
  explicit YarnRamp(const Rope &rope) {
    auto pairTurning = [&](double turns) {
      return rope.dims * std::log(rope.originalPositions / (turns * 2 * std::numbers::pi)) / (2 * std::log(rope.theta));
    };
    low = pairTurning(rope.betaFast);
    high = pairTurning(rope.betaSlow);
    if (rope.truncate) {
      low = std::floor(low);
      high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, double(rope.dims - 1));
    if (low == high)
      high += 0.001;
  }
  double operator()(int64_t pair) const { return std::clamp((pair - low) / (high - low), 0.0, 1.0); }

  double low, high;
};

Rope Rope::in(int64_t context) const {
  Rope chosen = *this;
  if (isLongIn(context))
    chosen.divisors = longDivisors;
  return chosen;
}

std::vector<float> Rope::frequencies() const {
  std::vector<float> out(dims / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    // theta^(2i/dims) and its inverse are float32 in transformers; at position 8192 the last bit is 5e-4 of a radian.
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(dims);
    const auto power = static_cast<float>(std::pow(theta, static_cast<double>(exponent)));
    out[i] = 1.0f / (divisors.empty() ? power : divisors[i] * power);
  }
  const std::optional<YarnRamp> ramp = scaling == RopeScaling::Yarn ? std::optional<YarnRamp>(*this) : std::nullopt;
  for (size_t i = 0; i < out.size(); ++i) {
    float &w = out[i];
    switch (scaling) {
    case RopeScaling::None:
    case RopeScaling::Divisors:
    case RopeScaling::LongRope:
      break;
    case RopeScaling::Linear:
      w /= static_cast<float>(factor);
      break;
    case RopeScaling::Llama3:
      w = scaleLlama3(*this, w);
      break;
    case RopeScaling::Yarn:
      w = w / factor * (*ramp)(i) + w * (1 - (*ramp)(i));
      break;
    }
  }
  return out;
}
