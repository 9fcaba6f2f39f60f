//===- JsonTest.cpp - the output is valid JSON --------------------------------------------------------------------===//

#include "runtime/support/Json.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace lrt;

TEST(Json, objectsAndListsNest) {
  Json json;
  json.beginObject();
  json.integer("a", -3);
  json.beginList("list");
  json.number(nullptr, 0.25, 3);
  json.boolean(nullptr, true);
  json.beginObject();
  json.end();
  json.beginList();
  json.end();
  json.end();
  json.text("last", "{");
  json.null("after");
  json.end();
  EXPECT_EQ(json.str(), R"({"a": -3, "list": [0.250, true, {}, []], "last": "{", "after": null})");
}

TEST(Json, whatIsNotANumberIsNull) {
  Json json;
  json.beginList();
  for (double value : {1.0, double(NAN), double(INFINITY), -double(INFINITY)})
    json.number(nullptr, value, 0);
  json.end();
  EXPECT_EQ(json.str(), "[1, null, null, null]");
}

TEST(Json, stringsAreEscaped) {
  EXPECT_EQ(quoted("a\"b\\c\nd\te\x01\x7f"), R"("a\"b\\c\nd\u0009e\u0001\u007f")");
  EXPECT_EQ(quoted(std::string_view("a\0b", 3)), R"("a\u0000b")");
  EXPECT_EQ(quoted("é€😀"), "\"é€😀\"");
}

// As Python's bytes.decode(errors="replace").
TEST(Json, everyBeginningOfACharacterThatIsNotWholeIsOneReplacement) {
  const std::string r = "\xef\xbf\xbd";
  EXPECT_EQ(quoted("\xe2\x82"), '"' + r + '"');                     // two of three bytes
  EXPECT_EQ(quoted("\xf0\x9f\x98!"), '"' + r + "!\"");              // three of four
  EXPECT_EQ(quoted("\x80\xbf"), '"' + r + r + '"');                 // cannot begin a character
  EXPECT_EQ(quoted("\xc0\xaf"), '"' + r + r + '"');                 // overlong
  EXPECT_EQ(quoted("\xe0\x80\x80"), '"' + r + r + r + '"');         // overlong
  EXPECT_EQ(quoted("\xed\xa0\x80"), '"' + r + r + r + '"');         // a surrogate
  EXPECT_EQ(quoted("\xf4\x90\x80\x80"), '"' + r + r + r + r + '"'); // above U+10FFFF
  EXPECT_EQ(quoted("\xf5\x80"), '"' + r + r + '"');                 // no such first byte
  EXPECT_EQ(quoted("\xc3"), '"' + r + '"');
}
