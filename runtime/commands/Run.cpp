//===- Run.cpp - OUT run: generate --------------------------------------------------------------------------------===//

#include "runtime/commands/Answer.h"
#include "runtime/commands/CommandLine.h"
#include "runtime/commands/SamplingArguments.h"
#include "runtime/tokenizer/Text.h"

#include <stdio.h>
#include <unistd.h>

#include <algorithm>

using namespace lrt;

namespace {

struct Arguments : EngineArguments, TokensArguments, SamplingArguments {
  std::optional<std::string> prompt;
  std::optional<int64_t> count, logprobs;
  std::vector<std::string> stops;
  bool chat = false, ignoreEos = false, json = false;

  void declare(Options &options) {
    options.text("--prompt", "TEXT", "the text to continue; - reads it from stdin", prompt);
    TokensArguments::declare(options, "the prompt as ids; the answer is then ids, too");
    options.integer("-n", "N", "stop after N tokens; default: at an end id or when the context is full", count, 0);
    options.flag("--chat", "wrap the prompt in the model's chat template", chat);
    options.flag("--ignore-eos", "go on after an end id", ignoreEos);
    options.texts("--stop", "TEXT", "end the answer before this text; may be given several times", stops);
    SamplingArguments::declare(options);
    options.flag("--json", "print one object at the end, with text, ids, timings and the reason to stop", json);
    options.integer("--logprobs", "K", "with --json: the log probability of every token, and those of the K likeliest",
                    logprobs, 0, 1000);
    EngineArguments::declare(options);
  }

  /// Checks that the options fit together. Returns false with a reason.
  bool check(std::string &error) const {
    if (!expectOne("run",
                   {{"--prompt", prompt.has_value()},
                    {"--tokens", tokens.has_value()},
                    {"--tokens-file", tokensFile.has_value()}},
                   error))
      return false;
    if (chat && !prompt)
      error = "run: --chat needs --prompt: ids are fed as they are";
    else if (logprobs && !json)
      error = "run: --logprobs needs --json";
    return error.empty();
  }
};

bool readPrompt(const Arguments &arguments, const lrt_program &program, const Text &text, std::vector<int32_t> &tokens,
                std::string &error) {
  if (!arguments.prompt) {
    if (!arguments.read(program, tokens, error))
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

/// Feeds the prompt, then one token after the other until there is a reason to stop.
class Generation {
public:
  Generation(Sequence &sequence, Text &text, const Arguments &arguments, const Sampling &sampling)
      : sequence(sequence), text(text), arguments(arguments), sampler(sampling.sampler, sequence.program().vocabulary),
        penalties(sampling.penalties, sequence.program().vocabulary), logits(sequence.program().vocabulary) {
    for (const std::string &stop : arguments.stops)
      if (int32_t token = text.findSpecial(stop); token >= 0) // its text is never shown, so it is not found there
        stopTokens.push_back(token);
  }

  bool run(const std::vector<int32_t> &prompt, Answer &answer, std::string &error) {
    for (int32_t token : prompt)
      penalties.addPrompt(token);
    Progress progress("prompt", "tokens");
    const double start = now();
    const bool isFed = sequence.feed(prompt.data(), int64_t(prompt.size()), logits.data(), &progress);
    progress.end();
    const double fed = now();
    answer.promptTokens = int64_t(prompt.size());
    answer.promptRead = sequence.position();
    answer.promptSeconds = fed - start;
    if (!isFed)
      answer.stop = {.reason = StopReason::Interrupted};
    while (answer.stop.reason == StopReason::None)
      if (!step(answer, error))
        return false;
    answer.seconds = now() - fed;
    answer.steps = sequence.position() - answer.promptRead;
    return answer.finish(error);
  }

private:
  /// Generates the next token. Sets answer.stop if it is the last one.
  bool step(Answer &answer, std::string &error) {
    const int64_t limit = arguments.count.value_or(INT64_MAX);
    if (answer.count() == limit) {
      answer.stop = {.reason = StopReason::Length};
      return true;
    }
    std::optional<LogProbabilities> probabilities;
    const int64_t chosen = choose(probabilities, error);
    if (chosen < 0)
      return false;
    const int32_t token = int32_t(chosen);
    if (!arguments.ignoreEos && text.isEnd(token)) {
      answer.stop = {.reason = StopReason::End, .id = token};
      return true;
    }
    if (std::find(stopTokens.begin(), stopTokens.end(), token) != stopTokens.end()) {
      answer.stop = {.reason = StopReason::Text, .id = token, .text = std::string(text.piece(token))};
      return true;
    }
    penalties.addAnswer(token);
    if (!answer.put(token, std::move(probabilities), error) || answer.stop.reason != StopReason::None)
      return error.empty();
    if (interrupted)
      answer.stop = {.reason = StopReason::Interrupted};
    else if (answer.count() == limit)
      answer.stop = {.reason = StopReason::Length};
    else if (sequence.left() == 0)
      answer.stop = {.reason = StopReason::Context};
    else
      sequence.decode(token, logits.data());
    return true;
  }

  /// Returns the next token, or -1, with a reason, when no logit is a number.
  int64_t choose(std::optional<LogProbabilities> &probabilities, std::string &error) {
    if (arguments.logprobs)
      original = logits; // log probabilities are those before penalties
    penalties.apply(logits.data());
    const int64_t token = sampler.sample(logits.data());
    if (token < 0)
      error = format("the logits at position %lld are not numbers", (long long)(sequence.position() - 1));
    else if (arguments.logprobs)
      probabilities = logProbabilities(original.data(), int64_t(original.size()), int32_t(token), *arguments.logprobs,
                                       logits.data());
    return token;
  }

  Sequence &sequence;
  Text &text;
  const Arguments &arguments;
  Sampler sampler;
  Penalties penalties;
  std::vector<int32_t> stopTokens;
  std::vector<float> logits, original;
};

int run(const Invocation &invocation) {
  Arguments arguments;
  Options options;
  arguments.declare(options);
  int status;
  if (!invocation.parse(runCommand, options, status))
    return status;
  std::string error;
  if (!arguments.check(error))
    return invocation.fail(error);

  const lrt_program &program = invocation.program;
  Engine engine(program);
  Text text;
  std::vector<int32_t> tokens;
  if (!engine.open(arguments.engine(), error) ||
      !text.open(engine.weights.tokenizer(), engine.weights.origin(), error) ||
      !readPrompt(arguments, program, text, tokens, error))
    return invocation.fail(error);
  if (!arguments.stops.empty() && !text.hasText())
    return invocation.fail("run: --stop needs the texts of a tokenizer: this model has none");
  // Without -n most answers end long before the context is full, so memory is required for the prompt and one token.
  int64_t asked = std::min(program.context - int64_t(tokens.size()), arguments.count.value_or(1));
  Sequence sequence(engine);
  if (!sequence.open(int64_t(tokens.size()) + asked, error))
    return invocation.fail(error);
  if (int64_t fit = sequence.positionsThatFit(); !arguments.count && fit < program.context)
    warn(format("memory is free for %lld of the context's %lld positions: -n N stops an answer earlier", (long long)fit,
                (long long)program.context));

  std::vector<std::string> notes;
  const Sampling sampling = arguments.resolve(program, notes);
  for (const std::string &note : notes)
    invocation.note(note);
  if (!sampling.isGreedy() && !arguments.seed)
    fprintf(stderr, "seed: %llu\n", (unsigned long long)sampling.sampler.seed);

  catchInterrupts();
  const AnswerForm form = arguments.json ? AnswerForm::Json : arguments.prompt ? AnswerForm::Text : AnswerForm::Ids;
  Answer answer(text, form, arguments.stops);
  Generation generation(sequence, text, arguments, sampling);
  if (!generation.run(tokens, answer, error))
    return invocation.fail(error);
  if (arguments.json && !writeOutput(answer.json(program, sampling, arguments.logprobs.has_value()), error))
    return invocation.fail(error);
  const std::string timings = answer.timings(program);
  writeAll(STDERR_FILENO, timings.data(), timings.size());
  return 0;
}

} // namespace

const Command lrt::runCommand = {
    .name = "run",
    .summary = "generate text, streamed to stdout; timings and the reason to stop go to stderr",
    .usage = "--prompt TEXT | --tokens ID,ID,... | --tokens-file FILE [OPTION...]",
    .details =
        "The answer starts after the prompt and ends before the first of the model's end ids, or before a --stop\n"
        "text. Text is written without a newline at the end, except to a terminal; ids on one line, separated by\n"
        "commas. Text that could be the beginning of a --stop text is held back until it is certain; ids are not\n"
        "held back. Ctrl-C ends the answer early, with the signal's exit status. The rate of the generation\n"
        "counts decode steps: the first token comes with the prompt.\n"
        "\n"
        "How the next token is chosen, in this order: --repeat-penalty; --presence-penalty and\n"
        "--frequency-penalty; the logits are divided by --temperature; --top-k, then --top-p, then --min-p each\n"
        "keep some of the tokens that are left; one of these is drawn. At temperature 0, the default, the\n"
        "likeliest token after the penalties is taken, without the other steps.\n"
        "--repeat-penalty R: the logit of a token of the prompt or the answer is divided by R, or multiplied by R\n"
        "if it is negative.\n"
        "--presence-penalty, --frequency-penalty: subtracted from the logit of a token of the answer, the first\n"
        "one once, the second one as often as the token occurs there.\n"
        "--sampling model: the values of generation_config.json, or of a GGUF's general.sampling keys, as\n"
        "recorded when the program was compiled; an option beside it overrides its value.\n"
        "\n"
        "--json: text (null without a tokenizer; invalid UTF-8 becomes U+FFFD), ids (with those of a stop text),\n"
        "stop_reason (end, length, stop, context, interrupted), prompt_tokens, generated_tokens, sampling, seed,\n"
        "timings.\n"
        "--logprobs: natural logarithms of the model's own probabilities: before penalties, temperature and all\n"
        "later steps.\n",
    .examples = "run --prompt \"Once upon a time\" -n 64\n"
                "run --prompt \"Who are you?\" --chat --temperature 0.7 --top-p 0.9 --seed 1\n"
                "run --prompt \"Who are you?\" --chat --sampling model --stop $'\\n\\n'\n"
                "run --prompt - < question.txt\n"
                "run --tokens 1,403,42 -n 16 --threads 2\n"
                "run --prompt \"Once upon a time\" -n 64 --json --logprobs 5",
    .run = run,
};
