#include "compiler/support/Json.h"
#include "compiler/support/Errors.h"
#include "test/frontends/Builders.h"
#include <cmath>
#include <sys/stat.h>

using namespace lathe;
using namespace lathe::testing;

TEST(Json, RefusesFourHundredThousandBrackets) {
  for (const char *bracket : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 400'000; ++i)
      deep += bracket;
    EXPECT_EQ(messageOf(parseJson("a.json", deep)), "a.json: expected JSON nested at most 128 deep, got more");
  }
}

TEST(Json, CountsOnlyBracketsOutsideStrings) {
  EXPECT_TRUE(parseJson("a.json", "[\"" + std::string(1000, '[') + "\", \"\\\"[[[\"]").ok());
  EXPECT_TRUE(parseJson("a.json", std::string(128, '[') + std::string(128, ']')).ok());
  EXPECT_FALSE(parseJson("a.json", std::string(129, '[') + std::string(129, ']')).ok());
}

TEST(Json, RefusesMoreBytesThanAllowed) {
  EXPECT_EQ(messageOf(parseJson("a.json", "[1, 2, 3]", 8)), "a.json: expected at most 8 bytes of JSON, got 9");
}

TEST(Json, RefusesMoreValuesThanMemoryWouldHold) {
  std::string many = "[0";
  for (uint64_t i = 0; i < maxJsonValues; ++i)
    many += ",0";
  EXPECT_EQ(messageOf(parseJson("a.json", many + "]")), "a.json: expected JSON of at most 8000000 values, got more");
}

TEST(Json, NamesThePlaceOfASyntaxError) {
  EXPECT_EQ(messageOf(parseJson("a.json", "{\"a\": 1,\n")),
            "a.json: expected JSON, got an error at [2:0, byte=9]: Expected object key");
  EXPECT_EQ(messageOf(parseJson("a.json", "")), "a.json: expected JSON, got an error at [1:0, byte=0]: Unexpected EOF");
}

/// U+2000B, which LLVM 22's parser takes for another character, and its neighbours on both sides of the mistake.
TEST(Json, SurrogatePairsAreTheCharacterTheyMean) {
  auto value = parseJson("a.json", R"(["\ud840\udc0b", "\uD83D\uDE00", "\udbff\udfff", "\\ud840\\udc0b", "\ud840"])");
  ASSERT_TRUE(value.ok());
  const llvm::json::Array &texts = *value->getAsArray();
  EXPECT_EQ(texts[0].getAsString(), "\xf0\xa0\x80\x8b");
  EXPECT_EQ(texts[1].getAsString(), "\xf0\x9f\x98\x80");
  EXPECT_EQ(texts[2].getAsString(), "\xf4\x8f\xbf\xbf");
  EXPECT_EQ(texts[3].getAsString(), "\\ud840\\udc0b");
  EXPECT_EQ(texts[4].getAsString(), "\xef\xbf\xbd"); // half a pair is no character
}

/// As Python's json does it.
TEST(Json, ReadsTheNamesOfNumbersOutsideStrings) {
  auto value = parseJson(
      "a.json", R"({"NaN": [NaN, 0, 1,Infinity,-Infinity, "NaN \" Infinity"], "a": NaN, "a": 1, "b": 1, "b": NaN})");
  ASSERT_EQ(messageOf(value), "");
  const llvm::json::Object &object = *value->getAsObject();
  const llvm::json::Array &list = *object.getArray("NaN");
  EXPECT_TRUE(std::isnan(*list[0].getAsNumber()));
  EXPECT_EQ(list[1].getAsInteger(), 0);
  EXPECT_EQ(list[2].getAsInteger(), 1);
  EXPECT_EQ(list[3].getAsNumber(), HUGE_VAL);
  EXPECT_EQ(list[4].getAsNumber(), -HUGE_VAL);
  EXPECT_EQ(list[5].getAsString(), "NaN \" Infinity");
  EXPECT_EQ(object.getInteger("a"), 1) << "the last counts";
  EXPECT_TRUE(std::isnan(*object.getNumber("b")));
  EXPECT_TRUE(std::isnan(*parseJson("a.json", " NaN\n")->getAsNumber()));
  for (const char *text : {"1NaN", "NaN1", "[NaNNaN]", "-NaN", "+Infinity", "Infinit", "nan", "[N]", "{NaN: 1}"})
    EXPECT_FALSE(parseJson("a.json", text).ok()) << text;
}

/// Texts that Python's json reads, and texts that it refuses.
TEST(Json, KeepsToPythonsGrammar) {
  for (const char *text :
       {"-0", "0.5e+3", "1E5", "\t[1]\r\n ", "123456789012345678901234567890", "1e400", "\"\\u0000\""})
    EXPECT_EQ(messageOf(parseJson("a.json", text)), "") << text;
  for (const char *text : {"01", "+1", ".5", "1.", "-", "1e", "1.2.3", "--1", "0x1", "[1,]", "{\"a\":1,}", "[1] 2",
                           "'a'", "\"\t\"", "\"\\x41\"", "\"\xff\"", "// a\n1"})
    EXPECT_FALSE(parseJson("a.json", text).ok()) << text;
  EXPECT_EQ(messageOf(parseJson("a.json", "[1, -01.5]")), "a.json: expected JSON, got the number -01.5 at byte 4");
  EXPECT_EQ(messageOf(parseJson("a.json", "\xef\xbb\xbf{}")), "a.json: expected JSON, got a byte order mark before it");
  EXPECT_EQ(parseJson("a.json", R"({"a": 1, "a": {"b": 2}})")->getAsObject()->getObject("a")->getInteger("b"), 2);
}

namespace {
struct Read : ::testing::Test {
  absl::Status status;
  llvm::json::Value value = nullptr;
  JsonObject read(llvm::StringRef text) {
    value = *parseJson("a.json", text);
    return {"a.json", *value.getAsObject(), status};
  }
};
} // namespace

TEST_F(Read, NumbersByTheirKeyPath) {
  JsonObject keys = read(R"({"rope": {"factor": "8x"}})");
  keys.object("rope")->number("factor");
  EXPECT_EQ(messageOf(status), R"(a.json: rope.factor: expected a number, got "8x")");
}

TEST_F(Read, KeepsTheFirstError) {
  JsonObject keys = read(R"({"a": true, "b": []})");
  keys.integer("a", 0, 9);
  keys.number("b");
  EXPECT_EQ(messageOf(status), "a.json: a: expected an integer from 0 to 9, got true");
}

TEST_F(Read, TellsAbsentFromNull) {
  JsonObject keys = read(R"({"none": null})");
  llvm::json::Value defaults = *llvm::json::parse(R"({"none": 1, "left": 2})");
  keys.setDefaults(defaults.getAsObject());
  EXPECT_FALSE(keys.has("none"));
  EXPECT_TRUE(keys.states("none"));
  EXPECT_EQ(keys.integer("left", 0, 9), 2);
  EXPECT_FALSE(keys.states("left"));
  keys.integer("none", 0, 9);
  EXPECT_EQ(messageOf(status), "a.json: none: expected an integer from 0 to 9, got null");
}

TEST_F(Read, IntegersWrittenAsReals) {
  JsonObject keys = read(R"({"a": 4096.0, "b": 1e3, "c": 1.5})");
  EXPECT_EQ(keys.integer("a", 0, 9999), 4096);
  EXPECT_EQ(keys.integer("b", 0, 9999), 1000);
  keys.integer("c", 0, 9999);
  EXPECT_EQ(messageOf(status), "a.json: c: expected an integer from 0 to 9999, got 1.5");
}

TEST_F(Read, RefusesNumbersNothingCanHold) {
  for (const char *text : {"9223372036854775808.0", "1e300", "18446744073709551615", "-9223372036854775809"}) {
    status = absl::OkStatus();
    read((R"({"a": )" + std::string(text) + "}")).integer("a", 0, 9);
    EXPECT_FALSE(status.ok()) << text;
  }
  status = absl::OkStatus();
  read(R"({"a": 1e999})").number("a");
  EXPECT_EQ(messageOf(status), "a.json: a: expected a number, got inf");
}

TEST_F(Read, RefusesNamesOfNumbersByTheirKey) {
  struct {
    const char *text, *message;
  } cases[] = {{R"({"n": NaN})", "a.json: n: expected a number, got nan"},
               {R"({"n": Infinity})", "a.json: n: expected a number, got inf"},
               {R"({"n": -Infinity})", "a.json: n: expected a number, got -inf"},
               {R"({"n": 1, "i": NaN})", "a.json: i: expected an integer from 0 to 9, got nan"},
               {R"({"n": 1, "i": 1, "list": [Infinity]})", "a.json: list: expected an integer from 0 to 9, got inf"},
               {R"({"n": 1, "i": 1, "b": NaN})", "a.json: b: expected true or false, got nan"},
               {R"({"n": 1, "i": 1, "other": NaN, "more": [Infinity]})", ""}};
  for (auto [text, message] : cases) {
    status = absl::OkStatus();
    JsonObject keys = read(text);
    keys.number("n");
    keys.integer("i", 0, 9, 0);
    keys.integers("list", 0, 9);
    keys.boolean("b", false);
    EXPECT_EQ(messageOf(status), message);
  }
}

TEST_F(Read, WrongKinds) {
  struct {
    void (*read)(const JsonObject &);
    const char *message;
  } cases[] = {
      {[](const JsonObject &keys) { keys.boolean("n"); }, "a.json: n: expected true or false, got 1"},
      {[](const JsonObject &keys) { keys.string("n"); }, "a.json: n: expected a string, got 1"},
      {[](const JsonObject &keys) { keys.strings("n"); }, "a.json: n: expected an array of strings, got 1"},
      {[](const JsonObject &keys) { keys.strings("a"); },
       "a.json: a: expected an array of strings, got one with an array"},
      {[](const JsonObject &keys) { keys.object("a"); }, "a.json: a: expected an object, got an array"},
      {[](const JsonObject &keys) { keys.integers("o", 0, 9); },
       "a.json: o: expected an integer from 0 to 9, got an object"},
      {[](const JsonObject &keys) {
         keys.positive("n", 1);
         keys.positive("z");
       },
       "a.json: z: expected a number greater than 0, got 0"},
      {[](const JsonObject &keys) { keys.number("q"); }, "a.json: q: expected a number, got no such key"},
      {[](const JsonObject &keys) { keys.string("q"); }, "a.json: q: expected a string, got no such key"},
      {[](const JsonObject &keys) { keys.strings("q"); }, "a.json: q: expected an array of strings, got no such key"},
      {[](const JsonObject &keys) { keys.boolean("q"); }, "a.json: q: expected true or false, got no such key"},
  };
  for (const auto &row : cases) {
    status = absl::OkStatus();
    row.read(read(R"({"n": 1, "a": [[]], "o": {}, "z": 0})"));
    EXPECT_EQ(messageOf(status), row.message);
  }
}

TEST(Errors, StayOnOneLine) {
  EXPECT_EQ(quoted("a\nb\x01\"\\"), R"("a\x0ab\x01\"\\")");
  EXPECT_EQ(quoted("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(quoted("\xff\xfe"), R"("\xff\xfe")");
  EXPECT_EQ(printable(std::string(200, 'x')), std::string(120, 'x') + "...");
}

TEST(Errors, NameTheNearest) {
  EXPECT_EQ(expectedOneOf({"gemma3", "llama", "qwen3"}, "llama4"),
            R"(expected one of gemma3, llama, qwen3, got "llama4"; the nearest is "llama")");
  EXPECT_EQ(expectedOneOf({}, "x"), R"(expected one of none, got "x")");
}

TEST(File, OpensRegularFilesOnly) {
  TemporaryDirectory directory;
  EXPECT_EQ(messageOf(MappedFile::open(directory / "absent")), directory / "absent" + ": No such file or directory");
  EXPECT_EQ(messageOf(MappedFile::open(directory.str())), directory.str() + ": expected a file, found a directory");
  EXPECT_EQ(messageOf(MappedFile::open("/dev/zero")), "/dev/zero: expected a file, found a device");
  ASSERT_EQ(mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(messageOf(MappedFile::open(directory / "fifo")), directory / "fifo" + ": expected a file, found a FIFO");
  auto file = MappedFile::open(directory.write("one", "1"));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->size(), 1u);
}
