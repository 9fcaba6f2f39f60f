//===- inputs.h - files that no output may replace ----------------------------------------------------------------===//
//
// The compiler and its executables refuse the same: to write over a file that they read, or over anybody's weights. Who
// opens a file for reading records it here; who writes one asks (OutputFile on both sides). C++, without LLVM.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LRT_INPUTS_H
#define LRT_INPUTS_H

#include <sys/stat.h>

#include <string>

namespace lrt {

/// Notes that a file is read, `name` being what to call it. All its names, hard links and symbolic links are one file.
void recordInput(dev_t device, ino_t inode, const std::string &name);

/// The name by which a file was recorded; empty: it was not, or what was recorded is gone and this is another file.
std::string nameOfInput(dev_t device, ino_t inode);

/// Forgets all of them.
void forgetInputs();

/// The kind of a file that is never replaced, in words, by what it begins with: "a GGUF file"; empty: any other file.
std::string kindOfWeights(const std::string &path);

/// A name of a device or of an open file, as /dev/stdout: what it leads to is written, the name itself stays.
bool isSystemName(const std::string &path);

} // namespace lrt

#endif // LRT_INPUTS_H
