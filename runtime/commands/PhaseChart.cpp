//===- PhaseChart.cpp - a profile as an SVG chart -----------------------------------------------------------------===//
//
// One bar for each phase: the time of all its occurrences. Its parts are the limit, the time its workers wait, and the
// rest of the loss. Where a phase is faster than its limit (what it reads was in a cache), a line marks the limit.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "runtime/commands/PhaseReport.h"
#include "runtime/support/Support.h"

#include <algorithm>

using namespace lrt;

namespace {

// Pixels. 0.8 em for each character of names and numbers is enough in any font.
constexpr int width = 1110, labels = 290, bars = 410, row = 22, bar = 14;
constexpr const char *limitColor = "#4878a8", *waitColor = "#e0a83c", *lossColor = "#c44e52";

std::string escaped(const std::string &text) {
  std::string result;
  for (char c : text)
    switch (c) {
    case '&':
      result += "&amp;";
      break;
    case '<':
      result += "&lt;";
      break;
    case '>':
      result += "&gt;";
      break;
    case '"':
      result += "&quot;";
      break;
    default:
      result += (unsigned char)c < 0x20 ? ' ' : c;
    }
  return result;
}

std::string label(int x, int y, const std::string &text, const char *more = "") {
  return format("<text x=\"%d\" y=\"%d\"%s>%s</text>\n", x, y, more, escaped(text).c_str());
}

std::string box(double x, int y, double length, const char *color) {
  return length < 0.05 ? ""
                       : format("<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", x, y, length,
                                bar, color);
}

} // namespace

std::string lrt::phaseChart(const std::vector<Pass> &passes, const std::string &title) {
  std::string text;
  int y = 28;
  text += label(16, y, title, " font-size=\"15\" font-weight=\"bold\"");
  y += 24;
  int x = 16;
  for (auto [color, what] : {std::pair(limitColor, "limit: bytes or operations at the machine's best"),
                             std::pair(waitColor, "waiting in barriers"), std::pair(lossColor, "other loss")}) {
    text += box(x, y - 11, bar, color) + label(x + 20, y, what);
    x += 40 + int(std::string(what).size()) * 10;
  }
  for (const Pass &pass : passes) {
    y += 36;
    text += label(16, y,
                  format("%s: %s row%s at position %s, %.0f us, %s, waiting %.1f %%", pass.entry->name,
                         readableCount(pass.rows).c_str(), pass.rows == 1 ? "" : "s",
                         readableCount(pass.position).c_str(), pass.measured * 1e6, limitShare(pass).c_str(),
                         pass.measured > 0 ? 100 * pass.waited / pass.measured : 0),
                  " font-weight=\"bold\"");
    double longest = 1e-9;
    for (const PhaseTimes &times : pass.phases)
      longest = std::max({longest, times.measured, times.limit});
    const double scale = bars / longest;
    for (const PhaseTimes &times : pass.phases) {
      y += row;
      std::string name = times.phase->name;
      if (*times.phase->kind)
        name += std::string(", ") + times.phase->kind;
      constexpr size_t maxCharacters = 28; // characters that fit
      if (name.size() > maxCharacters)
        name = name.substr(0, maxCharacters - 2) + "..";
      text += label(labels - 10, y + 11, name, " text-anchor=\"end\"");
      double limit = std::min(times.limit, times.measured) * scale, whole = times.measured * scale;
      double waited = std::clamp(times.waited * scale, 0.0, whole - limit);
      text += box(labels, y, limit, limitColor) + box(labels + limit, y, waited, waitColor) +
              box(labels + limit + waited, y, whole - limit - waited, lossColor);
      if (times.limit > times.measured)
        text += format("<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"%s\" stroke-width=\"2\"/>\n",
                       labels + times.limit * scale, y - 2, labels + times.limit * scale, y + bar + 2, limitColor);
      double count = double(std::max<int64_t>(times.count, 1));
      text += label(labels + bars + 12, y + 11,
                    format("%lld x %.1f us, limit %.1f, loss %+.0f", (long long)times.count,
                           times.measured * 1e6 / count, times.limit * 1e6 / count, times.loss() * 1e6));
    }
  }
  int height = y + 36;
  return format("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
                "font-family=\"sans-serif\" font-size=\"12\" role=\"img\">\n<title>%s</title>\n"
                "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
                width, height, width, height, escaped(title).c_str(), width, height) +
         text + "</svg>\n";
}
