//===- StopTexts.cpp - texts that end the answer ------------------------------------------------------------------===//

#include "runtime/sampling/StopTexts.h"

#include <algorithm>

using namespace lrt;

std::string StopTexts::add(std::string_view piece) {
  if (match)
    return "";
  const size_t before = pending.size();
  pending += piece;
  for (size_t end = before + 1; end <= pending.size(); ++end) {
    const std::string_view part = std::string_view(pending).substr(0, end);
    for (const std::string &text : texts)
      if (part.ends_with(text) && (!match || text.size() > match->size()))
        match = &text;
    if (match) {
      std::string certain(part.substr(0, end - match->size()));
      pending.clear();
      return certain;
    }
  }
  // Hold back the longest end of `pending` that is the beginning of a stop text.
  size_t held = 0;
  for (const std::string &text : texts)
    for (size_t length = std::min(text.size() - 1, pending.size()); length > held; --length)
      if (pending.ends_with(std::string_view(text).substr(0, length)))
        held = length;
  std::string certain = pending.substr(0, pending.size() - held);
  pending.erase(0, certain.size());
  return certain;
}
