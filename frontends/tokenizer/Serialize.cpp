//===- Serialize.cpp - writes the tokenizer section of a weights file ---------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/TokenizerModel.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include <cstring>
#include <limits>
#include <numeric>

using namespace lathe;

namespace {

/// Writes tables one after another, each at a multiple of eight bytes.
class Writer {
public:
  Writer() : bytes(sizeof(lrt_tokenizer_header)) {}

  template <typename T> lrt_tokenizer_table add(llvm::ArrayRef<T> elements) {
    bytes.resize((bytes.size() + 7) / 8 * 8);
    const lrt_tokenizer_table table = {static_cast<uint32_t>(bytes.size()), static_cast<uint32_t>(elements.size())};
    const auto *data = reinterpret_cast<const uint8_t *>(elements.data());
    bytes.insert(bytes.end(), data, data + elements.size() * sizeof(T));
    return table;
  }

  /// Equal strings are stored once: the text of a piece is often that of an entry, too.
  lrt_tokenizer_string string(llvm::StringRef text) {
    auto [entry, isNew] = offsets.try_emplace(text, static_cast<uint32_t>(pool.size()));
    if (isNew)
      pool.append(text.begin(), text.end());
    return {entry->second, static_cast<uint32_t>(text.size())};
  }

  std::vector<uint8_t> bytes;
  std::string pool;

private:
  llvm::StringMap<uint32_t> offsets;
};

} // namespace

static std::vector<uint32_t> makeSlots(llvm::ArrayRef<TokenizerModel::Entry> entries) {
  size_t size = 4;
  while (size < entries.size() + entries.size() / 2 + 1)
    size *= 2;
  std::vector<uint32_t> slots(size);
  for (size_t i = 0; i < entries.size(); ++i) {
    size_t slot = lrt_tokenizer_hash(entries[i].text.data(), entries[i].text.size()) & (size - 1);
    while (slots[slot] != 0)
      slot = (slot + 1) & (size - 1);
    slots[slot] = static_cast<uint32_t>(i + 1);
  }
  return slots;
}

absl::StatusOr<std::vector<uint8_t>> lathe::serialize(const TokenizerModel &model) {
  const size_t ids = model.tokens.size();
  const bool isBpe = model.model == LRT_TOKENIZER_BPE, isUnigram = model.model == LRT_TOKENIZER_UNIGRAM;
  uint32_t symbols = static_cast<uint32_t>(ids);
  size_t textBytes = 0;
  for (const TokenizerModel::Entry &entry : model.entries) {
    symbols = std::max(symbols, entry.symbol + 1);
    textBytes += entry.text.size();
  }
  for (const TokenizerModel::Token &token : model.tokens)
    textBytes += token.piece.size();
  constexpr size_t max = std::numeric_limits<int32_t>::max();
  if (ids > LRT_TOKENIZER_MAX_ID || symbols > 2 * LRT_TOKENIZER_MAX_ID || model.merges.size() > max / 64 ||
      textBytes > max / 2)
    return fileError(model.path, "expected a tokenizer of at most " + llvm::Twine(LRT_TOKENIZER_MAX_ID) +
                                     " tokens and 1 GB of text, got " + llvm::Twine(ids) + " tokens, " +
                                     llvm::Twine(model.merges.size()) + " merges and " + llvm::Twine(textBytes) +
                                     " bytes of text");

  Writer writer;
  lrt_tokenizer_header header = {};
  header.magic = LRT_TOKENIZER_MAGIC;
  header.version = LRT_TOKENIZER_VERSION;
  header.header_bytes = sizeof(header);
  header.model = model.model;
  header.flags = model.flags | (model.hasChat ? uint32_t(LRT_TOKENIZER_HAS_CHAT) : 0);
  header.ids = static_cast<uint32_t>(ids);
  header.symbols = symbols;
  header.unknown = model.unknown;
  header.bos = model.bos;

  std::vector<lrt_tokenizer_string> pieces;
  std::vector<uint8_t> tokenFlags;
  std::vector<double> scores;
  for (const TokenizerModel::Token &token : model.tokens) {
    pieces.push_back(writer.string(token.piece));
    tokenFlags.push_back(token.special ? LRT_TOKEN_SPECIAL : 0);
    scores.push_back(token.score);
  }
  header.pieces = writer.add(llvm::ArrayRef(pieces));
  header.token_flags = writer.add(llvm::ArrayRef(tokenFlags));
  if (!isBpe)
    header.scores = writer.add(llvm::ArrayRef(scores));

  std::vector<lrt_tokenizer_entry> entries;
  double worst = std::numeric_limits<double>::infinity();
  for (const TokenizerModel::Entry &entry : model.entries) {
    entries.push_back({writer.string(entry.text), entry.symbol});
    if (entry.symbol < ids)
      worst = std::min(worst, model.tokens[entry.symbol].score);
  }
  header.entries = writer.add(llvm::ArrayRef(entries));
  header.slots = writer.add(llvm::ArrayRef(makeSlots(model.entries)));
  if (isUnigram) {
    std::vector<uint32_t> sorted(entries.size());
    std::iota(sorted.begin(), sorted.end(), 0);
    llvm::sort(sorted, [&](uint32_t a, uint32_t b) { return model.entries[a].text < model.entries[b].text; });
    header.sorted = writer.add(llvm::ArrayRef(sorted));
    header.unknown_score = worst - 10; // SentencePiece's kUnkPenalty
  }
  header.byte_ids = writer.add(llvm::ArrayRef(model.byteIds));

  if (isBpe) {
    struct Ranked {
      uint32_t left;
      lrt_tokenizer_merge merge;
    };
    std::vector<Ranked> ranked;
    uint32_t rank = 0;
    for (auto [i, merge] : llvm::enumerate(model.merges)) {
      if (!model.hasRanksOfResults || i == 0 || merge.result != model.merges[i - 1].result)
        rank = static_cast<uint32_t>(i);
      ranked.push_back({merge.left, {merge.right, rank, merge.result}});
    }
    llvm::sort(ranked, [](const Ranked &a, const Ranked &b) {
      return std::pair(a.left, a.merge.right) < std::pair(b.left, b.merge.right);
    });
    std::vector<uint32_t> rows(symbols + 1);
    std::vector<lrt_tokenizer_merge> merges;
    for (const Ranked &r : ranked) {
      ++rows[r.left + 1];
      merges.push_back(r.merge);
    }
    for (uint32_t i = 0; i < symbols; ++i)
      rows[i + 1] += rows[i];
    header.merge_rows = writer.add(llvm::ArrayRef(rows));
    header.merges = writer.add(llvm::ArrayRef(merges));
  }

  std::vector<lrt_tokenizer_added> added;
  for (const TokenizerModel::Added &token : model.added)
    added.push_back({writer.string(token.text), token.id, token.flags});
  header.added = writer.add(llvm::ArrayRef(added));
  const auto addSteps = [&](llvm::ArrayRef<TokenizerModel::Step> from) {
    std::vector<lrt_tokenizer_step> steps;
    for (const TokenizerModel::Step &step : from)
      steps.push_back({step.kind, step.mode, writer.string(step.a), writer.string(step.b)});
    return writer.add(llvm::ArrayRef(steps));
  };
  header.normalizers = addSteps(model.normalizers);
  header.splitters = addSteps(model.splitters);
  header.prefix_ids = writer.add(llvm::ArrayRef(model.prefixIds));
  header.suffix_ids = writer.add(llvm::ArrayRef(model.suffixIds));
  header.end_ids = writer.add(llvm::ArrayRef(model.endIds));
  header.chat_prefix = writer.string(model.hasChat ? model.chatPrefix : model.chatRefusal);
  header.chat_suffix = writer.string(model.chatSuffix);
  std::vector<lrt_tokenizer_guard> guards;
  for (const ChatGuard &guard : model.chatGuards)
    guards.push_back({guard.kind, guard.trim, writer.string(guard.text)});
  header.chat_guards = writer.add(llvm::ArrayRef(guards));
  header.pool = writer.add(llvm::ArrayRef(writer.pool.data(), writer.pool.size()));
  writer.bytes.resize((writer.bytes.size() + 7) / 8 * 8);
  header.bytes = writer.bytes.size();
  std::memcpy(writer.bytes.data(), &header, sizeof(header));
  return std::move(writer.bytes);
}
