//===- Completion.h - what shells and man know of lathe's command line --------------------------------------------===//
//
// Made of the tables that the parser reads, so that neither can know an option that is gone.
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

/// lathe(1), for man.
std::string manPage();

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_COMPLETION_H
