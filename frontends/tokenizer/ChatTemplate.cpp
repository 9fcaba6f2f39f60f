//===- ChatTemplate.cpp - one user turn of a chat template
//---------------------------------------------------------===//
//
// The template is rendered as apply_chat_template would, for words that can be found again in the result: what stands
// before and after them is the same for every prompt. There is no strftime_now, so that a template with a date of its
// own to fall back on uses that: what is compiled does not depend on the day.
//
//===---------------------------------------------------------------------------------------------------------------===//

#include "frontends/support/Errors.h"
#include "frontends/tokenizer/JinjaValues.h"
#include "frontends/tokenizer/TokenizerModel.h"

using namespace lathe;

/// [{"role": "user", "content": `user`}], with the variables transformers gives a template.
static absl::StatusOr<std::string> renderTurn(llvm::StringRef chatTemplate,
                                              llvm::ArrayRef<std::pair<std::string, std::string>> named,
                                              llvm::StringRef user) {
  jinja::Dict turn = {{"role", std::string("user")}, {"content", user.str()}};
  jinja::Dict variables;
  for (const auto &[name, text] : named)
    variables.emplace_back(name, text);
  jinja::assign(variables, "messages", jinja::List{std::move(turn)});
  jinja::assign(variables, "tools", jinja::None());
  jinja::assign(variables, "documents", jinja::None());
  jinja::assign(variables, "add_generation_prompt", true);
  return jinja::render(chatTemplate, std::move(variables));
}

absl::StatusOr<RenderedChat> lathe::renderChat(llvm::StringRef path, llvm::StringRef chatTemplate,
                                               llvm::ArrayRef<std::pair<std::string, std::string>> named) {
  // Letters of both cases, so that no change to them goes unnoticed; the second time with space around and inside.
  constexpr llvm::StringLiteral word = "Qz7lAtHe", words = "Qz7lAtHe  nO2Kx\n.vB";
  const auto refuse = [&](const llvm::Twine &why) { return fileError(path, why + "; use --prompt"); };
  absl::StatusOr<std::string> plain = renderTurn(chatTemplate, named, word);
  absl::StatusOr<std::string> spaced = renderTurn(chatTemplate, named, (" \n" + words + "\n ").str());
  for (const auto *rendered : {&plain, &spaced})
    if (!rendered->ok())
      return refuse(std::string(rendered->status().message()));

  const auto [prefix, suffix] = llvm::StringRef(*plain).split(word);
  if (prefix.size() == plain->size() || suffix.contains(word))
    return refuse("expected a template that writes what the user says once, got one that gives " + quoted(*plain));
  RenderedChat chat = {prefix.str(), suffix.str()};
  chat.trims = *spaced == (prefix + words + suffix).str();
  if (!chat.trims && *spaced != (prefix + " \n" + words + "\n " + suffix).str())
    return refuse("expected a template that writes what the user says as it is or trimmed, got one that gives " +
                  quoted(*spaced));
  return chat;
}
