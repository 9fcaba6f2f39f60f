#include "compiler/driver/Options.h"
#include "compiler/driver/Completion.h"
#include "compiler/support/Errors.h"
#include "compiler/targets/Registry.h"
#include "lrt/version.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Config/llvm-config.h"

using namespace lathe;

namespace {

absl::Status problem(const llvm::Twine &message) { return absl::InvalidArgumentError(message.str()); }

/// One option of `lathe compile`. The parser and the help use the same table.
struct Option {
  llvm::StringLiteral name;
  llvm::StringLiteral value; // the value's name in the help; empty: a flag
  llvm::StringLiteral help;
  absl::Status (*set)(Options &options, llvm::StringRef value);
  bool isList = false; // may be given several times; each adds a value
};

absl::Status readNumber(llvm::StringRef option, llvm::StringRef value, int64_t max, int64_t &number) {
  if (value.getAsInteger(10, number) || number < 1 || number > max)
    return problem(option + ": expected a number from 1 to " + llvm::Twine(max) + ", got " + quoted(value));
  return absl::OkStatus();
}

absl::Status readStage(llvm::StringRef option, llvm::StringRef value, llvm::ArrayRef<StageInfo> among, Stage &stage) {
  for (const StageInfo &info : among)
    if (info.name == value) {
      stage = info.stage;
      return absl::OkStatus();
    }
  std::vector<llvm::StringRef> names;
  for (const StageInfo &info : among)
    names.push_back(info.name);
  return problem(option + ": " + expectedOneOf(names, value));
}

absl::Status readChoice(llvm::StringRef option, llvm::StringRef value, llvm::ArrayRef<llvm::StringRef> choices,
                        std::string &choice) {
  if (!llvm::is_contained(choices, value))
    return problem(option + ": " + expectedOneOf(choices, value));
  choice = value.str();
  return absl::OkStatus();
}

template <auto Member> absl::Status store(Options &options, llvm::StringRef value) {
  options.*Member = value.str();
  return absl::OkStatus();
}

template <auto Member> absl::Status setFlag(Options &options, llvm::StringRef) {
  options.*Member = true;
  return absl::OkStatus();
}

absl::Status setTarget(Options &options, llvm::StringRef value) {
  options.target = value.str();
  return findTarget("--target", value).status();
}

absl::Status setWeights(Options &options, llvm::StringRef value) {
  return readChoice("--weights", value, {"as-stored", "f32", "bf16", "q8", "q4"}, options.weights);
}

absl::Status addIgnoredTensors(Options &options, llvm::StringRef value) {
  options.ignoreTensors.push_back(value.str());
  return absl::OkStatus();
}

absl::Status setContext(Options &options, llvm::StringRef value) {
  return readNumber("--context", value, int64_t(1) << 31, options.context);
}

absl::Status setThreads(Options &options, llvm::StringRef value) {
  return readNumber("--threads", value, 1024, options.threads);
}

absl::Status setPrefillRows(Options &options, llvm::StringRef value) {
  return readNumber("--prefill-rows", value, 1 << 16, options.prefillRows);
}

absl::Status setTuning(Options &options, llvm::StringRef value) {
  options.tuning = value.str(); // parsed when the target is known
  return absl::OkStatus();
}

absl::Status setEmit(Options &options, llvm::StringRef value) {
  return readStage("--emit", value, allStages(), options.emit);
}

absl::Status setFrom(Options &options, llvm::StringRef value) {
  return readStage("--from", value, allStages().drop_back(), options.from.emplace());
}

constexpr Option table[] = {
    {"-o", "OUT", "write the executable here (default: chat), and its weights to OUT.weights", store<&Options::output>},
    {"--target", "cpu|cuda", "where it will run (default: cpu)", setTarget},
    {"--mcpu", "native|NAME", "the CPU it is made for (default: native; `help` lists the names)",
     store<&Options::mcpu>},
    {"--gpu", "GPU[,GPU...]",
     "with --target cuda: the GPUs it carries code for; the newest that a GPU can run is taken (default: sm_80, which "
     "later ones run, too; `help` lists the names)",
     store<&Options::gpu>},
    {"--weights", "as-stored|f32|bf16|q8|q4", "how matrices are kept (default: as-stored)", setWeights},
    {"--ignore-tensors", "PATTERN",
     "leave out tensors that nobody reads and whose names match this glob, such as '*.bias'; may be repeated",
     addIgnoredTensors, /*isList=*/true},
    {"--context", "N", "number of positions that the caches can hold (default: the model's own, at most 8192)",
     setContext},
    {"--prefill-rows", "N", "most prompt tokens of one pass over the weights (default: 512)", setPrefillRows},
    {"--schedule-for", "NAME",
     "schedule and kernels of that CPU, its dot instructions written out, to run them on this one",
     store<&Options::scheduleFor>},
    {"--decompose", "all|lm.OP,...",
     "run these ops by their decomposition to linalg: slow, to compare the kernels with", store<&Options::decompose>},
    {"--tuning", "KEY=N,...", "tuning parameters other than this CPU's, to measure (lm.tuning of a schedule shows all)",
     setTuning},
    {"--embed-weights", "", "put the weights into the executable", setFlag<&Options::embedWeights>},
    {"--threads", "N", "threads the executable uses by default (default: the physical cores it finds)", setThreads},
    {"--emit", "STAGE", "stop at a stage and print it, to stdout or -o", setEmit},
    {"--from", "STAGE", "MODEL is what --emit STAGE printed: go on from there", setFrom},
    {"--dump-stages", "DIR", "leave every stage in DIR: 1.import.mlir ... 6.object.s (.ptx)",
     store<&Options::dumpStages>},
    {"--verify-stages", "", "check after every stage that it left only what it may", setFlag<&Options::verifyStages>},
    {"-v", "", "say how long everything takes", setFlag<&Options::verbose>},
};

constexpr CommandInfo commands[] = {
    {"compile", "MODEL [options]", "the whole way to an executable; `lathe compile --help` lists the options",
     Command::Compile},
    {"inspect", "MODEL", "what a model needs (not there yet)", Command::Inspect},
    {"compare", "MODEL MODEL...", "the same, side by side (not there yet)", Command::Compare},
    {"completion", "bash|zsh|fish", "print the script that completes lathe's command line in this shell",
     Command::Completion},
    {"man", "", "print the manual page: `lathe man | man -l -`", Command::ManPage},
    {"--help", "", "this text", Command::Help},
    {"--list-models", "", "the model types it knows", Command::ListModels},
    {"--version", "", "its version and LLVM's", Command::Version},
};

constexpr Example examples[] = {
    {"lathe compile Qwen3-0.6B -o chat", "an executable and chat.weights for this machine"},
    {"lathe compile gemma-3-270m.gguf --mcpu x86-64-v3", "for any CPU with AVX2"},
    {"lathe compile Qwen3-0.6B --weights q8 --context 4096", "8-bit matrices, room for 4096 positions"},
    {"lathe compile Qwen3-0.6B --emit graph", "what is fused, quantised, packed?"},
    {"lathe compile Qwen3-0.6B --dump-stages d -o chat", "every stage in d/, then"},
    {"lathe compile d/2.graph.mlir --from graph -o chat", "go on from an edited one"},
};

std::vector<llvm::StringRef> optionNames() {
  std::vector<llvm::StringRef> names;
  for (const Option &option : table)
    names.push_back(option.name);
  return names;
}

/// With --from, options that were used before the stage of the dump cannot be changed.
absl::Status checkFrom(const Options &options) {
  const Stage from = *options.from;
  if (options.emit < from)
    return problem("--emit " + getStageInfo(options.emit).name + ": expected a stage after --from " +
                   getStageInfo(from).name);
  const std::pair<llvm::StringRef, Stage> decided[] = {
      {"--context", Stage::Import},     {"--ignore-tensors", Stage::Import}, {"--weights", Stage::Graph},
      {"--prefill-rows", Stage::Graph}, {"--schedule-for", Stage::Graph},    {"--decompose", Stage::Schedule},
      {"--tuning", Stage::Schedule},    {"--mcpu", Stage::Schedule},         {"--gpu", Stage::Schedule},
      {"--target", Stage::Schedule}};
  for (auto [name, stage] : decided)
    if (options.given.contains(name) && stage <= from)
      return problem(name + ": already decided when stage " + getStageInfo(from).name +
                     " was printed; expected it on the command line that printed it");
  return absl::OkStatus();
}

absl::StatusOr<CommandLine> parseCompile(llvm::ArrayRef<const char *> arguments) {
  CommandLine line;
  line.command = Command::Compile;
  Options &options = line.options;
  bool isOption = true; // until --
  for (size_t i = 0; i < arguments.size(); ++i) {
    llvm::StringRef argument = arguments[i];
    if (isOption && argument == "--") {
      isOption = false;
      continue;
    }
    if (!isOption || !argument.starts_with("-") || argument == "-") {
      if (!options.input.empty())
        return problem("compile: expected one model, got " + quoted(options.input) + " and " + quoted(argument));
      options.input = argument.str();
      if (options.input.empty())
        return problem("compile: expected a model, got an empty path");
      continue;
    }
    if (argument == "--help" || argument == "-h")
      return CommandLine{Command::CompileHelp, {}, {}};

    auto [name, value] = argument.split('='); // --name value or --name=value
    const bool hasValue = argument.contains('=');
    const Option *option = llvm::find_if(table, [&, name = name](const Option &known) { return known.name == name; });
    if (option == std::end(table))
      return problem("compile: unknown option: " + expectedOneOf(optionNames(), name));
    if (option->value.empty() && hasValue)
      return problem(name + ": expected no value, got " + quoted(value));
    if (!option->value.empty() && !hasValue) {
      if (++i == arguments.size())
        return problem(name + ": expected " + option->value + " after it, found nothing");
      value = arguments[i];
    }
    if (!option->value.empty() && value.empty())
      return problem(name + ": expected " + option->value + ", got nothing");
    // An error, because the second value would silently replace the first.
    if (!options.given.insert(name).second && !option->value.empty() && !option->isList)
      return problem(name + ": expected once, got it twice");
    LATHE_RETURN_IF_ERROR(option->set(options, value));
  }
  if (options.mcpu == "help")
    return CommandLine{Command::ListCPUs, {}, {}};
  if (options.gpu == "help")
    return CommandLine{Command::ListGPUs, {}, {}};
  if (!options.tuning.empty()) {
    LATHE_ASSIGN_OR_RETURN(const Target *target, findTarget("--target", options.target));
    if (const std::string wrong = target->checkTuning(options.tuning); !wrong.empty())
      return problem("--tuning: " + wrong);
  }
  if (options.input.empty())
    return problem("compile: expected a model: a directory, a config.json, an .onnx or a .gguf file");
  if (options.output == "-" && options.emit == Stage::Executable)
    return problem("-o: expected a name for the executable, got \"-\"; --emit STAGE prints to stdout");
  if (options.from)
    LATHE_RETURN_IF_ERROR(checkFrom(options));
  return line;
}

} // namespace

absl::StatusOr<CommandLine> lathe::parseCommandLine(llvm::ArrayRef<const char *> arguments) {
  if (arguments.empty())
    return problem("expected a command, found none; `lathe --help` shows how");
  llvm::StringRef first = arguments.front();
  if (first == "-h" || first == "help")
    first = "--help";
  if (first == "compile")
    return parseCompile(arguments.drop_front());
  std::vector<llvm::StringRef> names;
  for (const CommandInfo &known : commands) {
    if (first != known.name) {
      names.push_back(known.name);
      continue;
    }
    CommandLine line;
    line.command = known.command;
    if (known.command == Command::Completion)
      LATHE_RETURN_IF_ERROR(
          readChoice("completion", arguments.size() > 1 ? arguments[1] : "", completionShells(), line.shell));
    return line;
  }
  return problem("unknown command: " + expectedOneOf(names, first));
}

llvm::ArrayRef<CommandInfo> lathe::allCommands() { return commands; }

std::vector<OptionInfo> lathe::compileOptions() {
  std::vector<OptionInfo> options;
  for (const Option &option : table)
    options.push_back({option.name, option.value, option.help});
  return options;
}

llvm::ArrayRef<Example> lathe::compileExamples() { return examples; }

std::string lathe::versionText() { return "lathe " LATHE_VERSION " (LLVM " LLVM_VERSION_STRING ")"; }

std::string lathe::mainHelp() {
  std::string text = R"(lathe: makes an executable from a language model

  lathe compile MODEL -o chat     MODEL: a Hugging Face directory, a config.json, an .onnx or a .gguf file
  ./chat run --prompt "Once upon a time" -n 64

Commands:
)";
  for (const CommandInfo &command : commands) {
    std::string left = "  lathe " + command.name.str() + (command.value.empty() ? "" : " " + command.value.str());
    text += left + std::string(left.size() < 33 ? 34 - left.size() : 1, ' ') + command.help.str() + "\n";
  }
  return text;
}

std::string lathe::compileHelp() {
  std::string text = "lathe compile MODEL [options]\n\n"
                     "MODEL is a Hugging Face directory, a config.json alone (no weights), an .onnx file or a .gguf "
                     "file.\n\nOptions:\n";
  for (const Option &option : table) {
    std::string left = "  " + option.name.str() + (option.value.empty() ? "" : " " + option.value.str());
    text += left.size() < 24 ? left + std::string(24 - left.size(), ' ') : left + "\n" + std::string(24, ' ');
    text += option.help.str() + "\n";
  }
  text += "\nStages:\n";
  for (const StageInfo &stage : allStages()) {
    std::string left = "  " + stage.name.str();
    text += left + std::string(24 - left.size(), ' ') + stage.question.str() + "\n";
  }
  text += "\nExamples:\n";
  for (const Example &example : examples) {
    std::string left = "  " + example.command.str();
    text += left + std::string(left.size() < 56 ? 57 - left.size() : 1, ' ') + example.help.str() + "\n";
  }
  return text;
}
