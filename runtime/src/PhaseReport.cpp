//===- PhaseReport.cpp - a profile for readers and for scripts ----------------------------------------------------===//

#include "PhaseReport.h"

#include "../cpu/Probe.h"
#include "Support.h"

#include <algorithm>

using namespace lrt;

namespace {

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

double allOps(const Work &work) {
  double sum = 0;
  for (double ops : work.ops)
    sum += ops;
  return sum;
}

bool hasKinds(const Pass &pass) {
  std::string first;
  for (const PhaseTimes &times : pass.phases) {
    std::string kind = times.phase->kind;
    if (first.empty())
      first = kind;
    if (!kind.empty() && kind != first)
      return true;
  }
  return false;
}

size_t widest(const Pass &pass, const char *lrt_phase::*what, size_t least) {
  for (const PhaseTimes &times : pass.phases)
    least = std::max(least, std::string(times.phase->*what).size());
  return least;
}

std::string heading(const Pass &pass) {
  std::string text = format("%s: ", pass.entry->name);
  if (pass.calls > 1)
    text += format("%lld calls, ", (long long)pass.calls);
  text += format("%s row%s at position %s, median of %lld\n", readableCount(pass.rows).c_str(),
                 pass.rows == 1 ? "" : "s", readableCount(pass.position).c_str(), (long long)pass.samples);
  text +=
      format("  %.0f us, of which the limit is %.1f %%; %.1f %% wait in %s barrier%s: %.1f %% for the slowest worker, "
             "%.1f %% for the barriers themselves\n",
             pass.measured * 1e6, percent(pass.limit, pass.measured), percent(pass.waited, pass.measured),
             readableCount(pass.barriers).c_str(), pass.barriers == 1 ? "" : "s",
             percent(pass.waited - pass.handover, pass.measured), percent(pass.handover, pass.measured));
  return text;
}

std::string table(const Pass &pass) {
  const bool kinds = hasKinds(pass);
  const int nameWidth = int(widest(pass, &lrt_phase::name, 5));
  const int kindWidth = kinds ? int(widest(pass, &lrt_phase::kind, 4)) + 2 : 0;
  auto line = [&](const char *name, const char *kind, const std::string &count, const std::string &bytes,
                  const std::string &ops, const std::string &limit, const char *by, const std::string &measured,
                  const std::string &waited, const std::string &loss, const std::string &share) {
    return format("  %-*s%s%-*s %5s %9s %8s %9s %-5s %11s %8s %9s %7s\n", nameWidth, name, kinds ? "  " : "",
                  kinds ? kindWidth - 2 : 0, kinds ? kind : "", count.c_str(), bytes.c_str(), ops.c_str(),
                  limit.c_str(), by, measured.c_str(), waited.c_str(), loss.c_str(), share.c_str());
  };
  std::string text =
      line("phase", "kind", "count", "bytes", "ops", "limit us", "by", "measured us", "wait us", "loss us", "share");
  auto micro = [](double seconds, double count) { return format("%.1f", seconds * 1e6 / count); };
  for (const PhaseTimes &times : pass.phases) {
    double count = double(std::max<int64_t>(times.count, 1));
    text += line(times.phase->name, times.phase->kind, format("%lld", (long long)times.count),
                 readableBytes(times.work.bytes() / count), readableOps(allOps(times.work) / count),
                 micro(times.limit, count),
                 times.limit == 0       ? "-"
                 : times.isBoundByBytes ? "bytes"
                                        : "ops",
                 micro(times.measured, count), micro(times.waited, count), format("%+.0f", times.loss() * 1e6),
                 format("%.1f %%", percent(times.measured, pass.measured)));
  }
  text += line("sum", "", format("%lld", (long long)pass.barriers), readableBytes(pass.work.bytes()),
               readableOps(allOps(pass.work)), micro(pass.limit, 1), "", micro(pass.measured, 1), micro(pass.waited, 1),
               format("%+.0f", (pass.measured - pass.limit) * 1e6), "100.0 %");
  return text;
}

/// Keys and values of an object.
class Object {
public:
  void add(const char *key, const std::string &value) {
    text += format("%s\"%s\": %s", text.empty() ? "{" : ", ", key, value.c_str());
  }
  void count(const char *key, double value) { add(key, format("%.0f", value)); }
  void micro(const char *key, double seconds) { add(key, format("%.3f", seconds * 1e6)); }
  void work(const Work &work) {
    count("bytes", work.bytes());
    count("weight_bytes", work.weightBytes);
    for (int kind = 0; kind < LRT_PEAKS; ++kind)
      count(format("%s_ops", peakName(lrt_peak(kind))).c_str(), work.ops[kind]);
  }
  void times(double limit, double measured, double waited, double handover) {
    micro("limit_us", limit);
    micro("measured_us", measured);
    micro("wait_us", waited);
    micro("barrier_us", handover);
    micro("loss_us", measured - limit);
  }
  std::string end() const { return text + "}"; }

private:
  std::string text;
};

} // namespace

std::string lrt::phaseTable(const std::vector<Pass> &passes) {
  std::string text;
  for (const Pass &pass : passes)
    text += "\n" + heading(pass) + table(pass);
  return text;
}

std::string lrt::phaseJson(const std::vector<Pass> &passes) {
  std::string text = "[";
  for (const Pass &pass : passes) {
    Object object;
    object.add("entry", quoted(pass.entry->name));
    object.count("calls", double(pass.calls));
    object.count("rows", double(pass.rows));
    object.count("position", double(pass.position));
    object.count("samples", double(pass.samples));
    object.count("barriers", double(pass.barriers));
    object.work(pass.work);
    object.times(pass.limit, pass.measured, pass.waited, pass.handover);
    object.micro("median_us", pass.median);
    std::string list;
    for (const PhaseTimes &times : pass.phases) {
      Object phase;
      phase.add("phase", quoted(times.phase->name));
      phase.add("kind", quoted(times.phase->kind));
      phase.count("count", double(times.count));
      phase.work(times.work);
      phase.add("bound", times.limit == 0 ? "null" : times.isBoundByBytes ? "\"bytes\"" : "\"ops\"");
      phase.times(times.limit, times.measured, times.waited, times.handover);
      phase.add("share", format("%.5f", percent(times.measured, pass.measured) / 100));
      list += (list.empty() ? "" : ", ") + phase.end();
    }
    object.add("phases", "[" + list + "]");
    text += (text.size() > 1 ? ", " : "") + object.end();
  }
  return text + "]";
}
