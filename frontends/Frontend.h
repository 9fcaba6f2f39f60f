//===- Frontend.h - a path becomes a module of lm -----------------------------------------------------------------===//
//
// A frontend reads one kind of model file and makes an Imported. Later stages and the driver know the Imported alone:
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
  int64_t context = 0;                    // positions that caches have room for; 0: the model's own, at most 8192
  std::vector<std::string> ignoreTensors; // glob patterns of tensors to leave out, whatever they are
  /// False where a dump is compared with its model: what was left out was decided when the dump was made.
  bool checksLeftOut = true;
  /// False where nobody needs Imported::tokenizer, which then is empty.
  bool readsTokenizer = true;
};

/// What a frontend makes of a model.
struct Imported {
  /// Stage import: ops of lm and func, and the attributes that Describe.h writes.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// An error stops only those who make an executable: a stage can be printed without a tokenizer.
  absl::StatusOr<TokenizerSection> tokenizer = TokenizerSection();
  std::vector<std::string> notes; // lines for the user: what of the files is left out
};

/// A path that exists. Frontends decide by contents before they decide by name: caches name files by their hash.
struct Candidate {
  llvm::StringRef path;
  bool isDirectory = false;
  llvm::StringRef bytes; // of a file, mapped
};

class Frontend {
public:
  virtual ~Frontend() = default;

  /// What it reads, as messages list it: "a .gguf file".
  virtual llvm::ArrayRef<llvm::StringLiteral> kinds() const = 0;

  /// Whether the path looks like one of its models. `import` says what is wrong with one that is broken.
  virtual bool canRead(const Candidate &candidate) const = 0;

  /// The error of a path that no frontend reads, where this frontend knows what the path is instead; else ok.
  /// `expected` lists what all frontends read.
  virtual absl::Status refuse(const Candidate &candidate, llvm::StringRef expected) const { return absl::OkStatus(); }

  /// Errors are one line that names the file, the key or tensor, what was expected and what was found.
  virtual absl::StatusOr<Imported> import(llvm::StringRef path, const ImportOptions &options,
                                          mlir::MLIRContext &context) const = 0;
};

} // namespace lathe

#endif // LATHE_FRONTENDS_FRONTEND_H
