//===- Lexer.cpp - words of a PTX file ----------------------------------------------------------------------------===//

#include "Lexer.h"

#include <cctype>
#include <cstdlib>
#include <string>

using namespace ptxsim;

namespace {

bool isWordCharacter(char c) { return std::isalnum((unsigned char)c) || c == '_' || c == '$' || c == '%' || c == '.'; }

} // namespace

std::vector<Token> ptxsim::splitTokens(std::string_view text) {
  std::vector<Token> tokens;
  uint32_t line = 1;
  for (size_t at = 0; at < text.size();) {
    char c = text[at];
    if (c == '\n') {
      ++line, ++at;
    } else if (std::isspace((unsigned char)c)) {
      ++at;
    } else if (text.substr(at, 2) == "//") {
      while (at < text.size() && text[at] != '\n')
        ++at;
    } else if (text.substr(at, 2) == "/*") {
      for (; at < text.size() && text.substr(at, 2) != "*/"; ++at)
        line += text[at] == '\n';
      at += 2;
    } else if (c == '"') {
      size_t end = text.find('"', at + 1);
      end = end == std::string_view::npos ? text.size() : end + 1;
      tokens.push_back({Token::String, text.substr(at, end - at), line});
      at = end;
    } else if (isWordCharacter(c)) {
      size_t end = at;
      while (end < text.size() &&
             (isWordCharacter(text[end]) ||
              (text.substr(end, 2) == "::" && end + 2 < text.size() && isWordCharacter(text[end + 2]) && ++end)))
        ++end;
      tokens.push_back({std::isdigit((unsigned char)c) ? Token::Number : Token::Word, text.substr(at, end - at), line});
      at = end;
    } else {
      tokens.push_back({Token::Sign, text.substr(at, 1), line});
      ++at;
    }
  }
  tokens.push_back({Token::End, "end of file", line});
  return tokens;
}

bool ptxsim::parseNumber(std::string_view text, uint64_t &value) {
  std::string word(text);
  char *end = nullptr;
  if (word.size() == 10 && (word.starts_with("0f") || word.starts_with("0F"))) {
    value = std::strtoull(word.c_str() + 2, &end, 16);
  } else if (word.size() == 18 && (word.starts_with("0d") || word.starts_with("0D"))) {
    value = std::strtoull(word.c_str() + 2, &end, 16);
  } else {
    if (word.ends_with('U'))
      word.pop_back();
    bool isBinary = word.starts_with("0b") || word.starts_with("0B");
    value = std::strtoull(word.c_str() + (isBinary ? 2 : 0), &end, isBinary ? 2 : 0);
  }
  return !word.empty() && end == word.c_str() + word.size();
}
