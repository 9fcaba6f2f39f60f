//===- Frontend.h - imports a model file as an lm module ----------------------------------------------------------===//
//
// A frontend reads one kind of model file and returns an Imported. Later stages and the driver see only the Imported:
// no config, no file format, no tensor name. Registry.h finds the frontend for a path.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_FRONTEND_H
#define LATHE_FRONTENDS_FRONTEND_H

#include "absl/status/statusor.h"
#include "frontends/tokenizer/Section.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <string>
#include <vector>

namespace lathe {

struct ImportOptions {
  int64_t context = 0;                    // capacity of the caches in positions; 0: the model's own, at most 8192
  std::vector<std::string> ignoreTensors; // glob patterns of names of tensors to leave out, whatever they are
  /// False when a dump is compared with its model: the check was made when the dump was made.
  bool checksLeftOut = true;
  /// False when Imported::tokenizer is not needed; it is then empty.
  bool readsTokenizer = true;
};

/// A model as a frontend returns it.
struct Imported {
  /// Stage import: ops of lm and func, and the attributes that Describe.h writes.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// An error here fails only the making of an executable: a stage can be printed without a tokenizer.
  absl::StatusOr<TokenizerSection> tokenizer = TokenizerSection();
  std::vector<std::string> notes; // lines for the user: which parts of the files are left out
};

/// A path that exists. Frontends look at the contents first, then at the name: download caches name files by a hash.
struct Candidate {
  llvm::StringRef path;
  bool isDirectory = false;
  llvm::StringRef bytes; // of the file, mapped; empty for a directory
};

class Frontend {
public:
  virtual ~Frontend() = default;

  /// The kinds of input it reads, as messages list them: "a .gguf file".
  virtual llvm::ArrayRef<llvm::StringLiteral> kinds() const = 0;

  /// Whether the path looks like one of its models. True also for a broken one: `import` reports what is wrong.
  virtual bool canRead(const Candidate &candidate) const = 0;

  /// Called for a path that no frontend reads. Returns an error if this frontend knows what the path is, else ok.
  /// `expected` lists the kinds of all frontends.
  virtual absl::Status refuse(const Candidate &candidate, llvm::StringRef expected) const { return absl::OkStatus(); }

  /// An error is one line: the file, the key or tensor, what was expected and what was found.
  virtual absl::StatusOr<Imported> import(llvm::StringRef path, const ImportOptions &options,
                                          mlir::MLIRContext &context) const = 0;
};

} // namespace lathe

#endif // LATHE_FRONTENDS_FRONTEND_H
