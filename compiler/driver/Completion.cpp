#include "compiler/driver/Completion.h"
#include "compiler/driver/Options.h"
#include "compiler/targets/Registry.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;
using llvm::StringRef;

namespace {

/// The values of an option.
struct Values {
  enum Kind { None, Words, Files, Folders, Anything } kind = None;
  std::string words; // of Words, separated by spaces
};

std::string stageNames() {
  llvm::SmallVector<StringRef> names;
  for (const StageInfo &stage : allStages())
    names.push_back(stage.name);
  return llvm::join(names, " ");
}

std::string gpuNames() {
  std::string names;
  for (const std::unique_ptr<Target> &target : allTargets())
    for (const std::string &name : target->knownGPUs())
      names += (names.empty() ? "" : " ") + name;
  return names;
}

/// Made from the value's name in the help: "as-stored|f32" are words, FILE is a placeholder.
Values valuesOf(const OptionInfo &option) {
  if (option.value.empty())
    return {};
  if (option.value == "STAGE")
    return {Values::Words, stageNames()};
  if (option.value == "DIR")
    return {Values::Folders, ""};
  if (option.value == "FILE" || option.value == "OUT")
    return {Values::Files, ""};
  if (option.name == "--gpu")
    return {Values::Words, gpuNames()};
  llvm::SmallVector<StringRef> alternatives;
  option.value.split(alternatives, '|');
  std::string words;
  for (StringRef word : alternatives)
    if (word == "NAME")
      words += (words.empty() ? "" : " ") + llvm::join(knownCPUs(), " ");
    else if (llvm::none_of(word, llvm::isUpper) && llvm::none_of(word, [](char c) { return c == '.' || c == ','; }))
      words += (words.empty() ? "" : " ") + word.str();
  return words.empty() ? Values{Values::Anything, ""} : Values{Values::Words, words};
}

/// Commands, and options that are allowed as the first word only.
std::string firstWords() {
  llvm::SmallVector<StringRef> names;
  for (const CommandInfo &command : allCommands())
    names.push_back(command.name);
  return llvm::join(names, " ");
}

std::string bashScript() {
  std::string options = "--help", cases;
  for (const OptionInfo &option : compileOptions()) {
    options += " " + option.name.str();
    Values values = valuesOf(option);
    if (values.kind == Values::Words)
      cases += "  " + option.name.str() + ") words='" + values.words + "' ;;\n";
    else if (values.kind == Values::Folders)
      cases += "  " + option.name.str() + ") COMPREPLY=($(compgen -d -- \"$current\")); return ;;\n";
    else if (values.kind != Values::None) // files, by `complete -o default`
      cases += "  " + option.name.str() + ") return ;;\n";
  }
  return "# Completion of lathe in bash, made by `lathe completion bash`.\n"
         "\n"
         "_lathe() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
         "  COMPREPLY=()\n"
         "  # --name=value is three words to bash.\n"
         "  if [ \"$current\" = = ]; then\n"
         "    current=\n"
         "  elif [ \"$before\" = = ]; then\n"
         "    before=${COMP_WORDS[COMP_CWORD - 2]}\n"
         "  fi\n"
         "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
         "    COMPREPLY=($(compgen -W '" +
         firstWords() +
         "' -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  if [ \"${COMP_WORDS[1]}\" = completion ]; then\n"
         "    COMPREPLY=($(compgen -W '" +
         llvm::join(completionShells(), " ") +
         "' -- \"$current\"))\n"
         "    return\n"
         "  fi\n"
         "  [ \"${COMP_WORDS[1]}\" = compile ] || return\n"
         "  case $before in\n" +
         cases + "  *) [[ $current != -* ]] || words='" + options +
         "' ;;\n"
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _lathe lathe\n"
         "\n"
         "# For an executable that lathe made, which is asked for its commands and options:\n"
         "#   complete -o default -F _lathe_program chat\n"
         "_lathe_program() {\n"
         "  local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]}\n"
         "  COMPREPLY=()\n"
         "  if [ \"$COMP_CWORD\" = 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"$(\"$program\" --help 2>/dev/null | sed -n 's/^  \\([a-z]\\{1,\\}\\)  "
         ".*/\\1/p')\" "
         "-- \"$current\"))\n"
         "  elif [[ $current = -* ]]; then\n"
         "    COMPREPLY=($(compgen -W \"$(\"$program\" \"${COMP_WORDS[1]}\" --help 2>/dev/null |\n"
         "      sed -n 's/^  \\(-[-a-z]*\\).*/\\1/p')\" -- \"$current\"))\n"
         "  fi\n"
         "}\n";
}

/// Quotes a text with single quotes, for all three shells.
std::string singleQuoted(StringRef text) {
  std::string result = "'";
  for (char c : text)
    result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// Escapes brackets and colons, which have a meaning in a specification of zsh's _arguments.
std::string zshText(StringRef text) {
  std::string result;
  for (char c : text)
    result += (StringRef("[]:\\").contains(c) ? "\\" : "") + std::string(1, c);
  return result;
}

std::string zshScript() {
  std::string commands, options;
  for (const CommandInfo &command : allCommands())
    commands += "      " + singleQuoted(zshText(command.name) + ":" + command.help.str()) + "\n";
  for (const OptionInfo &option : compileOptions()) {
    std::string spec = option.name.str() + "[" + zshText(option.help) + "]";
    Values values = valuesOf(option);
    if (values.kind != Values::None)
      spec += ":" + zshText(option.value) + ":" +
              (values.kind == Values::Words     ? "(" + values.words + ")"
               : values.kind == Values::Folders ? "_files -/"
               : values.kind == Values::Files   ? "_files"
                                                : "");
    options += "      " + singleQuoted(spec) + " \\\n";
  }
  return "#compdef lathe\n"
         "# Completion of lathe in zsh, made by `lathe completion zsh`.\n"
         "\n"
         "_lathe() {\n"
         "  if (( CURRENT == 2 )); then\n"
         "    local -a commands=(\n" +
         commands +
         "    )\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  (( CURRENT-- ))\n"
         "  case $command in\n"
         "  compile)\n"
         "    _arguments \\\n" +
         options +
         "      '--help[show the options]' \\\n"
         "      '*:model:_files'\n"
         "    ;;\n"
         "  completion) _values shell " +
         llvm::join(completionShells(), " ") +
         " ;;\n"
         "  esac\n"
         "}\n"
         "\n"
         "_lathe \"$@\"\n";
}

/// An option as fish's complete calls it: -o is short, --name long.
std::string fishName(StringRef name) {
  if (name.consume_front("--"))
    return "-l " + name.str();
  return "-s " + name.drop_front().str();
}

std::string fishScript() {
  std::string text = "# Completion of lathe in fish, made by `lathe completion fish`.\n\n";
  for (const CommandInfo &command : allCommands()) {
    text += "complete -c lathe -n __fish_use_subcommand ";
    text += command.name.starts_with("-") ? fishName(command.name) : "-f -a " + command.name.str();
    text += " -d " + singleQuoted(command.help) + "\n";
  }
  text += "complete -c lathe -n '__fish_seen_subcommand_from completion' -f -a " +
          singleQuoted(llvm::join(completionShells(), " ")) + "\n";
  for (const OptionInfo &option : compileOptions()) {
    text += "complete -c lathe -n '__fish_seen_subcommand_from compile' " + fishName(option.name);
    Values values = valuesOf(option);
    if (values.kind == Values::Words)
      text += " -x -a " + singleQuoted(values.words);
    else if (values.kind == Values::Folders)
      text += " -x -a '(__fish_complete_directories)'";
    else if (values.kind == Values::Anything)
      text += " -x";
    else if (values.kind == Values::Files)
      text += " -r -F";
    text += " -d " + singleQuoted(option.help) + "\n";
  }
  return text;
}

} // namespace

llvm::ArrayRef<StringRef> lathe::completionShells() {
  static constexpr StringRef shells[] = {"bash", "zsh", "fish"};
  return shells;
}

std::string lathe::completionScript(StringRef shell) {
  return shell == "bash" ? bashScript() : shell == "zsh" ? zshScript() : fishScript();
}
