//===- CommandLine.cpp - the commands of an executable ------------------------------------------------------------===//

#include "runtime/commands/CommandLine.h"

#include "lrt/version.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

using namespace lrt;

bool lrt::writeOutput(std::string_view text, std::string &error) {
  int reason = writeAll(STDOUT_FILENO, text.data(), text.size());
  if (reason == EPIPE)
    endByClosedPipe();
  if (reason != 0)
    error = format("cannot write to stdout: %s", strerror(reason));
  return reason == 0;
}

void Invocation::note(const std::string &message) const {
  std::string line = name + ": " + message + "\n";
  writeAll(STDERR_FILENO, line.data(), line.size());
}

int Invocation::fail(const std::string &message) const {
  note(message);
  return 1;
}

bool Invocation::parse(const Command &command, const Options &options, int &status) const {
  for (const std::string &argument : arguments) {
    if (argument != "--help" && argument != "-h")
      continue;
    std::string text =
        format("%s: %s\n\nusage: %s %s %s\n\n%s\n%s%sexamples:\n", command.name, command.summary, name.c_str(),
               command.name, command.usage, options.help().c_str(), command.details, *command.details ? "\n" : "");
    const char *line = command.examples;
    while (*line) {
      size_t length = strcspn(line, "\n");
      text += format("  %s %.*s\n", name.c_str(), int(length), line);
      line += length + (line[length] ? 1 : 0);
    }
    std::string error;
    status = writeOutput(text, error) ? 0 : fail(error);
    return false;
  }
  std::string error;
  if (options.parse(arguments, error))
    return true;
  status = fail(format("%s: %s (see %s %s --help)", command.name, error.c_str(), name.c_str(), command.name));
  return false;
}

void EngineArguments::declare(Options &options) {
  options.integer("--threads", "N", "workers; default: one per physical core this process may use", threads, 1, 4096);
  options.text("--weights", "FILE", "the weights; default: embedded ones, or NAME.weights beside this executable",
               weights);
  options.flag("--large-pages", "keep caches and a copy of the weights in large pages: starts later, may read faster",
               largePages);
  options.number("--time-limit", "SECONDS", "on a GPU: end when a call takes longer; 0: never; default: 60", timeLimit,
                 0, 1e9);
}

EngineOptions EngineArguments::engine() const {
  return {.weights = weights.value_or(""),
          .device = {.threads = threads.value_or(0), .largePages = largePages, .timeLimit = timeLimit}};
}

void TokensArguments::declare(Options &options, const char *tokensHelp) {
  options.text("--tokens", "ID,ID,...", tokensHelp, tokens);
  options.text("--tokens-file", "FILE", "a file of ids, separated by commas or white space; - is stdin", tokensFile);
}

bool TokensArguments::read(const lrt_program &program, std::vector<int32_t> &ids, std::string &error) const {
  return tokens ? parseTokens(*tokens, program.vocabulary, ids, error)
                : readTokensFile(*tokensFile, program.vocabulary, ids, error);
}

bool lrt::expectOne(const char *command, const std::vector<std::pair<const char *, bool>> &options,
                    std::string &error) {
  std::string all, found;
  int count = 0;
  for (auto [name, isGiven] : options) {
    all += (all.empty() ? "" : ", ") + std::string(name);
    if (isGiven)
      found += (count++ ? " and " : "") + std::string(name);
  }
  if (count == 1)
    return true;
  error = format("%s: expected one of %s, found %s", command, all.c_str(), count ? found.c_str() : "none");
  return false;
}

static const Command *const commands[] = {&runCommand,        &logitsCommand, &tokensCommand,
                                          &detokenizeCommand, &benchCommand,  &infoCommand};

/// "run, logits, ... or info"
static std::string commandNames() {
  std::string text;
  size_t left = std::size(commands);
  for (const Command *command : commands)
    text += std::string(command->name) + (--left > 1 ? ", " : left == 1 ? " or " : "");
  return text;
}

/// What the code was compiled for: "znver4", or "sm_80 (host: znver4)".
static std::string compiledFor(const lrt_program &program) {
  const std::string devices = deviceNames(program);
  return devices.empty() ? program.mcpu : format("%s (host: %s)", devices.c_str(), program.mcpu);
}

static std::string overview(const lrt_program &program, const std::string &name) {
  std::string text = format("%s: %s (%s), compiled for %s\n\nusage: %s COMMAND [OPTION...]\n\n", name.c_str(),
                            program.model, program.architecture, compiledFor(program).c_str(), name.c_str());
  for (const Command *command : commands)
    text += format("  %-10s  %s\n", command->name, command->summary);
  text +=
      format("\n%s COMMAND --help shows the options and examples of a command, %s --version the version of lathe.\n"
             "Exit status 0 only on success.\n\nexamples:\n  %s run --prompt \"Once upon a time\" -n 64\n  %s bench\n",
             name.c_str(), name.c_str(), name.c_str(), name.c_str());
  return text;
}

static std::string versionText(const lrt_program &program) {
  return format("%s (%s), compiled for %s by lathe %s, ABI %u\n", program.model, program.architecture,
                compiledFor(program).c_str(), LATHE_VERSION, program.version);
}

static int runCommandOf(const lrt_program &program, int argc, char **argv) {
  const char *path = argc > 0 && argv[0][0] ? argv[0] : "lathe-program";
  const char *slash = strrchr(path, '/');
  Invocation invocation = {program, slash ? slash + 1 : path, {}};
  std::string error;
  if (!checkProgram(program, error))
    return invocation.fail(error);
  const std::string help = "(see " + invocation.name + " --help)";
  if (argc < 2)
    return invocation.fail("expected a command: " + commandNames() + " " + help);
  const std::string name = argv[1];
  const bool isHelp = name == "--help" || name == "-h" || name == "help";
  if (isHelp || name == "--version") {
    std::string text = isHelp ? overview(program, invocation.name) : versionText(program);
    return writeOutput(text, error) ? 0 : invocation.fail(error);
  }
  invocation.arguments.assign(argv + 2, argv + argc);
  std::vector<std::string> names;
  for (const Command *command : commands) {
    if (name == command->name)
      return command->run(invocation);
    names.push_back(command->name);
  }
  return invocation.fail(format("unknown command \"%s\": expected %s%s %s", name.c_str(), commandNames().c_str(),
                                didYouMean(name, names).c_str(), help.c_str()));
}

int lrt::runCommandLine(const lrt_program &program, int argc, char **argv) {
  ignoreWriteSignals();
  int status = runCommandOf(program, argc, argv);
  if (interrupted) // all files are closed by now
    endByInterrupt();
  return status;
}
