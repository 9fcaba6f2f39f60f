#include "frontends/chat/JinjaLexer.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"

using namespace lathe;
using namespace lathe::jinja;

/// ASCII white space by Python's str.isspace.
static constexpr llvm::StringLiteral kSpace = " \t\n\v\f\r\x1c\x1d\x1e\x1f";

llvm::StringRef jinja::stripped(llvm::StringRef text, bool left, bool right) {
  static constexpr llvm::StringLiteral others[] = {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003",
                                                   "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a",
                                                   "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  for (size_t size = text.size() + 1; text.size() != size;) {
    size = text.size();
    if (left)
      text = text.ltrim(kSpace);
    if (right)
      text = text.rtrim(kSpace);
    for (llvm::StringRef other : others)
      if (!(left && text.consume_front(other)) && right)
        text.consume_back(other);
  }
  return text;
}

namespace {

class Lexer {
public:
  explicit Lexer(llvm::StringRef source) : source(source) {}

  absl::StatusOr<std::vector<Token>> read();

private:
  absl::Status readTag(Token::Kind begin, Token::Kind end, llvm::StringRef close);
  absl::Status readString();
  absl::Status readNumber();
  absl::Status skipComment();

  bool startsWith(llvm::StringRef text) const { return source.substr(position).starts_with(text); }
  void skipSpace() { position = source.size() - stripped(source.substr(position), true, false).size(); }
  /// Skips white space after the end of a tag: all of it if the tag ends with "-"; otherwise one newline after a block
  /// or comment, unless that ends with "+".
  void afterTag(char mark, bool isOutput) {
    if (mark == '-')
      skipSpace();
    else if (mark != '+' && !isOutput && startsWith("\n"))
      ++position;
  }
  unsigned line() {
    lines += source.slice(counted, position).count('\n');
    counted = std::max(counted, position);
    return lines;
  }
  void add(Token::Kind kind, llvm::StringRef text, int64_t number = 0) {
    tokens.push_back({kind, text.str(), line(), number});
  }
  absl::Status fail(const llvm::Twine &message) {
    return absl::InvalidArgumentError(("line " + llvm::Twine(line()) + ": " + message).str());
  }

  llvm::StringRef source;
  size_t position = 0, counted = 0;
  unsigned lines = 1;
  std::vector<Token> tokens;
};

} // namespace

absl::StatusOr<std::vector<Token>> Lexer::read() {
  while (position < source.size()) {
    size_t tag = position;
    do
      tag = source.find('{', tag);
    while (tag != source.npos && ++tag < source.size() && !llvm::is_contained({'{', '%', '#'}, source[tag]));
    tag = tag == source.npos || tag >= source.size() ? source.size() : tag - 1;

    const char kind = tag + 1 < source.size() ? source[tag + 1] : 0;
    const char mark = tag + 2 < source.size() ? source[tag + 2] : 0;
    llvm::StringRef text = source.slice(position, tag);
    if (mark == '-') {
      text = stripped(text, false, true);
    } else if (mark != '+' && (kind == '%' || kind == '#')) {
      // lstrip_blocks: white space between the beginning of the line and a block is dropped.
      const size_t lineBegin = text.rfind('\n') + 1;
      if (stripped(text.substr(lineBegin), true, true).empty() &&
          (lineBegin > 0 || position == 0 || source[position - 1] == '\n'))
        text = text.take_front(lineBegin);
    }
    if (!text.empty())
      add(Token::Text, text);
    position = tag;
    if (!kind)
      break;
    position += 2;
    LATHE_RETURN_IF_ERROR(kind == '#'   ? skipComment()
                          : kind == '%' ? readTag(Token::TagBegin, Token::TagEnd, "%}")
                                        : readTag(Token::OutputBegin, Token::OutputEnd, "}}"));
  }
  add(Token::End, "the end");
  return std::move(tokens);
}

absl::Status Lexer::skipComment() {
  if (startsWith("-") || startsWith("+"))
    ++position;
  const size_t end = source.find("#}", position);
  if (end == source.npos)
    return fail("expected \"#}\" after \"{#\", got the end");
  const char mark = end > position ? source[end - 1] : 0;
  position = end + 2;
  afterTag(mark, /*isOutput=*/false);
  return absl::OkStatus();
}

absl::Status Lexer::readTag(Token::Kind begin, Token::Kind end, llvm::StringRef close) {
  add(begin, close == "%}" ? "{%" : "{{");
  if (position < source.size() && (source[position] == '-' || source[position] == '+'))
    ++position;
  int open = 0; // open brackets: inside them "}}" does not end the tag
  while (true) {
    skipSpace();
    if (position >= source.size())
      return fail("expected \"" + close + "\", got the end");
    const char c = source[position];
    if (open == 0) {
      const bool isMarked = (c == '-' || (c == '+' && close == "%}")) && source.substr(position + 1).starts_with(close);
      if (isMarked || startsWith(close)) {
        add(end, close);
        position += close.size() + isMarked;
        afterTag(isMarked ? c : 0, end == Token::OutputEnd);
        return absl::OkStatus();
      }
    }
    if (llvm::isAlpha(c) || c == '_') {
      const llvm::StringRef name =
          source.substr(position).take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
      add(Token::Name, name);
      position += name.size();
    } else if (llvm::isDigit(c)) {
      LATHE_RETURN_IF_ERROR(readNumber());
    } else if (c == '\'' || c == '"') {
      LATHE_RETURN_IF_ERROR(readString());
    } else {
      llvm::StringRef found;
      for (llvm::StringRef known : {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "[",
                                    "]",  "(",  ")",  "{",  "}",  "<",  ">", "=", ".", ":", ",", "|"})
        if (found.empty() && startsWith(known))
          found = known;
      if (found.empty())
        return fail("expected an expression, got " + quoted(source.substr(position, 1)));
      open += llvm::is_contained({'[', '(', '{'}, c) ? 1 : llvm::is_contained({']', ')', '}'}, c) ? -1 : 0;
      if (open < 0)
        return fail("expected \"" + close + "\", got " + quoted(found));
      add(Token::Operator, found);
      position += found.size();
    }
  }
}

absl::Status Lexer::readNumber() {
  const llvm::StringRef digits = source.substr(position).take_while(llvm::isDigit);
  const llvm::StringRef rest = source.substr(position + digits.size());
  int64_t number;
  if (digits.getAsInteger(10, number) || (rest.size() > 1 && rest[0] == '.' && llvm::isDigit(rest[1])) ||
      (!rest.empty() && (llvm::isAlpha(rest[0]) || rest[0] == '_')))
    return fail("expected an integer of 64 bits, got " + quoted(source.substr(position, digits.size() + 2)));
  add(Token::Integer, digits, number);
  position += digits.size();
  return absl::OkStatus();
}

/// Reads a string with Python's escapes. An unknown escape keeps its backslash, as in Python.
absl::Status Lexer::readString() {
  const char quote = source[position];
  std::string out;
  for (++position; position < source.size() && source[position] != quote; ++position) {
    if (source[position] != '\\' || position + 1 >= source.size()) {
      out += source[position];
      continue;
    }
    const char c = source[++position];
    constexpr llvm::StringLiteral escapes = "\\\\''\"\"n\nt\tr\ra\ab\bf\fv\v\n";
    const size_t known = escapes.find(c);
    if (c == 'x' || c == 'u' || c == 'U') {
      const size_t length = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const llvm::StringRef digits = source.substr(position + 1, length);
      uint32_t code;
      char utf8[4], *end = utf8;
      if (digits.size() != length || !llvm::all_of(digits, llvm::isHexDigit) || digits.getAsInteger(16, code) ||
          !llvm::ConvertCodePointToUTF8(code, end))
        return fail("expected a character after \"\\" + llvm::Twine(c) + "\", got " + quoted(digits));
      out.append(utf8, end);
      position += length;
    } else if (c == '\n') {
      // a line continuation
    } else if (llvm::isDigit(c) || c == 'N') {
      return fail("expected no escapes in octal or by name, got " + quoted(source.substr(position - 1, 2)));
    } else if (known != escapes.npos && known % 2 == 0) {
      out += escapes[known + 1];
    } else {
      (out += '\\') += c;
    }
  }
  if (position >= source.size())
    return fail("expected the end of a string, got the end of the template");
  add(Token::String, out);
  ++position;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Token>> jinja::tokenize(llvm::StringRef source) {
  // All line ends become "\n", and a final one is dropped, as in Jinja.
  std::string lines;
  lines.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n')
      continue;
    lines += source[i] == '\r' ? '\n' : source[i];
  }
  llvm::StringRef text = lines;
  text.consume_back("\n");
  const auto *first = reinterpret_cast<const llvm::UTF8 *>(text.data());
  if (!text.empty() && !llvm::isLegalUTF8String(&first, first + text.size()))
    return absl::InvalidArgumentError("expected UTF-8, got other bytes");
  return Lexer(text).read();
}
