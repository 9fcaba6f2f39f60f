#include "compiler/driver/Completion.h"
#include "compiler/driver/Options.h"

using namespace lathe;
using llvm::StringRef;

namespace {

/// Escapes plain text for roff: backslashes, hyphens, and a dot at the start of a line.
std::string roff(StringRef text) {
  std::string result;
  for (char c : text)
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  return StringRef(result).starts_with(".") || StringRef(result).starts_with("'") ? "\\&" + result : result;
}

std::string entry(StringRef name, StringRef value, StringRef help) {
  std::string text = ".TP\n.B " + roff(name);
  if (!value.empty())
    text += " \\fI" + roff(value) + "\\fR";
  return text + "\n" + roff(help) + "\n";
}

} // namespace

std::string lathe::manPage() {
  std::string text =
      ".TH LATHE 1 \"\" \"" + versionText() +
      "\" \"User Commands\"\n"
      ".SH NAME\n"
      "lathe \\- make an executable from a language model\n"
      ".SH SYNOPSIS\n"
      ".B lathe compile\n.I MODEL\n.RI [ OPTION ...]\n.br\n"
      ".B lathe compile\n.I FILE.mlir\n.B \\-\\-from\n.I STAGE\n.RI [ OPTION ...]\n"
      ".SH DESCRIPTION\n"
      ".B lathe compile\n"
      "reads a Hugging Face directory, a config.json alone, an .onnx or a .gguf file and writes an executable made "
      "for\n"
      "that model and one kind of CPU or GPU. With weights, OUT.weights is written beside it; the executable finds it\n"
      "there wherever both are moved. An output is written whole or not at all.\n"
      ".SH COMMANDS\n";
  for (const CommandInfo &command : allCommands())
    text += entry(command.name, command.value, command.help);
  text += ".SH OPTIONS OF COMPILE\n";
  for (const OptionInfo &option : compileOptions())
    text += entry(option.name, option.value, option.help);
  text += ".SH STAGES\nStages of\n.BR \\-\\-emit ,\n.B \\-\\-from\nand\n.BR \\-\\-dump\\-stages ,\nand what a reader "
          "finds in them:\n";
  for (const StageInfo &stage : allStages())
    text += entry(stage.name, "", stage.question);
  text +=
      ".SH THE EXECUTABLE\n"
      "It has commands of its own;\n.I OUT\n.B \\-\\-help\nlists them, and\n.I OUT COMMAND\n.B \\-\\-help\ntheir "
      "options.\n"
      ".SH EXIT STATUS\n0 on success. 1 after an error, which is one line on standard error: the file, the key or the "
      "tensor,\n"
      "what was expected and what was found.\n"
      ".SH FILES\n.TP\n.I OUT\nthe executable\n.TP\n.I OUT.weights\nits weights and its tokenizer, mapped at start\n"
      ".SH EXAMPLES\n";
  for (const Example &example : compileExamples())
    text += ".TP\n.B " + roff(example.command) + "\n" + roff(example.help) + "\n";
  return text;
}
