#include "compiler/driver/Dump.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/support/Errors.h"
#include "compiler/support/File.h"
#include "dialects/lm/ValueNames.h"
#include "mlir/IR/Builders.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using namespace mlir;

static constexpr llvm::StringLiteral kPrefix = "lathe "; // after the mark of a comment

/// Maximum depth of brackets: MLIR's parser recurses. A dump has about ten.
static constexpr int kMaxDepth = 256;

static absl::Status checkDepth(llvm::StringRef path, llvm::StringRef text) {
  int depth = 0;
  bool isString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (isString) {
      i += c == '\\';
      isString = c != '"' && c != '\n';
    } else if (c == '"') {
      isString = true;
    } else if (llvm::is_contained({'(', '[', '{', '<'}, c)) {
      if (++depth > kMaxDepth)
        return fileError(path, "expected at most " + llvm::Twine(kMaxDepth) + " brackets inside brackets, found more");
    } else if (llvm::is_contained({')', ']', '}', '>'}, c)) {
      depth = std::max(0, depth - (c == '>' && i > 0 && text[i - 1] == '-' ? 0 : 1)); // -> closes nothing
    }
  }
  return absl::OkStatus();
}

static absl::StatusOr<OwningOpRef<ModuleOp>> parse(MLIRContext &context, llvm::StringRef path, llvm::StringRef text) {
  LATHE_RETURN_IF_ERROR(checkDepth(path, text));
  FirstError errors(context);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context, path);
  if (!module)
    return errors.status((path + ": not a module").str());
  return std::move(module);
}

/// Opens a dump. A file that is not text is an error: it is a model or a program.
static absl::StatusOr<std::unique_ptr<MappedFile>> openText(llvm::StringRef path) {
  LATHE_ASSIGN_OR_RETURN(auto file, MappedFile::open(path));
  const llvm::StringRef start = file->bytes().take_front(4096);
  if (start.starts_with("GGUF") || start.contains('\0'))
    return fileError(path, "expected a dump that --emit printed, found " +
                               llvm::Twine(start.starts_with("GGUF") ? "a GGUF file" : "a binary file") +
                               "; to compile a model leave out --from");
  return std::move(file);
}

OwningOpRef<ModuleOp> lathe::makeSkeleton(ModuleOp module) {
  OwningOpRef<ModuleOp> skeleton = ModuleOp::create(UnknownLoc::get(module.getContext()));
  (*skeleton)->setAttrs(module->getAttrDictionary());
  OpBuilder builder = OpBuilder::atBlockEnd(skeleton->getBody());
  for (Operation &op : *module.getBody())
    if (isa<lm::WeightOp, lm::StateOp>(op))
      builder.clone(op);
  return skeleton;
}

void lathe::dropSkeleton(ModuleOp module) {
  for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
    if (isa<lm::WeightOp, lm::StateOp>(op))
      op.erase();
  for (NamedAttribute attribute : llvm::to_vector(module->getDiscardableAttrs()))
    if (attribute.getName().getValue().starts_with("lm.") || attribute.getName().getValue().starts_with("spmd."))
      module->removeDiscardableAttr(attribute.getName());
}

std::string lathe::printModule(ModuleOp module) {
  // A copy: the importer's locations are better in diagnostics, but would give values other names than in a module that
  // was read back.
  OwningOpRef<ModuleOp> copy = module.clone();
  const Location unknown = UnknownLoc::get(module.getContext());
  copy->walk([&](Operation *op) {
    op->setLoc(unknown);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setLoc(unknown);
  });
  lm::nameArguments(*copy);
  std::string text;
  llvm::raw_string_ostream stream(text);
  copy->print(stream, OpPrintingFlags().printNameLocAsPrefix());
  stream << '\n';
  return text;
}

std::string lathe::printAssembly(ModuleOp skeleton, llvm::StringRef assembly, llvm::StringRef commentMark) {
  const std::string header = printModule(skeleton);
  std::string text;
  for (llvm::StringRef line : llvm::split(llvm::StringRef(header).rtrim(), '\n'))
    text += (commentMark + kPrefix + line + "\n").str();
  return text + assembly.str();
}

absl::StatusOr<OwningOpRef<ModuleOp>> lathe::readModule(MLIRContext &context, llvm::StringRef path) {
  LATHE_ASSIGN_OR_RETURN(auto file, openText(path));
  return parse(context, path, file->bytes());
}

absl::StatusOr<AssemblyDump> lathe::readAssembly(MLIRContext &context, llvm::StringRef path) {
  LATHE_ASSIGN_OR_RETURN(auto file, openText(path));
  std::string header;
  for (llvm::StringRef line : llvm::split(file->bytes(), '\n'))
    // Other lines become blank, so that the parser's line numbers are those of the file.
    header +=
        (line.consume_front("#") || line.consume_front("//")) && line.consume_front(kPrefix) ? line.str() + "\n" : "\n";
  if (llvm::StringRef(header).trim().empty())
    return fileError(path, "expected assembly that --emit object printed, with comments that begin with \"#lathe\" or "
                           "\"//lathe\"; found none");
  LATHE_ASSIGN_OR_RETURN(auto skeleton, parse(context, path, header));
  return AssemblyDump{std::move(skeleton), file->bytes().str()};
}
