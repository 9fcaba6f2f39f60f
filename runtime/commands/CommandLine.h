//===- CommandLine.h - the commands of an executable --------------------------------------------------------------===//

#ifndef LRT_COMMANDS_COMMANDLINE_H
#define LRT_COMMANDS_COMMANDLINE_H

#include "lrt/abi.h"
#include "runtime/commands/Options.h"
#include "runtime/engine/Sequence.h"
#include "runtime/support/Signals.h"

#include <string>
#include <vector>

namespace lrt {

/// What every command is given: the program, its name in messages, and the arguments after the command's own name.
struct Invocation {
  const lrt_program &program;
  std::string name;
  std::vector<std::string> arguments;

  /// Prints "NAME: message" and returns the exit status for errors.
  int fail(const std::string &message) const;

  /// Prints "NAME: message" to stderr: something the user should know that is no error.
  void note(const std::string &message) const;

  /// Parses the arguments. Returns false when the command must not run: --help was printed or an option is wrong;
  /// `status` is then the exit status.
  bool parse(const struct Command &command, const Options &options, int &status) const;
};

struct Command {
  const char *name;
  const char *summary;  // one line, in OUT --help
  const char *usage;    // the arguments
  const char *details;  // lines before the examples; may be empty
  const char *examples; // each after "OUT "
  int (*run)(const Invocation &invocation);
};

extern const Command runCommand, logitsCommand, tokensCommand, detokenizeCommand, benchCommand, infoCommand;

/// A sequence of ids on the command line or in a file.
struct TokensArguments {
  std::optional<std::string> tokens, tokensFile;

  void declare(Options &options, const char *tokensHelp);
  bool isGiven() const { return tokens || tokensFile; }

  /// Reads the ids of the option that was given.
  bool read(const lrt_program &program, std::vector<int32_t> &ids, std::string &error) const;
};

/// "run: expected one of --a, --b, found --a and --b", or "... found none", unless exactly one of them was given.
bool expectOne(const char *command, const std::vector<std::pair<const char *, bool>> &options, std::string &error);

/// The options that say where weights are and what the device is to do with them.
struct EngineArguments {
  std::optional<std::string> weights;
  std::optional<int64_t> threads;
  std::optional<double> timeLimit;
  bool largePages = false;

  void declare(Options &options);
  EngineOptions engine() const;
};

/// main(), for any program.
int runCommandLine(const lrt_program &program, int argc, char **argv);

/// Writes to stdout at once. A closed pipe ends the process (endByClosedPipe). Returns false for any other error, with
/// the reason in `error`.
bool writeOutput(std::string_view text, std::string &error);

} // namespace lrt

#endif // LRT_COMMANDS_COMMANDLINE_H
