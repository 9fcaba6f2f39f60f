#include "dialects/lm/Formats.h"

using namespace lathe;

static constexpr FormatInfo formats[] = {
#define LATHE_FORMAT_ROW(id, name, bits, block, bytes, group, offset, minimum, subscales)                              \
  {Format::id, name, bits, block, bytes, group, offset, minimum, subscales},
    LATHE_FORMATS(LATHE_FORMAT_ROW)
#undef LATHE_FORMAT_ROW
};

const FormatInfo &lathe::getFormatInfo(Format format) { return formats[static_cast<int>(format)]; }

std::optional<Format> lathe::parseFormat(llvm::StringRef name) {
  for (const FormatInfo &info : formats)
    if (info.name == name)
      return info.format;
  return std::nullopt;
}
