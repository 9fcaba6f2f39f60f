//===- TokenizerTables.cpp - the tokenizer section, checked -------------------------------------------------------===//

#include "runtime/tokenizer/TokenizerTables.h"
#include "runtime/support/Support.h"
#include "runtime/tokenizer/Unicode.h"

#include <algorithm>

using namespace lrt;

namespace {

/// Turns the header's tables into views, and remembers the first that does not fit.
class Reader {
public:
  Reader(const uint8_t *bytes, size_t size) : bytes(bytes), size(size) {}

  template <typename T> std::span<const T> table(lrt_tokenizer_table location, const char *name) {
    if (location.offset % 8 != 0 || location.offset > size || location.count > (size - location.offset) / sizeof(T)) {
      if (!culprit)
        culprit = name;
      return {};
    }
    return {reinterpret_cast<const T *>(bytes + location.offset), location.count};
  }

  const char *culprit = nullptr;

private:
  const uint8_t *bytes;
  size_t size;
};

} // namespace

bool TokenizerTables::open(const uint8_t *bytes, size_t size, std::string &error) {
  const auto fail = [&](const std::string &reason) {
    error = "tokenizer: " + reason;
    return false;
  };
  if (size < sizeof(lrt_tokenizer_header) || reinterpret_cast<uintptr_t>(bytes) % 8 != 0)
    return fail(
        format("expected a section of at least %zu aligned bytes, got %zu", sizeof(lrt_tokenizer_header), size));
  header = reinterpret_cast<const lrt_tokenizer_header *>(bytes);
  if (header->magic != LRT_TOKENIZER_MAGIC)
    return fail(format("expected magic %llx, got %llx", static_cast<unsigned long long>(LRT_TOKENIZER_MAGIC),
                       static_cast<unsigned long long>(header->magic)));
  if (header->version != LRT_TOKENIZER_VERSION || header->header_bytes != sizeof(lrt_tokenizer_header))
    return fail(format("expected version %u with a header of %zu bytes, got version %u with %u", LRT_TOKENIZER_VERSION,
                       sizeof(lrt_tokenizer_header), header->version, header->header_bytes));
  if (header->bytes < sizeof(lrt_tokenizer_header) || header->bytes > size)
    return fail(format("expected %llu bytes, got %zu", static_cast<unsigned long long>(header->bytes), size));

  Reader reader(bytes, header->bytes);
  const std::span<const char> characters = reader.table<char>(header->pool, "pool");
  pool = {characters.data(), characters.size()};
  pieces = reader.table<lrt_tokenizer_string>(header->pieces, "pieces");
  tokenFlags = reader.table<uint8_t>(header->token_flags, "token_flags");
  entries = reader.table<lrt_tokenizer_entry>(header->entries, "entries");
  slots = reader.table<uint32_t>(header->slots, "slots");
  sorted = reader.table<uint32_t>(header->sorted, "sorted");
  byteIds = reader.table<int32_t>(header->byte_ids, "byte_ids");
  scores = reader.table<double>(header->scores, "scores");
  mergeRows = reader.table<uint32_t>(header->merge_rows, "merge_rows");
  merges = reader.table<lrt_tokenizer_merge>(header->merges, "merges");
  added = reader.table<lrt_tokenizer_added>(header->added, "added");
  normalizers = reader.table<lrt_tokenizer_step>(header->normalizers, "normalizers");
  splitters = reader.table<lrt_tokenizer_step>(header->splitters, "splitters");
  prefixIds = reader.table<uint32_t>(header->prefix_ids, "prefix_ids");
  suffixIds = reader.table<uint32_t>(header->suffix_ids, "suffix_ids");
  endIds = reader.table<uint32_t>(header->end_ids, "end_ids");
  chatGuards = reader.table<lrt_tokenizer_guard>(header->chat_guards, "chat_guards");
  if (reader.culprit)
    return fail(format("table %s does not lie in the section", reader.culprit));
  std::string reason;
  return check(reason) || fail(reason);
}

bool TokenizerTables::check(std::string &error) const {
  const auto fail = [&](const char *name) {
    error = format("table %s does not hold what it should", name);
    return false;
  };
  const uint32_t ids = header->ids, symbols = header->symbols;
  const auto isString = [&](lrt_tokenizer_string s) {
    return s.offset <= pool.size() && s.length <= pool.size() - s.offset;
  };
  const auto isText = [&](lrt_tokenizer_string s) { return isString(s) && isValidUtf8(string(s)); };
  const auto isId = [&](uint32_t id) { return id < ids; };

  if (ids > LRT_TOKENIZER_MAX_ID || symbols < ids || symbols > 2 * LRT_TOKENIZER_MAX_ID)
    return fail("header: ids");
  if (header->unknown < -1 || header->unknown >= static_cast<int64_t>(ids) || header->bos < -1 ||
      header->bos >= static_cast<int64_t>(ids))
    return fail("header: unknown, bos");
  if (pieces.size() != ids || !std::all_of(pieces.begin(), pieces.end(), isString))
    return fail("pieces");
  if (tokenFlags.size() != ids)
    return fail("token_flags");
  if (!std::all_of(entries.begin(), entries.end(),
                   [&](const lrt_tokenizer_entry &e) { return e.symbol < symbols && isString(e.text); }))
    return fail("entries");
  // A search ends at a free slot, so there must be one.
  if (slots.empty() || (slots.size() & (slots.size() - 1)) != 0 || slots.size() <= entries.size() ||
      !std::all_of(slots.begin(), slots.end(), [&](uint32_t slot) { return slot <= entries.size(); }))
    return fail("slots");
  if (!std::all_of(byteIds.begin(), byteIds.end(), [&](int32_t id) { return id == -1 || isId(id); }) ||
      byteIds.size() != 256)
    return fail("byte_ids");

  const uint32_t model = header->model;
  const bool isUnigram = model == LRT_TOKENIZER_UNIGRAM;
  if (model != LRT_TOKENIZER_BPE && model != LRT_TOKENIZER_SCORES && !isUnigram)
    return fail("header: model");
  if (sorted.size() != (isUnigram ? entries.size() : 0) ||
      !std::all_of(sorted.begin(), sorted.end(), [&](uint32_t entry) { return entry < entries.size(); }))
    return fail("sorted");
  // With an unknown token every character has a path, so the best path covers the word.
  if (isUnigram && (header->unknown < 0 || symbols != ids))
    return fail("header: unknown");
  if (scores.size() != (model == LRT_TOKENIZER_BPE ? 0 : ids))
    return fail("scores");
  // Only merges have symbols that are not ids.
  if (model != LRT_TOKENIZER_BPE ? symbols != ids || !merges.empty() || !mergeRows.empty()
                                 : mergeRows.size() != symbols + size_t(1))
    return fail("merge_rows");
  for (size_t i = 0; i < mergeRows.size(); ++i)
    if (mergeRows[i] > merges.size() || (i > 0 && mergeRows[i] < mergeRows[i - 1]))
      return fail("merge_rows");
  if (!std::all_of(merges.begin(), merges.end(),
                   [&](const lrt_tokenizer_merge &m) { return m.right < symbols && m.result < symbols; }))
    return fail("merges");
  if (!std::all_of(added.begin(), added.end(),
                   [&](const lrt_tokenizer_added &a) { return isId(a.id) && a.text.length > 0 && isString(a.text); }))
    return fail("added");
  for (std::span<const lrt_tokenizer_step> steps : {normalizers, splitters})
    if (!std::all_of(steps.begin(), steps.end(), [&](const lrt_tokenizer_step &step) {
          return (step.kind == LRT_TEXT_CHARSMAP ? isString(step.a) : isText(step.a)) && isText(step.b);
        }))
      return fail("normalizers, splitters");
  // Generation may end at ids without a text.
  for (std::span<const uint32_t> list : {prefixIds, suffixIds})
    if (!std::all_of(list.begin(), list.end(), isId))
      return fail("prefix_ids, suffix_ids");
  if (!isString(header->chat_prefix) || !isString(header->chat_suffix))
    return fail("header: chat_prefix, chat_suffix");
  if (!std::all_of(chatGuards.begin(), chatGuards.end(),
                   [&](const lrt_tokenizer_guard &g) { return g.kind <= LRT_GUARD_CONTAINS && isString(g.text); }))
    return fail("chat_guards");
  return true;
}

int64_t TokenizerTables::find(std::string_view text) const {
  const size_t mask = slots.size() - 1;
  for (size_t slot = lrt_tokenizer_hash(text.data(), text.size()) & mask; slots[slot] != 0; slot = (slot + 1) & mask) {
    const lrt_tokenizer_entry &entry = entries[slots[slot] - 1];
    if (string(entry.text) == text)
      return entry.symbol;
  }
  return -1;
}

const lrt_tokenizer_merge *TokenizerTables::merge(uint32_t left, uint32_t right) const {
  const lrt_tokenizer_merge *begin = merges.data() + mergeRows[left], *end = merges.data() + mergeRows[left + 1];
  const lrt_tokenizer_merge *found =
      std::lower_bound(begin, end, right, [](const lrt_tokenizer_merge &m, uint32_t right) { return m.right < right; });
  return found != end && found->right == right ? found : nullptr;
}
