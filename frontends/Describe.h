//===- Describe.h - what a module says about the model's files ----------------------------------------------------===//
//
// Every frontend writes these attributes of the module it makes; later stages and the runtime have no other source
// (dialects/lm/ModuleAttributes.h lists them all).
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
  std::string path;             // as the user gave it; it is recorded as an absolute one
  std::string name;             // what programs call the model; empty: as the file or the folder is called
  std::string architecture;     // "qwen3"
  int64_t layers = 0;           // decoder layers
  int64_t hidden = 0;           // values of a row of the residual stream
  int64_t heads = 0;            // query heads
  int64_t vocabulary = 0;       // logits of a row
  int64_t context = 0;          // positions that caches have room for
  int64_t parameters = 0;       // values of all weights
  int64_t activeParameters = 0; // those of them that one token is multiplied by
  int64_t expertsPerToken = 0;  // 0: there are no experts
  bool isBare = false;          // a description without weights
};
void describeModel(mlir::ModuleOp module, const ModelDescription &model);

/// lm.sampling: what the files say about sampling, as the programs that such files are made for read it.
struct SamplingValues {
  std::string origin;     // "generation_config.json"
  double temperature = 0; // 0: greedy
  int64_t topK = 0;       // 0: all
  double topP = 1, minP = 0, repeatPenalty = 1;
  std::vector<std::string> unfollowed; // keys that ask for something else, which the runtime does not do
};
void describeSampling(mlir::ModuleOp module, const SamplingValues &values);

/// lm.files: of every file of weights its size and a hash of its header. Who goes on from a dump must find them again.
struct WeightsFile {
  llvm::StringRef path;
  uint64_t bytes;
  llvm::StringRef header; // what lies before the tensors and says where they are
};
void describeFiles(mlir::ModuleOp module, llvm::ArrayRef<WeightsFile> files);

/// A path to the same file wherever the compiler is started. `..` stays, as it may go through a link.
llvm::SmallString<128> absolutePath(llvm::StringRef path);

} // namespace lathe

#endif // LATHE_FRONTENDS_DESCRIBE_H
