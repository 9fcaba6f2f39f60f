#include "compiler/support/Errors.h"
#include "frontends/gguf/Gguf.h"
#include "test/frontends/Builders.h"
#include "llvm/ADT/StringMap.h"

using namespace lathe;
using namespace lathe::testing;

namespace {

/// A part with the keys that gguf-split writes.
GgufBuilder part(uint16_t number, uint16_t count, uint32_t tensors) {
  GgufBuilder builder;
  builder.raw("split.no", 2, littleEndian(number, 2)).raw("split.count", 2, littleEndian(count, 2));
  return builder.raw("split.tensors.count", 5, littleEndian(tensors, 4));
}

/// Parses the first part. `parts`: files in memory, by name.
absl::StatusOr<std::shared_ptr<const Gguf>> parse(const llvm::StringMap<std::string> &files, llvm::StringRef name) {
  return Gguf::parse(MappedFile::fromBytes(name, files.lookup(name)), [&](llvm::StringRef path) {
    auto found = files.find(path);
    return found == files.end() ? absl::StatusOr<std::unique_ptr<MappedFile>>(fileError(path, "no such file"))
                                : MappedFile::fromBytes(path, found->second);
  });
}

const char *const first = "m-00001-of-00002.gguf", *const second = "m-00002-of-00002.gguf";

/// The error for two parts, the second one being `second`.
std::string refusal(const GgufBuilder &other) {
  return messageOf(parse({{first, part(0, 2, 2).tensor("a", {8}).build()}, {second, other.build()}}, first));
}

} // namespace

TEST(GgufSplit, PartsAreOneFile) {
  TemporaryDirectory directory;
  const std::string path =
      directory.write("m.q8-00001-of-00003.gguf", part(0, 3, 3).text("key", "value").build()); // without tensors
  directory.write("m.q8-00002-of-00003.gguf", part(1, 3, 3).tensor("b", {8}, 1).tensor("a", {8}, 2).build());
  directory.write("m.q8-00003-of-00003.gguf", part(2, 3, 3).text("key", "another").tensor("c", {8}, 3).build());
  auto gguf = Gguf::open(path);
  ASSERT_EQ(messageOf(gguf), "");
  EXPECT_EQ((*gguf)->path(), path);
  EXPECT_EQ((*gguf)->name(), "m.q8");
  EXPECT_EQ(*(*gguf)->string("key"), "value");
  auto checkpoint = makeCheckpoint(**gguf);
  ASSERT_EQ(checkpoint->files().size(), 3u);
  ASSERT_EQ(checkpoint->tensors().size(), 3u);
  for (auto [name, file, value] : {std::tuple{"b", 1u, 1.0f}, {"a", 1u, 2.0f}, {"c", 2u, 3.0f}}) {
    const TensorInfo *tensor = checkpoint->find(name);
    ASSERT_TRUE(tensor) << name;
    EXPECT_EQ(tensor->file, file);
    float found = 0;
    std::memcpy(&found, checkpoint->data(*tensor).data(), sizeof found);
    EXPECT_EQ(found, value);
  }
}

TEST(GgufSplit, OnePartIsAnyFile) {
  for (uint16_t count : {0, 1}) {
    auto gguf = parse({{"m-00001-of-00001.gguf", part(0, count, 7).tensor("a", {8}).build()}}, "m-00001-of-00001.gguf");
    ASSERT_EQ(messageOf(gguf), "");
    EXPECT_EQ((*gguf)->files().size(), 1u);
  }
  EXPECT_EQ((*parse({{"m.gguf", GgufBuilder().build()}}, "m.gguf"))->name(), "m");
}

TEST(GgufSplit, AnotherPartNamesTheFirst) {
  EXPECT_EQ(messageOf(parse({{second, part(1, 2, 2).build()}}, second)),
            std::string(second) +
                R"(: split.no: expected 0, the first part's, got 1; name "m-00001-of-00002.gguf" instead)");
  EXPECT_EQ(messageOf(parse({{"m.gguf", part(1, 2, 2).build()}}, "m.gguf")),
            "m.gguf: split.no: expected 0, the first part's, got 1");
}

TEST(GgufSplit, NamesSayWhereTheOthersAre) {
  for (llvm::StringRef name : {"m.gguf", "m-00001-of-00003.gguf", "m-00002-of-00002.gguf", "m-1-of-2.gguf"})
    EXPECT_EQ(messageOf(parse({{name, part(0, 2, 2).build()}}, name)),
              name.str() + R"(: split.count: expected a file whose name ends in "-00001-of-00002.gguf", got ")" +
                  name.str() + "\"");
  EXPECT_EQ(messageOf(parse({{first, part(0, 2, 2).build()}}, first)),
            std::string(first) +
                R"(: split.count: expected a readable file "m-00002-of-00002.gguf" beside this one, )" +
                "got: m-00002-of-00002.gguf: no such file");
  EXPECT_EQ(messageOf(parse({{"m-00001-of-65535.gguf", part(0, 65535, 2).build()}}, "m-00001-of-65535.gguf")),
            R"(m-00001-of-65535.gguf: split.count: expected a readable file "m-00002-of-65535.gguf" beside this one, )"
            "got: m-00002-of-65535.gguf: no such file");
}

TEST(GgufSplit, RefusesPartsThatDoNotBelongTogether) {
  const std::string here = std::string(second) + ": ";
  auto good = [] { return part(1, 2, 2).tensor("b", {8}); };
  EXPECT_EQ(refusal(good()), "");
  EXPECT_EQ(refusal(part(0, 2, 2).tensor("b", {8})),
            here + R"(split.no: expected 1, as a part of "m-00001-of-00002.gguf", got 0)");
  EXPECT_EQ(refusal(part(1, 3, 2).tensor("b", {8})),
            here + R"(split.count: expected 2, as a part of "m-00001-of-00002.gguf", got 3)");
  EXPECT_EQ(refusal(part(1, 2, 9).tensor("b", {8})),
            here + R"(split.tensors.count: expected 2, as a part of "m-00001-of-00002.gguf", got 9)");
  EXPECT_EQ(refusal(GgufBuilder().tensor("b", {8})),
            here + "split.no: expected an integer from 0 to 2147483647, got no such key");
  EXPECT_EQ(refusal(part(1, 2, 2).tensor("a", {8})),
            here + R"(a: expected each tensor once, got it in "m-00001-of-00002.gguf", too)");
  GgufBuilder older = good();
  older.version = 2;
  EXPECT_EQ(refusal(older), here + R"(expected GGUF version 3, as "m-00001-of-00002.gguf" has, got 2)");
  EXPECT_EQ(refusal(good().entry("c", {8}, 0, 1 << 20)),
            here + "c: expected data within the file's 32 bytes of it, got 32 bytes at 1048576; was the file "
                   "downloaded to its end?");
  EXPECT_EQ(refusal(part(1, 2, 2)),
            std::string(first) + ": split.tensors.count: expected 1, as many as the 2 parts have, got 2");
  EXPECT_EQ(refusal(good().tensor("c", {8})),
            std::string(first) + ": split.tensors.count: expected 3, as many as the 2 parts have, got 2");
}

TEST(GgufSplit, RefusesClaimsOutOfRange) {
  auto refuse = [](const GgufBuilder &builder) { return messageOf(parse({{first, builder.build()}}, first)); };
  const std::string here = std::string(first) + ": ";
  EXPECT_EQ(refuse(GgufBuilder().raw("split.count", 10, littleEndian(uint64_t(1) << 62, 8))),
            here + "split.count: expected an integer from 0 to 65535, got 4611686018427387904");
  EXPECT_EQ(refuse(GgufBuilder().raw("split.count", 5, littleEndian(-1, 4))),
            here + "split.count: expected an integer from 0 to 65535, got -1");
  EXPECT_EQ(refuse(GgufBuilder().text("split.count", "2")),
            here + R"(split.count: expected an integer from 0 to 65535, got "2")");
  EXPECT_EQ(refuse(GgufBuilder().u32("split.count", 2)),
            here + "split.no: expected an integer from 0 to 1, got no such key");
  EXPECT_EQ(refuse(part(2, 2, 2)), here + "split.no: expected an integer from 0 to 1, got 2");
  EXPECT_EQ(refuse(GgufBuilder().u32("split.count", 2).u32("split.no", 0)),
            here + "split.tensors.count: expected an integer from 0 to 2147483647, got no such key");
  EXPECT_EQ(refuse(part(0, 2, uint32_t(-1))),
            here + "split.tensors.count: expected an integer from 0 to 2147483647, got -1");
}
