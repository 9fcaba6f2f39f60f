#include "compiler/support/Downloaded.h"
#include "compiler/support/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include <filesystem>

using namespace lathe;
namespace fs = llvm::sys::fs;
namespace json = llvm::json;

// Longer files are no pointer and no error message. A web page may be longer.
static constexpr size_t maxPointerBytes = 1024, maxMessageBytes = 8192;

/// The size of the file that a Git LFS pointer stands for; empty if the pointer does not say.
static llvm::StringRef pointedSize(llvm::StringRef pointer) {
  const auto [before, after] = pointer.split("\nsize ");
  return after.take_while(llvm::isDigit);
}

/// The text between two marks, which are case-sensitive.
static llvm::StringRef between(llvm::StringRef text, llvm::StringRef open, llvm::StringRef close) {
  const size_t begin = text.find(open);
  if (begin == text.npos)
    return "";
  return text.substr(begin + open.size()).split(close).first.trim();
}

static bool isPage(llvm::StringRef text) {
  return llvm::any_of(llvm::ArrayRef<llvm::StringLiteral>{"<!doctype", "<html", "<head", "<?xml", "<error"},
                      [&](llvm::StringRef mark) { return text.starts_with_insensitive(mark); });
}

/// Whether the text is an error of a server in plain text: of Hugging Face, GitHub or a proxy.
static bool isAnswer(llvm::StringRef text) {
  static constexpr llvm::StringLiteral beginnings[] = {"Entry not found",
                                                       "Repository not found",
                                                       "Revision not found",
                                                       "Invalid username or password",
                                                       "Access to ",
                                                       "Access denied",
                                                       "Invalid rev",
                                                       "Not Found",
                                                       "404: Not Found",
                                                       "404 Not Found",
                                                       "404 page not found",
                                                       "Unauthorized",
                                                       "401 Unauthorized",
                                                       "403 Forbidden",
                                                       "Forbidden",
                                                       "429 Too Many Requests",
                                                       "Too Many Requests",
                                                       "Internal Server Error",
                                                       "500 Internal Server",
                                                       "502 Bad Gateway",
                                                       "Bad Gateway",
                                                       "503 Service",
                                                       "Service Unavailable",
                                                       "504 Gateway",
                                                       "Gateway Timeout",
                                                       "Bad Request",
                                                       "upstream connect error",
                                                       "error code: "};
  return text.size() <= maxMessageBytes &&
         llvm::any_of(beginnings, [&](llvm::StringRef begin) { return text.starts_with_insensitive(begin); });
}

/// The message of an error in JSON; empty if the text is none.
static std::string errorBody(llvm::StringRef text) {
  if (!text.starts_with("{") || text.size() > maxMessageBytes || text.count('{') + text.count('[') > 64)
    return "";
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value) {
    llvm::consumeError(value.takeError());
    return "";
  }
  const json::Object &object = *value->getAsObject();
  // A config may have some of these keys, but it has others too.
  static constexpr llvm::StringLiteral keys[] = {
      "error", "message", "detail", "documentation_url", "status", "code",       "statusCode", "type",
      "title", "path",    "reason", "timestamp",         "param",  "request_id", "requestId"};
  if (llvm::any_of(object, [](const auto &entry) { return !llvm::is_contained(keys, llvm::StringRef(entry.first)); }))
    return "";
  for (llvm::StringRef key : {"error", "message", "detail"}) {
    const json::Value *found = object.get(key);
    if (const json::Object *inner = found ? found->getAsObject() : nullptr)
      found = inner->get("message");
    if (std::optional<llvm::StringRef> message = found ? found->getAsString() : std::nullopt)
      return message->empty() ? key.str() : message->str();
  }
  return "";
}

absl::Status lathe::checkDownloaded(llvm::StringRef path, llvm::StringRef bytes) {
  constexpr llvm::StringLiteral again = "; download the file again";
  if (bytes.empty())
    return fileError(path, "expected a file with contents, found an empty one" + again);
  llvm::StringRef text = bytes.take_front(64 * 1024);
  text.consume_front("\xef\xbb\xbf");
  text = text.ltrim();
  if (bytes.size() <= maxPointerBytes && text.starts_with("version https://git-lfs.github.com/spec/")) {
    const llvm::StringRef size = pointedSize(text);
    return fileError(path, "expected the file itself, found a Git LFS pointer to it" +
                               (size.empty() ? "" : " (it has " + size + " bytes)") +
                               "; run `git lfs pull` in its folder, or download the file again");
  }
  if (isPage(text)) {
    llvm::StringRef title = between(text, "<title>", "</title>");
    if (title.empty())
      title = between(text, "<Message>", "</Message>"); // of object stores
    return fileError(path, "expected the file itself, found a web page" +
                               (title.empty() ? "" : " (" + quoted(title.take_front(80)) + ")") +
                               " that a server sent in its place" + again);
  }
  if (isAnswer(text))
    return fileError(path, "expected the file itself, found the text " + quoted(text.rtrim().take_front(80)) +
                               ", which a server sent in its place" + again);
  if (const std::string message = errorBody(text); !message.empty())
    return fileError(path, "expected the file itself, found an error message (" +
                               quoted(llvm::StringRef(message).take_front(80)) + ") that a server sent in its place" +
                               again);
  return absl::OkStatus();
}

absl::Status lathe::cannotOpen(llvm::StringRef path, std::error_code error) {
  fs::file_status status;
  if (error == std::errc::no_such_file_or_directory && !fs::status(path, status, /*follow=*/false) &&
      status.type() == fs::file_type::symlink_file) {
    std::error_code ignored;
    const std::filesystem::path target = std::filesystem::read_symlink(path.str(), ignored);
    return fileError(path, "expected a file, found a symbolic link to " + lathe::quoted(target.string()) +
                               ", which is not there; download the file again");
  }
  return fileError(path, error.message());
}

bool lathe::isThere(llvm::StringRef path) {
  fs::file_status status;
  const std::error_code error = fs::status(path, status, /*follow=*/false);
  return error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory;
}
