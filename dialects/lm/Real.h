//===- Real.h - a double as a parameter of an attribute -----------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_REAL_H
#define LATHE_DIALECTS_LM_REAL_H

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/Hashing.h"
#include <bit>
#include <charconv>

namespace mlir::lm {

/// Compares and hashes by its bits, prints the shortest decimal that reads back as the same number.
struct Real {
  double value = 0;

  Real(double value = 0) : value(value) {}
  operator double() const { return value; }
  explicit operator float() const { return static_cast<float>(value); }
  bool operator==(const Real &other) const {
    return std::bit_cast<uint64_t>(value) == std::bit_cast<uint64_t>(other.value);
  }
  bool operator==(double other) const { return *this == Real(other); }
  friend llvm::hash_code hash_value(const Real &real) { return llvm::hash_value(std::bit_cast<uint64_t>(real.value)); }
};

template <typename Stream> Stream &operator<<(Stream &stream, const Real &real) {
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, real.value, std::chars_format::scientific).ptr;
  llvm::StringRef digits(buffer, end - buffer);
  // MLIR reads a number as a float only if it has a point: 1e-05 is written 1.0e-05.
  auto [mantissa, exponent] = digits.split('e');
  stream << mantissa << (mantissa.contains('.') ? "e" : ".0e") << exponent;
  return stream;
}

} // namespace mlir::lm

template <> struct mlir::FieldParser<mlir::lm::Real> {
  static FailureOr<mlir::lm::Real> parse(AsmParser &parser) {
    double value;
    if (parser.parseFloat(value))
      return failure();
    return mlir::lm::Real(value);
  }
};

#endif // LATHE_DIALECTS_LM_REAL_H
