#include "compiler/driver/Completion.h"
#include "compiler/driver/Driver.h"
#include "compiler/support/Errors.h"
#include "compiler/targets/Registry.h"
#include "frontends/Registry.h"
#include "llvm/Support/raw_ostream.h"

using namespace lathe;

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
  case Command::ListGPUs:
    for (const std::unique_ptr<Target> &target : allTargets())
      for (const std::string &name : target->knownGPUs())
        text += name + "\n";
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
  // Messages from elsewhere may have several lines: prints one.
  std::string message(status.message());
  llvm::replace(message, '\n', ' ');
  llvm::errs() << "lathe: " << message << '\n';
  return 1;
}
