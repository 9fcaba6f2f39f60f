#include "compiler/driver/Driver.h"
#include "compiler/targets/EmitHost.h"
#include "frontends/models/Model.h"
#include "frontends/support/Errors.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;

static std::string listModels() {
  std::string text =
      llvm::formatv("{0,-12} {1,-34} {2}\n", "file", "model_type in config.json", "GGUF architecture").str();
  for (const NamedModel &entry : allModels()) {
    llvm::SmallVector<llvm::StringRef, 8> types(namesIn(entry.model->modelTypes));
    llvm::append_range(types, namesIn(entry.model->wrapperTypes));
    text += llvm::formatv("{0,-12} {1,-34} {2}\n", entry.name, commaSeparated(types),
                          commaSeparated(namesIn(entry.model->ggufArchitectures)))
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
