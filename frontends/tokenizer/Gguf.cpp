//===- Gguf.cpp - reads the tokenizer of a GGUF file --------------------------------------------------------------===//
//
// As llama.cpp does: "llama" merges by score; "gpt2" splits a text by `tokenizer.ggml.pre` (GgufPatterns.cpp has the
// names) and merges by rank. End ids are found by keys and by the texts of tokens.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/GgufPatterns.h"
#include "frontends/tokenizer/GgufTokenizer.h"
#include "frontends/tokenizer/HuggingFace.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"

using namespace lathe;

namespace {

/// tokenizer.ggml.token_type
enum class Kind : int32_t {
  Undefined = 0,
  Normal = 1,
  Unknown = 2,
  Control = 3,
  UserDefined = 4,
  Unused = 5,
  Byte = 6
};

class GgufReader {
public:
  GgufReader(const GgufTokenizer &from, TokenizerModel &model) : from(from), model(model) {}

  absl::Status read();

private:
  absl::Status readTokens();
  absl::Status readScored();
  absl::Status readMerged();
  void readMerges(llvm::StringMap<uint32_t> &symbols);
  void findEnds();
  void makePieces();

  absl::Status error(llvm::StringRef key, const llvm::Twine &message) const {
    return fileError(from.path, "tokenizer." + key.str(), message);
  }
  int64_t find(llvm::StringRef text) const {
    auto found = ids.find(text);
    return found == ids.end() ? -1 : int64_t(found->second);
  }
  /// The id of the first text that is a token, which becomes a control token; -1 if none is.
  int64_t findControl(llvm::ArrayRef<llvm::StringRef> texts);
  /// Whether token texts are bytes in GPT-2's printable characters.
  bool isByteLevel() const { return (model.flags & LRT_TOKENIZER_BYTES) != 0; }

  const GgufTokenizer &from;
  TokenizerModel &model;
  std::vector<std::string> texts;
  std::vector<Kind> kinds;
  llvm::StringMap<uint32_t> ids;
  int64_t eos = -1;
};

} // namespace

absl::Status GgufReader::readTokens() {
  const size_t count = from.tokens.size();
  if (count == 0 || count > LRT_TOKENIZER_MAX_ID)
    return error("ggml.tokens",
                 "expected 1 to " + llvm::Twine(LRT_TOKENIZER_MAX_ID) + " texts, got " + llvm::Twine(count));
  for (const auto &[key, size] :
       {std::pair("ggml.scores", from.scores.size()), std::pair("ggml.token_type", from.types.size())})
    if (size != 0 && size < count)
      return error(key, "expected " + llvm::Twine(count) + " elements, as many as tokens, got " + llvm::Twine(size));
  model.tokens.resize(count);
  for (size_t id = 0; id < count; ++id) {
    std::string text = from.tokens[id].empty() ? "[EMPTY_" + std::to_string(id) + "]" : from.tokens[id];
    if (auto [entry, isNew] = ids.try_emplace(text, static_cast<uint32_t>(id)); !isNew)
      return error("ggml.tokens", "expected different texts, got " + quoted(text) + " for " +
                                      llvm::Twine(entry->second) + " and " + llvm::Twine(id));
    texts.push_back(std::move(text));
    model.tokens[id].score = from.scores.empty() ? 0 : from.scores[id];
    const int32_t type = from.types.empty() ? int32_t(Kind::Normal) : from.types[id];
    kinds.push_back(type < 0 || type > int32_t(Kind::Byte) ? Kind::Undefined : Kind(type));
  }
  return absl::OkStatus();
}

absl::Status GgufReader::readScored() {
  model.model = LRT_TOKENIZER_SCORES;
  if (from.scores.empty())
    return error("ggml.scores", "expected one for every token, got no such key");
  if (from.addSpacePrefix != 0)
    model.normalizers.push_back({LRT_TEXT_PREPEND, 0, " ", ""});
  model.normalizers.push_back({LRT_TEXT_REPLACE, 0, " ", "\u2581"});
  for (size_t id = 0; id < texts.size(); ++id)
    model.entries.push_back({texts[id], static_cast<uint32_t>(id)});
  for (int byte = 0; byte < 256; ++byte) {
    int64_t id = find(llvm::formatv("<0x{0:X-2}>", byte).str());
    if (id < 0)
      id = find(std::string(1, static_cast<char>(byte)));
    model.byteIds[byte] = static_cast<int32_t>(id);
  }
  return absl::OkStatus();
}

void GgufReader::readMerges(llvm::StringMap<uint32_t> &symbols) {
  uint32_t nextSymbol = static_cast<uint32_t>(texts.size());
  const auto symbolOf = [&](llvm::StringRef text) {
    auto [entry, isNew] = symbols.try_emplace(text, nextSymbol);
    if (isNew) // not a token: an intermediate result of merges
      model.entries.push_back({text.str(), nextSymbol++});
    return entry->second;
  };
  llvm::DenseSet<uint64_t> seen;
  std::string left, right;
  for (llvm::StringRef merge : from.merges) {
    const size_t space = merge.find(' ', 1);
    if (space == merge.npos || space + 1 == merge.size())
      continue; // can match nothing
    if (isByteLevel()) {
      if (!decodeByteAlphabet(merge.take_front(space), left) || !decodeByteAlphabet(merge.drop_front(space + 1), right))
        continue; // not the text of any bytes
    } else {
      left = merge.take_front(space).str();
      right = merge.drop_front(space + 1).str();
    }
    const uint32_t leftSymbol = symbolOf(left), rightSymbol = symbolOf(right), result = symbolOf(left + right);
    if (seen.insert(uint64_t(leftSymbol) << 32 | rightSymbol).second) // the first of equal pairs is used
      model.merges.push_back({leftSymbol, rightSymbol, result});
  }
}

absl::Status GgufReader::readMerged() {
  model.model = LRT_TOKENIZER_BPE;
  const bool isGemma = from.model == "gemma4";
  LATHE_ASSIGN_OR_RETURN(GgufPattern pattern, findGgufPattern(from.path, isGemma ? "gemma4" : from.pre));
  if (!from.hasMerges)
    return error("ggml.merges", "expected an array of pairs, got no such key");
  model.flags |= pattern.flags | LRT_TOKENIZER_KEEP_UNKNOWN;
  if (!isByteLevel())
    model.normalizers.push_back({LRT_TEXT_REPLACE, 0, " ", "\u2581"});
  for (const std::string &text : pattern.patterns)
    model.splitters.push_back({LRT_TEXT_SPLIT, LRT_SPLIT_ISOLATED, text, ""});

  llvm::StringMap<uint32_t> symbols;
  std::string bytes;
  for (size_t id = 0; id < texts.size(); ++id) {
    bytes = texts[id];
    if (isByteLevel() && !decodeByteAlphabet(texts[id], bytes))
      continue;
    symbols[bytes] = static_cast<uint32_t>(id);
    model.entries.push_back({bytes, static_cast<uint32_t>(id)});
    if (isByteLevel() && bytes.size() == 1)
      model.byteIds[static_cast<uint8_t>(bytes[0])] = static_cast<int32_t>(id);
  }
  if (!isByteLevel())
    for (int byte = 0; byte < 256; ++byte)
      model.byteIds[byte] = static_cast<int32_t>(find(llvm::formatv("<0x{0:X-2}>", byte).str()));
  readMerges(symbols);
  return absl::OkStatus();
}

int64_t GgufReader::findControl(llvm::ArrayRef<llvm::StringRef> names) {
  for (llvm::StringRef name : names)
    if (int64_t id = find(name); id >= 0) {
      kinds[id] = Kind::Control;
      return id;
    }
  return -1;
}

void GgufReader::findEnds() {
  llvm::SmallSetVector<uint32_t, 8> ends;
  const auto add = [&](int64_t id) {
    if (id >= 0 && id < int64_t(texts.size()))
      ends.insert(static_cast<uint32_t>(id));
  };
  // Fill-in-the-middle tokens end generation: another file would follow.
  add(from.fimPad >= 0 ? from.fimPad : findControl({"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}));
  add(from.fimRep >= 0 ? from.fimRep
                       : findControl({"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}));
  add(from.fimSep >= 0 ? from.fimSep : findControl({"<|file_sep|>"}));
  for (llvm::StringRef name : {"<|eot_id|>",
                               "<|im_end|>",
                               "<|end|>",
                               "<|return|>",
                               "<|call|>",
                               "<|flush|>",
                               "<|calls|>",
                               "<end_of_turn>",
                               "<|endoftext|>",
                               "</s>",
                               "<|eom_id|>",
                               "<EOT>",
                               "_<EOT>",
                               "[EOT]",
                               "[EOS]",
                               "<|end_of_text|>",
                               "<end_of_utterance>",
                               "<eos>",
                               "<turn|>",
                               "<|tool_response>",
                               "<｜end▁of▁sentence｜>",
                               "[e~["})
    add(findControl({name}));
  for (llvm::StringRef name : {"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}) // shown by gpt-oss
    if (int64_t id = find(name); id >= 0)
      kinds[id] = Kind::UserDefined;
  add(eos);
  add(from.eot);
  add(from.eom);

  const auto isEnd = [&](llvm::StringRef name) {
    const int64_t id = find(name);
    return id >= 0 && ends.contains(static_cast<uint32_t>(id));
  };
  const auto remove = [&](llvm::StringRef name, Kind kind) {
    const int64_t id = find(name);
    ends.remove(static_cast<uint32_t>(id));
    kinds[id] = kind;
  };
  // In these two families "<|end|>" only separates messages.
  const bool hasCall = isEnd("<|call|>") || isEnd("<|calls|>");
  if (isEnd("<|end|>") && hasCall && (isEnd("<|return|>") || isEnd("<|flush|>")))
    remove("<|end|>", Kind::UserDefined);
  if (isEnd("</s>") && (isEnd("<|tool_response>") || isEnd("<|plamo:eos|>")))
    remove("</s>", Kind::Normal);
  model.endIds.assign(ends.begin(), ends.end());
}

void GgufReader::makePieces() {
  // As llama.cpp, by the model's name: special tokens of Phi-3 include the white space after them.
  const std::string name = llvm::StringRef(from.name).lower();
  const bool strips = llvm::StringRef(name).contains("phi-3") || llvm::StringRef(name).contains("phi3");
  std::string bytes;
  for (size_t id = 0; id < texts.size(); ++id) {
    TokenizerModel::Token &token = model.tokens[id];
    token.special = kinds[id] == Kind::Control || kinds[id] == Kind::Unknown;
    if (token.special || kinds[id] == Kind::UserDefined) {
      token.piece = texts[id];
      // Longer ones are matched first; of two overlapping ones of the same length, the one earlier in the text.
      const bool isPlain = texts[id] == "<unk>" || texts[id] == "<s>" || texts[id] == "<|endoftext|>";
      model.added.push_back(
          {texts[id], static_cast<uint32_t>(id), strips && !isPlain ? uint32_t(LRT_ADDED_STRIP_RIGHT) : 0});
    } else if (kinds[id] == Kind::Byte) {
      uint8_t byte = 0;
      llvm::StringRef name = texts[id];
      if (name.consume_front("<0x") && name.consume_back(">") && !name.getAsInteger(16, byte))
        token.piece = std::string(1, static_cast<char>(byte));
    } else if (kinds[id] == Kind::Normal) {
      if (isByteLevel())
        token.piece = decodeByteAlphabet(texts[id], bytes) ? bytes : texts[id];
      else
        for (llvm::StringRef rest = texts[id]; !rest.empty();)
          if (rest.consume_front("\u2581")) {
            token.piece += ' ';
          } else {
            token.piece += rest.front();
            rest = rest.drop_front();
          }
    }
  }
}

absl::Status GgufReader::read() {
  LATHE_RETURN_IF_ERROR(readTokens());
  const bool isScored = from.model == "llama";
  if (!isScored && from.model != "gpt2" && from.model != "gemma4")
    return error("ggml.model", "expected llama, gpt2 or gemma4, got " + quoted(from.model));
  model.flags |= LRT_TOKENIZER_LONGEST_FIRST;
  bool addBos = isScored, addEos = false;
  if (isScored) {
    LATHE_RETURN_IF_ERROR(readScored());
  } else {
    LATHE_RETURN_IF_ERROR(readMerged());
    LATHE_ASSIGN_OR_RETURN(GgufPattern pattern,
                           findGgufPattern(from.path, from.model == "gemma4" ? "gemma4" : from.pre));
    addBos = pattern.addsBos;
  }
  if (from.addBos >= 0)
    addBos = from.addBos;
  if (from.addEos >= 0)
    addEos = from.addEos;
  if (from.model == "gemma4")
    addBos = true;

  const auto idOr = [&](int64_t stated, int64_t fallback) {
    for (int64_t id : {stated, fallback})
      if (id >= 0 && id < int64_t(texts.size()))
        return static_cast<int32_t>(id);
    return -1;
  };
  // llama.cpp's defaults of absent keys.
  const bool isGpt2 = from.model == "gpt2";
  model.bos = idOr(from.bos, isScored ? 1 : isGpt2 ? 11 : -1);
  eos = idOr(from.eos, isScored ? 2 : isGpt2 ? 11 : -1);
  const int32_t unknown = idOr(from.unknown, isScored ? 0 : -1);
  if (isScored) // for characters without a token or byte tokens; "gpt2" and "gemma4" drop these characters
    model.unknown = unknown;
  if (addBos && model.bos < 0)
    return error("ggml.bos_token_id", "expected an id, which add_bos_token asks for, got none");
  if (addEos && eos < 0)
    return error("ggml.eos_token_id", "expected an id, which add_eos_token asks for, got none");
  if (addBos)
    model.prefixIds.push_back(static_cast<uint32_t>(model.bos));
  if (addEos)
    model.suffixIds.push_back(static_cast<uint32_t>(eos));
  findEnds();
  makePieces();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TokenizerModel>> lathe::readGgufTokenizer(const GgufTokenizer &gguf) {
  auto model = std::make_unique<TokenizerModel>();
  model->path = gguf.path;
  LATHE_RETURN_IF_ERROR(GgufReader(gguf, *model).read());

  if (gguf.chatTemplate.empty()) {
    model->chatRefusal = "tokenizer.chat_template: expected a template, got none; use --prompt";
    return model;
  }
  const auto textOf = [&](int64_t id) {
    return id >= 0 && id < int64_t(gguf.tokens.size()) ? llvm::StringRef(gguf.tokens[id]) : llvm::StringRef();
  };
  const llvm::StringRef bos = textOf(model->bos);
  absl::StatusOr<RenderedChat> chat = renderChat("tokenizer.chat_template", gguf.chatTemplate,
                                                 {{"bos_token", bos.str()}, {"eos_token", textOf(gguf.eos).str()}});
  // llama.cpp adds the beginning of sequence to a chat as to any text, and removes the one that the template writes.
  model->flags |= LRT_TOKENIZER_CHAT_SPECIAL;
  if (chat.ok() && !model->prefixIds.empty() && !bos.empty() && llvm::StringRef(chat->prefix).starts_with(bos))
    chat->prefix.erase(0, bos.size());
  setChat(*model, chat);
  return model;
}
