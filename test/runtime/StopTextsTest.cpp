//===- StopTextsTest.cpp - where the answer ends ------------------------------------------------------------------===//

#include "runtime/sampling/StopTexts.h"

#include <gtest/gtest.h>

using namespace lrt;

namespace {

struct Shown {
  std::string text, found;
  bool operator==(const Shown &) const = default;
};

Shown feed(const std::vector<std::string> &stops, const std::vector<std::string> &pieces) {
  StopTexts texts(stops);
  Shown shown;
  for (const std::string &piece : pieces)
    shown.text += texts.add(piece);
  shown.found = texts.found() ? *texts.found() : "";
  if (!texts.found())
    shown.text += texts.flush();
  return shown;
}

/// The result is the same however the text is cut: not at all, into bytes, and into two at every byte.
Shown feedAnyhow(const std::vector<std::string> &stops, const std::string &text) {
  const Shown whole = feed(stops, {text});
  std::vector<std::string> characters;
  for (char c : text)
    characters.push_back(std::string(1, c));
  EXPECT_EQ(feed(stops, characters), whole) << text;
  for (size_t place = 0; place <= text.size(); ++place)
    EXPECT_EQ(feed(stops, {text.substr(0, place), text.substr(place)}), whole) << text << " at " << place;
  return whole;
}

} // namespace

TEST(StopTexts, areFoundAcrossPieces) {
  EXPECT_EQ(feedAnyhow({"END"}, "one END two"), (Shown{"one ", "END"}));
  EXPECT_EQ(feedAnyhow({"END"}, "END"), (Shown{"", "END"}));
  EXPECT_EQ(feedAnyhow({"END"}, "one EN"), (Shown{"one EN", ""}));
  EXPECT_EQ(feedAnyhow({}, "one"), (Shown{"one", ""}));
  EXPECT_EQ(feedAnyhow({"x"}, ""), (Shown{"", ""}));
}

TEST(StopTexts, thatBeginAgainInsideAreFound) {
  EXPECT_EQ(feedAnyhow({"aab"}, "aaab!"), (Shown{"a", "aab"}));
  EXPECT_EQ(feedAnyhow({"abab"}, "abaabab"), (Shown{"aba", "abab"}));
}

TEST(StopTexts, theOneThatEndsFirstCounts) {
  EXPECT_EQ(feedAnyhow({"bc", "abcd"}, "abcd"), (Shown{"a", "bc"}));
  EXPECT_EQ(feedAnyhow({"abcd", "xyz"}, "abcxyz"), (Shown{"abc", "xyz"}));
  EXPECT_EQ(feedAnyhow({"c", "abc"}, "abc"), (Shown{"", "abc"})); // of those that end together the longest
}

TEST(StopTexts, onlyWhatCouldBeABeginningIsHeldBack) {
  StopTexts texts({"stop", "###"});
  EXPECT_EQ(texts.add("a s"), "a ");
  EXPECT_EQ(texts.add("ta"), "sta");
  EXPECT_EQ(texts.add("##"), "");
  EXPECT_EQ(texts.add("x#"), "##x");
  EXPECT_EQ(texts.flush(), "#");
}

TEST(StopTexts, nothingComesAfterOne) {
  StopTexts texts({"."});
  EXPECT_EQ(texts.add("a.b"), "a");
  EXPECT_EQ(texts.add("c"), "");
}
