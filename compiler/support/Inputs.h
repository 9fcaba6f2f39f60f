//===- Inputs.h - the files that a compilation reads --------------------------------------------------------------===//
//
// No output may replace a file that is read (lrt/inputs.h). Code that opens a file for reading records it here, and
// compiler/support/OutputFile.cpp, which writes all outputs, checks.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_SUPPORT_INPUTS_H
#define LATHE_COMPILER_SUPPORT_INPUTS_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem/UniqueID.h"
#include <string>

namespace lathe {

/// Records a file by device and inode, so that it is the same file under all its names and links.
void recordInput(llvm::StringRef path, llvm::sys::fs::UniqueID id);

/// Records the file `path`. For a directory, records the files of a model in it (weights, *.json, vocabularies,
/// templates), also those that this compilation does not read. Does nothing if there is no such file.
void recordInput(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_COMPILER_SUPPORT_INPUTS_H
