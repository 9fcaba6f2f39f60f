//===- StopTexts.h - texts that end the answer --------------------------------------------------------------------===//

#ifndef LRT_SAMPLING_STOPTEXTS_H
#define LRT_SAMPLING_STOPTEXTS_H

#include <string>
#include <string_view>
#include <vector>

namespace lrt {

/// Looks for stop texts in a stream of text. It does not matter how the stream is cut into pieces: the stop text that
/// ends first counts; of several that end at the same byte, the longest. Text that could be the beginning of a stop
/// text is held back.
class StopTexts {
public:
  /// None of the texts is empty.
  explicit StopTexts(std::vector<std::string> texts) : texts(std::move(texts)) {}
  StopTexts(const StopTexts &) = delete;
  StopTexts &operator=(const StopTexts &) = delete;

  /// Adds a piece and returns the text that is now certain. When a stop text is found, that is the text before it;
  /// later calls return nothing.
  std::string add(std::string_view piece);

  /// The text still held back, at the end of the stream.
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
