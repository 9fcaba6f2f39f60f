#include "frontends/chat/ChatTemplate.h"
#include "compiler/support/Errors.h"
#include "frontends/chat/JinjaValues.h"

using namespace lathe;

static uint32_t trimFlags(bool left, bool right) {
  return (left ? uint32_t(LRT_TOKENIZER_TRIM_CHAT_LEFT) : 0) | (right ? uint32_t(LRT_TOKENIZER_TRIM_CHAT_RIGHT) : 0);
}

static uint32_t kindOf(jinja::Guard::Kind kind) {
  switch (kind) {
  case jinja::Guard::Is:
    return LRT_GUARD_IS;
  case jinja::Guard::Starts:
    return LRT_GUARD_STARTS;
  case jinja::Guard::Ends:
    return LRT_GUARD_ENDS;
  case jinja::Guard::Contains:
    return LRT_GUARD_CONTAINS;
  }
}

absl::StatusOr<RenderedChat> lathe::renderChat(llvm::StringRef path, llvm::StringRef chatTemplate,
                                               llvm::ArrayRef<std::pair<std::string, std::string>> named) {
  const auto refuse = [&](const llvm::Twine &why) { return fileError(path, why + "; use --prompt"); };
  // The variables that apply_chat_template of transformers passes.
  jinja::Dict variables;
  for (const auto &[name, text] : named)
    variables.emplace_back(name, text);
  jinja::Dict turn = {{"role", std::string("user")}, {"content", jinja::UserText()}};
  jinja::assign(variables, "messages", jinja::List{std::move(turn)});
  jinja::assign(variables, "tools", jinja::None());
  jinja::assign(variables, "documents", jinja::None());
  jinja::assign(variables, "add_generation_prompt", true);
  const absl::StatusOr<jinja::Rendered> rendered = jinja::render(chatTemplate, std::move(variables));
  if (!rendered.ok())
    return refuse(std::string(rendered.status().message()));
  if (!rendered->user)
    return refuse("expected a template that writes the user's text once, got one that gives " + quoted(rendered->text));
  RenderedChat chat = {rendered->text,
                       rendered->user->after,
                       trimFlags(rendered->user->trimsLeft, rendered->user->trimsRight),
                       {},
                       false};
  chat.isUndated = rendered->asksForDate;
  for (const jinja::Guard &guard : rendered->guards)
    chat.guards.push_back({kindOf(guard.kind), trimFlags(guard.trimsLeft, guard.trimsRight), guard.text});
  return chat;
}
