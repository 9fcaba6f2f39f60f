//===- Jinja.h - renders the part of Jinja that chat templates use ------------------------------------------------===//
//
// As Hugging Face's apply_chat_template does: trim_blocks, lstrip_blocks, loop controls, no final newline. Calls of
// macros, includes, fractions and the date are not supported; a template that reaches one is refused.
//
// The user's text is not known when a template is rendered. It is a value of a type of its own, UserText. An operation
// without a rule for this type refuses it like any other wrong operand, so the result cannot depend on the text
// unnoticed. The template may write it, put text around it and trim it. A test of the text (`==`, `in`, startswith) is
// answered with false and recorded as a Guard: the result holds for texts that match no guard.
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
using Dict = std::vector<std::pair<std::string, Value>>; // few keys, in insertion order

struct Undefined {};
struct None {};

/// Lists and dicts are immutable. A namespace is mutable, so it may not be inside another value.
struct Namespace {
  std::shared_ptr<Dict> values;
};

/// The result of Jinja's lazy filters: it can be iterated once; copies share this state. The views of dict.items(),
/// keys() and values() have this type, too; they have a length and can be iterated again.
struct Generator {
  std::shared_ptr<const List> items;
  std::shared_ptr<bool> isUsed; // null: a view
};

/// before + the user's text + after.
struct UserText {
  std::string before, after;
  bool trimsLeft = false, trimsRight = false; // the user's text is trimmed on this side

  bool isBare() const { return before.empty() && after.empty(); }
  friend bool operator==(const UserText &, const UserText &) = default;
};

/// The rendered result does not hold for user's texts that, after trimming, are equal to, start with, end with or
/// contain `text`.
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

/// Limit of the work of a template, which is untrusted code: tokens read plus bytes produced.
constexpr int64_t kMaxWork = 1'000'000;
/// Limit of nested brackets and blocks, and of nested lists.
constexpr int kMaxDepth = 48;

/// Limit of guards in one template; published templates have at most three.
constexpr size_t kMaxGuards = 64;

struct Rendered {
  std::string text;             // before the user's text; without one: the whole output
  std::optional<UserText> user; // `before` is empty
  std::vector<Guard> guards;
  bool asksForDate = false; // the template tests whether strftime_now is defined (it is not)
};

/// An error is one line without the template's name: `line 3: expected ..., got ...`.
absl::StatusOr<Rendered> render(llvm::StringRef source, Dict variables);

} // namespace lathe::jinja

#endif // LATHE_FRONTENDS_CHAT_JINJA_H
