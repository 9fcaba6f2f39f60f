//===- ChatTemplateTest.cpp - chat templates rendered for one user turn -------------------------------------------===//

#include "compiler/support/File.h"
#include "compiler/support/Json.h"
#include "frontends/tokenizer/TokenizerModel.h"
#include "llvm/Support/Path.h"
#include <gtest/gtest.h>

using namespace lathe;

/// Prefix, "|" for the user's text ("|trim|" if trimmed), suffix, and the guards in angle brackets; or the error.
static std::string render(llvm::StringRef chatTemplate) {
  auto chat = renderChat("t", chatTemplate, {{"bos_token", "<BOS>"}, {"eos_token", "<EOS>"}});
  if (!chat.ok())
    return std::string(chat.status().message());
  const char *trims[] = {"|", "|left|", "|right|", "|trim|"};
  const auto trimOf = [&](uint32_t trim) {
    return trims[(trim & LRT_TOKENIZER_TRIM_CHAT_LEFT ? 1 : 0) + (trim & LRT_TOKENIZER_TRIM_CHAT_RIGHT ? 2 : 0)];
  };
  std::string text = chat->prefix + trimOf(chat->trim) + chat->suffix;
  const char *kinds[] = {"is ", "starts ", "ends ", "contains "};
  for (const ChatGuard &guard : chat->guards)
    text += std::string("<") + trimOf(guard.trim) + kinds[guard.kind] + guard.text + ">";
  return text;
}

/// Published templates are rendered as by transformers (goldens: test/tools/make-chat-goldens.py).
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
    if (rendered.empty()) { // the template writes only the date
      EXPECT_EQ(chat.status().message(), "t: line 1: expected a template whose text does not depend on the day, got a "
                                         "call of strftime_now; use --prompt");
      continue;
    }
    ASSERT_TRUE(chat.ok()) << chat.status().message();
    for (size_t i = 0; i < said.size(); ++i) {
      const llvm::StringRef words = chat->trim ? llvm::StringRef(said[i]).trim() : llvm::StringRef(said[i]);
      EXPECT_EQ((chat->prefix + words + chat->suffix).str(), rendered[i]);
    }
  }
}

TEST(ChatTemplate, WhatIsWrittenOnceIsFound) {
  EXPECT_EQ(render("{{ bos_token }}{% for m in messages %}[{{ m.content | trim }}]{% endfor %}"), "<BOS>[|trim|]");
  EXPECT_EQ(render("{{ messages[0].content }}{{ eos_token }}"), "|<EOS>");
  const std::string advice = "; use --prompt";
  EXPECT_EQ(render("nothing"),
            "t: expected a template that writes the user's text once, got one that gives \"nothing\"" + advice);
  EXPECT_EQ(render("{{ messages[0].content }}{{ messages[0].content }}"),
            "t: line 1: expected the user's text once, got it twice" + advice);
}

/// Text may be put around the user's text in any way. Trimming is allowed if its result does not depend on that text.
TEST(ChatTemplate, TheUsersTextIsCarriedAndTrimmed) {
  const std::string content = "{% set c = messages[0].content %}";
  EXPECT_EQ(render(content + "{{ 'a' + c + 'b' }}"), "a|b");
  EXPECT_EQ(render(content + "{{ 'a' ~ c ~ 1 }}{{ c2 }}"), "a|1");
  EXPECT_EQ(render(content + "{{ ['a', c, 'b'] | join('-') }}"), "a-|-b");
  EXPECT_EQ(render(content + "{% set x %}[{{ c }}]{% endset %}<{{ x }}>"), "<[|]>");
  EXPECT_EQ(render(content + "{{ c | string | safe | default('x') }}"), "|");
  EXPECT_EQ(render("{% set n = namespace(c=messages[0].content) %}{{ n.c }}"), "|");
  EXPECT_EQ(render(content + "{{ c.strip() }}"), "|trim|");
  EXPECT_EQ(render(content + "{{ c.lstrip() }}"), "|left|");
  EXPECT_EQ(render(content + "{{ c.rstrip() }}"), "|right|");
  EXPECT_EQ(render(content + "{{ (' \n' + c + '\u3000') | trim }}"), "|trim|");
  EXPECT_EQ(render(content + "{{ (' [' + c + '] ') | trim }}"), "[|]");
  EXPECT_EQ(render(content + "{{ (c + ']') | trim }}"), "|left|]");
  EXPECT_EQ(render(content + "{{ (c + ' ]') | trim }}"),
            "t: line 1: expected the user's text to be trimmed alone, got text with space around it; use --prompt");
}

/// A test of the user's text is answered with no, and becomes a guard for texts with another answer.
TEST(ChatTemplate, QuestionsAboutTheWordsBecomeGuards) {
  const std::string content = "{% set c = messages[0].content %}";
  const auto ask = [&](const std::string &question) {
    return render(content + "{{ c }}{{ 'yes' if " + question + " else 'no' }}");
  };
  EXPECT_EQ(ask("'/quiet' in c"), "|no<|contains /quiet>");
  EXPECT_EQ(ask("'/quiet' not in c"), "|yes<|contains /quiet>");
  EXPECT_EQ(ask("c.startswith('/a') and c.endswith('b')"), "|no<|starts /a>");
  EXPECT_EQ(ask("c.startswith('/a') or c.endswith('b')"), "|no<|starts /a><|ends b>");
  EXPECT_EQ(ask("c"), "|yes<|is >");
  EXPECT_EQ(ask("not c"), "|no<|is >");
  EXPECT_EQ(ask("c == 'x'"), "|no<|is x>");
  EXPECT_EQ(ask("'x' != c"), "|yes<|is x>");
  EXPECT_EQ(ask("c in ['x', 'y']"), "|no<|is x><|is y>");
  EXPECT_EQ(ask("c | trim == ''"), "|no<|trim|is >");
  EXPECT_EQ(ask("(c or 'x') == c"), "|yes<|is >");
  EXPECT_EQ(ask("messages[0] == messages[-1]"), "|yes");
  EXPECT_EQ(ask("messages | selectattr('content', 'equalto', 'x') | list"), "|no<|is x>");
  // True of every text.
  EXPECT_EQ(ask("c is string and c is defined and c is not none and c is not mapping and c is iterable"), "|yes");
  EXPECT_EQ(ask("c is number or c == 1 or c == none or c is undefined or c == []"), "|no");
  EXPECT_EQ(ask("'' in c and ('a' + c)"), "|yes");
}

TEST(ChatTemplate, WhatElseDependsOnTheWordsIsRefused) {
  const std::string content = "{% set c = messages[0].content %}";
  const auto why = [&](const std::string &expression) { return render(content + "{{ c }}{{ " + expression + " }}"); };
  const auto refusal = [](const std::string &reason) { return "t: line 1: expected " + reason + "; use --prompt"; };
  EXPECT_EQ(why("c.replace('<', '&lt;')"), refusal("a known method of the user's text, got \"replace\""));
  EXPECT_EQ(why("c | upper"), refusal("a known filter for the user's text, got \"upper\""));
  EXPECT_EQ(why("c | length"), refusal("a known filter for the user's text, got \"length\""));
  EXPECT_EQ(why("c | tojson"), refusal("a value for tojson, got the user's text"));
  EXPECT_EQ(why("{'a': [c]} | tojson"), refusal("a value for tojson, got the user's text"));
  EXPECT_EQ(why("c[:3]"), refusal("a list or text to take a part of, got the user's text"));
  EXPECT_EQ(why("c[0]"), refusal("a list and a number, got the user's text and an integer"));
  EXPECT_EQ(why("{'a': 1}[c]"), refusal("a list and a number, got a dict and the user's text"));
  EXPECT_EQ(why("c < 'x'"), refusal("two numbers or two texts around \"<\", got the user's text and text"));
  EXPECT_EQ(why("c in 'some text'"), refusal("a list, a dict or text around it, got the user's text in text"));
  EXPECT_EQ(why("c + 'x' == 'yx'"), refusal("a test of the user's text alone, got one of a longer text with it"));
  EXPECT_EQ(why("c == c | trim"),
            refusal("a comparison of the user's text with other text, got one with itself in another form"));
  EXPECT_EQ(why("'abc'.startswith(c)"), refusal("text as an argument, got the user's text"));
  EXPECT_EQ(why("'abc'.replace('b', c)"), refusal("text as an argument, got the user's text"));
  EXPECT_EQ(why("c.split('x')"), refusal("a known method of the user's text, got \"split\""));
  EXPECT_EQ(why("c.strip('x')"), refusal("a known method of the user's text, got \"strip\""));
  EXPECT_EQ(why("c.count('x')"), refusal("a known method of the user's text, got \"count\""));
  EXPECT_EQ(why("c is lower"), refusal("a known test for the user's text, got \"lower\""));
  EXPECT_EQ(why("c * 2"), refusal("operands of \"*\", got the user's text and an integer"));
  EXPECT_EQ(why("range(c)"), refusal("a function such as raise_exception or namespace, got \"range\""));
  EXPECT_EQ(why("raise_exception(c)"), refusal("text as an argument, got the user's text"));
  EXPECT_EQ(render(content + "{% for letter in c %}{{ letter }}{% endfor %}"),
            refusal("a list to iterate over, got the user's text"));
  std::string many = content + "{{ c }}";
  for (int i = 0; i < 65; ++i)
    many += "{{ 'x' if '" + std::to_string(i) + "' in c }}";
  EXPECT_EQ(render(many), refusal("at most 64 tests of the user's text, got more"));
}

TEST(ChatTemplate, RefusalsAdviseThePrompt) {
  EXPECT_EQ(render("a\n{{ raise_exception('only systems') }}"),
            "t: line 2: expected a template that takes one user turn, got its refusal: only systems; use --prompt");
  EXPECT_EQ(render("{% include 'x' %}"),
            "t: line 1: expected if, for, set, break or continue, got \"include\"; use --prompt");
}
