//===- Downloaded.h - recognises failed downloads -----------------------------------------------------------------===//
//
// Instead of a model's file there may be a Git LFS pointer (`git clone` without git-lfs), a web page or an error
// message from a server, or a broken link in a cache. Each is recognised when the file is opened.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_DOWNLOADED_H
#define LATHE_COMPILER_SUPPORT_DOWNLOADED_H

#include "absl/status/status.h"
#include "llvm/ADT/StringRef.h"
#include <system_error>

namespace lathe {

/// An error that says what to do, if `bytes` are not the file itself: if they are empty, a Git LFS pointer, a web page,
/// or an error message as text or as JSON.
absl::Status checkDownloaded(llvm::StringRef path, llvm::StringRef bytes);

/// The error for a path that cannot be opened. It names the target of a broken symbolic link.
absl::Status cannotOpen(llvm::StringRef path, std::error_code error);

/// Whether the name exists. A file that cannot be opened exists, for example a broken symbolic link.
bool isThere(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_DOWNLOADED_H
