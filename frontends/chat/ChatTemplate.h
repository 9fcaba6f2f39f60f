//===- ChatTemplate.h - renders a chat template for one user turn -------------------------------------------------===//
//
// The template is rendered as by apply_chat_template, but for a user's text that is not known yet. The result, a prefix
// and a suffix of that text, holds for every text that matches no guard. strftime_now is undefined, so that a template
// falls back to its own fixed date: the compiled program does not depend on the day.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CHAT_CHATTEMPLATE_H
#define LATHE_FRONTENDS_CHAT_CHATTEMPLATE_H

#include "absl/status/statusor.h"
#include "lrt/tokenizer.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace lathe {

/// A condition on the user's text. For texts that fulfil it, the template would write something else.
struct ChatGuard {
  uint32_t kind, trim; // LRT_GUARD_..., LRT_TOKENIZER_TRIM_CHAT_...
  std::string text;
};

/// One user turn with a generation prompt: the texts before and after the user's text.
struct RenderedChat {
  std::string prefix, suffix;
  uint32_t trim = 0; // LRT_TOKENIZER_TRIM_CHAT_LEFT, LRT_TOKENIZER_TRIM_CHAT_RIGHT
  std::vector<ChatGuard> guards;
  bool isUndated = false; // the template asks for the date, and gets none
};
/// `path`: name of the template in messages. `named`: names and texts of special tokens: bos_token, ...
absl::StatusOr<RenderedChat> renderChat(llvm::StringRef path, llvm::StringRef chatTemplate,
                                        llvm::ArrayRef<std::pair<std::string, std::string>> named);

} // namespace lathe

#endif // LATHE_FRONTENDS_CHAT_CHATTEMPLATE_H
