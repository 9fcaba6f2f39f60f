//===- SentencePiece.cpp - reads SentencePiece's tokenizer.model --------------------------------------------------===//
//
// A protobuf of pieces and of the normalisation. It is converted to a tokenizer.json as in transformers. LlamaTokenizer
// and GemmaTokenizer have a fixed normalisation there. If the file differs from it, the file is followed, as
// transformers does for other classes (SpmConverter.build_tokenizer_from_spm_proto).
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/HuggingFace.h"
#include "frontends/tokenizer/SentencePiece.pb.h"
#include "frontends/tokenizer/Vocabularies.h"
#include "google/protobuf/io/coded_stream.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Base64.h"
#include <cmath>

using namespace lathe;
namespace json = llvm::json;

/// Bytes. An empty piece has 2 bytes in the file and about 70 in memory: at most 600 MB. Published models have 5 MB.
static constexpr size_t largestModel = size_t(16) << 20;

/// Limit of nested messages; a model has three levels.
static constexpr int deepestMessage = 8;

/// Limit of bytes of a piece of a BPE model, as every split of it is tried. SentencePiece trains pieces of at most 16
/// characters.
static constexpr size_t longestPiece = 1024;

static constexpr const char *space = "\u2581";

namespace {

enum PieceType { Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6 };
enum ModelType { Unigram = 1, Bpe = 2 };

class Reader {
public:
  Reader(std::string path, TokenizerClass kind, const JsonObject &config)
      : path(std::move(path)), kind(kind), config(config) {}

  absl::StatusOr<Vocabulary> read(llvm::StringRef bytes);

private:
  absl::Status parse(llvm::StringRef bytes);
  absl::Status checkSpecs();
  absl::Status readPieces();
  bool isAsClassExpects() const;
  void rename();

  std::vector<TokenizerModel::Merge> makeMerges() const;
  json::Object makeModel() const;
  json::Array makeAdded() const;
  json::Object makeNormalizer() const;
  json::Object makeSplitters() const;
  json::Object makeDecoder() const;

  absl::Status error(const llvm::Twine &where, const llvm::Twine &message) const {
    return fileError(path, where.str(), message);
  }
  bool isBpe() const { return model.trainer_spec().model_type() == Bpe; }
  int32_t typeOf(size_t id) const { return model.pieces(static_cast<int>(id)).type(); }
  float scoreOf(size_t id) const { return model.pieces(static_cast<int>(id)).score(); }

  std::string path;
  TokenizerClass kind; // Backend if the file is followed
  const JsonObject &config;
  sentencepiece::Model model;
  std::vector<std::string> texts; // of the pieces
  llvm::StringMap<uint32_t> ids;
  size_t unknown = 0;
  bool addsPrefix = true, isLegacy = true;
};

} // namespace

absl::Status Reader::parse(llvm::StringRef bytes) {
  if (bytes.size() > largestModel)
    return fileError(path,
                     "expected at most " + llvm::Twine(largestModel) + " bytes, got " + llvm::Twine(bytes.size()));
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const uint8_t *>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(deepestMessage);
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage())
    return fileError(path, "expected a SentencePiece model (protobuf) or tiktoken's ranks, got " +
                               quoted(bytes.take_front(16)) + " and " + llvm::Twine(bytes.size()) +
                               " bytes that are neither");
  if (model.pieces().empty() || size_t(model.pieces_size()) > LRT_TOKENIZER_MAX_ID)
    return error("pieces",
                 "expected 1 to " + llvm::Twine(LRT_TOKENIZER_MAX_ID) + ", got " + llvm::Twine(model.pieces_size()));
  return absl::OkStatus();
}

/// Refuses files of other algorithms. Such a file is not damaged, so the model can be compiled without its tokenizer.
absl::Status Reader::checkSpecs() {
  const auto refuse = [&](llvm::StringRef key, const llvm::Twine &message) {
    return notRead(path, key + ": " + message);
  };
  const int32_t type = model.trainer_spec().model_type();
  if (type != Unigram && type != Bpe)
    return refuse("trainer_spec.model_type", "expected 1 (unigram) or 2 (BPE), got " + llvm::Twine(type) +
                                                 (type == 3   ? " (word)"
                                                  : type == 4 ? " (char)"
                                                              : ""));
  if (model.trainer_spec().treat_whitespace_as_suffix())
    return refuse("trainer_spec.treat_whitespace_as_suffix", "expected false, got true");
  if (!model.normalizer_spec().escape_whitespaces())
    return refuse("normalizer_spec.escape_whitespaces", "expected true, got false");
  if (!model.denormalizer_spec().precompiled_charsmap().empty())
    return refuse("denormalizer_spec.precompiled_charsmap",
                  "expected none, got " + llvm::Twine(model.denormalizer_spec().precompiled_charsmap().size()) +
                      " bytes");
  return absl::OkStatus();
}

absl::Status Reader::readPieces() {
  bool hasUnknown = false;
  for (int i = 0; i < model.pieces_size(); ++i) {
    const sentencepiece::Piece &piece = model.pieces(i);
    const std::string where = "pieces[" + std::to_string(i) + "]";
    if (piece.text().empty())
      return error(where, "expected a text, got none");
    if (!json::isUTF8(piece.text()))
      return error(where, "expected UTF-8, got " + quoted(piece.text()));
    if (piece.type() < Normal || piece.type() > Byte)
      return error(where, "expected a type from 1 to 6, got " + llvm::Twine(piece.type()));
    if (!std::isfinite(piece.score()))
      return error(where, "expected a finite score, got " + numberString(piece.score()));
    if (isBpe() && piece.text().size() > longestPiece)
      return error(where,
                   "expected at most " + llvm::Twine(longestPiece) + " bytes, got " + llvm::Twine(piece.text().size()));
    if (auto [entry, isNew] = ids.try_emplace(piece.text(), static_cast<uint32_t>(i)); !isNew)
      return error(where, "expected different texts, got " + quoted(piece.text()) + " for " +
                              llvm::Twine(entry->second) + " and " + llvm::Twine(i));
    if (piece.type() == Unknown) {
      if (hasUnknown)
        return error(where, "expected one unknown piece, got " + llvm::Twine(unknown) + " and " + llvm::Twine(i));
      hasUnknown = true;
      unknown = static_cast<size_t>(i);
    }
    texts.push_back(piece.text());
  }
  return hasUnknown ? absl::OkStatus() : error("pieces", "expected one of type 2 (unknown), got none");
}

/// Whether the file has the normalisation that the class assumes.
bool Reader::isAsClassExpects() const {
  const sentencepiece::NormalizerSpec &normalizer = model.normalizer_spec();
  return isBpe() && model.trainer_spec().byte_fallback() && normalizer.precompiled_charsmap().empty() &&
         !normalizer.remove_extra_whitespaces() && normalizer.add_dummy_prefix() == (kind == TokenizerClass::Llama);
}

/// tokenizer_config.json may rename pieces that were trained as placeholders.
void Reader::rename() {
  std::map<int64_t, std::string> names = readAddedNames(config);
  std::vector<std::string> renamed = texts;
  for (const auto &[id, name] : names) {
    if (id < 0 || id >= int64_t(texts.size()) || name.empty())
      continue;
    // Not to the text of another piece, unless that one is renamed, too.
    const auto other = ids.find(name);
    if (other == ids.end() || names.count(other->second))
      renamed[id] = name;
  }
  ids.clear();
  for (auto [id, text] : llvm::enumerate(renamed))
    if (!ids.try_emplace(text, static_cast<uint32_t>(id)).second)
      return config.fail("added_tokens_decoder." + std::to_string(id),
                         "expected a text of its own, got " + quoted(text) + " twice");
  texts = std::move(renamed);
}

/// A merge for every way to split a piece into two pieces. Rank: by id for a class, by score if the file is followed.
std::vector<TokenizerModel::Merge> Reader::makeMerges() const {
  const bool byScore = kind == TokenizerClass::Backend;
  std::vector<uint32_t> order;
  for (size_t id = 0; id < texts.size(); ++id)
    if (!byScore || typeOf(id) == Normal)
      order.push_back(static_cast<uint32_t>(id));
  if (byScore)
    llvm::sort(order, [&](uint32_t a, uint32_t b) { return std::pair(-scoreOf(a), a) < std::pair(-scoreOf(b), b); });
  std::vector<bool> lengths(longestPiece + 1);
  for (uint32_t id : order)
    lengths[texts[id].size()] = true;
  const auto partOf = [&](llvm::StringRef text) {
    if (!lengths[text.size()])
      return ids.end();
    const auto found = ids.find(text);
    return found != ids.end() && byScore && typeOf(found->second) != Normal ? ids.end() : found;
  };
  std::vector<TokenizerModel::Merge> merges;
  for (uint32_t id : order)
    for (size_t cut = 1; cut < texts[id].size(); ++cut) {
      const llvm::StringRef text = texts[id];
      if ((text[cut] & 0xc0) == 0x80) // inside a character
        continue;
      const auto left = partOf(text.take_front(cut));
      if (left == ids.end())
        continue;
      if (const auto right = partOf(text.drop_front(cut)); right != ids.end())
        merges.push_back({left->second, right->second, id});
    }
  return merges;
}

json::Object Reader::makeModel() const {
  const bool byteFallback = model.trainer_spec().byte_fallback();
  if (!isBpe()) {
    json::Array vocab;
    for (size_t id = 0; id < texts.size(); ++id)
      vocab.push_back(json::Array{texts[id], double(scoreOf(id))});
    return json::Object{{"type", "Unigram"},
                        {"unk_id", int64_t(unknown)},
                        {"byte_fallback", byteFallback},
                        {"vocab", std::move(vocab)}};
  }
  json::Object vocab;
  bool hasUserDefined = false;
  for (auto [id, text] : llvm::enumerate(texts)) {
    vocab[text] = static_cast<int64_t>(id);
    hasUserDefined |= typeOf(id) == UserDefined;
  }
  json::Object result{{"type", "BPE"},
                      {"fuse_unk", true},
                      {"byte_fallback", byteFallback},
                      {"ignore_merges", kind == TokenizerClass::Backend && hasUserDefined},
                      {"vocab", std::move(vocab)},
                      {"merges", json::Array()}};
  if (kind != TokenizerClass::Llama)
    result["unk_token"] = texts[unknown];
  return result;
}

/// User-defined pieces, unless a splitter finds them; control pieces, unless tokenizer_config.json lists special
/// tokens.
json::Array Reader::makeAdded() const {
  const bool isListed = config.states("additional_special_tokens") || config.states("extra_special_tokens");
  json::Array added;
  for (auto [id, text] : llvm::enumerate(texts))
    if ((typeOf(id) == Control && !isListed) || (typeOf(id) == UserDefined && kind != TokenizerClass::Backend))
      added.push_back(json::Object{{"id", static_cast<int64_t>(id)},
                                   {"content", text},
                                   {"special", typeOf(id) == Control},
                                   {"normalized", false}});
  return added;
}

static json::Object replace(llvm::StringRef kind, llvm::StringRef pattern, llvm::StringRef content) {
  return json::Object{
      {"type", "Replace"}, {"pattern", json::Object{{kind, pattern.str()}}}, {"content", content.str()}};
}

json::Object Reader::makeNormalizer() const {
  json::Array steps;
  if (kind == TokenizerClass::Gemma)
    steps.push_back(replace("String", " ", space));
  if (kind == TokenizerClass::Backend) {
    const sentencepiece::NormalizerSpec &spec = model.normalizer_spec();
    if (!spec.precompiled_charsmap().empty())
      steps.push_back(json::Object{{"type", "Precompiled"},
                                   {"precompiled_charsmap", llvm::encodeBase64(spec.precompiled_charsmap())}});
    if (spec.remove_extra_whitespaces()) {
      steps.push_back(replace("Regex", "\\A +| +\\z", ""));
      steps.push_back(replace("Regex", " {2,}", " "));
    }
    steps.push_back(replace("String", " ", space));
    if (addsPrefix && isLegacy) // SentencePiece adds a prefix before a space, too; Metaspace does not
      steps.push_back(replace("Regex", std::string("\\A") + space, std::string(space) + space));
  }
  return json::Object{{"type", "Sequence"}, {"normalizers", std::move(steps)}};
}

json::Object Reader::makeSplitters() const {
  json::Array steps;
  if (kind == TokenizerClass::Gemma)
    steps.push_back(json::Object{{"type", "Split"},
                                 {"pattern", json::Object{{"String", " "}}},
                                 {"behavior", "MergedWithPrevious"},
                                 {"invert", false}});
  if (kind == TokenizerClass::Llama || (kind == TokenizerClass::Backend && addsPrefix))
    steps.push_back(json::Object{{"type", "Metaspace"},
                                 {"replacement", space},
                                 {"prepend_scheme", !addsPrefix ? "never"
                                                    : isLegacy  ? "always"
                                                                : "first"},
                                 {"split", false}});
  if (kind == TokenizerClass::Backend) {
    // User-defined pieces are never merged. The longest one that matches at a position is a word.
    std::vector<llvm::StringRef> pieces;
    for (auto [id, text] : llvm::enumerate(texts))
      if (typeOf(id) == UserDefined)
        pieces.push_back(text);
    llvm::sort(pieces,
               [](llvm::StringRef a, llvm::StringRef b) { return std::pair(b.size(), a) < std::pair(a.size(), b); });
    std::vector<std::string> patterns;
    for (llvm::StringRef piece : pieces)
      patterns.push_back(escapePattern(piece));
    if (!patterns.empty())
      steps.push_back(json::Object{{"type", "Split"},
                                   {"pattern", json::Object{{"Regex", llvm::join(patterns, "|")}}},
                                   {"behavior", "Isolated"},
                                   {"invert", false}});
  }
  return json::Object{{"type", "Sequence"}, {"pretokenizers", std::move(steps)}};
}

json::Object Reader::makeDecoder() const {
  json::Array steps{replace("String", space, " ")};
  if (model.trainer_spec().byte_fallback())
    steps.push_back(json::Object{{"type", "ByteFallback"}});
  return json::Object{{"type", "Sequence"}, {"decoders", std::move(steps)}};
}

absl::StatusOr<Vocabulary> Reader::read(llvm::StringRef bytes) {
  LATHE_RETURN_IF_ERROR(parse(bytes));
  LATHE_RETURN_IF_ERROR(checkSpecs());
  LATHE_RETURN_IF_ERROR(readPieces());
  Vocabulary result;
  result.path = path;
  const sentencepiece::TrainerSpec &trainer = model.trainer_spec();
  addsPrefix = model.normalizer_spec().add_dummy_prefix();
  if (kind == TokenizerClass::Llama) {
    addsPrefix = addsPrefix && config.boolean("add_prefix_space", true);
    isLegacy = config.boolean("legacy", false);
    result.named = {{"bos_token", "<s>"}, {"eos_token", "</s>"}, {"unk_token", "<unk>"}};
  } else if (kind == TokenizerClass::Gemma) {
    result.named = {{"bos_token", "<bos>"},
                    {"eos_token", "<eos>"},
                    {"unk_token", "<unk>"},
                    {"pad_token", "<pad>"},
                    {"mask_token", "<mask>"}};
  } else {
    isLegacy = config.boolean("legacy", true);
    if (isBpe())
      rename();
    if (trainer.bos_id() >= 0)
      result.named.emplace_back("bos_token", trainer.bos_piece());
    if (trainer.eos_id() >= 0)
      result.named.emplace_back("eos_token", trainer.eos_piece());
    if (trainer.unk_id() >= 0)
      result.named.emplace_back("unk_token", texts[unknown]);
    for (const auto &[name, text] : result.named)
      if (!json::isUTF8(text))
        return error("trainer_spec", "expected UTF-8 for the " + name + ", got " + quoted(text));
  }
  if (!isAsClassExpects())
    kind = TokenizerClass::Backend;
  LATHE_RETURN_IF_ERROR(config.error());
  result.hasRawAdded = kind == TokenizerClass::Backend && addsPrefix;
  if (isBpe())
    result.merges = makeMerges();
  result.tokenizer = json::Object{{"model", makeModel()},
                                  {"added_tokens", makeAdded()},
                                  {"normalizer", makeNormalizer()},
                                  {"pre_tokenizer", makeSplitters()},
                                  {"decoder", makeDecoder()}};
  return result;
}

absl::StatusOr<Vocabulary> lathe::readSentencePiece(const HuggingFaceFiles &files, TokenizerClass kind,
                                                    const JsonObject &config) {
  return Reader(pathOf(files, "tokenizer.model"), kind, config).read(files.sentencePiece);
}
