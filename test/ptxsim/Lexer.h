//===- Lexer.h - words of a PTX file ------------------------------------------------------------------------------===//

#ifndef PTXSIM_LEXER_H
#define PTXSIM_LEXER_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace ptxsim {

struct Token {
  enum Kind : uint8_t { Word, Number, Sign, String, End } kind = End;
  std::string_view text; // Sign: one character
  uint32_t line = 0;
};

/// Splits the text; comments are dropped. A word is what letters, digits and any of _ $ % . make, with :: inside.
std::vector<Token> splitTokens(std::string_view text);

/// The value of 42, 0x2A, 052, 0b101, 0f3F800000, 0d3FF0000000000000, with U behind; false when it is none.
/// 0d numbers and integers keep 64 bits, 0f numbers 32.
bool parseNumber(std::string_view text, uint64_t &value);

} // namespace ptxsim

#endif
