//===- Bench.cpp - OUT bench: speed, and the limit of the hardware ------------------------------------------------===//

#include "runtime/commands/CommandLine.h"
#include "runtime/commands/PhaseReport.h"
#include "runtime/support/Json.h"
#include "runtime/support/OutputFile.h"

#include "runtime/cpu/Features.h"
#include "runtime/cpu/Probe.h"
#include "runtime/cpu/Topology.h"

#include <math.h>

#include <algorithm>

using namespace lrt;

namespace {

struct Arguments : EngineArguments {
  std::optional<int64_t> prompt, count, fill, randomWeights;
  std::optional<std::string> svg;
  bool json = false, phases = false;

  void declare(Options &options) {
    options.integer("-p", "N", "tokens of the prompt; default: 512, or what the context leaves", prompt, 0);
    options.integer("-n", "N", "tokens generated right after it; default: 64", count, 0);
    options.integer("--fill", "N", "positions that the caches hold before the prompt, with made-up values; default: 0",
                    fill, 0);
    options.flag("--json", "one object instead of a table", json);
    options.flag("--phases", "time of each phase, beside the limit of the hardware", phases);
    options.text("--svg", "FILE", "with --phases: also draw them into an SVG file", svg);
    options.integer("--random-weights", "SEED", "random weights instead of a weights file", randomWeights, 0);
    EngineArguments::declare(options);
  }
};

/// What is measured, and the minimum work for it.
struct Plan {
  int64_t fill, prompt, count;
  Work step;                   // of one decode step, mean of the generated tokens
  double promptOps[LRT_PEAKS]; // of the whole prompt
};

struct Result {
  double promptSeconds = 0, decodeSeconds = 0; // of the best round; 0: not measured
  std::vector<double> reads; // [rounds]: bytes/s of the probe, mean of before and after the decode steps
  int rounds = 0;
};

Plan makePlan(const lrt_program &program, int64_t fill, int64_t prompt, int64_t count) {
  Plan plan = {.fill = fill, .prompt = prompt, .count = count, .step = {}, .promptOps = {}};
  const int64_t first = fill + prompt, tokens = std::max<int64_t>(count, 1);
  for (int64_t position = first; position < first + tokens; ++position)
    plan.step += workOf(program.decode, 1, position);
  plan.step *= 1 / double(tokens);
  const lrt_entry &prefill = program.prefill;
  Work work;
  for (int64_t done = 0; done < prompt; done += prefill.rows)
    work += workOf(prefill, std::min(prompt - done, prefill.rows), fill + done);
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    plan.promptOps[kind] = work.ops[kind] + double(program.logits_ops[kind]);
  return plan;
}

/// The kind of operation that needs most of a prompt row's minimum time.
lrt_peak mainPeak(const lrt_program &program, const Probe &probe) {
  int slowest = LRT_PEAK_F32;
  auto seconds = [&](int kind) { return double(program.row_ops[kind]) / probe.operations(lrt_peak(kind)).best; };
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    if (seconds(kind) > seconds(slowest))
      slowest = kind;
  return lrt_peak(slowest);
}

/// Measures the machine and the model alternately and keeps the best of each, since other work on the machine can only
/// make a round slower. Returns false when interrupted.
bool measure(Sequence &sequence, const Plan &plan, Probe &probe, Result &result) {
  const lrt_program &program = sequence.program();
  std::vector<float> logits(program.vocabulary);
  std::vector<int32_t> tokens(plan.prompt + plan.count);
  for (size_t i = 0; i < tokens.size(); ++i)
    tokens[i] = int32_t(scramble(i) % uint64_t(program.vocabulary));

  auto keepBest = [](double &best, double seconds) { best = best == 0 ? seconds : std::min(best, seconds); };
  constexpr int maxRounds = 7, minRounds = 3;
  constexpr double minSeconds = 10, maxSeconds = 60;
  double begin = now();
  sequence.fill(plan.fill);
  Progress progress("bench", "rounds at most"); // written between measurements only
  for (;;) {
    progress.update(result.rounds, maxRounds);
    sequence.rewind(plan.fill); // cache values of the previous round need not be cleared
    probe.measure();
    double start = now();
    if (plan.prompt > 0) {
      if (!sequence.feed(tokens.data(), plan.prompt, logits.data()))
        return false;
      keepBest(result.promptSeconds, now() - start);
    }
    double before = probe.measure();
    start = now();
    for (int64_t i = 0; i < plan.count; ++i) {
      if (interrupted)
        return false;
      sequence.decode(tokens[plan.prompt + i], logits.data());
    }
    if (plan.count > 0) {
      double seconds = now() - start, read = (before + probe.measure()) / 2;
      keepBest(result.decodeSeconds, seconds);
      result.reads.push_back(read);
    }
    ++result.rounds;
    double spent = now() - begin;
    if (result.rounds == maxRounds || spent > maxSeconds || (result.rounds >= minRounds && spent > minSeconds))
      return true;
  }
}

struct Rates {
  double promptTps = 0, decodeTps = 0; // 0: not measured
  Share prompt, decode;                // prompt: of the peak; decode: of the bandwidth

  bool has(Share::Kind kind) const { return prompt.kind == kind || decode.kind == kind; }
};

Rates rates(const Plan &plan, const Result &result, const Probe &probe) {
  Rates rates;
  if (result.promptSeconds > 0) {
    double limit = 0;
    for (int kind = 0; kind < LRT_PEAKS; ++kind)
      limit += plan.promptOps[kind] / probe.operations(lrt_peak(kind)).best;
    rates.promptTps = double(plan.prompt) / result.promptSeconds;
    rates.prompt = shareOf(limit / result.promptSeconds, 1);
  }
  if (result.decodeSeconds > 0) {
    rates.decodeTps = double(plan.count) / result.decodeSeconds;
    rates.decode = shareOf(rates.decodeTps * plan.step.bytes(), probe.readBytes().best, plan.step.bytes(),
                           double(lastLevelCacheBytes()));
  }
  return rates;
}

std::string describe(const Share &share, const char *limit) {
  switch (share.kind) {
  case Share::Cached:
    return format("%-24s", "partly from a cache");
  case Share::Disturbed:
    return format("%-24s", "the probe was disturbed");
  case Share::Percent:
    break;
  }
  return format("%5.1f %% of %-14s", share.percent, limit);
}

/// "31.0 to 48.2, median 45.7".
std::string describe(const Spread &spread, double unit) {
  return format("%.1f to %.1f, median %.1f", spread.lowest * unit, spread.best * unit, spread.median * unit);
}

std::string json(const Engine &engine, const Plan &plan, const Result &result, const Probe &probe,
                 const std::vector<Pass> *passes) {
  const lrt_program &program = engine.program;
  Rates rate = rates(plan, result, probe);
  lrt_peak peak = mainPeak(program, probe);
  Spread reads = probe.readBytes(), dots = probe.operations(peak);
  double promptOps = 0;
  for (double ops : plan.promptOps)
    promptOps += ops;
  Json json;
  auto measured = [&](const char *key, double value, int decimals) { // null: not measured
    json.number(key, value > 0 ? value : NAN, decimals);
  };
  json.beginObject();
  json.text("model", program.model);
  json.text("cpu", cpuName());
  json.text("mcpu", program.mcpu);
  json.integer("threads", engine.device->workers());
  json.integer("p", plan.prompt);
  json.integer("n", plan.count);
  json.integer("fill", plan.fill);
  json.integer("position", plan.fill + plan.prompt);
  json.integer("rounds", result.rounds);
  measured("prompt_tps", rate.promptTps, 2);
  measured("decode_tps", rate.decodeTps, 2);
  json.integer("prompt_ops", int64_t(promptOps));
  json.integer("bytes_per_token", int64_t(plan.step.bytes()));
  json.integer("cache_bytes_per_token", int64_t(plan.step.cacheBytes));
  json.integer("decode_weight_bytes", int64_t(plan.step.weightBytes));
  json.integer("weight_bytes", program.weights_bytes);
  measured("read_GBps", reads.best * 1e-9, 2);
  measured("read_GBps_lowest", reads.lowest * 1e-9, 2);
  measured("read_GBps_median", reads.median * 1e-9, 2);
  measured("read_GBps_around_decode", spreadOf(result.reads).median * 1e-9, 2);
  measured("dot_Gops", dots.best * 1e-9, 1);
  measured("dot_Gops_lowest", dots.lowest * 1e-9, 1);
  measured("dot_Gops_median", dots.median * 1e-9, 1);
  json.text("dot_kind", peakName(peak));
  json.text("dot_instruction", probe.instruction(peak));
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    measured(format("%s_Gops", peakName(lrt_peak(kind))).c_str(), probe.operations(lrt_peak(kind)).best * 1e-9, 1);
  measured("decode_percent_of_bandwidth", rate.decode.percent, 1);
  measured("prompt_percent_of_peak", rate.prompt.percent, 1);
  json.boolean("decode_from_cache", rate.has(Share::Cached));
  json.boolean("probe_disturbed", rate.has(Share::Disturbed));
  json.integer("barriers_per_layer", program.barriers_per_layer);
  json.integer("last_level_cache_bytes", lastLevelCacheBytes());
  if (passes)
    addPhases(json, *passes);
  json.end();
  return json.str() + "\n";
}

std::string table(const Engine &engine, const Plan &plan, const Result &result, const Probe &probe) {
  const lrt_program &program = engine.program;
  Rates rate = rates(plan, result, probe);
  lrt_peak peak = mainPeak(program, probe);
  std::string text = format("%s on %s, %lld threads, best of %d rounds\n", program.model, cpuName().c_str(),
                            (long long)engine.device->workers(), result.rounds);
  if (plan.fill > 0)
    text += format("caches     %s positions made up\n", readableCount(plan.fill).c_str());
  if (plan.prompt > 0)
    text += format("prompt     %8.1f tokens/s  %s  %s tokens at position %s\n", rate.promptTps,
                   describe(rate.prompt, "the peak").c_str(), readableCount(plan.prompt).c_str(),
                   readableCount(plan.fill).c_str());
  if (plan.count > 0)
    text += format("decode     %8.1f tokens/s  %s  %s tokens at position %s\n", rate.decodeTps,
                   describe(rate.decode, "the bandwidth").c_str(), readableCount(plan.count).c_str(),
                   readableCount(plan.fill + plan.prompt).c_str());
  text += format("per token  %s read: %s of weights, %s of caches; %lld barriers per layer\n",
                 readableBytes(plan.step.bytes()).c_str(),
                 readableBytes(plan.step.weightBytes + plan.step.lookupBytes).c_str(),
                 readableBytes(plan.step.cacheBytes).c_str(), (long long)program.barriers_per_layer);
  Spread reads = probe.readBytes();
  text += format("machine    reads %.1f GB/s at best (%s); last-level cache %s\n", reads.best * 1e-9,
                 describe(reads, 1e-9).c_str(), readableBytes(double(lastLevelCacheBytes())).c_str());
  for (int kind = 0; kind < LRT_PEAKS; ++kind) {
    Spread ops = probe.operations(lrt_peak(kind));
    text += format("           %-4s %8.1f Gop/s at best (%s), %s%s\n", peakName(lrt_peak(kind)), ops.best * 1e-9,
                   describe(ops, 1e-9).c_str(), probe.instruction(lrt_peak(kind)),
                   kind == peak ? "; most of the prompt's work" : "");
  }
  if (rate.has(Share::Cached))
    text += "A token reads more bytes per second than memory gives: a part of them stays in the last-level cache.\n";
  if (rate.has(Share::Disturbed))
    text += "The model was faster than the probe: other work slowed the probe down. There is no percentage; measure "
            "again.\n";
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

  // Defaults in a short context: a quarter of the free positions for -n, the rest for -p.
  int64_t fill = arguments.fill.value_or(0);
  int64_t left = std::max<int64_t>(program.context - fill, 0);
  int64_t maxCount = arguments.prompt ? left - std::min(left, *arguments.prompt) : (left + 3) / 4;
  int64_t count = arguments.count.value_or(std::min<int64_t>(64, maxCount));
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

  EngineOptions engineOptions = arguments.engine();
  engineOptions.device.randomWeights = arguments.randomWeights.has_value();
  engineOptions.device.seed = uint64_t(arguments.randomWeights.value_or(0));
  engineOptions.positions = fill > 0 ? program.context : prompt + count; // --fill touches whole caches
  engineOptions.bufferBytes = Probe::bufferBytes();
  Engine engine(program);
  Sequence sequence(engine);
  std::string error;
  if (!engine.open(engineOptions, error) || !sequence.open(engineOptions.positions, error))
    return invocation.fail(error);
  if (!engine.device->team())
    return invocation.fail("bench: expected a program for the CPU: the peaks of a GPU are not measured yet");
  Probe probe(*engine.device->team());
  if (!probe.open(error))
    return invocation.fail(error);

  Profile profile(program, engine.device->workers());
  OutputFile picture; // opened first: a name that cannot be written is an error before anything is measured
  if (arguments.svg && !picture.open(*arguments.svg, error))
    return invocation.fail(error);
  if (arguments.phases)
    engine.record(&profile);

  catchInterrupts();
  Plan plan = makePlan(program, fill, prompt, count);
  Result result;
  if (!measure(sequence, plan, probe, result))
    return invocation.fail("interrupted");
  std::vector<Pass> passes;
  if (arguments.phases) {
    Peaks peaks = {.bytes = probe.readBytes().best, .ops = {}};
    for (int kind = 0; kind < LRT_PEAKS; ++kind)
      peaks.ops[kind] = probe.operations(lrt_peak(kind)).best;
    if (!profile.passes(peaks, passes, error))
      return invocation.fail(error);
  }
  if (arguments.svg) {
    std::string title =
        format("%s on %s, %lld threads", program.model, cpuName().c_str(), (long long)engine.device->workers());
    std::string chart = phaseChart(passes, title);
    if (!picture.write(chart.data(), chart.size(), error) || !picture.finish(error))
      return invocation.fail(error);
  }
  std::string text = arguments.json ? json(engine, plan, result, probe, arguments.phases ? &passes : nullptr)
                                    : table(engine, plan, result, probe) + phaseTable(passes);
  return writeOutput(text, error) ? 0 : invocation.fail(error);
}

} // namespace

const Command lrt::benchCommand = {
    .name = "bench",
    .summary = "tokens per second, and percent of what this machine can do",
    .usage = "[OPTION...]",
    .details =
        "Measures the machine (streaming reads, chains of the best dot instructions) and the model alternately, 3 to "
        "7\n"
        "rounds, and shows the best of each: other work on the machine can only make a round slower.\n"
        "bytes_per_token: the weights one decode step reads, plus the cache rows it attends to, mean over -n tokens.\n"
        "decode_percent_of_bandwidth: bytes_per_token times tokens/s of the best decode round, divided by the best "
        "rate\n"
        "of a loop of plain reads in this run (read_GBps; the probe's lowest and median are beside it).\n"
        "prompt_percent_of_peak: the time all operations of the prompt would take at the best peak of their own kind\n"
        "(matrices and attention as they were compiled), divided by the time taken.\n"
        "There is no percentage (null in JSON) where the model was more than 5 % faster than the probe: the "
        "last-level\n"
        "cache kept a part of what a step reads (decode_from_cache), or other work slowed the probe down\n"
        "(probe_disturbed).\n"
        "--phases: one line per phase, sorted by the time lost there. limit: the minimum time for its bytes or its\n"
        "operations on this machine; wait: time that a worker spends in the barrier, mean of the workers; loss:\n"
        "measured minus limit, summed over all `count` occurrences. Medians of all rounds. With --json every number "
        "is\n"
        "such a sum.\n",
    .examples = "bench\n"
                "bench -p 128 -n 32 --threads 1 --json\n"
                "bench --fill 4096 -p 0\n"
                "bench --phases\n"
                "bench --phases --svg phases.svg --fill 500 -p 8\n"
                "bench --random-weights 1",
    .run = run,
};
