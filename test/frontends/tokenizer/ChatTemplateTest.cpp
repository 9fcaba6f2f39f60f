//===- ChatTemplateTest.cpp - one user turn
//--------------------------------------------------------------------------===//

#include "frontends/support/File.h"
#include "frontends/support/Json.h"
#include "frontends/tokenizer/TokenizerModel.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

using namespace lathe;

/// Prefix, the user's text as "|" (or "|trim|"), suffix; or the refusal.
static std::string render(llvm::StringRef chatTemplate) {
  auto chat = renderChat("t", chatTemplate, {{"bos_token", "<BOS>"}, {"eos_token", "<EOS>"}});
  if (!chat.ok())
    return std::string(chat.status().message());
  return chat->prefix + (chat->trims ? "|trim|" : "|") + chat->suffix;
}

/// The published templates give what transformers makes of them: test/tools/make-chat-goldens.py asked it.
TEST(ChatTemplate, PublishedTemplatesGiveWhatTransformersGives) {
  const std::string folder = LATHE_TEST_DIR "/frontends/tokenizer/Inputs/templates";
  const std::vector<std::string> names = filesEndingIn(folder, {".jinja"});
  ASSERT_GE(names.size(), 13u);
  for (const std::string &name : names) {
    SCOPED_TRACE(name);
    const std::string path = folder + "/" + name, goldenPath = llvm::StringRef(path).drop_back(5).str() + "json";
    auto text = MappedFile::open(path), goldenFile = MappedFile::open(goldenPath);
    ASSERT_TRUE(text.ok() && goldenFile.ok());
    auto golden = parseJson(goldenPath, (*goldenFile)->bytes());
    ASSERT_TRUE(golden.ok());
    absl::Status status;
    const JsonObject keys(goldenPath, *golden->getAsObject(), status);
    const std::vector<std::string> said = keys.strings("texts"), rendered = keys.strings("rendered");
    ASSERT_TRUE(status.ok());

    auto chat = renderChat("t", (*text)->bytes(), {{"bos_token", "<bos>"}, {"eos_token", "<eos>"}});
    if (rendered.empty()) { // the date is all it has
      EXPECT_EQ(chat.status().message(), "t: line 1: expected a template whose text does not depend on the day, got a "
                                         "call of strftime_now; use --prompt");
      continue;
    }
    ASSERT_TRUE(chat.ok()) << chat.status().message();
    for (size_t i = 0; i < said.size(); ++i) {
      const llvm::StringRef words = chat->trims ? llvm::StringRef(said[i]).trim() : llvm::StringRef(said[i]);
      EXPECT_EQ((chat->prefix + words + chat->suffix).str(), rendered[i]);
    }
  }
}

TEST(ChatTemplate, WhatIsWrittenOnceIsFound) {
  EXPECT_EQ(render("{{ bos_token }}{% for m in messages %}[{{ m.content | trim }}]{% endfor %}"), "<BOS>[|trim|]");
  EXPECT_EQ(render("{{ messages[0].content }}{{ eos_token }}"), "|<EOS>");
  const std::string advice = "; use --prompt";
  EXPECT_EQ(render("nothing"),
            "t: expected a template that writes what the user says once, got one that gives \"nothing\"" + advice);
  EXPECT_NE(render("{{ messages[0].content }}{{ messages[0].content }}").find("what the user says once"),
            std::string::npos);
  EXPECT_NE(render("{{ messages[0].content | upper }}").find("what the user says once"), std::string::npos);
  EXPECT_NE(render("{{ messages[0].content.lstrip() }}").find("as it is or trimmed"), std::string::npos);
}

TEST(ChatTemplate, RefusalsAdviseThePrompt) {
  EXPECT_EQ(render("a\n{{ raise_exception('only systems') }}"),
            "t: line 2: expected a template that takes one user turn, got its refusal: only systems; use --prompt");
  EXPECT_EQ(render("{% include 'x' %}"),
            "t: line 1: expected if, for, set, break or continue, got \"include\"; use --prompt");
}
