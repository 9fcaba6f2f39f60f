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

/// Writes the tables of a model in the order of lrt_tokenizer_header, which holds their offsets.
class Serializer {
public:
  explicit Serializer(const TokenizerModel &model) : model(model) {}

  absl::StatusOr<std::vector<uint8_t>> run();

private:
  absl::Status checkSizes() const;
  void addTokens();
  void addEntries();
  std::vector<uint32_t> entrySlots() const;
  std::vector<uint32_t> sortedEntries() const;
  void addMerges();
  void addAdded();
  lrt_tokenizer_table addSteps(llvm::ArrayRef<TokenizerModel::Step> from);
  void addChat();
  std::vector<uint8_t> finish();

  const TokenizerModel &model;
  lrt_tokenizer_header header = {};
  Writer writer;
};

absl::StatusOr<std::vector<uint8_t>> Serializer::run() {
  header.magic = LRT_TOKENIZER_MAGIC;
  header.version = LRT_TOKENIZER_VERSION;
  header.header_bytes = sizeof(header);
  header.model = model.model;
  header.flags = model.flags | (model.hasChat ? uint32_t(LRT_TOKENIZER_HAS_CHAT) : 0);
  header.ids = header.symbols = static_cast<uint32_t>(model.tokens.size());
  for (const TokenizerModel::Entry &entry : model.entries)
    header.symbols = std::max(header.symbols, entry.symbol + 1);
  header.unknown = model.unknown;
  header.bos = model.bos;
  LATHE_RETURN_IF_ERROR(checkSizes());

  addTokens();
  addEntries();
  header.byte_ids = writer.add(llvm::ArrayRef(model.byteIds));
  if (model.model == LRT_TOKENIZER_BPE)
    addMerges();
  addAdded();
  header.normalizers = addSteps(model.normalizers);
  header.splitters = addSteps(model.splitters);
  header.prefix_ids = writer.add(llvm::ArrayRef(model.prefixIds));
  header.suffix_ids = writer.add(llvm::ArrayRef(model.suffixIds));
  header.end_ids = writer.add(llvm::ArrayRef(model.endIds));
  addChat();
  return finish();
}

/// Offsets and numbers in the section have 32 bits.
absl::Status Serializer::checkSizes() const {
  size_t textBytes = 0;
  for (const TokenizerModel::Entry &entry : model.entries)
    textBytes += entry.text.size();
  for (const TokenizerModel::Token &token : model.tokens)
    textBytes += token.piece.size();
  constexpr size_t max = std::numeric_limits<int32_t>::max();
  if (model.tokens.size() > LRT_TOKENIZER_MAX_ID || header.symbols > 2 * LRT_TOKENIZER_MAX_ID ||
      model.merges.size() > max / 64 || textBytes > max / 2)
    return fileError(model.path, "expected a tokenizer of at most " + llvm::Twine(LRT_TOKENIZER_MAX_ID) +
                                     " tokens and 1 GB of text, got " + llvm::Twine(model.tokens.size()) + " tokens, " +
                                     llvm::Twine(model.merges.size()) + " merges and " + llvm::Twine(textBytes) +
                                     " bytes of text");
  return absl::OkStatus();
}

void Serializer::addTokens() {
  std::vector<lrt_tokenizer_string> pieces;
  std::vector<uint8_t> flags;
  std::vector<double> scores;
  for (const TokenizerModel::Token &token : model.tokens) {
    pieces.push_back(writer.string(token.piece));
    flags.push_back(token.special ? LRT_TOKEN_SPECIAL : 0);
    scores.push_back(token.score);
  }
  header.pieces = writer.add(llvm::ArrayRef(pieces));
  header.token_flags = writer.add(llvm::ArrayRef(flags));
  if (model.model != LRT_TOKENIZER_BPE)
    header.scores = writer.add(llvm::ArrayRef(scores));
}

/// The keys of the vocabulary, and what finds them: a hash table, and for Unigram their order.
void Serializer::addEntries() {
  std::vector<lrt_tokenizer_entry> entries;
  double worst = std::numeric_limits<double>::infinity();
  for (const TokenizerModel::Entry &entry : model.entries) {
    entries.push_back({writer.string(entry.text), entry.symbol});
    if (entry.symbol < header.ids)
      worst = std::min(worst, model.tokens[entry.symbol].score);
  }
  header.entries = writer.add(llvm::ArrayRef(entries));
  header.slots = writer.add(llvm::ArrayRef(entrySlots()));
  if (model.model == LRT_TOKENIZER_UNIGRAM) {
    header.sorted = writer.add(llvm::ArrayRef(sortedEntries()));
    header.unknown_score = worst - 10; // SentencePiece's kUnkPenalty
  }
}

/// An open hash table of entries: slot lrt_tokenizer_hash(text) mod size, or the next free one, holds the entry's index
/// plus 1. Free slots hold 0.
std::vector<uint32_t> Serializer::entrySlots() const {
  size_t size = 4;
  while (size < model.entries.size() + model.entries.size() / 2 + 1)
    size *= 2;
  std::vector<uint32_t> slots(size);
  for (auto [i, entry] : llvm::enumerate(model.entries)) {
    size_t slot = lrt_tokenizer_hash(entry.text.data(), entry.text.size()) & (size - 1);
    while (slots[slot] != 0)
      slot = (slot + 1) & (size - 1);
    slots[slot] = static_cast<uint32_t>(i + 1);
  }
  return slots;
}

/// Indices of entries in the order of their texts' bytes.
std::vector<uint32_t> Serializer::sortedEntries() const {
  std::vector<uint32_t> sorted(model.entries.size());
  std::iota(sorted.begin(), sorted.end(), 0);
  llvm::sort(sorted, [&](uint32_t a, uint32_t b) { return model.entries[a].text < model.entries[b].text; });
  return sorted;
}

/// Merges by their left symbol, a row for each; in a row by their right symbol.
void Serializer::addMerges() {
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
  std::vector<uint32_t> rows(header.symbols + 1); // where each row begins, and the end
  std::vector<lrt_tokenizer_merge> merges;
  for (const Ranked &r : ranked) {
    ++rows[r.left + 1];
    merges.push_back(r.merge);
  }
  for (uint32_t i = 0; i < header.symbols; ++i)
    rows[i + 1] += rows[i];
  header.merge_rows = writer.add(llvm::ArrayRef(rows));
  header.merges = writer.add(llvm::ArrayRef(merges));
}

void Serializer::addAdded() {
  std::vector<lrt_tokenizer_added> added;
  for (const TokenizerModel::Added &token : model.added)
    added.push_back({writer.string(token.text), token.id, token.flags});
  header.added = writer.add(llvm::ArrayRef(added));
}

lrt_tokenizer_table Serializer::addSteps(llvm::ArrayRef<TokenizerModel::Step> from) {
  std::vector<lrt_tokenizer_step> steps;
  for (const TokenizerModel::Step &step : from)
    steps.push_back({step.kind, step.mode, writer.string(step.a), writer.string(step.b)});
  return writer.add(llvm::ArrayRef(steps));
}

void Serializer::addChat() {
  header.chat_prefix = writer.string(model.hasChat ? model.chatPrefix : model.chatRefusal);
  header.chat_suffix = writer.string(model.chatSuffix);
  std::vector<lrt_tokenizer_guard> guards;
  for (const ChatGuard &guard : model.chatGuards)
    guards.push_back({guard.kind, guard.trim, writer.string(guard.text)});
  header.chat_guards = writer.add(llvm::ArrayRef(guards));
}

/// Adds the texts, which are complete now, and the header.
std::vector<uint8_t> Serializer::finish() {
  header.pool = writer.add(llvm::ArrayRef(writer.pool.data(), writer.pool.size()));
  writer.bytes.resize((writer.bytes.size() + 7) / 8 * 8);
  header.bytes = writer.bytes.size();
  std::memcpy(writer.bytes.data(), &header, sizeof(header));
  return std::move(writer.bytes);
}

} // namespace

absl::StatusOr<std::vector<uint8_t>> lathe::serialize(const TokenizerModel &model) { return Serializer(model).run(); }
