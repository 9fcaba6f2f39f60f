//===- PhaseReport.cpp - a profile as a table and as JSON ---------------------------------------------------------===//

#include "runtime/commands/PhaseReport.h"

#include "runtime/cpu/Probe.h"
#include "runtime/support/Support.h"

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

size_t widest(const Pass &pass, const char *lrt_phase::*what, size_t width) {
  for (const PhaseTimes &times : pass.phases)
    width = std::max(width, std::string(times.phase->*what).size());
  return width;
}

std::string heading(const Pass &pass) {
  std::string text = format("%s: ", pass.entry->name);
  if (pass.calls > 1)
    text += format("%lld calls, ", (long long)pass.calls);
  text += format("%s row%s at position %s, median of %lld\n", readableCount(pass.rows).c_str(),
                 pass.rows == 1 ? "" : "s", readableCount(pass.position).c_str(), (long long)pass.samples);
  text += format("  %.0f us, %s; %.1f %% wait in %s barrier%s: %.1f %% for the slowest worker, "
                 "%.1f %% for the barriers themselves\n",
                 pass.measured * 1e6, limitShare(pass).c_str(), percent(pass.waited, pass.measured),
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

void addWork(Json &json, const Work &work) {
  json.number("bytes", work.bytes(), 0);
  json.number("weight_bytes", work.weightBytes, 0);
  for (int kind = 0; kind < LRT_PEAKS; ++kind)
    json.number(format("%s_ops", peakName(lrt_peak(kind))).c_str(), work.ops[kind], 0);
}

void addMicroseconds(Json &json, const char *key, double seconds) { json.number(key, seconds * 1e6, 3); }

void addTimes(Json &json, double limit, double measured, double waited, double handover) {
  addMicroseconds(json, "limit_us", limit);
  addMicroseconds(json, "measured_us", measured);
  addMicroseconds(json, "wait_us", waited);
  addMicroseconds(json, "barrier_us", handover);
  addMicroseconds(json, "loss_us", measured - limit);
}

} // namespace

std::string lrt::limitShare(const Pass &pass) {
  if (pass.measured <= 0)
    return "not measured";
  Share share = shareOf(pass.limit, pass.measured);
  return share.kind == Share::Percent ? format("of which the limit is %.1f %%", share.percent)
                                      : "less than the limit: what it reads was in a cache, or the probe was disturbed";
}

std::string lrt::phaseTable(const std::vector<Pass> &passes) {
  std::string text;
  for (const Pass &pass : passes)
    text += "\n" + heading(pass) + table(pass);
  return text;
}

void lrt::addPhases(Json &json, const std::vector<Pass> &passes) {
  json.beginList("phases");
  for (const Pass &pass : passes) {
    json.beginObject();
    json.text("entry", pass.entry->name);
    json.integer("calls", pass.calls);
    json.integer("rows", pass.rows);
    json.integer("position", pass.position);
    json.integer("samples", pass.samples);
    json.integer("barriers", pass.barriers);
    addWork(json, pass.work);
    addTimes(json, pass.limit, pass.measured, pass.waited, pass.handover);
    addMicroseconds(json, "median_us", pass.median);
    json.beginList("phases");
    for (const PhaseTimes &times : pass.phases) {
      json.beginObject();
      json.text("phase", times.phase->name);
      json.text("kind", times.phase->kind);
      json.integer("count", times.count);
      addWork(json, times.work);
      if (times.limit == 0)
        json.null("bound");
      else
        json.text("bound", times.isBoundByBytes ? "bytes" : "ops");
      addTimes(json, times.limit, times.measured, times.waited, times.handover);
      json.number("share", percent(times.measured, pass.measured) / 100, 5);
      json.end();
    }
    json.end();
    json.end();
  }
  json.end();
}
