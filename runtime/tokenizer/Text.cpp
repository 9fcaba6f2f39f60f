//===- Text.cpp - text to ids and back, for the commands ----------------------------------------------------------===//

#include "runtime/tokenizer/Text.h"

#include "runtime/support/Support.h"
#include "runtime/tokenizer/Tokenizer.h"

using namespace lrt;

struct Text::Stream : Utf8Stream {};

Text::Text() = default;
Text::~Text() = default;

bool Text::open(std::string_view tables, const std::string &origin, std::string &error) {
  if (tables.empty())
    return true;
  tokenizer = std::make_unique<Tokenizer>();
  stream = std::make_unique<Stream>();
  if (tokenizer->open(reinterpret_cast<const uint8_t *>(tables.data()), tables.size(), error))
    return true;
  error = origin + ": " + error;
  return false;
}

bool Text::encode(std::string_view text, bool chat, std::vector<int32_t> &tokens, std::string &error) const {
  if (!hasText()) {
    const std::string reason = unread();
    error = reason.empty() ? "this model has no tokenizer: give ids with --tokens"
                           : "no tokenizer: " + reason + "; give ids with --tokens";
    return false;
  }
  return chat ? tokenizer->encodeChat(text, tokens, error) : tokenizer->encode(text, true, tokens, error);
}

std::string Text::unread() const { return tokenizer ? std::string(tokenizer->chatPrefix()) : ""; }

std::string Text::describeTokenizer() const {
  if (!hasText())
    return "none: " + (unread().empty() ? "" : unread() + "; ") + "give ids with --tokens";
  return format("%s, %s ids", tokenizer->kind(), readableCount(tokenizer->size()).c_str());
}

std::string Text::describeChat() const {
  if (!hasText())
    return "none";
  if (!tokenizer->hasChat())
    return "none: " + std::string(tokenizer->chatPrefix());
  std::string text = "yes";
  for (const std::string &exception : tokenizer->chatExceptions())
    text += (text == "yes" ? ", but not for a text " : " or ") + exception;
  return text;
}

bool Text::hasText() const { return tokenizer && tokenizer->size() > 0; }

bool Text::hasChat() const { return tokenizer && tokenizer->hasChat(); }

std::string_view Text::piece(int32_t token) const { return tokenizer ? tokenizer->piece(token) : std::string_view(); }

bool Text::isSpecial(int32_t token) const { return tokenizer && tokenizer->isSpecial(token); }

int32_t Text::findSpecial(std::string_view text) const {
  std::vector<int32_t> tokens;
  std::string ignored;
  const bool isOne = hasText() && tokenizer->encode(text, false, tokens, ignored) && tokens.size() == 1;
  return isOne && isSpecial(tokens[0]) ? tokens[0] : -1;
}

std::string Text::decode(const std::vector<int32_t> &tokens, bool special) const {
  std::string text;
  for (int32_t token : tokens)
    if (special || !isSpecial(token))
      text += piece(token);
  if (tokenizer && tokenizer->putsSpaceInFront() && text.starts_with(' '))
    text.erase(0, 1);
  return text;
}

bool Text::isEnd(int32_t token) const { return tokenizer && tokenizer->isEnd(token); }

std::string Text::next(int32_t token) {
  return tokenizer && !tokenizer->isSpecial(token) ? stream->add(tokenizer->piece(token)) : "";
}

std::string Text::rest() { return stream ? stream->flush() : ""; }
