//===- CommandLine.h - the commands of an executable --------------------------------------------------------------===//

#ifndef LRT_SRC_COMMANDLINE_H
#define LRT_SRC_COMMANDLINE_H

#include "Options.h"
#include "Session.h"
#include "lrt/abi.h"

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

  /// Parses the arguments. Returns false when the command is over: --help was printed or an option is wrong; `status`
  /// is then its exit status.
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

extern const Command runCommand, logitsCommand, tokensCommand, benchCommand, infoCommand;

/// The options that say where weights are and how many threads work with them.
struct SessionArguments {
  std::optional<std::string> weights;
  std::optional<int64_t> threads;
  bool largePages = false;

  void declare(Options &options);
  SessionOptions session() const;
};

/// main(), for any program.
int runCommandLine(const lrt_program &program, int argc, char **argv);

/// Set by Ctrl-C once catchInterrupts() was called; a second Ctrl-C ends the process.
extern volatile bool interrupted;
void catchInterrupts();

/// Writes to stdout at once. A closed pipe ends the process with status 0: the reader has what it wanted.
/// Returns false for any other error, with the reason in `error`.
bool writeOutput(std::string_view text, std::string &error);

} // namespace lrt

#endif // LRT_SRC_COMMANDLINE_H
