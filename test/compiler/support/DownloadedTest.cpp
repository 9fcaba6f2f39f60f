#include "compiler/support/Downloaded.h"
#include "test/frontends/Builders.h"
#include <filesystem>

using namespace lathe;
using namespace lathe::testing;

namespace {
std::string messageFor(llvm::StringRef bytes) { return messageOf(checkDownloaded("f", bytes)); }
} // namespace

TEST(Downloaded, PointersOfGitLFS) {
  EXPECT_EQ(messageFor("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"),
            "f: expected the file itself, found a Git LFS pointer to it (it has 12345 bytes); run `git lfs pull` in "
            "its folder, or download the file again");
  EXPECT_EQ(messageFor("version https://git-lfs.github.com/spec/v1\r\n"),
            "f: expected the file itself, found a Git LFS pointer to it; run `git lfs pull` in its folder, or "
            "download the file again");
}

TEST(Downloaded, PagesAndAnswers) {
  EXPECT_EQ(messageFor(""), "f: expected a file with contents, found an empty one; download the file again");
  EXPECT_EQ(messageFor("\n<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>"),
            "f: expected the file itself, found a web page (\"404 Not Found\") that a server sent in its place; "
            "download the file again");
  EXPECT_EQ(messageFor("\xef\xbb\xbf<HTML>"),
            "f: expected the file itself, found a web page that a server sent in its place; download the file again");
  EXPECT_EQ(messageFor("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message>"),
            "f: expected the file itself, found a web page (\"Access Denied\") that a server sent in its place; "
            "download the file again");
  EXPECT_EQ(messageFor("Entry not found"), "f: expected the file itself, found the text \"Entry not found\", which a "
                                           "server sent in its place; download the file again");
  EXPECT_EQ(messageFor("{\"error\": \"Repository not found\"}"),
            "f: expected the file itself, found an error message (\"Repository not found\") that a server sent in its "
            "place; download the file again");
  for (const char *answer :
       {R"({"error": {"message": "gone", "type": "x"}})", R"({"message": "gone", "status": "404"})",
        R"({"detail": "gone"})", R"( {"statusCode": 404, "message": "gone"})"})
    EXPECT_NE(messageFor(answer).find("(\"gone\")"), std::string::npos) << answer;
}

TEST(Downloaded, LeavesFilesAlone) {
  for (const char *text :
       {"GGUF", "{}", R"({"model_type": "llama", "error": "x"})", R"({"message": 1})", R"({"errors": "replace"})",
        R"({"errors": "replace", "model_max_length": 1024})", R"({"message": "x", "temperature": 1})",
        R"({"error": null})", "[1]", "{% if messages %}{{ message }}{% endif %}", "<|im_start|>user", "<s>[INST]",
        "module {}", "version 3", "#version: 0.2\na b", "{\"error\": "})
    EXPECT_EQ(messageFor(text), "") << text;
  EXPECT_EQ(messageFor("Entry not found" + std::string(100'000, ' ') + "x"), "");
  EXPECT_EQ(messageFor(R"({"error": ")" + std::string(100'000, 'x') + R"("})"), "");
}

TEST(Downloaded, LinksToNowhere) {
  TemporaryDirectory directory;
  const std::string link = directory / "link";
  std::filesystem::create_symlink("../blobs/0123", link);
  EXPECT_TRUE(isThere(link));
  EXPECT_EQ(messageOf(MappedFile::open(link)), link + ": expected a file, found a symbolic link to \"../blobs/0123\", "
                                                      "which is not there; download the file again");
  EXPECT_FALSE(isThere(directory / "absent"));
  EXPECT_FALSE(isThere(directory.write("file", "1") + "/inside"));
  EXPECT_TRUE(isThere(directory.str()));
}
