//===- Bench.cpp - OUT bench: how fast, and how fast it could be --------------------------------------------------===//

#include "CommandLine.h"
#include "Json.h"
#include "OutputFile.h"
#include "PhaseReport.h"

#include "../cpu/Features.h"
#include "../cpu/Probe.h"
#include "../cpu/Topology.h"

#include <math.h>

#include <algorithm>

using namespace lrt;

namespace {

struct Arguments : SessionArguments {
  std::optional<int64_t> prompt, count, fill, randomWeights;
  std::optional<std::string> svg;
  bool json = false, phases = false;

  void declare(Options &options) {
    options.integer("-p", "N", "tokens of the prompt; default: 512, or what the context leaves", prompt, 0);
    options.integer("-n", "N", "tokens generated right after it; default: 64", count, 0);
    options.integer("--fill", "N", "positions in the caches before the prompt, made up, not computed; default: 0", fill,
                    0);
    options.flag("--json", "one object instead of a table", json);
    options.flag("--phases", "what every phase takes, beside what it must", phases);
    options.text("--svg", "FILE", "the phases as a picture", svg);
    options.integer("--random-weights", "SEED", "made-up weights instead of a file", randomWeights, 0);
    SessionArguments::declare(options);
  }
};

/// What is measured, and what is known about it beforehand.
struct Plan {
  int64_t fill, prompt, count;
  double cacheBytesPerToken;   // mean of the generated tokens
  double bytesPerToken;        // weights and caches
  double promptOps[LRT_PEAKS]; // of the whole prompt
};

struct Result {
  double promptSeconds = 0, decodeSeconds = 0; // of the best round; 0: not measured
  std::vector<double> reads;                   // bytes/s around the decode steps of every round
  std::vector<double> decodeShares;            // of those reads, what the decode steps read
  int rounds = 0;
};

/// Positions attended by the token at `position`, itself included.
int64_t attended(const lrt_cache &cache, int64_t position) {
  int64_t all = position + 1;
  return cache.window > 0 ? std::min(all, cache.window) : all;
}

Plan makePlan(const lrt_program &program, int64_t fill, int64_t prompt, int64_t count) {
  Plan plan = {
      .fill = fill, .prompt = prompt, .count = count, .cacheBytesPerToken = 0, .bytesPerToken = 0, .promptOps = {}};
  int64_t first = fill + prompt, tokens = std::max<int64_t>(count, 1);
  for (int64_t i = 0; i < program.num_caches; ++i) {
    const lrt_cache &cache = program.caches[i];
    if (cache.bytes_per_position == 0) // of one size: every token reads and writes it
      plan.cacheBytesPerToken += 2.0 * double(cache.bytes);
    for (int64_t position = first; position < first + tokens; ++position)
      plan.cacheBytesPerToken += double(cache.bytes_per_position * attended(cache, position)) / double(tokens);
  }
  plan.bytesPerToken = double(program.decode_weight_bytes) + plan.cacheBytesPerToken;
  const lrt_entry &prefill = program.prefill;
  for (int64_t done = 0; done < prompt; done += prefill.rows)
    for (int64_t i = 0; i < prefill.num_order; ++i) {
      Work work = workOf(prefill.phases[prefill.order[i]], std::min(prompt - done, prefill.rows), fill + done);
      for (int kind = 0; kind < LRT_PEAKS; ++kind)
        plan.promptOps[kind] += work.ops[kind];
    }
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    plan.promptOps[kind] += double(program.head_ops[kind]);
  return plan;
}

/// The kind of operation that most of a prompt row's time must go into.
lrt_peak mainPeak(const lrt_program &program, const Probe &probe) {
  int most = LRT_PEAK_F32;
  auto seconds = [&](int kind) { return double(program.row_ops[kind]) / probe.operations(lrt_peak(kind)); };
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    if (seconds(kind) > seconds(most))
      most = kind;
  return lrt_peak(most);
}

/// Measures the machine and the model in turns and keeps the best of both: neighbours only ever take away. The
/// bandwidth of a shared machine drifts, so what decode steps have of it is compared within each round. Returns false
/// when interrupted.
bool measure(Session &session, const Plan &plan, Probe &probe, Result &result) {
  const lrt_program &program = session.program;
  std::vector<float> logits(program.vocabulary);
  std::vector<int32_t> tokens(plan.prompt + plan.count);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = int32_t(scramble(i) % uint64_t(program.vocabulary));

  auto keepBest = [](double &best, double seconds) { best = best == 0 ? seconds : std::min(best, seconds); };
  constexpr int mostRounds = 7, enoughRounds = 3;
  constexpr double enoughSeconds = 10, tooManySeconds = 60;
  double begin = now();
  session.fill(plan.fill);
  for (;;) {
    session.position = plan.fill; // what a round before left in the caches is as good as new
    probe.measure();
    double start = now();
    if (plan.prompt > 0) {
      if (!session.feed(tokens.data(), plan.prompt, logits.data(), &interrupted))
        return false;
      keepBest(result.promptSeconds, now() - start);
    }
    double before = probe.measure();
    start = now();
    for (int64_t i = 0; i < plan.count; ++i) {
      if (interrupted)
        return false;
      session.decode(tokens[plan.prompt + i], logits.data());
    }
    if (plan.count > 0) {
      double seconds = now() - start, read = (before + probe.measure()) / 2;
      keepBest(result.decodeSeconds, seconds);
      result.reads.push_back(read);
      result.decodeShares.push_back(double(plan.count) * plan.bytesPerToken / seconds / read);
    }
    ++result.rounds;
    double spent = now() - begin;
    if (result.rounds == mostRounds || spent > tooManySeconds ||
        (result.rounds >= enoughRounds && spent > enoughSeconds))
      return true;
  }
}

struct Rates {
  double promptTps, decodeTps, decodePercent, promptPercent;
};

Rates rates(const Plan &plan, const Result &result, const Probe &probe) {
  Rates rates = {};
  if (result.promptSeconds > 0) {
    double least = 0;
    for (int kind = 0; kind < LRT_PEAKS; ++kind)
      least += plan.promptOps[kind] / probe.operations(lrt_peak(kind));
    rates.promptTps = double(plan.prompt) / result.promptSeconds;
    rates.promptPercent = 100 * least / result.promptSeconds;
  }
  if (result.decodeSeconds > 0) {
    rates.decodeTps = double(plan.count) / result.decodeSeconds;
    rates.decodePercent = 100 * median(result.decodeShares);
  }
  return rates;
}

std::string json(const Session &session, const Plan &plan, const Result &result, const Probe &probe,
                 const std::vector<Pass> *passes) {
  const lrt_program &program = session.program;
  Rates rate = rates(plan, result, probe);
  lrt_peak peak = mainPeak(program, probe);
  Json json;
  auto measured = [&](const char *key, double value, int decimals) { // null: it was not
    json.number(key, value > 0 ? value : NAN, decimals);
  };
  json.beginObject();
  json.text("model", program.model);
  json.text("cpu", cpuName());
  json.text("mcpu", program.mcpu);
  json.integer("threads", session.team->workers());
  json.integer("p", plan.prompt);
  json.integer("n", plan.count);
  json.integer("fill", plan.fill);
  json.integer("position", plan.fill + plan.prompt);
  json.integer("rounds", result.rounds);
  measured("prompt_tps", rate.promptTps, 2);
  measured("decode_tps", rate.decodeTps, 2);
  json.integer("bytes_per_token", int64_t(plan.bytesPerToken));
  json.integer("cache_bytes_per_token", int64_t(plan.cacheBytesPerToken));
  json.integer("decode_weight_bytes", program.decode_weight_bytes);
  json.integer("weight_bytes", program.weights_bytes);
  measured("read_GBps", probe.readBytes() * 1e-9, 2);
  measured("read_GBps_around_decode", result.reads.empty() ? 0 : median(result.reads) * 1e-9, 2);
  measured("dot_Gops", probe.operations(peak) * 1e-9, 1);
  json.text("dot_kind", peakName(peak));
  json.text("dot_instruction", probe.instruction(peak));
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    measured(format("%s_Gops", peakName(lrt_peak(kind))).c_str(), probe.operations(lrt_peak(kind)) * 1e-9, 1);
  measured("decode_percent_of_bandwidth", rate.decodePercent, 1);
  measured("prompt_percent_of_peak", rate.promptPercent, 1);
  json.integer("barriers_per_layer", program.barriers_per_layer);
  json.integer("last_level_cache_bytes", lastLevelCacheBytes());
  if (passes)
    addPhases(json, *passes);
  json.end();
  return json.str() + "\n";
}

std::string table(const Session &session, const Plan &plan, const Result &result, const Probe &probe) {
  const lrt_program &program = session.program;
  Rates rate = rates(plan, result, probe);
  lrt_peak peak = mainPeak(program, probe);
  std::string text = format("%s on %s, %lld threads, best of %d rounds\n", program.model, cpuName().c_str(),
                            (long long)session.team->workers(), result.rounds);
  if (plan.fill > 0)
    text += format("caches     %s positions made up\n", readableCount(plan.fill).c_str());
  if (plan.prompt > 0)
    text += format("prompt     %8.1f tokens/s  %5.1f %% of the peak       %s tokens at position %s\n", rate.promptTps,
                   rate.promptPercent, readableCount(plan.prompt).c_str(), readableCount(plan.fill).c_str());
  if (plan.count > 0)
    text +=
        format("decode     %8.1f tokens/s  %5.1f %% of the bandwidth  %s tokens at position %s\n", rate.decodeTps,
               rate.decodePercent, readableCount(plan.count).c_str(), readableCount(plan.fill + plan.prompt).c_str());
  text += format("per token  %s read: %s of weights, %s of caches; %lld barriers per layer\n",
                 readableBytes(plan.bytesPerToken).c_str(), readableBytes(double(program.decode_weight_bytes)).c_str(),
                 readableBytes(plan.cacheBytesPerToken).c_str(), (long long)program.barriers_per_layer);
  text += format("machine    reads %.1f GB/s%s; last-level cache %s\n", probe.readBytes() * 1e-9,
                 result.reads.empty() ? "" : format(", around decode %.1f", median(result.reads) * 1e-9).c_str(),
                 readableBytes(double(lastLevelCacheBytes())).c_str());
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    text += format("           %-4s %8.1f Gop/s (%s)%s\n", peakName(lrt_peak(kind)),
                   probe.operations(lrt_peak(kind)) * 1e-9, probe.instruction(lrt_peak(kind)),
                   kind == peak ? ", most of the prompt's work" : "");
  return text;
}

int run(const Invocation &invocation) {
  const lrt_program &program = invocation.program;
  Arguments arguments;
  Options options;
  arguments.declare(options);
  int status;
  if (!invocation.parse(benchCommand, options, status))
    return status;
  if (arguments.weights && arguments.randomWeights)
    return invocation.fail("bench: expected --weights or --random-weights, found both");

  // In a short context, what is left is shared.
  int64_t fill = arguments.fill.value_or(0);
  int64_t left = std::max<int64_t>(program.context - fill, 0);
  int64_t mostCount = arguments.prompt ? left - std::min(left, *arguments.prompt) : (left + 3) / 4;
  int64_t count = arguments.count.value_or(std::min<int64_t>(64, mostCount));
  int64_t prompt = arguments.prompt.value_or(std::min<int64_t>(512, left - std::min(left, count)));
  if (fill > program.context || prompt > program.context || count > program.context ||
      fill + prompt + count > program.context)
    return invocation.fail(format("bench: %lld filled + %lld prompt + %lld generated positions, but the context holds "
                                  "%lld",
                                  (long long)fill, (long long)prompt, (long long)count, (long long)program.context));
  if (arguments.svg && !arguments.phases)
    return invocation.fail("bench: --svg draws the phases: expected --phases as well");
  if (prompt + count == 0)
    return invocation.fail("bench: -p 0 -n 0 leave nothing to measure");

  SessionOptions sessionOptions = arguments.session();
  sessionOptions.randomWeights = arguments.randomWeights.has_value();
  sessionOptions.seed = uint64_t(arguments.randomWeights.value_or(0));
  Session session(program);
  std::string error;
  if (!session.open(sessionOptions, error))
    return invocation.fail(error);
  Probe probe(*session.team);
  if (!probe.open(error))
    return invocation.fail(error);

  Profile profile(program, session.team->workers());
  OutputFile picture; // a name that cannot be written is found out before anything is measured
  if (arguments.svg && !picture.open(*arguments.svg, error))
    return invocation.fail(error);
  if (arguments.phases)
    session.record(&profile);

  catchInterrupts();
  Plan plan = makePlan(program, fill, prompt, count);
  Result result;
  if (!measure(session, plan, probe, result))
    return invocation.fail("interrupted");
  std::vector<Pass> passes;
  if (arguments.phases) {
    // Medians of phases are held to the median of the bandwidth.
    Peaks peaks = {.bytes = result.reads.empty() ? probe.readBytes() : median(result.reads), .ops = {}};
    for (int kind = 0; kind < LRT_PEAKS; ++kind)
      peaks.ops[kind] = probe.operations(lrt_peak(kind));
    if (!profile.passes(peaks, passes, error))
      return invocation.fail(error);
  }
  if (arguments.svg) {
    std::string title =
        format("%s on %s, %lld threads", program.model, cpuName().c_str(), (long long)session.team->workers());
    std::string chart = phaseChart(passes, title);
    if (!picture.write(chart.data(), chart.size(), error) || !picture.finish(error))
      return invocation.fail(error);
  }
  std::string text = arguments.json ? json(session, plan, result, probe, arguments.phases ? &passes : nullptr)
                                    : table(session, plan, result, probe) + phaseTable(passes);
  return writeOutput(text, error) ? 0 : invocation.fail(error);
}

} // namespace

const Command lrt::benchCommand = {
    .name = "bench",
    .summary = "tokens per second, and percent of what this machine can do",
    .usage = "[OPTION...]",
    .details =
        "Measures the machine (streaming reads, chains of the best dot instructions) and the model in turns, 3 to 7\n"
        "rounds, and shows the best of each: neighbours on a shared machine only take away.\n"
        "bytes_per_token: the weights one decode step reads, plus the cache rows it attends to, mean over -n tokens.\n"
        "decode_percent_of_bandwidth: those bytes over what a plain loop read right before and behind the decode "
        "steps\n"
        "in the same time (read_GBps_around_decode); median of the rounds, since a bandwidth drifts.\n"
        "prompt_percent_of_peak: the time all operations of the prompt would take at the peak of their own kind\n"
        "(matrices and attention as they were compiled), over the time taken.\n"
        "--phases: what lies between two barriers, by what is lost there. limit: the time its bytes or its operations\n"
        "take at least on this machine; wait: what a worker spends in the barrier, mean of the workers; loss: "
        "measured\n"
        "minus limit, of all `count` places. Medians of all rounds. With --json the numbers are of all places.\n",
    .examples = "bench\n"
                "bench -p 128 -n 32 --threads 1 --json\n"
                "bench --fill 4096 -p 0\n"
                "bench --phases\n"
                "bench --phases --svg phases.svg --fill 500 -p 8\n"
                "bench --random-weights 1",
    .run = run,
};
