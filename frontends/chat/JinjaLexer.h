//===- JinjaLexer.h - splits a template into tokens ---------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CHAT_JINJALEXER_H
#define LATHE_FRONTENDS_CHAT_JINJALEXER_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace lathe::jinja {

struct Token {
  enum Kind { Text, TagBegin, TagEnd, OutputBegin, OutputEnd, Name, String, Integer, Operator, End };

  Kind kind;
  std::string text; // Text and String: the value; else as written in the template
  unsigned line;
  int64_t number = 0;

  bool is(Kind other, llvm::StringRef what) const { return kind == other && text == what; }
};

/// `text` without the white space that Python's strip() removes.
llvm::StringRef stripped(llvm::StringRef text, bool left, bool right);

/// The last token is `End`. Comments are dropped, and white space around tags as by trim_blocks and lstrip_blocks.
absl::StatusOr<std::vector<Token>> tokenize(llvm::StringRef source);

} // namespace lathe::jinja

#endif // LATHE_FRONTENDS_CHAT_JINJALEXER_H
