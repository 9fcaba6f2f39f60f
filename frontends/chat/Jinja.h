//===- Jinja.h - the part of Jinja that chat templates are written in ---------------------------------------------===//
//
// Rendered as Hugging Face's apply_chat_template does: trim_blocks, lstrip_blocks, loop controls, no final line end.
// Not there, and refused where it is reached: calls of macros, includes, fractions, the date.
//
// What a user will say is not known when a template is rendered. It is a value of its own, UserText, and an operation
// that does not know this kind of value is refused like any other wrong operand: nothing can depend on the words
// unnoticed. The template may write it, put text around it and trim it. A question about the words is answered as for
// an ordinary text and becomes a Guard: the result holds for texts that meet none of the guards.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CHAT_JINJA_H
#define LATHE_FRONTENDS_CHAT_JINJA_H

#include "absl/status/statusor.h"
#include "llvm/ADT/StringRef.h"
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace lathe::jinja {

struct Value;
using List = std::vector<Value>;
using Dict = std::vector<std::pair<std::string, Value>>; // few keys, in order

struct Undefined {};
struct None {};

/// Lists and dicts never change once made; a namespace does, which is why it may not lie in another value.
struct Namespace {
  std::shared_ptr<Dict> values;
};

/// What Jinja's filters give one element after another: its elements can be had once, and copies share that. The views
/// of dict.items(), keys() and values() are of this type as well: they have a length and can be used again.
struct Generator {
  std::shared_ptr<const List> items;
  std::shared_ptr<bool> isUsed; // null: a view
};

/// before + the user's text + after.
struct UserText {
  std::string before, after;
  bool trimsLeft = false, trimsRight = false; // the user's text

  bool isBare() const { return before.empty() && after.empty(); }
  friend bool operator==(const UserText &, const UserText &) = default;
};

/// A text that the rendered template is not for: one that, trimmed as said, is, starts with, ends with or contains
/// `text`.
struct Guard {
  enum Kind { Is, Starts, Ends, Contains };

  Kind kind;
  std::string text;
  bool trimsLeft, trimsRight;

  friend bool operator==(const Guard &, const Guard &) = default;
};

struct Value : std::variant<Undefined, None, bool, int64_t, std::string, std::shared_ptr<const List>,
                            std::shared_ptr<const Dict>, Namespace, UserText, Generator> {
  using variant::variant;
  Value(List list) : variant(std::make_shared<const List>(std::move(list))) {}
  Value(Dict dict) : variant(std::make_shared<const Dict>(std::move(dict))) {}

  template <typename T> const T *get() const { return std::get_if<T>(static_cast<const variant *>(this)); }
  const List *list() const;
  const Dict *dict() const; // a namespace's, too
};

/// A template is a stranger's program: tokens read and bytes made are counted together.
constexpr int64_t kMostWork = 1'000'000;
/// Brackets and blocks inside each other, and lists inside lists.
constexpr int kMostDepth = 48;

/// Questions about the user's text in one template; published ones have three or fewer.
constexpr size_t kMostGuards = 64;

struct Rendered {
  std::string text;             // what comes before the user's text, or everything
  std::optional<UserText> user; // `before` is empty
  std::vector<Guard> guards;
  bool asksForDate = false; // whether there is strftime_now: there is not
};

/// Errors are one line without the template's name: `line 3: expected ..., got ...`.
absl::StatusOr<Rendered> render(llvm::StringRef source, Dict variables);

} // namespace lathe::jinja

#endif // LATHE_FRONTENDS_CHAT_JINJA_H
