//===- Inputs.h - the files that a compilation reads --------------------------------------------------------------===//
//
// No output may take the place of a file that is read (lrt/inputs.h). Who opens a file for reading records it here; who
// writes one asks (compiler/support/OutputFile.cpp, the one place for all outputs).
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_INPUTS_H
#define LATHE_COMPILER_SUPPORT_INPUTS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem/UniqueID.h"
#include <string>

namespace lathe {

/// A file by device and inode: all its names, hard links and symbolic links are one.
void recordInput(llvm::StringRef path, llvm::sys::fs::UniqueID id);

/// The same for a name; of a directory the files that belong to a model (weights, *.json, vocabularies, templates),
/// also those that this compilation happens not to read. Nothing when there is no such file.
void recordInput(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_INPUTS_H
