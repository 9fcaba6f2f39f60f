//===- Real.cpp - the shortest decimals that read back as the same numbers ----------------------------------------===//

#include "dialects/lm/Real.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"
#include <charconv>
#include <cmath>

using namespace mlir;
using namespace mlir::lm;

/// The shortest digits that read back as `value`. Numbers from 0.0001 up to below 10 million have no exponent.
template <typename Number> static std::string format(Number value) {
  if (!std::isfinite(value))
    return "0x" + llvm::utohexstr(std::bit_cast<uint64_t>(static_cast<double>(value)));
  const double size = std::abs(static_cast<double>(value));
  const bool isPlain = size == 0 || (size >= 1e-4 && size < 1e7);
  char buffer[64];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                           isPlain ? std::chars_format::fixed : std::chars_format::scientific)
                 .ptr;
  const llvm::StringRef digits(buffer, end - buffer);
  auto [mantissa, exponent] = digits.split('e');
  std::string text = mantissa.str();
  if (!mantissa.contains('.'))
    text += ".0";
  if (!exponent.empty()) {
    const bool isNegative = exponent.consume_front("-");
    exponent.consume_front("+");
    text += (isNegative ? "e-" : "e") + exponent.ltrim('0').str();
  }
  return text;
}

std::string lm::formatNumber(double value) { return format(value); }
std::string lm::formatNumber(float value) { return format(value); }

ParseResult lm::parseReal(OpAsmParser &parser, FloatAttr &attribute) {
  double value;
  if (parser.parseFloat(value))
    return failure();
  attribute = parser.getBuilder().getF64FloatAttr(value);
  return success();
}

void lm::printReal(OpAsmPrinter &printer, Operation *, FloatAttr attribute) {
  printer << formatNumber(attribute.getValueAsDouble());
}
