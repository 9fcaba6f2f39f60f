#include "frontends/onnx/RopeTable.h"
#include "compiler/support/Errors.h"
#include <cmath>

using namespace lathe;
using namespace lathe::onnx;

namespace {

/// The angle in (-pi, pi].
double wrapped(double angle) { return std::remainder(angle, 2 * M_PI); }

double angleAt(const RopeTable &table, int64_t row, int64_t pair) {
  const int64_t i = row * table.pairs + pair;
  return std::atan2(double(table.sine[i]), double(table.cosine[i]));
}

/// Angles at powers of two are exact in float32, and the error of a frequency from position p is that of an angle over
/// p.
double frequencyOf(const RopeTable &table, int64_t pair) {
  double frequency = angleAt(table, 1, pair);
  for (int64_t p = 2; p < table.rows(); p *= 2)
    frequency += wrapped(angleAt(table, p, pair) - frequency * static_cast<double>(p)) / static_cast<double>(p);
  return frequency;
}

/// The frequency with the least squared error of the angles at all positions.
double meanFrequencyOf(const RopeTable &table, int64_t pair, double near) {
  double numerator = 0, denominator = 0;
  for (int64_t p = 1; p < table.rows(); ++p) {
    const double position = static_cast<double>(p);
    numerator += position * (near * position + wrapped(angleAt(table, p, pair) - near * position));
    denominator += position * position;
  }
  return numerator / denominator;
}

/// The largest difference of a pair's values from those of a frequency, and where it is.
struct Difference {
  double size = 0;
  int64_t position = 0;
};
Difference differenceOf(const RopeTable &table, int64_t pair, float frequency, double factor) {
  Difference largest;
  for (int64_t row = 0; row < table.rows(); ++row) {
    const float angle = static_cast<float>(table.first + row) * frequency;
    const int64_t i = row * table.pairs + pair;
    const double difference = std::max(std::abs(factor * std::cos(double(angle)) - table.cosine[i]),
                                       std::abs(factor * std::sin(double(angle)) - table.sine[i]));
    if (!(difference <= largest.size)) // also if it is not a number
      largest = {difference, table.first + row};
  }
  return largest;
}

/// How far a table may be off: by the rounding of its type, and of an angle in float32.
double toleranceOf(const RopeTable &table, float frequency, double factor) {
  const double rounding = table.type == DataType::Float16    ? 0x1p-11
                          : table.type == DataType::BFloat16 ? 0x1p-8
                                                             : 0x1p-16;
  const double angle = std::abs(frequency) * static_cast<double>(table.first + table.rows());
  return std::abs(factor) * (1.5 * rounding + 2 * angle * 0x1p-24);
}

double factorOf(const RopeTable &table) {
  double sum = 0;
  for (size_t i = 0; i < table.cosine.size(); ++i)
    sum += std::hypot(double(table.cosine[i]), double(table.sine[i]));
  const double factor = sum / static_cast<double>(table.cosine.size());
  return std::abs(factor - 1) < 1e-4 ? 1 : factor;
}

/// theta^(-2i/dim) as transformers computes it.
float plainFrequency(double theta, int64_t pair, int64_t pairs) {
  const float exponent = static_cast<float>(2 * pair) / static_cast<float>(2 * pairs);
  return 1.0f / std::pow(static_cast<float>(theta), exponent);
}

} // namespace

absl::StatusOr<Frequencies> lathe::onnx::findFrequencies(const RopeTable &table, llvm::ArrayRef<RopeTable> others) {
  if (table.rows() < 2 || table.first != 0)
    return invalid("expected a rotary table of at least two positions");
  Frequencies found;
  found.factor = factorOf(table);
  if (!std::isfinite(found.factor) || found.factor == 0)
    return invalid("expected cosines and sines, got other numbers");
  // Most models have one theta for all pairs. The second pair gives it, rounded as people write it.
  const double second = table.pairs > 1 ? meanFrequencyOf(table, 1, frequencyOf(table, 1)) : 0;
  double theta = second > 0 ? std::pow(second, -double(table.pairs)) : 0;
  if (theta > 1 && theta < 1e12) {
    const double unit = std::pow(10, std::floor(std::log10(theta)) - 3);
    theta = std::round(theta / unit) * unit;
  }
  bool isPlain = theta > 1;
  for (int64_t pair = 0; pair < table.pairs && isPlain; ++pair) {
    const float frequency = plainFrequency(theta, pair, table.pairs);
    isPlain = differenceOf(table, pair, frequency, found.factor).size <= toleranceOf(table, frequency, found.factor);
  }
  for (int64_t pair = 0; pair < table.pairs; ++pair) {
    float best = plainFrequency(theta, pair, table.pairs);
    if (!isPlain) {
      const double near = frequencyOf(table, pair);
      const float candidates[] = {static_cast<float>(near), static_cast<float>(meanFrequencyOf(table, pair, near))};
      best = candidates[differenceOf(table, pair, candidates[1], found.factor).size <
                        differenceOf(table, pair, candidates[0], found.factor).size];
    }
    found.values.push_back(best);
    auto check = [&](const RopeTable &other) {
      if (other.pairs != table.pairs)
        return invalid("expected rotary tables of one width");
      const Difference difference = differenceOf(other, pair, best, found.factor);
      if (difference.size > toleranceOf(other, best, found.factor))
        return invalid("expected a rotary table of angles that grow with the position, got one that is off by " +
                       numberString(difference.size) + " for pair " + llvm::Twine(pair) + " at position " +
                       llvm::Twine(difference.position));
      return absl::OkStatus();
    };
    LATHE_RETURN_IF_ERROR(check(table));
    for (const RopeTable &other : others)
      LATHE_RETURN_IF_ERROR(check(other));
  }
  found.theta = isPlain ? theta : 0;
  return found;
}
