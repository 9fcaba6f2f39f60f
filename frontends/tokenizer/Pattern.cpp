//===- Pattern.cpp - translates Oniguruma's patterns to PCRE2's ---------------------------------------------------===//
//
// Patterns in tokenizer.json have Oniguruma's Ruby syntax. Most of it has the same meaning in PCRE2. This is rewritten:
//   \s \w \d \h \v \b       to the characters that they match in Oniguruma
//   ( )                     to groups without capture
//   (?m: )                  to a dot that matches newlines; ^ and $ always match at lines
//   {,n}                    to {0,n}
//   \p{Han}, ...            to the script without the characters that scripts share
//   \p{L}, \p{N}, ...       with the characters that newer versions of Unicode added: PCRE2 10.42 has version 14
// Errors: syntax that PCRE2 does not have (&& and nested sets), or that no tokenizer uses (references, named groups).
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/TokenizerModel.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

using namespace lathe;

namespace {

// Members of a set.
constexpr const char *space = "\\t-\\r\\x{85}\\p{Z}";
constexpr const char *word = "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}";

struct Addition {
  llvm::StringRef property, members;
};

#include "frontends/tokenizer/UnicodeAdditions.inc"

/// The characters that Unicode 15 added to the script.
const Addition hanAddition = {"Han", "\\x{2b739}\\x{2ebf0}-\\x{2ee5d}\\x{31350}-\\x{323af}"};

class Translator {
public:
  Translator(llvm::StringRef pattern, llvm::ArrayRef<Addition> additions) : rest(pattern), additions(additions) {}

  absl::StatusOr<std::string> run() {
    out = "(?m)";
    while (!rest.empty() && status.ok())
      translateOne();
    if (!status.ok())
      return status;
    return std::move(out);
  }

private:
  void refuse(const llvm::Twine &what) {
    if (status.ok())
      status = absl::InvalidArgumentError(("expected a pattern without " + what).str());
  }

  bool consume(llvm::StringRef token) { return rest.consume_front(token); }

  void translateOne() {
    if (consume("\\"))
      return translateEscape(/*inSet=*/false);
    if (consume("["))
      return translateSet();
    if (consume("("))
      return translateGroup();
    if (consume("{"))
      return translateRepeat();
    out += rest.front();
    rest = rest.drop_front();
  }

  void translateGroup() {
    if (!consume("?")) {
      out += "(?:"; // captures are not needed, as references are errors
      return;
    }
    for (llvm::StringRef kind : {":", "=", "!", "<=", "<!", ">"})
      if (consume(kind)) {
        out += ("(?" + kind).str();
        return;
      }
    if (consume("#")) {
      const size_t end = rest.find(')');
      rest = rest.drop_front(end == rest.npos ? rest.size() : end + 1);
      return;
    }
    const llvm::StringRef flags = rest.take_while([](char c) { return c == 'i' || c == 'm' || c == '-'; });
    rest = rest.drop_front(flags.size());
    if (flags.empty() || (!rest.starts_with(":") && !rest.starts_with(")")))
      return refuse("the group " + quoted(("(?" + flags + rest.take_front(2)).str()));
    std::string translated;
    for (char c : flags)
      translated += c == 'm' ? 's' : c; // Ruby's m is PCRE2's s
    out += "(?" + translated + rest.front();
    rest = rest.drop_front();
  }

  void translateRepeat() {
    const llvm::StringRef inside = rest.take_until([](char c) { return c == '}'; });
    const auto [low, high] = inside.split(',');
    const bool isRepeat = inside.size() < rest.size() && !inside.empty() && inside != "," &&
                          llvm::all_of(low, llvm::isDigit) && llvm::all_of(high, llvm::isDigit);
    if (!isRepeat) {
      out += "\\{";
      return;
    }
    out += ("{" + (low.empty() ? "0" : low) + inside.drop_front(low.size()) + "}").str();
    rest = rest.drop_front(inside.size() + 1);
    if (rest.starts_with("+")) // possessive in PCRE2, a repeated quantifier in Oniguruma
      refuse("a quantifier {...}+");
  }

  void addClass(const llvm::Twine &members, bool inSet) { out += (inSet ? members : "[" + members + "]").str(); }

  void translateEscape(bool inSet) {
    if (rest.empty())
      return refuse("a backslash at its end");
    const char c = rest.front();
    rest = rest.drop_front();
    switch (c) {
    case 's':
      return addClass(space, inSet);
    case 'w':
      return addClass(word, inSet);
    case 'd':
      return addClass("\\p{Nd}", inSet);
    case 'h':
      return addClass("0-9a-fA-F", inSet);
    case 'D':
      return addClass("\\P{Nd}", inSet);
    case 'S':
      out += inSet ? "\\S" : ("[^" + std::string(space) + "]"); // in a set it differs for U+180E
      return;
    case 'W':
    case 'H':
      if (inSet)
        return refuse(llvm::Twine("\\") + llvm::Twine(c) + " in a set");
      out += ("[^" + std::string(c == 'W' ? word : "0-9a-fA-F") + "]");
      return;
    case 'b':
    case 'B': {
      if (inSet) {
        out += "\\x08";
        return;
      }
      const std::string w = "[" + std::string(word) + "]";
      out += c == 'b' ? "(?:(?<=" + w + ")(?!" + w + ")|(?<!" + w + ")(?=" + w + "))"
                      : "(?:(?<=" + w + ")(?=" + w + ")|(?<!" + w + ")(?!" + w + "))";
      return;
    }
    case 'v':
      out += "\\x0b";
      return;
    case 'u': {
      const llvm::StringRef digits = rest.take_front(4);
      if (digits.size() != 4 || !llvm::all_of(digits, llvm::isHexDigit))
        return refuse("\\u and other than four digits");
      out += ("\\x{" + digits + "}").str();
      rest = rest.drop_front(4);
      return;
    }
    case 'x':
    case 'p':
    case 'P':
      return translateBraces(c, inSet);
    case 't':
    case 'n':
    case 'r':
    case 'f':
    case 'a':
    case 'e':
      out += '\\';
      out += c;
      return;
    case 'A':
    case 'Z':
    case 'z':
    case 'G':
    case 'R':
    case 'X':
      if (inSet)
        break;
      out += '\\';
      out += c;
      return;
    default:
      if (llvm::isAlnum(c))
        break;
      // A literal. PCRE2 does not accept a backslash before a character outside ASCII.
      if (static_cast<unsigned char>(c) < 0x80)
        out += '\\';
      out += c;
      return;
    }
    refuse(llvm::Twine("the escape \\") + llvm::Twine(c));
  }

  void translateBraces(char kind, bool inSet) {
    if (!consume("{")) {
      const llvm::StringRef digits = rest.take_while(llvm::isHexDigit).take_front(2);
      if (kind != 'x' || digits.empty())
        return refuse(llvm::Twine("\\") + llvm::Twine(kind) + " without braces");
      out += ("\\x{" + digits + "}").str();
      rest = rest.drop_front(digits.size());
      return;
    }
    const llvm::StringRef name = rest.take_until([](char c) { return c == '}'; });
    if (name.size() == rest.size() ||
        !llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_' || c == '^'; }))
      return refuse(llvm::Twine("the property ") + quoted(name.take_front(20)));
    rest = rest.drop_front(name.size() + 1);
    const llvm::StringRef shortName = llvm::StringSwitch<llvm::StringRef>(name)
                                          .Cases({"Letter", "letter"}, "L")
                                          .Cases({"Number", "number"}, "N")
                                          .Cases({"Punctuation", "punctuation"}, "P")
                                          .Case("Other_Letter", "Lo")
                                          .Default(name);
    // In Oniguruma a script's name matches the script's own characters; in PCRE2, also those that it shares.
    const bool isScript = llvm::StringSwitch<bool>(shortName)
                              .Cases({"Han", "Hiragana", "Katakana", "Hangul", "Latin", "Greek", "Cyrillic"}, true)
                              .Cases({"Arabic", "Hebrew", "Thai", "Devanagari"}, true)
                              .Default(false);
    const Addition *added = llvm::find_if(additions, [&](const Addition &a) { return a.property == shortName; });
    if (shortName == hanAddition.property)
      added = &hanAddition;
    const std::string property = ((isScript ? "{sc:" : "{") + shortName + "}").str();
    if (kind == 'x')
      out += "\\x" + property;
    else if (added == additions.end() || (kind == 'P' && inSet)) // a set has no syntax to exclude characters
      out += "\\" + std::string(1, kind) + property;
    else if (kind == 'p')
      addClass("\\p" + property + added->members, inSet);
    else
      out += ("[^\\p" + property + added->members + "]").str();
  }

  void translateSet() {
    out += '[';
    if (consume("^"))
      out += '^';
    if (consume("]"))
      out += "\\]";
    while (status.ok()) {
      if (rest.empty())
        return refuse("a set that does not end");
      if (consume("]")) {
        out += ']';
        return;
      }
      if (consume("\\")) {
        translateEscape(/*inSet=*/true);
      } else if (rest.starts_with("&&")) {
        refuse("&& in a set");
      } else if (rest.starts_with("[:")) {
        const size_t end = rest.find(":]");
        const llvm::StringRef name = rest.substr(2, end == rest.npos ? 0 : end - 2);
        const char *members = llvm::StringSwitch<const char *>(name)
                                  .Case("space", space)
                                  .Case("alpha", "\\p{Alphabetic}")
                                  .Case("digit", "\\p{Nd}")
                                  .Case("upper", "\\p{Uppercase}")
                                  .Case("lower", "\\p{Lowercase}")
                                  .Default(nullptr);
        if (!members)
          return refuse("the class " + quoted(("[:" + name + ":]").str()));
        out += members;
        rest = rest.drop_front(end + 2);
      } else if (rest.starts_with("[")) {
        refuse("a set in a set");
      } else {
        out += rest.front();
        rest = rest.drop_front();
      }
    }
  }

  llvm::StringRef rest;
  llvm::ArrayRef<Addition> additions;
  std::string out;
  absl::Status status;
};

} // namespace

absl::StatusOr<std::string> lathe::translatePattern(llvm::StringRef oniguruma, int unicode) {
  return Translator(oniguruma, unicode < 16 ? llvm::ArrayRef(additions15) : llvm::ArrayRef(additions16)).run();
}

absl::Status lathe::checkPattern(llvm::StringRef pcre2) {
  // PCRE2 limits nested brackets (to 250), but not the size.
  constexpr size_t longest = 1 << 16;
  if (pcre2.size() > longest)
    return absl::InvalidArgumentError(
        ("expected a pattern of at most " + llvm::Twine(longest) + " bytes, got " + llvm::Twine(pcre2.size())).str());
  pcre2_compile_context *context = pcre2_compile_context_create(nullptr);
  pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  int code = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code *compiled = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pcre2.data()), pcre2.size(),
                                       PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset, context);
  pcre2_compile_context_free(context);
  if (compiled) {
    pcre2_code_free(compiled);
    return absl::OkStatus();
  }
  PCRE2_UCHAR message[256];
  pcre2_get_error_message(code, message, sizeof(message));
  return absl::InvalidArgumentError(("expected a pattern that PCRE2 understands, got " +
                                     quoted(pcre2.drop_front(std::min(offset, pcre2.size()))) + " at byte " +
                                     llvm::Twine(offset) + " (" + reinterpret_cast<const char *>(message) + ")")
                                        .str());
}

bool lathe::decodeByteAlphabet(llvm::StringRef text, std::string &bytes) {
  // Printable bytes are the characters of the same number; the others are U+0100, U+0101, ...
  static const std::array<int16_t, 0x144> byteOf = [] {
    std::array<int16_t, 0x144> table;
    table.fill(-1);
    int next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte != 0xad);
      table[prints ? byte : next++] = static_cast<int16_t>(byte);
    }
    return table;
  }();
  bytes.clear();
  for (size_t i = 0; i < text.size();) {
    uint32_t c = static_cast<uint8_t>(text[i++]);
    if (c >= 0x80) {
      if (c < 0xc2 || c > 0xc5 || i == text.size() || (text[i] & 0xc0) != 0x80)
        return false;
      c = (c & 0x1f) << 6 | (text[i++] & 0x3f);
    }
    if (c >= byteOf.size() || byteOf[c] < 0)
      return false;
    bytes += static_cast<char>(byteOf[c]);
  }
  return true;
}
