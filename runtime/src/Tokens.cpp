//===- Tokens.cpp - OUT tokens: text as ids -----------------------------------------------------------------------===//

#include "CommandLine.h"
#include "Text.h"

using namespace lrt;

namespace {

int run(const Invocation &invocation) {
  std::optional<std::string> prompt, file, weightsFile;
  bool chat = false;
  Options options;
  options.text("--prompt", "TEXT", "the text", prompt);
  options.text("--file", "FILE", "a file that holds it; - is stdin", file);
  options.flag("--chat", "wrap it in the model's chat template, as run --chat does", chat);
  options.text("--weights", "FILE", "where the tokenizer's tables are; default: as for run", weightsFile);
  int status;
  if (!invocation.parse(tokensCommand, options, status))
    return status;
  if (prompt.has_value() == file.has_value())
    return invocation.fail(prompt ? "tokens: expected --prompt or --file, found both"
                                  : "tokens: expected --prompt TEXT or --file FILE");

  std::string contents, error;
  if (prompt)
    contents = *prompt;
  if (prompt ? contents == "-" && !readWholeFile("-", contents, error) : !readWholeFile(*file, contents, error))
    return invocation.fail(error);
  Weights weights;
  Text text;
  std::vector<int32_t> tokens;
  if (!weights.open(invocation.program, weightsFile.value_or(""), error) || !text.open(weights, error) ||
      !text.encode(contents, chat, tokens, error))
    return invocation.fail(error);

  std::string line;
  for (size_t i = 0; i < tokens.size(); ++i)
    line += format(i ? ",%d" : "%d", tokens[i]);
  return writeOutput(line + "\n", error) ? 0 : invocation.fail(error);
}

} // namespace

const Command lrt::tokensCommand = {
    .name = "tokens",
    .summary = "print the ids that run would feed for a text",
    .usage = "--prompt TEXT | --file FILE",
    .details = "",
    .examples = "tokens --prompt \"Once upon a time\"\n"
                "tokens --file story.txt",
    .run = run,
};
