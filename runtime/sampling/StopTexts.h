//===- StopTexts.h - texts that end the answer --------------------------------------------------------------------===//

#ifndef LRT_SAMPLING_STOPTEXTS_H
#define LRT_SAMPLING_STOPTEXTS_H

#include <string>
#include <string_view>
#include <vector>

namespace lrt {

/// Looks for texts in a stream that comes in pieces, whatever the pieces are: the one that ends first counts, of those
/// that end together the longest. What could be the beginning of one is held back.
class StopTexts {
public:
  /// None of the texts is empty.
  explicit StopTexts(std::vector<std::string> texts) : texts(std::move(texts)) {}
  StopTexts(const StopTexts &) = delete;
  StopTexts &operator=(const StopTexts &) = delete;

  /// What has become certain with `piece`: once a text was found, what came before it, and nothing after that.
  std::string add(std::string_view piece);

  /// What is held back at the end of the stream.
  std::string flush() { return std::move(pending); }

  /// The text that was found, or null.
  const std::string *found() const { return match; }

private:
  std::vector<std::string> texts;
  std::string pending;
  const std::string *match = nullptr;
};

} // namespace lrt

#endif // LRT_SAMPLING_STOPTEXTS_H
