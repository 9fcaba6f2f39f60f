//===- Completion.h - shell completion and the manual page --------------------------------------------------------===//
//
// Made from the tables that the parser uses, so that they always agree with it.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_COMPLETION_H
#define LATHE_COMPILER_DRIVER_COMPLETION_H

#include "llvm/ADT/ArrayRef.h"
#include <string>

namespace lathe {

/// "bash", "zsh", "fish".
llvm::ArrayRef<llvm::StringRef> completionShells();

/// The script that completes `lathe` in one of these shells.
std::string completionScript(llvm::StringRef shell);

/// The manual page lathe(1), in roff.
std::string manPage();

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_COMPLETION_H
