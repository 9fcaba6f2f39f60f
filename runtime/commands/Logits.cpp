//===- Logits.cpp - OUT logits: the logits of every position ------------------------------------------------------===//

#include "runtime/commands/CommandLine.h"
#include "runtime/support/Npy.h"

#include <algorithm>

using namespace lrt;

namespace {

struct Arguments : EngineArguments, TokensArguments {
  std::optional<std::string> out;
  std::vector<int64_t> chunks;

  void declare(Options &options) {
    TokensArguments::declare(options, "the sequence");
    options.text("--out", "FILE.npy", "where to write float32 [tokens, vocabulary]", out);
    options.integers("--chunk", "N[,N...]",
                     "tokens per forward pass, a list is repeated; 1: decode, as in generation; default: the maximum",
                     chunks, 1);
    EngineArguments::declare(options);
  }
};

/// Feeds `count` tokens in one pass and writes their logits. `logits`: [program.logits.rows, vocabulary].
bool writeChunk(Sequence &sequence, const int32_t *tokens, int64_t count, std::vector<float> &logits, NpyWriter &file,
                std::string &error) {
  const lrt_program &program = sequence.program();
  sequence.prefill(tokens, count);
  for (int64_t first = 0, rows; first < count; first += rows) {
    rows = std::min(count - first, program.logits.rows);
    sequence.logits(first, rows, logits.data());
    if (!file.write(logits.data(), rows * program.vocabulary, error))
      return false;
  }
  return true;
}

/// Feeds all tokens and writes the logits of each. Returns false on errors and when interrupted.
bool writeLogits(Sequence &sequence, const std::vector<int32_t> &tokens, std::vector<int64_t> chunks, NpyWriter &file,
                 std::string &error) {
  const lrt_program &program = sequence.program();
  const int64_t count = int64_t(tokens.size());
  if (chunks.empty())
    chunks.push_back(INT64_MAX);
  std::vector<float> logits(size_t(program.vocabulary) * std::max<int64_t>(program.logits.rows, 1));
  Progress progress("logits", "tokens");
  int64_t pass = 0;
  for (int64_t done = 0; done < count; ++pass) {
    if (interrupted) {
      error = format("interrupted after %lld of %lld tokens", (long long)done, (long long)count);
      return false;
    }
    progress.update(done, count);
    int64_t chunk = chunks[size_t(pass) % chunks.size()];
    bool isSingle = chunk == 1;
    int64_t rows = std::min({chunk, count - done, program.prefill.rows});
    bool good;
    if (isSingle) {
      sequence.decode(tokens[done], logits.data());
      good = file.write(logits.data(), program.vocabulary, error);
    } else {
      good = writeChunk(sequence, tokens.data() + done, rows, logits, file, error);
    }
    if (!good)
      return false;
    done += rows;
  }
  return true;
}

int run(const Invocation &invocation) {
  Arguments arguments;
  Options options;
  arguments.declare(options);
  int status;
  if (!invocation.parse(logitsCommand, options, status))
    return status;
  std::string error;
  if (!expectOne("logits",
                 {{"--tokens", arguments.tokens.has_value()}, {"--tokens-file", arguments.tokensFile.has_value()}},
                 error))
    return invocation.fail(error);
  if (!arguments.out)
    return invocation.fail("logits: expected --out FILE.npy, found none");

  const lrt_program &program = invocation.program;
  std::vector<int32_t> tokens;
  if (!arguments.read(program, tokens, error))
    return invocation.fail(error);
  int64_t count = int64_t(tokens.size());
  if (count > program.context)
    return invocation.fail(
        format("%lld tokens, but the context holds %lld", (long long)count, (long long)program.context));

  Engine engine(program);
  Sequence sequence(engine);
  NpyWriter file;
  EngineOptions engineOptions = arguments.engine();
  engineOptions.positions = count;
  engineOptions.bufferBytes = program.logits.rows * program.vocabulary * int64_t(sizeof(float));
  if (!engine.open(engineOptions, error) || !sequence.open(count, error) ||
      !file.open(*arguments.out, count, program.vocabulary, error))
    return invocation.fail(error);

  catchInterrupts(); // an interrupt then removes the unfinished file
  if (!writeLogits(sequence, tokens, arguments.chunks, file, error) || !file.finish(error))
    return invocation.fail(error);
  return 0;
}

} // namespace

const Command lrt::logitsCommand = {
    .name = "logits",
    .summary = "write the logits of every position of a sequence as a NumPy file",
    .usage = "--tokens ID,ID,... | --tokens-file FILE --out FILE.npy [OPTION...]",
    .details = "",
    .examples = "logits --tokens 1,403,42 --out logits.npy\n"
                "logits --tokens 1,403,42 --out logits.npy --chunk 1\n"
                "logits --tokens 1,403,42 --out logits.npy --chunk 2,1\n"
                "logits --tokens-file story.ids --out logits.npy",
    .run = run,
};
