//===- ChatTemplate.cpp - one user turn of a chat template
//-------------------------------------------------------------===//
//
// Templates are programs; the families below are recognised by what they write, and what differs from model to model (a
// default system prompt, trimming, the beginning of sequence) is read off the text of the template.
//
//===------------------------------------------------------------------------------------------------------------------===//

#include "frontends/support/Errors.h"
#include "frontends/tokenizer/TokenizerModel.h"
#include "llvm/ADT/StringExtras.h"

using namespace lathe;

namespace {

/// Where a literal stands in the template.
struct Literal {
  std::string text;
  size_t begin, end; // of the literal with its quotes
};

} // namespace

/// The string literals inside {{ }} and {% %}, and the text between tags, in order. Escapes are resolved.
static std::vector<Literal> literalsOf(llvm::StringRef source) {
  std::vector<Literal> literals;
  for (size_t place = 0; place < source.size();) {
    const size_t tag = source.find('{', place);
    if (tag == source.npos)
      break;
    const char kind = tag + 1 < source.size() ? source[tag + 1] : 0;
    if (kind != '{' && kind != '%' && kind != '#') {
      place = tag + 1;
      continue;
    }
    if (kind == '#') {
      const size_t end = source.find("#}", tag);
      place = end == source.npos ? source.size() : end + 2;
      continue;
    }
    const llvm::StringRef close = kind == '{' ? "}}" : "%}";
    size_t i = tag + 2;
    while (i < source.size() && !source.substr(i).starts_with(close)) {
      const char quote = source[i];
      if (quote != '\'' && quote != '"') {
        ++i;
        continue;
      }
      Literal literal{"", i, i + 1};
      for (++i; i < source.size() && source[i] != quote; ++i) {
        char c = source[i];
        if (c == '\\' && i + 1 < source.size()) {
          c = source[++i];
          c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
        }
        literal.text += c;
      }
      literal.end = ++i;
      literals.push_back(std::move(literal));
    }
    place = std::min(source.size(), i + 2);
  }
  return literals;
}

/// Whether the user's text is trimmed: `content | trim`, `content.strip()`.
static bool trimsContent(llvm::StringRef source) {
  std::string dense;
  for (char c : source)
    if (!llvm::isSpace(c))
      dense += c;
  for (llvm::StringRef expression : {"['content']|trim", "[\"content\"]|trim", ".content|trim", "['content'].strip()",
                                     "content.strip()", "content|trim"})
    if (llvm::StringRef(dense).contains(expression))
      return true;
  return false;
}

/// The text between `open` and `close` in a literal that holds both: a default system prompt.
static std::string between(llvm::ArrayRef<Literal> literals, llvm::StringRef open, llvm::StringRef close) {
  for (const Literal &literal : literals) {
    const llvm::StringRef text = literal.text;
    const size_t begin = text.find(open);
    if (begin == text.npos)
      continue;
    const size_t end = text.find(close, begin + open.size());
    if (end != text.npos && end > begin + open.size())
      return text.slice(begin + open.size(), end).str();
  }
  return "";
}

/// <|im_start|>role\ncontent<|im_end|>\n: Qwen, SmolLM, Yi, OLMo 3, ...
static absl::StatusOr<RenderedChat> renderChatMl(llvm::StringRef path, llvm::StringRef source, llvm::StringRef bos) {
  if (source.contains("strftime_now") || source.contains("## Metadata"))
    return fileError(path,
                     "expected a template whose text does not depend on the day, got one of ChatML with a date; use "
                     "--prompt");
  const std::vector<Literal> literals = literalsOf(source);
  const bool thinks = llvm::any_of(literals, [](const Literal &l) {
    return l.text == "<think>\n" || llvm::StringRef(l.text).contains("assistant\n<think>");
  });
  if (thinks || source.contains("assistant\n<think>") || source.contains("function calling AI model"))
    return fileError(path, "expected a template that opens the answer with nothing, got one of ChatML with thoughts or "
                           "tools; use --prompt");
  RenderedChat chat;
  if (source.contains("bos_token"))
    chat.prefix += bos;
  std::string system = between(literals, "<|im_start|>system\n", "<|im_end|>");
  if (system.empty() && !source.contains("<|im_start|>system\n"))
    // A prompt in a variable of its own: {% set system_message = '...' %}.
    for (const Literal &literal : literals) {
      const llvm::StringRef before = source.take_front(literal.begin).rtrim();
      if (before.ends_with("set system_message =") || before.ends_with("set default_system_message ="))
        system = literal.text;
    }
  if (!system.empty())
    chat.prefix += "<|im_start|>system\n" + system + "<|im_end|>\n";
  chat.prefix += "<|im_start|>user\n";
  chat.suffix = "<|im_end|>\n<|im_start|>assistant\n";
  // Templates with tools trim what they write about those, not what the user says.
  chat.trims = trimsContent(source) && !source.contains("tool");
  return chat;
}

/// <|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>
static absl::StatusOr<RenderedChat> renderLlama3(llvm::StringRef path, llvm::StringRef source, llvm::StringRef bos) {
  const bool isInstruct3 = source.contains("Cutting Knowledge Date: December 2023");
  if (!isInstruct3 && source.contains("functions"))
    return fileError(path, "expected a template that writes what the user says, got one of Llama 3 with functions; use "
                           "--prompt");
  RenderedChat chat;
  if (source.contains("bos_token") || source.contains("<|begin_of_text|>"))
    chat.prefix += bos.empty() ? llvm::StringRef("<|begin_of_text|>") : bos;
  // 3.1 and 3.2 always write a system turn. Where the template asks for today it is given the date it has itself.
  if (isInstruct3) {
    const std::vector<Literal> literals = literalsOf(source);
    std::string date;
    for (const Literal &literal : literals)
      if (source.take_front(literal.begin).rtrim().ends_with("set date_string ="))
        date = literal.text;
    if (date.empty())
      return fileError(path, "expected a date_string in a template of Llama 3.1, got none; use --prompt");
    chat.prefix +=
        "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: " + date +
        "\n\n<|eot_id|>";
  }
  chat.prefix += "<|start_header_id|>user<|end_header_id|>\n\n";
  chat.suffix = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
  chat.trims = trimsContent(source);
  return chat;
}

/// <start_of_turn>user\ncontent<end_of_turn>\n
static RenderedChat renderGemma(llvm::StringRef source, llvm::StringRef bos) {
  RenderedChat chat;
  if (source.contains("bos_token"))
    chat.prefix += bos;
  chat.prefix += "<start_of_turn>user\n";
  chat.suffix = "<end_of_turn>\n<start_of_turn>model\n";
  chat.trims = trimsContent(source);
  return chat;
}

/// [INST] content [/INST], with the spaces the template writes.
static absl::StatusOr<RenderedChat> renderMistral(llvm::StringRef path, llvm::StringRef source, llvm::StringRef bos) {
  if (source.contains("<<SYS>>") && !source.contains("[INST]"))
    return fileError(path, "expected [INST] in a template of Llama 2; use --prompt");
  if (source.contains("[SYSTEM_PROMPT]") && source.contains("default_system_message"))
    return fileError(path,
                     "expected a template of Mistral without a default system prompt, got one with; use --prompt");
  RenderedChat chat;
  if (source.contains("bos_token"))
    chat.prefix += bos;
  llvm::StringRef open = "[INST]", close = "[/INST]";
  bool hasOpen = false, hasClose = false;
  const std::vector<Literal> literals = literalsOf(source);
  for (const Literal &literal : literals) {
    const llvm::StringRef text = literal.text;
    if (!hasOpen && text.trim(' ') == "[INST]") {
      open = text;
      hasOpen = true;
    } else if (!hasClose && text.trim(' ') == "[/INST]") {
      close = text;
      hasClose = true;
    }
  }
  chat.prefix += open;
  chat.suffix = close.str();
  chat.trims = trimsContent(source);
  return chat;
}

/// <|user|>\ncontent</s>\n<|assistant|>\n: Zephyr, TinyLlama, Phi-3 (with <|end|>), GLM, Granite-like others.
static absl::StatusOr<RenderedChat> renderZephyr(llvm::StringRef path, llvm::StringRef source, llvm::StringRef eos) {
  const std::vector<Literal> literals = literalsOf(source);
  const auto has = [&](llvm::StringRef text) {
    return llvm::any_of(literals, [&](const Literal &literal) { return literal.text == text; });
  };
  RenderedChat chat;
  chat.trims = trimsContent(source);
  if (has("<|end|>\n") || has("<|end|>")) { // Phi-3
    if (!has("<|user|>\n") || !(has("<|assistant|>\n") || source.contains("<|assistant|>\\n")))
      return fileError(path, "expected the turns of Phi-3 (\"<|user|>\\n\"), got others; use --prompt");
    chat.prefix = "<|user|>\n";
    chat.suffix = "<|end|>\n<|assistant|>\n";
    return chat;
  }
  // Zephyr's literals stand alone between tags, each followed by a line's end.
  if (!has("<|user|>\n") || !source.contains("eos_token") || !has("<|assistant|>"))
    return fileError(path, "expected the turns of Zephyr (\"<|user|>\\n\" ... eos_token), got others; use --prompt");
  chat.prefix = "<|user|>\n";
  chat.suffix = (eos + "\n<|assistant|>\n").str();
  return chat;
}

absl::StatusOr<RenderedChat> lathe::renderChat(llvm::StringRef path, llvm::StringRef chatTemplate, llvm::StringRef bos,
                                               llvm::StringRef eos) {
  if (chatTemplate.contains("<|im_start|>"))
    return renderChatMl(path, chatTemplate, bos);
  if (chatTemplate.contains("<|start_header_id|>") && chatTemplate.contains("<|eot_id|>"))
    return renderLlama3(path, chatTemplate, bos);
  if (chatTemplate.contains("<start_of_turn>"))
    return renderGemma(chatTemplate, bos);
  if (chatTemplate.contains("[INST]"))
    return renderMistral(path, chatTemplate, bos);
  if (chatTemplate.contains("<|user|>") && chatTemplate.contains("<|assistant|>"))
    return renderZephyr(path, chatTemplate, eos);
  return fileError(path, "expected a chat template of ChatML, Llama 3, Gemma, Mistral or Zephyr, got " +
                             quoted(chatTemplate.take_front(60)) + "; use --prompt");
}
