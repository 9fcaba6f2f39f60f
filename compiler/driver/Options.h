//===- Options.h - lathe's command line ---------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_DRIVER_OPTIONS_H
#define LATHE_COMPILER_DRIVER_OPTIONS_H

#include "absl/status/statusor.h"
#include "compiler/driver/Stages.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringSet.h"
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// The options of `lathe compile`.
struct Options {
  std::string input;                 // a model; with `from`, a dump
  std::string output;                // -o; empty: `chat`, or stdout with --emit
  std::string target = "cpu";        // --target
  std::string mcpu = "native";       // --mcpu, unresolved
  std::string gpu;                   // --gpu, separated by commas; empty: the target's own
  std::string weights = "as-stored"; // --weights
  int64_t context = 0;               // --context; 0: the model's own, at most 8192
  int64_t threads = 0;               // --threads; 0: the executable decides
  int64_t prefillRows = 512;         // --prefill-rows
  std::string scheduleFor;           // --schedule-for; empty: as --mcpu
  std::string decompose;             // --decompose; empty: none
  std::string tuning;                // --tuning; empty: the CPU's
  bool embedWeights = false;         // --embed-weights
  Stage emit = Stage::Executable;    // --emit
  std::optional<Stage> from;         // --from: the stage of the dump `input`
  std::string dumpStages;            // --dump-stages: a directory; empty: none
  bool verifyStages = false;         // --verify-stages
  bool verbose = false;              // -v

  std::string symbolPrefix; // of global symbols; empty: `lathe`. There is no option for it yet

  std::vector<std::string> ignoreTensors; // --ignore-tensors, each time it is given

  llvm::StringSet<> given; // the options on the command line, as "--mcpu"
};

enum class Command : uint8_t {
  Compile,
  Inspect,
  Compare,
  Help,
  CompileHelp,
  Version,
  ListModels,
  ListCPUs,
  ListGPUs,
  Completion,
  ManPage
};

struct CommandLine {
  Command command = Command::Help;
  Options options;   // of Compile
  std::string shell; // of Completion
};

/// The error is one line without "lathe: ".
absl::StatusOr<CommandLine> parseCommandLine(llvm::ArrayRef<const char *> arguments);

/// Text of `lathe --help`, `lathe compile --help` and `lathe --version`.
std::string mainHelp();
std::string compileHelp();
std::string versionText();

/// Rows of the tables of commands and options, for the parser, the help, completion and the manual page.
struct CommandInfo {
  llvm::StringLiteral name;
  llvm::StringLiteral value; // its arguments; empty: none
  llvm::StringLiteral help;
  Command command;
};
struct OptionInfo {
  llvm::StringRef name;
  llvm::StringRef value; // how help calls its value; empty: a flag
  llvm::StringRef help;
};
struct Example {
  llvm::StringLiteral command;
  llvm::StringLiteral help;
};
llvm::ArrayRef<CommandInfo> allCommands();
std::vector<OptionInfo> compileOptions();
llvm::ArrayRef<Example> compileExamples();

} // namespace lathe

#endif // LATHE_COMPILER_DRIVER_OPTIONS_H
