//===- Info.cpp - OUT info: what was compiled ---------------------------------------------------------------------===//

#include "CommandLine.h"
#include "Text.h"
#include "Work.h"

#include "../cpu/Features.h"

#include <vector>

using namespace lrt;

namespace {

std::string line(const char *key, const std::string &value) { return format("%-20s %s\n", key, value.c_str()); }

std::string describe(const lrt_entry &entry) {
  return line(format("entry %s", entry.name).c_str(),
              entry.rows == 1 ? "1 row" : format("up to %lld rows", (long long)entry.rows));
}

/// Caches of the same shape on one line.
std::string describeCaches(const lrt_program &program) {
  std::string text;
  std::vector<bool> isShown(program.num_caches);
  for (int64_t i = 0; i < program.num_caches; ++i) {
    if (isShown[i])
      continue;
    const lrt_cache &cache = program.caches[i];
    int64_t count = 0;
    for (int64_t j = i; j < program.num_caches; ++j) {
      const lrt_cache &other = program.caches[j];
      if (other.bytes != cache.bytes || other.rows != cache.rows || other.window != cache.window ||
          other.element != cache.element || other.is_chunked != cache.is_chunked ||
          other.bytes_per_position != cache.bytes_per_position)
        continue;
      isShown[j] = true;
      ++count;
    }
    if (cache.bytes_per_position == 0) {
      text += line(text.empty() ? "caches" : "",
                   format("%lld x %s: of one size, f32", (long long)count, readableBytes(double(cache.bytes)).c_str()));
      continue;
    }
    std::string attends = cache.window == 0 ? "attends to all"
                                            : format(cache.is_chunked ? "attends in chunks of %s" : "attends to %s",
                                                     readableCount(cache.window).c_str());
    text += line(text.empty() ? "caches" : "",
                 format("%lld x %s: %s positions, %s, %s per position, %s", (long long)count,
                        readableBytes(double(cache.bytes)).c_str(), readableCount(cache.rows).c_str(), attends.c_str(),
                        readableBytes(double(cache.bytes_per_position)).c_str(),
                        cache.element == LRT_BF16 ? "bf16" : "f32"));
  }
  return text;
}

std::string describe(const lrt_program &program) {
  std::string text;
  text += line("model", program.model);
  text += line("architecture", program.architecture);
  text += line("layers", readableCount(program.layers));
  text += line("hidden size", readableCount(program.hidden));
  text += line("vocabulary", readableCount(program.vocabulary));
  text += line("context", readableCount(program.context));
  bool isSparse = program.active_parameters != program.parameters;
  text += line("parameters",
               readableCount(program.parameters) +
                   (isSparse ? ", " + readableCount(program.active_parameters) + " of them for a token" : ""));
  text += line("compiled for", program.mcpu);
  text += line("cpu features", program.features ? featureNames(program.features) : "none beyond x86-64");
  text += line("threads", program.default_threads > 0
                              ? format("%lld", (long long)program.default_threads)
                              : format("physical cores (%lld here)", (long long)defaultThreads(program)));
  text += describe(program.decode) + describe(program.prefill) + describe(program.head);
  text += line("barriers per layer", format("%lld", (long long)program.barriers_per_layer));
  text += line("memory: weights", readableBytes(double(program.weights_bytes)) + ", " +
                                      readableBytes(workOf(program.decode, 1, 0).weightBytes) + " read per token");
  text += line("memory: activations", readableBytes(double(program.arena_bytes)));
  text += line("memory: scratch", readableBytes(double(program.scratch_bytes)) + " per thread");
  int64_t growing = 0; // windows and what is of one size are full some day
  for (int64_t i = 0; i < program.num_caches; ++i)
    growing += program.caches[i].window > 0 ? 0 : program.caches[i].bytes_per_position;
  text += line("memory: caches", readableBytes(double(program.cache_bytes)) + " at most, touched as used, " +
                                     readableCount(growing) + " bytes per token");
  text += describeCaches(program);
  text += line("ABI version", format("%u", program.version));
  bool isBare = program.content_id[0] == 0 && program.content_id[1] == 0;
  text += line("content id", isBare ? "none: compiled from a config without weights"
                                    : format("%016llx%016llx", (unsigned long long)program.content_id[0],
                                             (unsigned long long)program.content_id[1]));
  return text;
}

int run(const Invocation &invocation) {
  const lrt_program &program = invocation.program;
  std::optional<std::string> weightsFile;
  bool verify = false;
  Options options;
  options.flag("--verify", "read all weights and compare them with the content id", verify);
  options.text("--weights", "FILE", "the weights; default: as for run", weightsFile);
  int status;
  if (!invocation.parse(infoCommand, options, status))
    return status;

  std::string text = describe(program), error;
  Weights weights;
  bool isOpen = weights.open(program, weightsFile.value_or(""), error);
  // A missing file is news here, not an error, unless the user named it or wants it checked.
  bool isFatal = !isOpen && (verify || weightsFile);
  if (Text words; isOpen) {
    const bool isWhole = words.open(weights, error);
    text += line("tokenizer", isWhole ? words.describeTokenizer() : error) +
            line("chat template", isWhole ? words.describeChat() : "none");
  }
  if (isOpen)
    text += line("weights", weights.origin() + ", " + readableBytes(double(weights.fileBytes())));
  else if (!isFatal)
    text += line("weights", error);
  std::string writeError;
  if (!writeOutput(text, writeError))
    return invocation.fail(writeError);
  if (isFatal || (verify && !weights.verify(error)))
    return invocation.fail(error);
  return !verify || writeOutput(line("verified", "contents match the content id"), error) ? 0 : invocation.fail(error);
}

} // namespace

const Command lrt::infoCommand = {
    .name = "info",
    .summary = "model, entry points, CPU features required, memory plan, ABI version",
    .usage = "[--verify] [--weights FILE]",
    .details = "",
    .examples = "info\n"
                "info --verify",
    .run = run,
};
