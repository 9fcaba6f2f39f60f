//===- HuggingFaceChat.cpp - finds the special ids and the chat template ------------------------------------------===//
//
// A template is found as by AutoTokenizer of transformers 5: chat_template.jinja and additional_chat_templates/*.jinja,
// else tokenizer_config.json. Of several templates the one named `default` is used. chat_template.json is for
// processors of images and is used only if there is no other.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/tokenizer/HuggingFace.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Path.h"

using namespace lathe;
namespace json = llvm::json;

absl::StatusOr<json::Value> lathe::parseJsonObject(llvm::StringRef path, llvm::StringRef text) {
  LATHE_ASSIGN_OR_RETURN(json::Value value, parseJson(path, text));
  if (!value.getAsObject())
    return fileError(path, "expected an object, got " + describe(value));
  return value;
}

namespace {

struct Templates {
  std::string origin;                                     // for messages
  std::vector<std::pair<std::string, std::string>> named; // names and texts
  bool isList = false;                                    // the key has a list or an object, which may be empty
};

} // namespace

/// `chat_template`: a text, a list of {"name", "template"}, or an object of names and texts.
static void readTemplates(const JsonObject &config, Templates &templates) {
  constexpr llvm::StringLiteral key = "chat_template";
  const json::Value *value = config.find(key);
  templates.isList = value && (value->getAsArray() || value->getAsObject());
  if (value && value->getAsArray()) {
    forEachObject(config, key, [&](const JsonObject &element) {
      templates.named.emplace_back(element.string("name"), element.string("template"));
    });
  } else if (value && value->getAsObject()) {
    const JsonObject object = *config.object(key);
    for (const auto &[name, text] : object.keys())
      templates.named.emplace_back(name.str(), object.string(name));
  } else if (value) {
    templates.named.emplace_back("default", config.string(key));
  }
}

static absl::StatusOr<Templates> findTemplates(const HuggingFaceFiles &files) {
  Templates templates;
  templates.origin = "chat_template.jinja";
  if (!files.chatTemplate.empty())
    templates.named.emplace_back("default", files.chatTemplate);
  for (const auto &[name, text] : files.moreTemplates) {
    if (name == "default" || files.chatTemplate.empty())
      templates.origin = "additional_chat_templates";
    templates.named.emplace_back(name, text);
  }
  absl::Status status;
  for (const auto &[name, text] : {std::pair("tokenizer_config.json", &files.tokenizerConfig),
                                   std::pair("chat_template.json", &files.processorTemplate)}) {
    if (!templates.named.empty() || templates.isList || text->empty())
      continue;
    llvm::SmallString<256> path(files.directory);
    llvm::sys::path::append(path, name);
    LATHE_ASSIGN_OR_RETURN(json::Value value, parseJsonObject(path, *text));
    templates.origin = (name + llvm::Twine(": chat_template")).str();
    readTemplates(JsonObject(path, *value.getAsObject(), status), templates);
    LATHE_RETURN_IF_ERROR(status);
  }
  return templates;
}

absl::Status lathe::finishTokenizer(const HuggingFaceFiles &files, const SpecialTokens &special,
                                    const AddedVocabulary &vocabulary, TokenizerModel &model) {
  const auto idOf = [&](llvm::StringRef name) {
    const std::string text = special.textOf(name);
    return text.empty() ? -1 : static_cast<int32_t>(vocabulary.idOf(text));
  };
  model.bos = idOf("bos_token");
  if (int32_t id = idOf("eos_token"); id >= 0)
    model.endIds.push_back(static_cast<uint32_t>(id));

  LATHE_ASSIGN_OR_RETURN(Templates templates, findTemplates(files));
  if (templates.named.empty() && !templates.isList) {
    model.chatRefusal = "this model has no chat template; use --prompt";
    return absl::OkStatus();
  }
  // Of templates with the same name the last one is used.
  auto chosen = llvm::find_if(llvm::reverse(templates.named), [](const auto &t) { return t.first == "default"; });
  if (chosen == templates.named.rend()) {
    std::vector<llvm::StringRef> names;
    for (const auto &[name, text] : templates.named)
      names.push_back(name);
    llvm::sort(names);
    setChat(model, fileError(templates.origin, "expected a template named default, got " +
                                                   (names.empty() ? "none" : printable(commaSeparated(names))) +
                                                   "; use --prompt"));
    return absl::OkStatus();
  }
  // transformers adds no special tokens to the text that the template writes.
  setChat(model, renderChat(templates.origin, chosen->second, special.texts()));
  return absl::OkStatus();
}

void lathe::setChat(TokenizerModel &model, const absl::StatusOr<RenderedChat> &chat) {
  model.hasChat = chat.ok();
  model.isChatRefused = !chat.ok();
  if (!chat.ok()) {
    model.chatRefusal = std::string(chat.status().message());
    return;
  }
  model.chatPrefix = chat->prefix;
  model.chatSuffix = chat->suffix;
  model.chatGuards = chat->guards;
  model.isChatUndated = chat->isUndated;
  model.flags |= chat->trim;
}
