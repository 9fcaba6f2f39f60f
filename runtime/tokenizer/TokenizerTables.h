//===- TokenizerTables.h - the tokenizer section, checked ---------------------------------------------------------===//

#ifndef LRT_TOKENIZER_TOKENIZERTABLES_H
#define LRT_TOKENIZER_TOKENIZERTABLES_H

#include "lrt/tokenizer.h"

#include <span>
#include <string>
#include <string_view>

namespace lrt {

/// Views of a section's tables. After open() every offset, id, symbol and string in them is in range.
class TokenizerTables {
public:
  /// Returns false, with a reason, unless `bytes` are a complete section. They must outlive this object.
  bool open(const uint8_t *bytes, size_t size, std::string &error);

  std::string_view string(lrt_tokenizer_string s) const { return pool.substr(s.offset, s.length); }
  bool has(uint32_t flag) const { return (header->flags & flag) != 0; }

  /// The symbol of a text, or -1.
  int64_t find(std::string_view text) const;

  /// The merge of two symbols, or null.
  const lrt_tokenizer_merge *merge(uint32_t left, uint32_t right) const;

  const lrt_tokenizer_header *header = nullptr;
  std::string_view pool;
  std::span<const lrt_tokenizer_string> pieces;
  std::span<const uint8_t> tokenFlags;
  std::span<const lrt_tokenizer_entry> entries;
  std::span<const uint32_t> slots, sorted, mergeRows, prefixIds, suffixIds, endIds;
  std::span<const int32_t> byteIds;
  std::span<const double> scores;
  std::span<const lrt_tokenizer_merge> merges;
  std::span<const lrt_tokenizer_added> added;
  std::span<const lrt_tokenizer_step> normalizers, splitters;
  std::span<const lrt_tokenizer_guard> chatGuards;

private:
  bool check(std::string &error) const;
};

} // namespace lrt

#endif // LRT_TOKENIZER_TOKENIZERTABLES_H
