//===- Downloaded.h - what a download left in a file's place ------------------------------------------------------===//
//
// `git clone` without git-lfs leaves pointers, servers answer with pages and error messages, caches are full of links.
// Each is recognised by its first bytes, wherever a file of a model is opened.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_DOWNLOADED_H
#define LATHE_COMPILER_SUPPORT_DOWNLOADED_H

#include "absl/status/status.h"
#include "llvm/ADT/StringRef.h"
#include <system_error>

namespace lathe {

/// An error that says what to do, where `bytes` are not the file's own: none at all, a Git LFS pointer, a web page, or
/// an error message, as text or as JSON.
absl::Status checkDownloaded(llvm::StringRef path, llvm::StringRef bytes);

/// The error of a path that cannot be opened; a symbolic link to nowhere is called that.
absl::Status cannotOpen(llvm::StringRef path, std::error_code error);

/// False where there is nothing of that name. What cannot be opened is there: a symbolic link to nowhere, say.
bool isThere(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_DOWNLOADED_H
