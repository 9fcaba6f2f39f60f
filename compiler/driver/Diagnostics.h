#ifndef LATHE_COMPILER_DRIVER_DIAGNOSTICS_H
#define LATHE_COMPILER_DRIVER_DIAGNOSTICS_H

#include "absl/status/status.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"
#include <string>

namespace lathe {

/// MLIR's diagnostics as one line: keeps the first error while it lives, prints nothing.
class FirstError {
public:
  explicit FirstError(mlir::MLIRContext &context);

  /// The first error; `fallback` if there was none.
  absl::Status status(llvm::StringRef fallback) const;

private:
  std::string message;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_DIAGNOSTICS_H
