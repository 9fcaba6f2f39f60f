#include "compiler/driver/Driver.h"
#include "compiler/targets/EmitHost.h"
#include "frontends/models/Model.h"
#include "frontends/support/Errors.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;

static std::string listModels() {
  constexpr const char *row = "{0,-9} {1,-20} {2,-9} {3,-47} {4,-28} {5,-27} {6}\n";
  std::string text = llvm::formatv(row, "file", "model_type", "GGUF", "attention", "norms", "positions", "MLP").str();
  for (const NamedModel &entry : allModels()) {
    llvm::SmallVector<llvm::StringRef, 8> types(namesIn(entry.model->modelTypes));
    llvm::append_range(types, namesIn(entry.model->wrapperTypes));
    llvm::SmallVector<llvm::StringRef, 4> gguf = namesIn(entry.model->ggufArchitectures);
    const Features features = featuresOf(*entry.model);
    text += llvm::formatv(row, entry.name, commaSeparated(types), gguf.empty() ? "-" : commaSeparated(gguf),
                          features.attention, features.norms, features.positions, features.mlp)
                .str();
  }
  return text;
}

static absl::Status run(const CommandLine &line, std::string &text) {
  switch (line.command) {
  case Command::Compile:
    return compile(line.options);
  case Command::Inspect:
  case Command::Compare:
    return absl::UnimplementedError(std::string(line.command == Command::Inspect ? "inspect" : "compare") +
                                    ": not there yet");
  case Command::Help:
    text = mainHelp();
    break;
  case Command::CompileHelp:
    text = compileHelp();
    break;
  case Command::Version:
    text = "lathe 0.1 (LLVM " LLVM_VERSION_STRING ")\n";
    break;
  case Command::ListModels:
    text = listModels();
    break;
  case Command::ListCPUs:
    text = llvm::join(knownCPUs(), "\n") + "\n";
    break;
  }
  return absl::OkStatus();
}

int lathe::runCommandLine(llvm::ArrayRef<const char *> arguments) {
  std::string text;
  absl::StatusOr<CommandLine> line = parseCommandLine(arguments);
  absl::Status status = line.ok() ? run(*line, text) : line.status();
  llvm::outs() << text;
  llvm::outs().flush();
  if (status.ok() && llvm::outs().has_error())
    status = absl::UnknownError("stdout: cannot write: " + llvm::outs().error().message());
  llvm::outs().clear_error();
  if (status.ok())
    return 0;
  // One line, whatever a message brought along.
  std::string message(status.message());
  llvm::replace(message, '\n', ' ');
  llvm::errs() << "lathe: " << message << '\n';
  return 1;
}
