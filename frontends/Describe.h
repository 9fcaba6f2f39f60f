//===- Describe.h - module attributes that describe the model's files ---------------------------------------------===//
//
// Every frontend writes these attributes on the module it makes. Later stages and the runtime know the files only by
// them (dialects/lm/ModuleAttributes.h lists them all).
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_DESCRIBE_H
#define LATHE_FRONTENDS_DESCRIBE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>
#include <vector>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace lathe {

/// lm.model.
struct ModelDescription {
  std::string path;             // as the user gave it; recorded as an absolute path
  std::string name;             // of the model, for programs; empty: the name of the file or folder
  std::string architecture;     // "qwen3"
  int64_t layers = 0;           // decoder layers
  int64_t hidden = 0;           // width of the residual stream
  int64_t heads = 0;            // query heads
  int64_t vocabulary = 0;       // logits per row
  int64_t context = 0;          // capacity of the caches, in positions
  int64_t parameters = 0;       // values of all weights
  int64_t activeParameters = 0; // parameters that one token is multiplied by
  int64_t expertsPerToken = 0;  // 0: no experts
  bool isBare = false;          // a config without weights
};
void describeModel(mlir::ModuleOp module, const ModelDescription &model);

/// lm.sampling: the sampling settings in the files, with the meaning that transformers or llama.cpp gives them.
struct SamplingValues {
  std::string origin;     // "generation_config.json"
  double temperature = 0; // 0: greedy
  int64_t topK = 0;       // 0: all
  double topP = 1, minP = 0, repeatPenalty = 1;
  std::vector<std::string> unfollowed; // keys that ask for something the runtime does not do
};
void describeSampling(mlir::ModuleOp module, const SamplingValues &values);

/// lm.files: the size and a hash of the header of every weights file. Compiling from a dump needs the same files.
struct WeightsFile {
  llvm::StringRef path;
  uint64_t bytes;
  llvm::StringRef header; // the bytes before the tensor data: names, types and offsets
};
void describeFiles(mlir::ModuleOp module, llvm::ArrayRef<WeightsFile> files);

/// The absolute path. `..` stays: after a symbolic link, removing it would name another file.
llvm::SmallString<128> absolutePath(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_FRONTENDS_DESCRIBE_H
