#include "compiler/driver/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;
using namespace mlir;

FirstError::FirstError(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() != DiagnosticSeverity::Error || !message.empty())
          return success();
        llvm::raw_string_ostream stream(message);
        if (auto place = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
          stream << place.getFilename().getValue() << ':' << place.getLine() << ':' << place.getColumn() << ": ";
        else if (auto name = diagnostic.getLocation()->findInstanceOf<NameLoc>())
          stream << name.getName().getValue() << ": ";
        stream << diagnostic;
        // Only the first line: the others are the op, printed after the message.
        message.resize(std::min(message.find('\n'), message.size()));
        return success();
      }) {}

absl::Status FirstError::status(llvm::StringRef fallback) const {
  return absl::InvalidArgumentError(message.empty() ? fallback.str() : message);
}
