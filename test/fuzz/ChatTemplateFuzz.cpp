//===- ChatTemplateFuzz.cpp - templates of strangers --------------------------------------------------------------===//
//
// What is accepted must be true: around a text that meets no guard, prefix and suffix are what the template gives when
// it knows the text.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/chat/Jinja.h"
#include "frontends/tokenizer/TokenizerModel.h"
#include "test/fuzz/Fuzz.h"
#include "llvm/ADT/STLExtras.h"
#include <cstdio>

using namespace lathe;

static llvm::StringRef strip(llvm::StringRef text, uint32_t trim) {
  if (trim & LRT_TOKENIZER_TRIM_CHAT_LEFT)
    text = text.ltrim();
  return trim & LRT_TOKENIZER_TRIM_CHAT_RIGHT ? text.rtrim() : text;
}

static bool meets(llvm::StringRef text, const ChatGuard &guard) {
  text = strip(text, guard.trim);
  return guard.kind == LRT_GUARD_IS       ? text == guard.text
         : guard.kind == LRT_GUARD_STARTS ? text.starts_with(guard.text)
         : guard.kind == LRT_GUARD_ENDS   ? text.ends_with(guard.text)
                                          : text.contains(guard.text);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const llvm::StringRef source = fuzz::asText(data, size);
  absl::StatusOr<RenderedChat> chat = renderChat("f", source, {{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  fuzz::checkMessage(chat.status(), "f: ");
  if (!chat.ok())
    return 0;
  for (llvm::StringRef text : {"Hi there", " \n two\n\nwords < > /x ", "", "a", "<tool_response>", " "}) {
    if (llvm::any_of(chat->guards, [&](const auto &guard) { return meets(text, guard); }))
      continue;
    jinja::Dict turn = {{"role", std::string("user")}, {"content", text.str()}};
    auto known = jinja::render(source, {{"bos_token", std::string("<s>")},
                                        {"eos_token", std::string("</s>")},
                                        {"messages", jinja::List{std::move(turn)}},
                                        {"tools", jinja::None()},
                                        {"documents", jinja::None()},
                                        {"add_generation_prompt", true}});
    // A text takes room that an unknown one does not.
    if (!known.ok() && known.status().message().find("steps and bytes") != std::string::npos)
      continue;
    if (!known.ok() || known->text != (chat->prefix + strip(text, chat->trim) + chat->suffix).str()) {
      std::fprintf(stderr, "%s\n", known.ok() ? known->text.c_str() : std::string(known.status().message()).c_str());
      std::abort();
    }
  }
  return 0;
}
