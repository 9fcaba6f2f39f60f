//===- inputs.h - files that no output may replace ----------------------------------------------------------------===//
//
// The compiler and its executables refuse to overwrite a file that they read, and any file of weights. Code that opens
// a file for reading records it here; the OutputFile of each side checks before it writes. C++, without LLVM.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_INPUTS_H
#define LRT_INPUTS_H

#include <sys/stat.h>

#include <string>

namespace lrt {

/// Records that a file is read. `name`: what errors call it. All hard links and symbolic links of a file are that file.
void recordInput(dev_t device, ino_t inode, const std::string &name);

/// The name under which a file was recorded. Empty: it was not, or the recorded file was deleted and its inode reused.
std::string nameOfInput(dev_t device, ino_t inode);

/// Forgets all recorded files.
void forgetInputs();

/// The kind of a file that is never replaced, by its first bytes: "a GGUF file". Empty: any other file.
std::string kindOfWeights(const std::string &path);

/// Whether `path` names a device or an open file, such as /dev/stdout. These are written in place, not replaced.
bool isSystemName(const std::string &path);

} // namespace lrt

#endif // LRT_INPUTS_H
