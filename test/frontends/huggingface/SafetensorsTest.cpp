#include "frontends/huggingface/Safetensors.h"
#include "test/frontends/Builders.h"

using namespace lathe;
using namespace lathe::testing;

namespace {

absl::StatusOr<std::vector<TensorInfo>> header(llvm::StringRef bytes) {
  return readSafetensorsHeader(*MappedFile::fromBytes("m.safetensors", bytes));
}

} // namespace

TEST(Safetensors, IndexesTensorsInTheOrderOfTheirData) {
  const char *text = R"({"__metadata__": {"format": "pt"},
    "b": {"dtype": "F16", "shape": [2, 3], "data_offsets": [8, 20]},
    "a": {"dtype": "BF16", "shape": [4], "data_offsets": [0, 8]},
    "mask": {"dtype": "BOOL", "shape": [5], "data_offsets": [20, 25]},
    "scalar": {"dtype": "F32", "shape": [], "data_offsets": [25, 29]},
    "empty": {"dtype": "F32", "shape": [0, 7], "data_offsets": [29, 29]}})";
  auto tensors = header(safetensors(text, 29));
  ASSERT_EQ(messageOf(tensors), "");
  ASSERT_EQ(tensors->size(), 5u);
  const uint64_t start = 8 + strlen(text);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].format, Format::BF16);
  EXPECT_EQ((*tensors)[0].offset, start);
  EXPECT_EQ((*tensors)[1].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ((*tensors)[1].offset, start + 8);
  EXPECT_EQ((*tensors)[1].bytes, 12u);
  EXPECT_FALSE((*tensors)[2].format); // a type that is not read
  EXPECT_EQ((*tensors)[2].storedType, "BOOL");
  EXPECT_EQ((*tensors)[3].bytes, 4u);
  EXPECT_EQ((*tensors)[4].bytes, 0u);
}

TEST(Safetensors, RefusesBrokenFiles) {
  struct {
    std::string bytes;
    const char *message;
  } cases[] = {
      {"", "m.safetensors: expected a safetensors file, got 0 bytes"},
      {"1234567", "m.safetensors: expected a safetensors file, got 7 bytes"},
      {littleEndian(100, 8) + "{}", "m.safetensors: expected a safetensors header within the file's 10 bytes, got one "
                                    "of 100; was the file downloaded to its end?"},
      {littleEndian(uint64_t(1) << 60, 8) + "{}",
       "m.safetensors: expected a safetensors header of at most 100000000 bytes, got 1152921504606846976"},
      {littleEndian(~uint64_t(0), 8) + "{}",
       "m.safetensors: expected a safetensors header of at most 100000000 bytes, got 18446744073709551615"},
      {safetensors("{\"a\""),
       "m.safetensors: expected JSON, got an error at [1:4, byte=4]: Expected : after object key"},
      {safetensors("[]"), "m.safetensors: expected a safetensors header with an object, got an array"},
      {safetensors(R"({"a": 1})"), "m.safetensors: a: expected an object, got 1"},
      {safetensors(R"({"a": {}})"), "m.safetensors: a: expected a dtype, got none"},
      {safetensors(R"({"a": {"dtype": "Q9"}})"),
       "m.safetensors: a: expected a dtype such as F32, F16 or BF16, got \"Q9\""},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [-1]}})"),
       "m.safetensors: a: expected a shape of integers not below 0"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": 4}})"),
       "m.safetensors: a: expected a shape of integers not below 0"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [1099511627776, 1099511627776]}})"),
       "m.safetensors: a: expected a tensor that fits the file, got shape [1099511627776, 1099511627776]"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [1]}})", 4),
       "m.safetensors: a: expected data_offsets of two integers not below 0"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}})", 4),
       "m.safetensors: a: expected data_offsets of two integers not below 0"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}})", 4),
       "m.safetensors: a: expected data_offsets within the file's 4 bytes of data, got [4, 0]; was the file downloaded "
       "to its end?"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}})", 4),
       "m.safetensors: a: expected data_offsets within the file's 4 bytes of data, got [4, 8]; was the file downloaded "
       "to its end?"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4611686018427387000]}})", 4),
       "m.safetensors: a: expected data_offsets within the file's 4 bytes of data, got [0, 4611686018427387000]; was "
       "the file downloaded to its end?"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}})", 4),
       "m.safetensors: a: expected 8 bytes for F32 [2], got data_offsets of 4"},
      {safetensors(R"({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
                       "b\n": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}})",
                   12),
       "m.safetensors: b\\x0a: expected data of its own, got data_offsets that overlap those of a"},
  };
  for (const auto &row : cases)
    EXPECT_EQ(messageOf(header(row.bytes)), row.message);
}

TEST(Safetensors, FollowsTheIndexToItsShards) {
  TemporaryDirectory directory;
  directory.write("1.safetensors", safetensorsOf({{"a", {2}}, {"both", {6}}, {"unlisted", {7}}}));
  directory.write("2.safetensors", safetensorsOf({{"b", {4, 5}}, {"both", {6}}}));
  std::string index = directory.write(
      "model.safetensors.index.json",
      R"({"metadata": {}, "weight_map": {"a": "1.safetensors", "both": "2.safetensors", "b": "2.safetensors"}})");
  auto checkpoint = openShardedSafetensors(index);
  ASSERT_EQ(messageOf(checkpoint), "");
  EXPECT_EQ((*checkpoint)->files().size(), 2u);
  EXPECT_EQ((*checkpoint)->tensors().size(), 4u);
  const TensorInfo *b = (*checkpoint)->find("b");
  ASSERT_TRUE(b);
  EXPECT_EQ((*checkpoint)->path(*b).str(), directory / "2.safetensors");
  EXPECT_EQ((*checkpoint)->data(*b).size(), 40u);
  EXPECT_EQ((*checkpoint)->path(*(*checkpoint)->find("both")).str(), directory / "2.safetensors");
  EXPECT_EQ((*checkpoint)->find("unlisted")->shape, std::vector<int64_t>{7});
  EXPECT_FALSE((*checkpoint)->find("c"));
}

TEST(Safetensors, RefusesTwoTensorsOfOneName) {
  TemporaryDirectory directory;
  directory.write("1.safetensors", safetensorsOf({{"a", {2}}, {"both", {3}}}));
  directory.write("2.safetensors", safetensorsOf({{"both", {6}}}));
  const std::string index =
      directory.write("i.json", R"({"weight_map": {"a": "1.safetensors", "both": "2.safetensors"}})");
  EXPECT_EQ(messageOf(openShardedSafetensors(index)),
            directory / "1.safetensors" +
                R"(: both: expected the tensor that "2.safetensors" has, too, found another one of that name)");
}

TEST(Safetensors, RefusesBrokenIndices) {
  TemporaryDirectory directory;
  directory.write("1.safetensors", safetensorsOf({{"a", {2}}}));
  directory.write("bad.safetensors", "x");
  const std::string path = directory / "i.json";
  struct {
    const char *index;
    std::string message;
  } cases[] = {
      {"[]", path + ": weight_map: expected an object that gives each tensor its file"},
      {R"({"weight_map": 1})", path + ": weight_map: expected an object that gives each tensor its file"},
      {R"({"weight_map": {"a": 1}})", path + ": weight_map.a: expected the name of a file beside the index, got 1"},
      {R"({"weight_map": {"a": "../1.safetensors"}})",
       path + R"(: weight_map.a: expected the name of a file beside the index, got "../1.safetensors")"},
      {R"({"weight_map": {"a": "/etc/passwd"}})",
       path + R"(: weight_map.a: expected the name of a file beside the index, got "/etc/passwd")"},
      {R"({"weight_map": {"a": ".."}})",
       path + R"(: weight_map.a: expected the name of a file beside the index, got "..")"},
      {R"({"weight_map": {"a": "absent.safetensors"}})",
       path + R"(: weight_map: expected a readable file "absent.safetensors" beside the index, got: )" +
           (directory / "absent.safetensors") + ": No such file or directory"},
      {R"({"weight_map": {"b": "1.safetensors"}})",
       path + R"(: weight_map.b: expected a tensor of that name in "1.safetensors", found none)"},
      {R"({"weight_map": {"b": "bad.safetensors"}})",
       directory / "bad.safetensors" + ": expected a safetensors file, got 1 bytes"},
  };
  for (const auto &row : cases) {
    directory.write("i.json", row.index);
    EXPECT_EQ(messageOf(openShardedSafetensors(path)), row.message);
  }
}

TEST(Safetensors, PutsPartsForSeveralDevicesTogether) {
  TemporaryDirectory directory;
  EXPECT_EQ(*openCutSafetensors(directory.str()), nullptr);
  directory.write("other.safetensors", "x"); // not read: its name does not match
  directory.write("m-0-TP-common.safetensors", safetensorsOf({{"norm", {4}}}));
  directory.write("m-1-TP-001.safetensors", safetensorsOf({{"up", {2, 4}}, {"down", {4, 2}}}));
  directory.write("m-1-TP-000.safetensors", safetensorsOf({{"down", {4, 2}}, {"up", {2, 4}}}));
  auto checkpoint = openCutSafetensors(directory.str());
  ASSERT_EQ(messageOf(checkpoint), "");
  EXPECT_EQ((*checkpoint)->tensors().size(), 3u);
  EXPECT_TRUE((*checkpoint)->find("norm")->parts.empty());
  const TensorInfo *up = (*checkpoint)->find("up");
  EXPECT_EQ(up->format, Format::BF16);
  EXPECT_TRUE(up->shape.empty());
  ASSERT_EQ(up->parts.size(), 2u);
  for (size_t i : {0, 1}) {
    const TensorInfo &part = up->parts[i];
    EXPECT_EQ(part.shape, (std::vector<int64_t>{2, 4}));
    EXPECT_EQ((*checkpoint)->path(part).str(), directory / "m-1-TP-00" + std::to_string(i) + ".safetensors");
    EXPECT_EQ((*checkpoint)->data(part).size(), 16u);
  }
  // With one device its part is the whole tensor.
  TemporaryDirectory single;
  single.write("m-TP-000.safetensors", safetensorsOf({{"up", {2, 4}}}));
  EXPECT_EQ((*openCutSafetensors(single.str()))->find("up")->shape, (std::vector<int64_t>{2, 4}));
}

TEST(Safetensors, RefusesPartsThatAreNoWhole) {
  struct {
    std::vector<std::pair<const char *, std::string>> files;
    const char *message;
  } cases[] = {
      {{{"a-TP-000", safetensorsOf({{"w", {2}}})}, {"a-TP-002", safetensorsOf({{"w", {2}}})}},
       "a-TP-001.safetensors: expected a file of that name, as there are 3 devices, found none"},
      {{{"a-TP-000", safetensorsOf({{"w", {2}}})},
        {"a-TP-001", safetensorsOf({{"w", {2}}})},
        {"b-TP-000", safetensorsOf({{"v", {2}}})}},
       "b-TP-001.safetensors: expected a file of that name, as there are 2 devices, found none"},
      {{{"a-TP-000", safetensorsOf({{"w", {2}}})}, {"a-TP-001", safetensorsOf({{"w", {3}}})}},
       "a-TP-001.safetensors: w: expected a part like the first one, BF16 of shape [2], got BF16 of shape [3]"},
      {{{"a-TP-000", safetensorsOf({{"w", {2}}})},
        {"a-TP-001", safetensors(R"({"w": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}})", 4)}},
       "a-TP-001.safetensors: w: expected a part like the first one, BF16 of shape [2], got F16 of shape [2]"},
      {{{"a-TP-000", safetensorsOf({{"w", {2}}})}, {"a-TP-001", safetensorsOf({{"v", {2}}})}},
       "a-TP-001.safetensors: v: expected a part of a tensor that every device has, found none for device 0"},
      {{{"a-TP-000", safetensorsOf({{"v", {2}}, {"w", {2}}})}, {"a-TP-001", safetensorsOf({{"w", {2}}})}},
       "a-TP-000.safetensors: v: expected a part of a tensor that every device has, found none for device 1"},
      {{{"a-TP-common", safetensorsOf({{"w", {2}}})}, {"b-TP-common", safetensorsOf({{"w", {2}}})}},
       "b-TP-common.safetensors: w: expected a tensor that no other file has, got one of "
       "\"a-TP-common.safetensors\", too"},
      {{{"a-TP-common", safetensorsOf({{"w", {2}}})},
        {"b-TP-000", safetensorsOf({{"w", {1}}})},
        {"b-TP-001", safetensorsOf({{"w", {1}}})}},
       "b-TP-000.safetensors: w: expected a tensor that no other file has, got one of "
       "\"a-TP-common.safetensors\", too"},
      {{{"a-TP-common", "x"}}, "a-TP-common.safetensors: expected a safetensors file, got 1 bytes"},
  };
  for (const auto &row : cases) {
    TemporaryDirectory directory;
    for (const auto &[name, bytes] : row.files)
      directory.write(std::string(name) + ".safetensors", bytes);
    llvm::StringRef message = row.message;
    // The error for a missing file names the directory.
    EXPECT_EQ(messageOf(openCutSafetensors(directory.str())),
              directory.str() + (message.contains("as there are") ? ": " : "/") + message.str());
  }
}
