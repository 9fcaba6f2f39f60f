#include "frontends/gguf/Gguf.h"
#include "test/frontends/Builders.h"

using namespace lathe;
using namespace lathe::testing;

namespace {

absl::StatusOr<std::shared_ptr<const Gguf>> parse(llvm::StringRef bytes) {
  return Gguf::parse(MappedFile::fromBytes("m.gguf", bytes));
}

} // namespace

TEST(Gguf, ReadsMetadataOfEveryType) {
  GgufBuilder builder;
  builder.raw("u8", 0, littleEndian(200, 1)).raw("i8", 1, littleEndian(-5, 1)).raw("u16", 2, littleEndian(65535, 2));
  builder.raw("i16", 3, littleEndian(-300, 2)).u32("u32", 7).raw("i32", 5, littleEndian(-7, 4)).f32("f32", 1.5);
  builder.boolean("bool", true).text("string", "text").raw("u64", 10, littleEndian(uint64_t(1) << 40, 8));
  builder.raw("i64", 11, littleEndian(-9, 8)).raw("f64", 12, littleEndian(llvm::bit_cast<uint64_t>(0.1), 8));
  builder.texts("strings", {"a", "", "ccc"}).array("ints", 5, 2, littleEndian(-1, 4) + littleEndian(2, 4));
  builder.array("floats", 6, 1, littleEndian(llvm::bit_cast<uint32_t>(2.5f), 4)).array("none", 4, 0, "");
  auto opened = parse(builder.build());
  ASSERT_EQ(messageOf(opened), "");
  const Gguf &gguf = **opened;
  EXPECT_EQ(gguf.version(), 3u);
  EXPECT_EQ(gguf.metadata().size(), 16u);
  auto integer = [&](const char *key) { return gguf.integer(key, INT64_MIN, INT64_MAX).value_or(-99); };
  EXPECT_EQ(integer("u8"), 200);
  EXPECT_EQ(integer("i8"), -5);
  EXPECT_EQ(integer("u16"), 65535);
  EXPECT_EQ(integer("i16"), -300);
  EXPECT_EQ(integer("u32"), 7);
  EXPECT_EQ(integer("i32"), -7);
  EXPECT_EQ(integer("u64"), int64_t(1) << 40);
  EXPECT_EQ(integer("i64"), -9);
  EXPECT_EQ(*gguf.number("f32"), 1.5);
  EXPECT_EQ(*gguf.number("f64"), 0.1);
  EXPECT_EQ(*gguf.number("u32"), 7);
  EXPECT_EQ(*gguf.number("absent", 3), 3);
  EXPECT_TRUE(*gguf.boolean("bool"));
  EXPECT_EQ(*gguf.string("string"), "text");
  EXPECT_EQ(*gguf.strings("strings"), (std::vector<llvm::StringRef>{"a", "", "ccc"}));
  EXPECT_EQ(*gguf.integers("ints"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(*gguf.integers("u8"), std::vector<int64_t>{200});
  EXPECT_EQ(*gguf.floats("floats"), std::vector<float>{2.5});
  EXPECT_TRUE(gguf.integers("none")->empty());
  EXPECT_TRUE(gguf.strings("absent")->empty());
}

TEST(Gguf, WrongKindsNameTheKey) {
  GgufBuilder builder;
  builder.text("s", "8x").u32("u", 9).texts("l", {"a"}).raw("big", 10, littleEndian(~uint64_t(0), 8));
  builder.f32("inf", INFINITY).boolean("b", false);
  auto opened = parse(builder.build());
  ASSERT_EQ(messageOf(opened), "");
  const Gguf &gguf = **opened;
  EXPECT_EQ(messageOf(gguf.integer("s", 0, 5)), R"(m.gguf: s: expected an integer from 0 to 5, got "8x")");
  EXPECT_EQ(messageOf(gguf.integer("u", 0, 5)), "m.gguf: u: expected an integer from 0 to 5, got 9");
  EXPECT_EQ(messageOf(gguf.integer("l", 0, 5)), "m.gguf: l: expected an integer from 0 to 5, got an array of 1 string");
  EXPECT_EQ(messageOf(gguf.integer("big", 0, 5)),
            "m.gguf: big: expected an integer from 0 to 5, got 18446744073709551615");
  EXPECT_EQ(messageOf(gguf.integer("b", 0, 5)), "m.gguf: b: expected an integer from 0 to 5, got false");
  EXPECT_EQ(messageOf(gguf.integer("q", 0, 5)), "m.gguf: q: expected an integer from 0 to 5, got no such key");
  EXPECT_EQ(messageOf(gguf.number("inf")), "m.gguf: inf: expected a number, got inf");
  EXPECT_EQ(messageOf(gguf.number("q")), "m.gguf: q: expected a number, got no such key");
  EXPECT_EQ(messageOf(gguf.boolean("u")), "m.gguf: u: expected true or false, got 9");
  EXPECT_EQ(messageOf(gguf.string("u")), "m.gguf: u: expected a string, got 9");
  EXPECT_EQ(messageOf(gguf.string("q")), "m.gguf: q: expected a string, got no such key");
  EXPECT_EQ(messageOf(gguf.strings("u")), "m.gguf: u: expected an array of strings, got 9");
  EXPECT_EQ(messageOf(gguf.integers("l")), "m.gguf: l: expected integers, got an array of 1 string");
  EXPECT_EQ(messageOf(gguf.integers("u", 0, 3)), "m.gguf: u: expected integers from 0 to 3, got 9");
  EXPECT_EQ(messageOf(gguf.floats("u")), "m.gguf: u: expected an array of numbers, got 9");
}

TEST(Gguf, IndexesTensors) {
  for (uint32_t version : {2, 3}) {
    GgufBuilder builder;
    builder.version = version;
    builder.u32("general.alignment", builder.alignment = 64);
    builder.tensor("norm", {3});
    builder.entry("q", {256, 2}, 12, 64);
    builder.data.resize(64 + 2 * 144);
    auto opened = parse(builder.build());
    ASSERT_EQ(messageOf(opened), "");
    const auto tensors = (*opened)->tensors();
    ASSERT_EQ(tensors.size(), 2u);
    EXPECT_EQ(tensors[0].shape, std::vector<int64_t>{3});
    EXPECT_EQ(tensors[0].offset % 64, 0u);
    EXPECT_EQ(tensors[1].shape, (std::vector<int64_t>{2, 256})); // in the file the fastest dimension is the first
    EXPECT_EQ(tensors[1].format, Format::Q4_K);
    EXPECT_EQ(tensors[1].bytes, 288u);
    EXPECT_EQ(makeCheckpoint(**opened)->find("q")->storedType, "Q4_K");
  }
}

TEST(Gguf, RefusesBrokenHeaders) {
  GgufBuilder good;
  good.u32("k", 1).tensor("t", {4});
  const std::string bytes = good.build();
  struct {
    std::string bytes;
    const char *message;
  } cases[] = {
      {"", R"(m.gguf: not a model: expected a GGUF file to begin with "GGUF", got "")"},
      {"GGML" + bytes.substr(4), R"(m.gguf: not a model: expected a GGUF file to begin with "GGUF", got "GGML")"},
      {"GGUF" + littleEndian(1, 4) + bytes.substr(8), "m.gguf: expected GGUF version 2 or 3, got 1"},
      {"GGUF" + littleEndian(4, 4) + bytes.substr(8), "m.gguf: expected GGUF version 2 or 3, got 4"},
      {std::string("GGUF\0\0\0\3", 8) + bytes.substr(8),
       "m.gguf: expected a little-endian GGUF file, got a big-endian one"},
      {bytes.substr(0, 20), "m.gguf: expected a GGUF header of 24 bytes, got a file of 20"},
      {bytes.substr(0, 16) + littleEndian(uint64_t(1) << 60, 8) + bytes.substr(24),
       "m.gguf: expected at most 8 metadata entries in a file of 128 bytes, got a count of 1152921504606846976"},
      {bytes.substr(0, 8) + littleEndian(uint64_t(1) << 60, 8) + bytes.substr(16),
       "m.gguf: expected at most 4 tensors in a file of 128 bytes, got a count of 1152921504606846976"},
      {bytes.substr(0, 8) + littleEndian(3, 8) + bytes.substr(16, 60),
       "m.gguf: expected at most 2 tensors in a file of 76 bytes, got a count of 3"},
  };
  for (const auto &row : cases)
    EXPECT_EQ(messageOf(parse(row.bytes)), row.message);
}

TEST(Gguf, RefusesBrokenMetadata) {
  auto refusal = [](auto edit) {
    GgufBuilder builder;
    edit(builder);
    return messageOf(parse(builder.build()));
  };
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.raw("k", 13, "1234"); }),
            "m.gguf: k: expected a value type of GGUF, none nested, got 13");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.array("k", 9, 1, "0123456789ab"); }),
            "m.gguf: k: expected a value type of GGUF, none nested, got 9");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.array("k", 4, uint64_t(1) << 60, "1234"); }),
            "m.gguf: k: expected an array of at most 16777216 elements, got a count of 1152921504606846976");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.array("k", 8, 9, "1234"); }),
            "m.gguf: k: expected a value within the file, got an array of 9 string that ends past it");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.raw("k", 8, littleEndian(1000, 8) + "abc"); }),
            "m.gguf: k: expected a value within the file, got a string that ends past it");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.array("k", 8, 1, littleEndian(~uint64_t(0), 8)); }),
            "m.gguf: k: expected a value within the file, got an array of 1 string that ends past it");
  EXPECT_EQ(refusal([](GgufBuilder &b) {
              b.u32("k", 1);
              b.metadata.resize(b.metadata.size() - 8);
              b.metadata.resize(40);
              b.metadata.replace(0, 8, littleEndian(33, 8));
            }),
            "m.gguf: expected the key of metadata entry 0 within the file and 65535 bytes, got a longer one");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.u32("k", 1).u32("k", 2); }),
            "m.gguf: k: expected each key once, got it twice");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.u32("general.alignment", 48); }),
            "m.gguf: general.alignment: expected a power of two, got 48");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.u32("general.alignment", 0); }),
            "m.gguf: general.alignment: expected an integer from 1 to 1048576, got 0");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.text("general.alignment", "32"); }),
            R"(m.gguf: general.alignment: expected an integer from 1 to 1048576, got "32")");
}

TEST(Gguf, ATensorMayHaveATypeThatIsNotKnown) {
  GgufBuilder builder;
  builder.tensor("a", {8}).entry("b", {256}, 10, 32).entry("c", {5}, 999, 64).entry("d", {8}, 0, 96);
  builder.data.resize(128);
  auto gguf = parse(builder.build());
  ASSERT_EQ(messageOf(gguf), "");
  EXPECT_FALSE((*gguf)->tensors()[1].format);
  EXPECT_EQ((*gguf)->tensors()[1].storedType, "Q2_K");
  EXPECT_EQ((*gguf)->tensors()[2].storedType, "the unknown type 999");
  auto refusal = [](auto edit) {
    GgufBuilder builder;
    builder.tensor("ok", {8});
    edit(builder);
    return messageOf(parse(builder.build()));
  };
  // It begins in the file and does not overlap another tensor.
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {256}, 999, 32); }),
            "m.gguf: t: expected data within the file's 32 bytes of it, got the unknown type 999 at 32; was the file "
            "downloaded to its end?");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {256}, 10, 0); }),
            "m.gguf: t: expected data of its own, got an offset within the data of ok");
  EXPECT_EQ(refusal([](GgufBuilder &b) {
              b.entry("t", {256}, 10, 32).entry("u", {8}, 0, 32);
              b.data.resize(64);
            }),
            "m.gguf: u: expected data of its own, got an offset within the data of t");
}

TEST(Gguf, IdsOfNoTokenAreNothing) {
  auto read = [](uint32_t type, llvm::StringRef bytes) {
    GgufBuilder builder;
    builder.raw("id", type, bytes);
    auto gguf = parse(builder.build());
    EXPECT_EQ(messageOf(gguf), "");
    auto id = (*gguf)->tokenId("id", 100);
    EXPECT_EQ(messageOf(id), "");
    return id.value_or(-2);
  };
  constexpr uint32_t u8 = 0, i8 = 1, u16 = 2, i16 = 3, u32 = 4, i32 = 5, u64 = 10, i64 = 11;
  for (auto [type, bytes] : {std::pair(u8, 1), {i8, 1}, {u16, 2}, {i16, 2}, {u32, 4}, {i32, 4}, {u64, 8}, {i64, 8}}) {
    EXPECT_EQ(read(type, littleEndian(~uint64_t(0), bytes)), std::nullopt) << type;
    EXPECT_EQ(read(type, littleEndian(7, bytes)), 7) << type;
  }
  EXPECT_EQ(read(u64, littleEndian(0xffffffff, 8)), std::nullopt);
  EXPECT_EQ(read(i64, littleEndian(0xffffffff, 8)), std::nullopt);
  EXPECT_EQ(read(i32, littleEndian(uint64_t(-100), 4)), std::nullopt);
  // Beyond the vocabulary, but not one of the numbers that mean none.
  EXPECT_EQ(read(u32, littleEndian(100, 4)), 100);

  GgufBuilder builder;
  builder.u32("largest", 0xffffffff).raw("byte", u8, "\xff").text("text", "1").f32("number", 1);
  auto gguf = parse(builder.build());
  EXPECT_EQ(*(*gguf)->tokenId("byte", 256), 255) << "a token of a large vocabulary";
  EXPECT_EQ(*(*gguf)->tokenId("absent", 100), std::nullopt);
  EXPECT_EQ(messageOf((*gguf)->tokenId("text", 100)), R"(m.gguf: text: expected a token id, got "1")");
  EXPECT_EQ(messageOf((*gguf)->tokenId("number", 100)), "m.gguf: number: expected a token id, got 1");
}

TEST(Gguf, RefusesBrokenTensors) {
  auto refusal = [](auto edit) {
    GgufBuilder builder;
    builder.tensor("ok", {8});
    edit(builder);
    return messageOf(parse(builder.build()));
  };
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {}, 0, 32); }), "m.gguf: t: expected 1 to 4 dimensions, got 0");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {1, 1, 1, 1, 1}, 0, 32); }),
            "m.gguf: t: expected 1 to 4 dimensions, got 5");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {4, 0}, 0, 32); }),
            "m.gguf: t: expected dimensions that fit the file, none 0, got 0");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {uint64_t(1) << 40, uint64_t(1) << 40}, 0, 32); }),
            "m.gguf: t: expected dimensions that fit the file, none 0, got 1099511627776");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {33}, 8, 32); }),
            "m.gguf: t: expected rows of a multiple of 32 values for Q8_0, got 33");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {8}, 0, 33); }),
            "m.gguf: t: expected an offset that is a multiple of 32, got 33");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {8}, 0, 32); }),
            "m.gguf: t: expected data within the file's 32 bytes of it, got 32 bytes at 32; was the file downloaded to "
            "its end?");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {8}, 0, uint64_t(1) << 63); }),
            "m.gguf: t: expected data within the file's 32 bytes of it, got 32 bytes at 9223372036854775808; was the "
            "file downloaded to its end?");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.entry("t", {8}, 0, 0); }),
            "m.gguf: t: expected data of its own, got an offset within the data of ok");
  EXPECT_EQ(refusal([](GgufBuilder &b) { b.tensor("ok", {8}); }),
            "m.gguf: ok: expected each tensor once, got it twice");
  EXPECT_EQ(refusal([](GgufBuilder &b) {
              b.entry("t", {8}, 0, 0);
              b.index.resize(b.index.size() - 12);
              b.data = "";
              b.alignment = 1;
            }),
            "m.gguf: t: expected an entry of the tensor index, got the end of the file");
  EXPECT_EQ(refusal([](GgufBuilder &b) {
              b.entry("t", {8}, 0, 0);
              b.index.replace(b.index.size() - 33, 8, littleEndian(uint64_t(1) << 50, 8));
            }),
            "m.gguf: expected the name of tensor 1 within the file and 65535 bytes, got a longer one");
}
