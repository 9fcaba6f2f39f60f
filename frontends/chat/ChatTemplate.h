//===- ChatTemplate.h - one user turn of a chat template ----------------------------------------------------------===//
//
// The template is rendered as apply_chat_template would, for a text that is not yet known: what stands before and after
// it is the same for every prompt that meets none of the guards. There is no strftime_now, so that a template with a
// date of its own to fall back on uses that: what is compiled does not depend on the day.
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

/// A text of a user that the template treats otherwise than as one.
struct ChatGuard {
  uint32_t kind, trim; // LRT_GUARD_..., LRT_TOKENIZER_TRIM_CHAT_...
  std::string text;
};

/// One user turn with a generation prompt: what stands before and after the user's text.
struct RenderedChat {
  std::string prefix, suffix;
  uint32_t trim = 0; // LRT_TOKENIZER_TRIM_CHAT_LEFT, LRT_TOKENIZER_TRIM_CHAT_RIGHT
  std::vector<ChatGuard> guards;
  bool isUndated = false; // the template writes a date of its own, since the program gives it none
};
/// `path` is what messages call the template. `named` are names and texts of special tokens: bos_token, ...
absl::StatusOr<RenderedChat> renderChat(llvm::StringRef path, llvm::StringRef chatTemplate,
                                        llvm::ArrayRef<std::pair<std::string, std::string>> named);

} // namespace lathe

#endif // LATHE_FRONTENDS_CHAT_CHATTEMPLATE_H
