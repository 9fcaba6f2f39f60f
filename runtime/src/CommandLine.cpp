//===- CommandLine.cpp - the commands of an executable ------------------------------------------------------------===//

#include "CommandLine.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

using namespace lrt;

volatile bool lrt::interrupted = false;

void lrt::catchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = int(SA_RESETHAND); // the second one is not caught
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool lrt::writeOutput(std::string_view text, std::string &error) {
  int reason = writeAll(STDOUT_FILENO, text.data(), text.size());
  if (reason == EPIPE)
    _exit(0);
  if (reason != 0)
    error = format("cannot write to stdout: %s", strerror(reason));
  return reason == 0;
}

int Invocation::fail(const std::string &message) const {
  std::string line = name + ": " + message + "\n";
  writeAll(STDERR_FILENO, line.data(), line.size());
  return 1;
}

bool Invocation::parse(const Command &command, const Options &options, int &status) const {
  for (const std::string &argument : arguments) {
    if (argument != "--help" && argument != "-h")
      continue;
    std::string text =
        format("%s: %s\n\nusage: %s %s %s\n\n%s\n%s%sexamples:\n", command.name, command.summary, name.c_str(),
               command.name, command.usage, options.help().c_str(), command.details, *command.details ? "\n" : "");
    const char *place = command.examples;
    while (*place) {
      size_t length = strcspn(place, "\n");
      text += format("  %s %.*s\n", name.c_str(), int(length), place);
      place += length + (place[length] ? 1 : 0);
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

void SessionArguments::declare(Options &options) {
  options.integer("--threads", "N", "workers; default: one per physical core this process may use", threads, 1, 4096);
  options.text("--weights", "FILE", "the weights; default: embedded ones, or NAME.weights beside this executable",
               weights);
  options.flag("--large-pages", "caches and a copy of the weights in large pages: starts later, may read faster",
               largePages);
}

SessionOptions SessionArguments::session() const {
  return {.weights = weights.value_or(""), .largePages = largePages, .threads = threads.value_or(0)};
}

static std::string overview(const lrt_program &program, const std::string &name, const Command *const *commands) {
  std::string text = format("%s: %s (%s), compiled for %s\n\nusage: %s COMMAND [OPTION...]\n\n", name.c_str(),
                            program.model, program.architecture, program.mcpu, name.c_str());
  for (const Command *const *command = commands; *command; ++command)
    text += format("  %-8s %s\n", (*command)->name, (*command)->summary);
  text += format("\n%s COMMAND --help shows the options and examples of a command. Exit status 0 only on success.\n"
                 "\nexamples:\n  %s run --prompt \"Once upon a time\" -n 64\n  %s bench\n",
                 name.c_str(), name.c_str(), name.c_str());
  return text;
}

int lrt::runCommandLine(const lrt_program &program, int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); // a closed pipe and a full quota are errors of write()
  signal(SIGXFSZ, SIG_IGN);

  const char *path = argc > 0 && argv[0][0] ? argv[0] : "lathe-program";
  const char *slash = strrchr(path, '/');
  Invocation invocation = {program, slash ? slash + 1 : path, {}};
  std::string error;
  if (!checkProgram(program, error))
    return invocation.fail(error);

  const Command *const commands[] = {&runCommand, &logitsCommand, &tokensCommand, &benchCommand, &infoCommand, nullptr};
  if (argc < 2)
    return invocation.fail(
        format("expected a command: run, logits, tokens, bench or info (see %s --help)", invocation.name.c_str()));
  std::string name = argv[1];
  if (name == "--help" || name == "-h" || name == "help")
    return writeOutput(overview(program, invocation.name, commands), error) ? 0 : invocation.fail(error);
  invocation.arguments.assign(argv + 2, argv + argc);
  for (const Command *const *command = commands; *command; ++command)
    if (name == (*command)->name)
      return (*command)->run(invocation);
  return invocation.fail(format("unknown command \"%s\": expected run, logits, tokens, bench or info (see %s --help)",
                                name.c_str(), invocation.name.c_str()));
}
