//===- Info.cpp - OUT info: what was compiled ---------------------------------------------------------------------===//

#include "lrt/version.h"
#include "runtime/commands/CommandLine.h"
#include "runtime/commands/SamplingArguments.h"
#include "runtime/engine/HostDevice.h"
#include "runtime/engine/Work.h"
#include "runtime/support/Json.h"
#include "runtime/tokenizer/Text.h"

#include "runtime/cpu/Features.h"

#include <algorithm>
#include <vector>

using namespace lrt;

namespace {

std::string line(const char *key, const std::string &value) { return format("%-20s %s\n", key, value.c_str()); }

std::string describe(const lrt_entry &entry) {
  return line(format("entry %s", entry.name).c_str(),
              entry.rows == 1 ? "1 row" : format("up to %lld rows", (long long)entry.rows));
}

/// `count` caches of the shape of `cache`.
struct CacheGroup {
  const lrt_cache *cache;
  int64_t count;
};

std::vector<CacheGroup> groupCaches(const lrt_program &program) {
  std::vector<CacheGroup> groups;
  for (int64_t i = 0; i < program.num_caches; ++i) {
    const lrt_cache &cache = program.caches[i];
    auto isAlike = [&](const CacheGroup &group) {
      const lrt_cache &other = *group.cache;
      return other.bytes == cache.bytes && other.rows == cache.rows && other.window == cache.window &&
             other.element == cache.element && other.is_chunked == cache.is_chunked &&
             other.bytes_per_position == cache.bytes_per_position;
    };
    auto group = std::find_if(groups.begin(), groups.end(), isAlike);
    if (group == groups.end())
      groups.push_back({&cache, 1});
    else
      ++group->count;
  }
  return groups;
}

std::string describeCaches(const lrt_program &program) {
  std::string text;
  for (auto [cache, count] : groupCaches(program)) {
    if (cache->bytes_per_position == 0) {
      text += line(text.empty() ? "caches" : "",
                   format("%lld x %s: fixed size, f32", (long long)count, readableBytes(double(cache->bytes)).c_str()));
      continue;
    }
    std::string attends = cache->window == 0 ? "attends to all"
                                             : format(cache->is_chunked ? "attends in chunks of %s" : "attends to %s",
                                                      readableCount(cache->window).c_str());
    text += line(text.empty() ? "caches" : "",
                 format("%lld x %s: %s positions, %s, %s per position, %s", (long long)count,
                        readableBytes(double(cache->bytes)).c_str(), readableCount(cache->rows).c_str(),
                        attends.c_str(), readableBytes(double(cache->bytes_per_position)).c_str(),
                        cache->element == LRT_BF16 ? "bf16" : "f32"));
  }
  return text;
}

/// Bytes per token of the caches that grow with the context. Sliding windows and states have a fixed size.
int64_t growingCacheBytes(const lrt_program &program) {
  int64_t bytes = 0; // per token
  for (int64_t i = 0; i < program.num_caches; ++i)
    bytes += program.caches[i].window > 0 ? 0 : program.caches[i].bytes_per_position;
  return bytes;
}

bool isBare(const lrt_program &program) { return program.content_id[0] == 0 && program.content_id[1] == 0; }

std::string contentId(const lrt_program &program) {
  return format("%016llx%016llx", (unsigned long long)program.content_id[0], (unsigned long long)program.content_id[1]);
}

bool isForDevice(const lrt_program &program) { return program.num_device_codes > 0; }

/// What the program runs on.
std::string describeMachine(const lrt_program &program) {
  std::string text = line("target", program.target);
  if (isForDevice(program))
    text += line("gpus", deviceNames(program));
  text += line(isForDevice(program) ? "host compiled for" : "compiled for", program.mcpu);
  text += line("cpu features", program.features ? featureNames(program.features) : "none beyond x86-64");
  if (isForDevice(program))
    return text + line("threads of a block", format("%lld", (long long)program.block_threads));
  return text + line("threads", program.default_threads > 0
                                    ? format("%lld", (long long)program.default_threads)
                                    : format("physical cores (%lld here)", (long long)defaultThreads(program)));
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
  text +=
      line("parameters", readableCount(program.parameters) +
                             (isSparse ? ", " + readableCount(program.active_parameters) + " active per token" : ""));
  text += describeMachine(program);
  text += describe(program.decode) + describe(program.prefill) + describe(program.logits);
  text += line("barriers per layer", format("%lld", (long long)program.barriers_per_layer));
  text += line("memory: weights", readableBytes(double(program.weights_bytes)) + ", " +
                                      readableBytes(workOf(program.decode, 1, 0).weightBytes) + " read per token");
  text += line("memory: activations", readableBytes(double(program.arena_bytes)));
  text += line("memory: scratch",
               readableBytes(double(program.scratch_bytes)) + (isForDevice(program) ? " per block" : " per thread"));
  text += line("memory: caches", readableBytes(double(program.cache_bytes)) +
                                     (isForDevice(program) ? ", reserved whole, " : " at most, touched as used, ") +
                                     readableCount(growingCacheBytes(program)) + " bytes per token");
  text += describeCaches(program);
  const lrt_sampling &sampling = program.sampling;
  text +=
      line("sampling", sampling.origin
                           ? describe(modelSampling(program)) + " (" + sampling.origin +
                                 (*sampling.unfollowed ? format("; not followed: %s", sampling.unfollowed) : "") + ")"
                           : "the model's files say nothing");
  text += line("compiled by", "lathe " LATHE_VERSION);
  text += line("ABI version", format("%u", program.version));
  text += line("content id", isBare(program) ? "none: compiled from a config without weights" : contentId(program));
  return text;
}

void addMachine(Json &json, const lrt_program &program) {
  json.text("target", program.target);
  json.beginList("gpus");
  for (int64_t i = 0; i < program.num_device_codes; ++i)
    json.text(nullptr, program.device_codes[i].device);
  json.end();
  json.text("mcpu", program.mcpu);
  json.beginList("cpu_features");
  for (int bit = 0; bit < LRT_FEATURE_COUNT; ++bit)
    if (program.features >> bit & 1)
      json.text(nullptr, featureNames(uint64_t(1) << bit));
  json.end();
  if (isForDevice(program)) {
    json.null("default_threads");
    json.integer("block_threads", program.block_threads);
  } else {
    json.integer("default_threads", defaultThreads(program));
    json.null("block_threads");
  }
}

void addMemory(Json &json, const lrt_program &program) {
  json.beginObject("memory");
  json.integer("weights_bytes", program.weights_bytes);
  json.number("decode_weight_bytes", workOf(program.decode, 1, 0).weightBytes, 0);
  json.integer("activation_bytes", program.arena_bytes);
  json.integer("scratch_bytes_per_thread", program.scratch_bytes);
  json.integer("cache_bytes", program.cache_bytes);
  json.integer("cache_bytes_per_token", growingCacheBytes(program));
  json.end();
  json.beginList("caches");
  for (auto [cache, count] : groupCaches(program)) {
    json.beginObject();
    json.integer("count", count);
    json.integer("bytes", cache->bytes);
    json.integer("positions", cache->rows); // 0: fixed size
    json.boolean("chunked", cache->is_chunked);
    json.integer("window", cache->window); // 0: all
    json.integer("bytes_per_position", cache->bytes_per_position);
    json.text("element", cache->element == LRT_BF16 ? "bf16" : "f32");
    json.end();
  }
  json.end();
}

void addSampling(Json &json, const lrt_program &program) {
  const lrt_sampling &sampling = program.sampling;
  if (!sampling.origin)
    return json.null("sampling");
  json.beginObject("sampling");
  json.text("origin", sampling.origin);
  json.number("temperature", sampling.temperature, 6);
  json.integer("top_k", sampling.top_k);
  json.number("top_p", sampling.top_p, 6);
  json.number("min_p", sampling.min_p, 6);
  json.number("repeat_penalty", sampling.repeat_penalty, 6);
  json.text("not_followed", sampling.unfollowed);
  json.end();
}

/// `text`: null when the weights, which hold the tables, cannot be opened; the values are then null.
void addTexts(Json &json, const Text *text) {
  for (auto [key, has] : {std::pair("tokenizer", &Text::hasText), std::pair("chat_template", &Text::hasChat)}) {
    if (text)
      json.boolean(key, (text->*has)());
    else
      json.null(key);
  }
}

/// `problem`: why the weights cannot be opened, or empty.
std::string describeAsJson(const lrt_program &program, const Weights &weights, const Text *text,
                           const std::string &problem) {
  Json json;
  json.beginObject();
  json.text("model", program.model);
  json.text("architecture", program.architecture);
  json.text("lathe_version", LATHE_VERSION);
  json.integer("abi_version", program.version);
  json.integer("layers", program.layers);
  json.integer("hidden_size", program.hidden);
  json.integer("vocabulary", program.vocabulary);
  json.integer("context", program.context);
  json.integer("parameters", program.parameters);
  json.integer("active_parameters", program.active_parameters);
  addMachine(json, program);
  json.beginList("entries");
  for (const lrt_entry *entry : {&program.decode, &program.prefill, &program.logits}) {
    json.beginObject();
    json.text("name", entry->name);
    json.integer("rows", entry->rows);
    json.end();
  }
  json.end();
  json.integer("barriers_per_layer", program.barriers_per_layer);
  addMemory(json, program);
  addSampling(json, program);
  addTexts(json, text);
  if (isBare(program))
    json.null("content_id");
  else
    json.text("content_id", contentId(program));
  if (problem.empty()) {
    json.text("weights", weights.origin());
    json.integer("weights_file_bytes", weights.fileBytes());
  } else {
    json.null("weights");
    json.text("weights_problem", problem);
  }
  json.end();
  return json.str() + "\n";
}

int run(const Invocation &invocation) {
  const lrt_program &program = invocation.program;
  std::optional<std::string> weightsFile;
  bool verify = false, json = false;
  Options options;
  options.flag("--verify", "read all weights and compare them with the content id", verify);
  options.flag("--json", "one object with the same facts", json);
  options.text("--weights", "FILE", "the weights; default: as for run", weightsFile);
  int status;
  if (!invocation.parse(infoCommand, options, status))
    return status;

  std::string error, damage;
  Weights weights;
  Text tokenizer;
  const bool isOpen = weights.open(program, weightsFile.value_or(""), error);
  const bool isWhole = isOpen && tokenizer.open(weights.tokenizer(), weights.origin(), damage);
  // A missing weights file is reported, not an error, unless the user named it or asked to verify it.
  const bool isFatal = !isOpen && (verify || weightsFile);
  std::string text;
  if (json) {
    if (isFatal || (verify && !weights.verify(error)))
      return invocation.fail(error);
    text = describeAsJson(program, weights, isWhole ? &tokenizer : nullptr, error);
    return writeOutput(text, error) ? 0 : invocation.fail(error);
  }
  text = describe(program);
  if (isOpen)
    text += line("tokenizer", isWhole ? tokenizer.describeTokenizer() : damage) +
            line("chat template", isWhole ? tokenizer.describeChat() : "none");
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
    .usage = "[--verify] [--json] [--weights FILE]",
    .details = "",
    .examples = "info\n"
                "info --verify\n"
                "info --json",
    .run = run,
};
