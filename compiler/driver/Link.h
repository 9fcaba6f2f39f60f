//===- Link.h - links objects with lld, in this process -----------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_LINK_H
#define LATHE_COMPILER_DRIVER_LINK_H

#include "absl/status/status.h"
#include "compiler/support/OutputFile.h"
#include "compiler/targets/Target.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace lathe {

struct LinkInput {
  llvm::ArrayRef<llvm::StringRef> objects; // in memory
  std::string weights;                     // a weights file to embed; empty: none
  std::string weightsSymbol;               // its symbol
  LinkInputs inputs;                       // of the target
};

/// Links a static executable from the objects, the target's inputs and the host's C and C++ libraries. One of the
/// objects defines lrt_main_program, or main().
absl::Status link(const LinkInput &input, OutputFile &output);

/// Writes an object with the bytes of a file, aligned to pages, and a symbol for them. The file is copied, not read
/// into memory.
absl::Status wrapInObject(llvm::StringRef file, llvm::StringRef symbol, llvm::StringRef object);

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_LINK_H
