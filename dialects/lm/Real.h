//===- Real.h - numbers as attributes print them ------------------------------------------------------------------===//
//
// The shortest decimal that reads back as the same number: 0.125, 10000.0, 1.0e-5.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_REAL_H
#define LATHE_DIALECTS_LM_REAL_H

#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/Hashing.h"
#include <bit>

namespace mlir::lm {

/// Shortest decimal; MLIR's hexadecimal form for what is not finite. Always has a point or is hexadecimal, so that
/// MLIR reads it as a float.
std::string formatNumber(double value);
std::string formatNumber(float value);

/// A parameter of an attribute that compares and hashes by its bits. `Number` is double or float.
template <typename Number> struct Bits {
  using Word = std::conditional_t<sizeof(Number) == 8, uint64_t, uint32_t>;
  Number value = 0;

  Bits(Number value = 0) : value(value) {}
  operator Number() const { return value; }
  bool operator==(const Bits &other) const { return word() == other.word(); }
  bool operator==(Number other) const { return *this == Bits(other); }
  Word word() const { return std::bit_cast<Word>(value); }
  friend llvm::hash_code hash_value(const Bits &bits) { return llvm::hash_value(bits.word()); }
};

using Real = Bits<double>;
/// A number that the reference implementation keeps in f32.
using Single = Bits<float>;

template <typename Stream, typename Number> Stream &operator<<(Stream &stream, const Bits<Number> &bits) {
  stream << formatNumber(bits.value);
  return stream;
}

/// `custom<Real>($x)` of an op's format, for an F64Attr.
ParseResult parseReal(OpAsmParser &parser, FloatAttr &attribute);
void printReal(OpAsmPrinter &printer, Operation *op, FloatAttr attribute);

} // namespace mlir::lm

template <typename Number> struct mlir::FieldParser<mlir::lm::Bits<Number>> {
  static FailureOr<mlir::lm::Bits<Number>> parse(AsmParser &parser) {
    double value;
    if (parser.parseFloat(value))
      return failure();
    return mlir::lm::Bits<Number>(static_cast<Number>(value));
  }
};

#endif // LATHE_DIALECTS_LM_REAL_H
