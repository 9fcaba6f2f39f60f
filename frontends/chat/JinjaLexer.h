//===- JinjaLexer.h - the words of a template ---------------------------------------------------------------------===//

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
  std::string text; // Text and String: what it means; else as it stands in the template
  unsigned line;
  int64_t number = 0;

  bool is(Kind other, llvm::StringRef what) const { return kind == other && text == what; }
};

/// Without the white space that Python's strip() takes; its regular expressions know the same.
llvm::StringRef stripped(llvm::StringRef text, bool left, bool right);

/// Ends in one `End`. White space around tags is gone, as trim_blocks and lstrip_blocks have it; so are comments.
absl::StatusOr<std::vector<Token>> tokenize(llvm::StringRef source);

} // namespace lathe::jinja

#endif // LATHE_FRONTENDS_CHAT_JINJALEXER_H
