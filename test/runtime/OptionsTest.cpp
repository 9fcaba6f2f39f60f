//===- OptionsTest.cpp - the command line, word by word -----------------------------------------------------------===//

#include "runtime/commands/Options.h"

#include "Files.h"

#include <gtest/gtest.h>

using namespace lrt;

namespace {

struct Parsed {
  bool good;
  std::string error;
  bool flag = false;
  std::optional<int64_t> count;
  std::optional<double> ratio;
  std::optional<std::string> text;
  std::vector<int64_t> list;
  std::vector<std::string> stops;
  std::optional<std::string> choice;
};

Parsed parse(const std::vector<std::string> &arguments) {
  Parsed parsed;
  Options options;
  options.flag("--flag", "a flag", parsed.flag);
  options.integer("-n", "N", "a count", parsed.count, 0);
  options.number("--ratio", "R", "a ratio", parsed.ratio, 0, 1);
  options.text("--text", "TEXT", "a text", parsed.text);
  options.integers("--list", "N[,N...]", "a list", parsed.list, 1);
  options.texts("--stop", "TEXT", "texts", parsed.stops);
  options.choice("--choice", "one of two", {"one", "two"}, parsed.choice);
  parsed.good = options.parse(arguments, parsed.error);
  return parsed;
}

} // namespace

TEST(Options, fillTheirVariables) {
  Parsed parsed = parse({"--flag", "-n", "12", "--ratio=0.5", "--text", "--flag"});
  EXPECT_TRUE(parsed.good) << parsed.error;
  EXPECT_TRUE(parsed.flag);
  EXPECT_EQ(parsed.count, 12);
  EXPECT_EQ(parsed.ratio, 0.5);
  EXPECT_EQ(parsed.text, "--flag"); // what follows is the value, whatever it looks like
}

TEST(Options, whatIsNotGivenStaysUnset) {
  Parsed parsed = parse({});
  EXPECT_TRUE(parsed.good);
  EXPECT_FALSE(parsed.flag || parsed.count || parsed.ratio || parsed.text);
}

TEST(Options, aSecondValueIsRefused) {
  EXPECT_EQ(parse({"-n", "1", "-n", "2"}).error, "-n: expected once, found twice");
  EXPECT_EQ(parse({"-n", "1", "-n", "1"}).error, "-n: expected once, found twice");
  EXPECT_EQ(parse({"--text", "a", "--flag", "--text=b"}).error, "--text: expected once, found twice");
  EXPECT_EQ(parse({"--ratio=1", "--ratio", "1"}).error, "--ratio: expected once, found twice");
  EXPECT_EQ(parse({"--list", "1", "--list", "2"}).error, "--list: expected once, found twice");
}

TEST(Options, flagsMayRepeat) { EXPECT_TRUE(parse({"--flag", "--flag"}).flag); }

TEST(Options, listsHaveCommas) {
  EXPECT_EQ(parse({"--list", "3"}).list, std::vector<int64_t>{3});
  EXPECT_EQ(parse({"--list=3,1,12"}).list, (std::vector<int64_t>{3, 1, 12}));
  for (const char *value : {"", ",", "1,", ",1"})
    EXPECT_EQ(parse({"--list", value}).error, "--list: expected an integer of at least 1, found \"\"");
  EXPECT_EQ(parse({"--list", "3,0"}).error, "--list: expected an integer of at least 1, found \"0\"");
}

TEST(Options, textMayBeEmptyOrHoldAnEqualsSign) {
  EXPECT_EQ(parse({"--text", ""}).text, "");
  EXPECT_EQ(parse({"--text=a=b"}).text, "a=b");
}

TEST(Options, errorsNameTheOptionAndTheValue) {
  EXPECT_EQ(parse({"--foo"}).error, "unknown option --foo");
  EXPECT_EQ(parse({"--foo=1"}).error, "unknown option --foo");
  EXPECT_EQ(parse({"word"}).error, "expected an option, found \"word\"");
  EXPECT_EQ(parse({""}).error, "expected an option, found \"\"");
  EXPECT_EQ(parse({"--flag=1"}).error, "--flag takes no value");
  EXPECT_EQ(parse({"-n"}).error, "-n needs a value: -n N");
  for (const char *value : {"", "x", "1x", " 1", "+1", "-1", "99999999999999999999", "1.5"})
    EXPECT_EQ(parse({"-n", value}).error,
              std::string("-n: expected an integer of at least 0, found \"") + value + "\"");
  for (const char *value : {"", "x", "2", "-0.1", "nan", "inf", "0.5x"})
    EXPECT_EQ(parse({"--ratio", value}).error,
              std::string("--ratio: expected a number from 0 to 1, found \"") + value + "\"");
}

TEST(Options, textsAddUp) {
  EXPECT_EQ(parse({"--stop", "a", "--stop=--flag"}).stops, (std::vector<std::string>{"a", "--flag"}));
  EXPECT_EQ(parse({"--stop", ""}).error, "--stop: expected a text, found an empty one");
}

TEST(Options, aChoiceIsOneOfItsWords) {
  EXPECT_EQ(parse({"--choice", "two"}).choice, "two");
  EXPECT_EQ(parse({"--choice", "three"}).error, "--choice: expected one or two, found \"three\"");
}

TEST(Options, theNearestNameIsNamed) {
  EXPECT_EQ(parse({"--ratoi", "1"}).error, "unknown option --ratoi, did you mean --ratio?");
  EXPECT_EQ(parse({"--n", "1"}).error, "unknown option --n, did you mean -n?");
  EXPECT_EQ(parse({"-text=a"}).error, "unknown option -text=a, did you mean --text?");
  EXPECT_EQ(parse({"--tset", "1"}).error, "unknown option --tset, did you mean --text?");
  EXPECT_EQ(parse({"--completely-different"}).error, "unknown option --completely-different");
  EXPECT_EQ(parse({"--" + std::string(10'000, 'x')}).error, "unknown option --" + std::string(10'000, 'x'));
}

TEST(Tokens, areParsed) {
  std::vector<int32_t> tokens;
  std::string error;
  EXPECT_TRUE(parseTokens("7", 10, tokens, error));
  EXPECT_EQ(tokens, std::vector<int32_t>({7}));
  EXPECT_TRUE(parseTokens("0,9, 3", 10, tokens, error));
  EXPECT_EQ(tokens, std::vector<int32_t>({0, 9, 3}));
}

TEST(Tokens, errorsNameThePlace) {
  std::vector<int32_t> tokens;
  std::string error;
  auto fails = [&](const char *text) {
    EXPECT_FALSE(parseTokens(text, 10, tokens, error));
    return error;
  };
  EXPECT_EQ(fails(""), "--tokens: expected ids separated by commas, found \"\" at position 1");
  EXPECT_EQ(fails("1,,2"), "--tokens: expected ids separated by commas, found \"\" at position 2");
  EXPECT_EQ(fails("1,2,"), "--tokens: expected ids separated by commas, found \"\" at position 3");
  EXPECT_EQ(fails("1,2x"), "--tokens: expected ids separated by commas, found \"2x\" at position 2");
  EXPECT_EQ(fails("1 2"), "--tokens: expected ids separated by commas, found \"1 2\" at position 1");
  EXPECT_EQ(fails("1,10"), "--tokens: id 10 at position 2 is outside the vocabulary of 10");
  EXPECT_EQ(fails("-1"), "--tokens: id -1 at position 1 is outside the vocabulary of 10");
  EXPECT_EQ(fails("99999999999999999999"),
            "--tokens: expected ids separated by commas, found \"99999999999999999999\" at position 1");
}

TEST(Tokens, aFileMayPartThemByWhiteSpace) {
  TemporaryDirectory directory;
  std::vector<int32_t> tokens;
  std::string error;
  for (const char *text : {"1,2,3", "1 2\n3\n", " 1,\t2,\r\n3,", "1\n\n,2 , 3"}) {
    EXPECT_TRUE(readTokensFile(directory.write("ids", text), 10, tokens, error)) << error;
    EXPECT_EQ(tokens, std::vector<int32_t>({1, 2, 3})) << text;
  }
  EXPECT_EQ(joinTokens(tokens), "1,2,3");
  EXPECT_EQ(joinTokens({}), "");
}

TEST(Tokens, errorsNameTheFile) {
  TemporaryDirectory directory;
  std::vector<int32_t> tokens;
  std::string error, path;
  auto fails = [&](const std::string &text) {
    path = directory.write("ids", text);
    EXPECT_FALSE(readTokensFile(path, 10, tokens, error));
    return error.substr(std::min(path.size(), error.size()));
  };
  EXPECT_EQ(fails(""), ": expected ids separated by commas or white space, found none");
  EXPECT_EQ(fails(" ,\n"), ": expected ids separated by commas or white space, found none");
  EXPECT_EQ(fails("1 [2]"), ": expected ids separated by commas or white space, found \"[2]\" at position 2");
  EXPECT_EQ(fails(std::string("1\0002", 3)), // nothing hides behind a NUL
            std::string(": expected ids separated by commas or white space, found \"1\" at position 1"));
  EXPECT_EQ(fails("1 10"), ": id 10 at position 2 is outside the vocabulary of 10");
  EXPECT_FALSE(readTokensFile("/nowhere", 10, tokens, error));
  EXPECT_EQ(error, "/nowhere: cannot read: No such file or directory");
}
