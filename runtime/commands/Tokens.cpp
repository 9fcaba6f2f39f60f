//===- Tokens.cpp - OUT tokens: text as ids; OUT detokenize: ids as text ------------------------------------------===//

#include "runtime/commands/CommandLine.h"
#include "runtime/support/OutputFile.h"
#include "runtime/tokenizer/Text.h"

#include <unistd.h>

using namespace lrt;

namespace {

bool writeIds(const std::string &path, const std::string &line, std::string &error) {
  OutputFile file;
  return file.open(path, error) && file.write(line.data(), line.size(), error) && file.finish(error);
}

int encode(const Invocation &invocation) {
  std::optional<std::string> prompt, file, tokensFile, weightsFile;
  bool chat = false;
  Options options;
  options.text("--prompt", "TEXT", "the text; - reads it from stdin", prompt);
  options.text("--file", "FILE", "a file with the text; - is stdin", file);
  options.flag("--chat", "wrap the text in the model's chat template, as run --chat does", chat);
  options.text("--tokens-file", "FILE",
               "write the ids there, for run, logits and detokenize --tokens-file; - is stdout", tokensFile);
  options.text("--weights", "FILE", "where the tokenizer's tables are; default: as for run", weightsFile);
  int status;
  if (!invocation.parse(tokensCommand, options, status))
    return status;
  std::string contents, error;
  if (!expectOne("tokens", {{"--prompt", prompt.has_value()}, {"--file", file.has_value()}}, error))
    return invocation.fail(error);

  if (prompt)
    contents = *prompt;
  if (prompt ? contents == "-" && !readWholeFile("-", contents, error) : !readWholeFile(*file, contents, error))
    return invocation.fail(error);
  Weights weights;
  Text text;
  std::vector<int32_t> tokens;
  if (!weights.open(invocation.program, weightsFile.value_or(""), error) ||
      !text.open(weights.tokenizer(), weights.origin(), error) || !text.encode(contents, chat, tokens, error))
    return invocation.fail(error);
  const std::string line = joinTokens(tokens) + "\n";
  return (tokensFile && *tokensFile != "-" ? writeIds(*tokensFile, line, error) : writeOutput(line, error))
             ? 0
             : invocation.fail(error);
}

int decode(const Invocation &invocation) {
  TokensArguments arguments;
  std::optional<std::string> weightsFile;
  bool special = false;
  Options options;
  arguments.declare(options, "the ids");
  options.flag("--special", "show special tokens as they are written; run shows nothing for them", special);
  options.text("--weights", "FILE", "where the tokenizer's tables are; default: as for run", weightsFile);
  int status;
  if (!invocation.parse(detokenizeCommand, options, status))
    return status;
  std::string error;
  if (!expectOne("detokenize",
                 {{"--tokens", arguments.tokens.has_value()}, {"--tokens-file", arguments.tokensFile.has_value()}},
                 error))
    return invocation.fail(error);

  Weights weights;
  Text text;
  std::vector<int32_t> tokens;
  if (!arguments.read(invocation.program, tokens, error) ||
      !weights.open(invocation.program, weightsFile.value_or(""), error) ||
      !text.open(weights.tokenizer(), weights.origin(), error))
    return invocation.fail(error);
  if (!text.hasText())
    return invocation.fail("this model has no tokenizer: ids have no text");
  std::string out = text.decode(tokens, special);
  if (isatty(STDOUT_FILENO))
    out += "\n";
  return writeOutput(out, error) ? 0 : invocation.fail(error);
}

} // namespace

const Command lrt::tokensCommand = {
    .name = "tokens",
    .summary = "print the ids that run would feed for a text",
    .usage = "--prompt TEXT | --file FILE [OPTION...]",
    .details = "",
    .examples = "tokens --prompt \"Once upon a time\"\n"
                "tokens --file story.txt\n"
                "tokens --file story.txt --tokens-file story.ids",
    .run = encode,
};

const Command lrt::detokenizeCommand = {
    .name = "detokenize",
    .summary = "print the text of ids",
    .usage = "--tokens ID,ID,... | --tokens-file FILE [OPTION...]",
    .details = "Prints the bytes of the ids, and a newline at the end only to a terminal. Where the tokenizer puts a\n"
               "space in front of every text, that space is removed.\n",
    .examples = "detokenize --tokens 1,403,42\n"
                "detokenize --tokens-file story.ids --special",
    .run = decode,
};
