//===- Run.cpp - OUT run: generate --------------------------------------------------------------------------------===//

#include "CommandLine.h"
#include "Sampler.h"
#include "Text.h"

#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>

using namespace lrt;

namespace {

struct Arguments : SessionArguments {
  std::optional<std::string> prompt, tokens;
  std::optional<int64_t> count, topK, seed;
  std::optional<double> temperature, topP;
  bool chat = false, ignoreEos = false;

  void declare(Options &options) {
    options.text("--prompt", "TEXT", "what to continue; - reads it from stdin", prompt);
    options.text("--tokens", "ID,ID,...", "the same as ids; the answer is then ids too", tokens);
    options.integer("-n", "N", "stop after N tokens; default: at an end id or when the context is full", count, 0);
    options.flag("--chat", "wrap the prompt in the model's chat template", chat);
    options.flag("--ignore-eos", "go on after an end id", ignoreEos);
    options.number("--temperature", "T", "sample with this temperature; default, and 0: the likeliest token",
                   temperature, 0, 1000);
    options.integer("--top-k", "K", "sample among the K likeliest; 0: all", topK, 0);
    options.number("--top-p", "P", "sample among the likeliest that together reach probability P", topP, 0, 1);
    options.integer("--seed", "S", "of sampling; default: a new one each time, shown on stderr", seed, 0);
    SessionArguments::declare(options);
  }
};

/// Streams ids or text to stdout.
class Output {
public:
  Output(Text &text, bool isIds) : text(text), isIds(isIds) {}

  bool put(int32_t token, std::string &error) {
    std::string piece = isIds ? format(isFirst ? "%d" : ",%d", token) : text.next(token);
    isFirst = false;
    return piece.empty() || writeOutput(piece, error);
  }

  /// Text ends with a newline only for people: a file holds what was generated and nothing else.
  bool finish(std::string &error) {
    std::string end = isIds ? "" : text.rest();
    if (isIds || isatty(STDOUT_FILENO))
      end += "\n";
    return end.empty() || writeOutput(end, error);
  }

private:
  Text &text;
  bool isIds;
  bool isFirst = true;
};

uint64_t freshSeed() {
  uint32_t seed = 1;
  (void)!getrandom(&seed, sizeof(seed), 0);
  return seed;
}

bool readPrompt(const Arguments &arguments, const Session &session, const Text &text, std::vector<int32_t> &tokens,
                std::string &error) {
  const lrt_program &program = session.program;
  if (arguments.tokens) {
    if (!parseTokens(*arguments.tokens, program.vocabulary, tokens, error))
      return false;
  } else {
    std::string contents = *arguments.prompt;
    if (contents == "-" && !readWholeFile("-", contents, error))
      return false;
    if (!text.encode(contents, arguments.chat, tokens, error))
      return false;
    for (int32_t token : tokens) {
      if (token >= 0 && token < program.vocabulary)
        continue;
      error = format("the tokenizer gave id %d, outside the vocabulary of %lld", token, (long long)program.vocabulary);
      return false;
    }
  }
  if (tokens.empty()) {
    error = "the prompt is empty: there is nothing to continue";
    return false;
  }
  if (int64_t(tokens.size()) > program.context) {
    error = format("the prompt has %zu tokens, but the context holds %lld", tokens.size(), (long long)program.context);
    return false;
  }
  return true;
}

void printTimings(size_t promptTokens, double promptSeconds, int64_t generated, double seconds,
                  const std::string &why) {
  std::string line = format("prompt: %zu tokens in %.1f ms, %.1f tokens/s", promptTokens, promptSeconds * 1e3,
                            double(promptTokens) / promptSeconds);
  // The first token comes with the prompt.
  if (generated > 1)
    line += format("; generation: %lld tokens in %.1f ms, %.1f tokens/s", (long long)(generated - 1), seconds * 1e3,
                   double(generated - 1) / seconds);
  line += "; stopped: " + why + "\n";
  writeAll(STDERR_FILENO, line.data(), line.size());
}

int run(const Invocation &invocation) {
  Arguments arguments;
  Options options;
  arguments.declare(options);
  int status;
  if (!invocation.parse(runCommand, options, status))
    return status;
  if (arguments.prompt.has_value() == arguments.tokens.has_value())
    return invocation.fail(arguments.prompt ? "run: expected --prompt or --tokens, found both"
                                            : "run: expected --prompt TEXT or --tokens ID,ID,...");
  if (arguments.tokens && arguments.chat)
    return invocation.fail("run: --chat needs --prompt: ids are fed as they are");

  const lrt_program &program = invocation.program;
  Session session(program);
  Text text;
  std::vector<int32_t> tokens;
  std::string error;
  if (!session.open(arguments.session(), error) || !text.open(session.weights, error) ||
      !readPrompt(arguments, session, text, tokens, error))
    return invocation.fail(error);
  // Without -n most answers end long before the context is full: refused is what the prompt alone cannot have.
  int64_t asked = std::min(program.context - int64_t(tokens.size()), arguments.count.value_or(1));
  if (!session.checkMemory(int64_t(tokens.size()) + asked, error))
    return invocation.fail(error);
  if (int64_t fit = session.positionsThatFit(); !arguments.count && fit < program.context)
    warn(format("memory is free for %lld of the context's %lld positions: -n N stops an answer earlier", (long long)fit,
                (long long)program.context));

  SamplerOptions sampling = {.temperature = arguments.temperature.value_or(0),
                             .topK = arguments.topK.value_or(0),
                             .topP = arguments.topP.value_or(1),
                             .seed = arguments.seed ? uint64_t(*arguments.seed) : freshSeed()};
  Sampler sampler(sampling, program.vocabulary);
  if (sampling.temperature > 0 && !arguments.seed)
    fprintf(stderr, "seed: %llu\n", (unsigned long long)sampling.seed);

  catchInterrupts();
  std::vector<float> logits(program.vocabulary);
  Output output(text, arguments.tokens.has_value());
  std::string why;
  int64_t generated = 0;
  double start = now();
  if (!session.feed(tokens.data(), int64_t(tokens.size()), logits.data(), &interrupted))
    why = "interrupted";
  double prompted = now();
  while (why.empty()) {
    if (generated == arguments.count.value_or(INT64_MAX)) {
      why = format("-n %lld", (long long)generated);
      break;
    }
    int64_t token = sampler.sample(logits.data());
    if (token < 0)
      return invocation.fail(format("the logits at position %lld are not numbers", (long long)(session.position - 1)));
    if (!arguments.ignoreEos && text.isEnd(int32_t(token))) {
      why = format("end id %lld", (long long)token);
      break;
    }
    ++generated;
    if (!output.put(int32_t(token), error))
      return invocation.fail(error);
    if (interrupted)
      why = "interrupted";
    else if (generated == arguments.count.value_or(INT64_MAX))
      why = format("-n %lld", (long long)generated);
    else if (session.left() == 0)
      why = format("the context of %lld is full", (long long)program.context);
    else
      session.decode(int32_t(token), logits.data());
  }
  double end = now();
  if (!output.finish(error))
    return invocation.fail(error);
  printTimings(tokens.size(), prompted - start, generated, end - prompted, why);
  return 0;
}

} // namespace

const Command lrt::runCommand = {
    .name = "run",
    .summary = "generate text, streamed to stdout; timings and the reason to stop go to stderr",
    .usage = "--prompt TEXT | --tokens ID,ID,... [OPTION...]",
    .details =
        "The answer starts after the prompt and ends before the first of the model's end ids. Text is written without\n"
        "a newline at the end, except to a terminal; ids on one line, separated by commas. Ctrl-C ends it early.\n",
    .examples = "run --prompt \"Once upon a time\" -n 64\n"
                "run --prompt \"Who are you?\" --chat --temperature 0.7 --top-p 0.9 --seed 1\n"
                "run --prompt - < question.txt\n"
                "run --tokens 1,403,42 -n 16 --threads 2",
    .run = run,
};
