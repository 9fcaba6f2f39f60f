#include "compiler/driver/Completion.h"
#include "compiler/driver/Driver.h"
#include "compiler/support/Errors.h"
#include "compiler/targets/Emit.h"
#include "frontends/config/models/Model.h"
#include "llvm/Support/raw_ostream.h"
#include <array>

using namespace lathe;

static std::string listModels() {
  std::vector<std::array<std::string, 7>> rows = {
      {"file", "model_type", "GGUF", "attention", "norms", "positions", "MLP"}};
  for (const NamedModel &entry : allModels()) {
    llvm::SmallVector<llvm::StringRef, 8> types(namesIn(entry.model->modelTypes));
    llvm::append_range(types, namesIn(entry.model->wrapperTypes));
    llvm::SmallVector<llvm::StringRef, 4> gguf = namesIn(entry.model->ggufArchitectures);
    const Features features = featuresOf(*entry.model);
    rows.push_back({entry.name.str(), commaSeparated(types), gguf.empty() ? "-" : commaSeparated(gguf),
                    features.attention, features.norms, features.positions, features.mlp});
  }
  std::string text;
  for (const auto &row : rows)
    for (size_t column = 0; column < row.size(); ++column) {
      size_t width = 0;
      for (const auto &other : rows)
        width = std::max(width, other[column].size());
      const bool isLast = column + 1 == row.size();
      text += row[column] + (isLast ? "\n" : std::string(width - row[column].size() + 1, ' '));
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
    text = versionText() + "\n";
    break;
  case Command::ListModels:
    text = listModels();
    break;
  case Command::Completion:
    text = completionScript(line.shell);
    break;
  case Command::ManPage:
    text = manPage();
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
