//===- Errors.h - errors about a user's file ----------------------------------------------------------------------===//
//
// Text from a user's file goes into messages only through quoted() or printable(), so a message is always one line.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_ERRORS_H
#define LATHE_COMPILER_SUPPORT_ERRORS_H

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include <string>

namespace lathe {

/// The text in double quotes, with control characters and invalid UTF-8 escaped, cut after 120 bytes.
std::string quoted(llvm::StringRef text);

/// The same without the quotes, for keys and tensor names.
std::string printable(llvm::StringRef text);

/// `path: message`.
absl::Status fileError(llvm::StringRef path, const llvm::Twine &message);

/// `path: where: message`, where `where` is the path of a key or a tensor's name.
absl::Status fileError(llvm::StringRef path, llvm::StringRef where, const llvm::Twine &message);

/// "a, b, c", or `none` for an empty list; at most 40 names.
std::string commaSeparated(llvm::ArrayRef<llvm::StringRef> names);

/// `expected one of a, b, c, got "x"; the nearest is "b"`.
std::string expectedOneOf(llvm::ArrayRef<llvm::StringRef> known, llvm::StringRef got);

/// The shortest text that reads back as the same number: "1e-05".
std::string numberString(double value);
std::string numberString(float value);

/// "[4096, 1024]".
std::string shapeString(llvm::ArrayRef<int64_t> shape);

} // namespace lathe

/// Returns from the function if the status is an error.
#define LATHE_RETURN_IF_ERROR(expression)                                                                              \
  do {                                                                                                                 \
    if (absl::Status lathe_status = (expression); !lathe_status.ok())                                                  \
      return lathe_status;                                                                                             \
  } while (false)

#define LATHE_CONCAT_(a, b) a##b
#define LATHE_CONCAT(a, b) LATHE_CONCAT_(a, b)
#define LATHE_ASSIGN_OR_RETURN_(result, declaration, expression)                                                       \
  auto result = (expression);                                                                                          \
  if (!result.ok())                                                                                                    \
    return result.status();                                                                                            \
  declaration = *std::move(result)

/// LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
#define LATHE_ASSIGN_OR_RETURN(declaration, expression)                                                                \
  LATHE_ASSIGN_OR_RETURN_(LATHE_CONCAT(lathe_result_, __LINE__), declaration, expression)

#endif // LATHE_COMPILER_SUPPORT_ERRORS_H
