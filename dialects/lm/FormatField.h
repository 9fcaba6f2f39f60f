//===- FormatField.h - a storage format as a parameter of an attribute --------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_FORMATFIELD_H
#define LATHE_DIALECTS_LM_FORMATFIELD_H

#include "dialects/lm/Formats.h"
#include "mlir/IR/DialectImplementation.h"

namespace lathe {
inline llvm::raw_ostream &operator<<(llvm::raw_ostream &stream, Format format) {
  return stream << getFormatInfo(format).name;
}
} // namespace lathe

template <> struct mlir::FieldParser<lathe::Format> {
  static FailureOr<lathe::Format> parse(AsmParser &parser) {
    StringRef name;
    const SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&name))
      return failure();
    if (std::optional<lathe::Format> format = lathe::parseFormat(name))
      return *format;
    return parser.emitError(loc, "unknown weight format '") << name << "'";
  }
};

#endif // LATHE_DIALECTS_LM_FORMATFIELD_H
