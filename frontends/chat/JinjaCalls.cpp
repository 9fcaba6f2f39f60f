//===- JinjaCalls.cpp - functions, methods, filters and tests of a template ---------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/chat/JinjaLexer.h"
#include "frontends/chat/JinjaValues.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace lathe;
using namespace lathe::jinja;

Value Operations::callFunction(llvm::StringRef function, const Arguments &given) {
  if (function == "raise_exception") {
    const std::optional<std::string> reason = string(given, 0);
    return fail("expected a template that takes one user turn, got its refusal: " + printable(reason.value_or("")));
  }
  if (function == "strftime_now")
    return fail("expected a template whose text does not depend on the day, got a call of strftime_now");
  if (function == "namespace" && given.values.empty()) {
    if (llvm::any_of(given.named, [](const auto &entry) { return entry.second.template get<Namespace>(); }))
      return fail("expected no namespace in a namespace, got one");
    return Namespace{std::make_shared<Dict>(given.named)};
  }
  if (function == "dict" && given.values.empty())
    return make(Dict(given.named));
  if (function == "range" && !given.values.empty() && given.values.size() <= 2 && given.named.empty()) {
    const int64_t *last = given.values.back().get<int64_t>(), zero = 0;
    const int64_t *first = given.values.size() == 2 ? given.values[0].get<int64_t>() : &zero;
    if (first && last && *first >= -kMaxWork && *last <= kMaxWork) {
      List list;
      for (int64_t i = *first; i < *last && spend(1); ++i)
        list.push_back(i);
      return make(std::move(list));
    }
  }
  return fail("expected a function such as raise_exception or namespace, got " + quoted(function));
}

std::optional<std::string> Operations::string(const Arguments &given, size_t index) {
  if (index >= given.values.size())
    return std::nullopt;
  if (auto text = given.values[index].get<std::string>())
    return *text;
  fail("expected text as an argument, got " + nameOf(given.values[index]));
  return std::nullopt;
}

/// White space around the user's text is trimmed together with that in it. If the result depends on whether the user's
/// text is empty, trimming is refused.
Value Operations::trim(const UserText &user, bool left, bool right) {
  UserText trimmed = user;
  const llvm::StringRef before = stripped(user.before, true, false), after = stripped(user.after, false, true);
  const bool reachesLeft = left && before.empty(), reachesRight = right && after.empty();
  if ((reachesLeft && stripped(user.after, true, false) != user.after) ||
      (reachesRight && stripped(user.before, false, true) != user.before))
    if (!(reachesLeft && reachesRight))
      return fail("expected the user's text to be trimmed alone, got text with space around it");
  if (left)
    trimmed.before = before.str();
  if (right)
    trimmed.after = after.str();
  trimmed.trimsLeft |= reachesLeft;
  trimmed.trimsRight |= reachesRight;
  return trimmed;
}

Value Operations::callUserMethod(const UserText &user, llvm::StringRef method, const Arguments &given) {
  const bool isStrip = method == "strip" || method == "lstrip" || method == "rstrip";
  if (isStrip && given.values.empty())
    return trim(user, method != "rstrip", method != "lstrip");
  const std::optional<std::string> text = string(given, 0);
  if (text && given.values.size() == 1 && method == "startswith")
    return ask(Guard::Starts, user, *text);
  if (text && given.values.size() == 1 && method == "endswith")
    return ask(Guard::Ends, user, *text);
  return fail("expected a known method of the user's text, got " + quoted(method));
}

Value Operations::callMethod(const Value &value, llvm::StringRef method, const Arguments &given) {
  if (auto user = value.get<UserText>(); user && given.named.empty())
    return callUserMethod(*user, method, given);
  if (auto text = value.get<std::string>(); text && given.named.empty())
    return callStringMethod(*text, method, given);
  if (const Dict *dict = value.dict(); dict && given.named.empty()) {
    if (method == "get" && !given.values.empty() && given.values.size() <= 2) {
      const std::optional<std::string> key = string(given, 0);
      const Value *found = key ? find(*dict, *key) : nullptr;
      return found ? copy(*found) : given.values.size() == 2 ? given.values[1] : Value(None());
    }
    List list;
    for (const auto &[key, element] : *dict) {
      if (method == "items")
        list.push_back(List{key, element});
      else if (method == "keys")
        list.push_back(key);
      else if (method == "values")
        list.push_back(element);
    }
    if (method == "items" || method == "keys" || method == "values")
      if (const Value made = make(std::move(list)); auto items = made.get<std::shared_ptr<const List>>())
        return Generator{*items, nullptr};
  }
  return fail("expected a known method of " + nameOf(value) + ", got " + quoted(method));
}

Value Operations::callStringMethod(llvm::StringRef text, llvm::StringRef method, const Arguments &given) {
  const std::optional<std::string> first = string(given, 0);
  if (given.values.empty() && (method == "strip" || method == "lstrip" || method == "rstrip"))
    return make(stripped(text, method != "rstrip", method != "lstrip").str());
  const llvm::StringRef letters = first ? llvm::StringRef(*first) : llvm::StringRef();
  if (!llvm::isASCII(letters) && method.contains("strip"))
    return fail("expected ASCII to strip, got other letters");
  if (method == "strip")
    return make(text.trim(letters).str());
  if (method == "lstrip")
    return make(text.ltrim(letters).str());
  if (method == "rstrip")
    return make(text.rtrim(letters).str());
  if (method == "startswith" && first)
    return text.starts_with(*first);
  if (method == "endswith" && first)
    return text.ends_with(*first);
  if (llvm::isASCII(text)) {
    if (method == "upper")
      return make(text.upper());
    if (method == "lower")
      return make(text.lower());
    if (method == "capitalize")
      return make(text.take_front(1).upper() + text.drop_front(!text.empty()).lower());
  }
  if (method == "replace" && given.values.size() == 2 && first && !first->empty())
    if (const std::optional<std::string> second = string(given, 1)) {
      std::string replaced;
      while (status.ok()) {
        const auto [before, after] = text.split(*first);
        replaced += before;
        if (before.size() == text.size())
          break;
        replaced += *second;
        spend(1 + second->size());
        text = after;
      }
      return make(std::move(replaced));
    }
  if (method == "split" && first && !first->empty() && given.values.size() <= 2) {
    const int64_t *max = given.values.size() == 2 ? given.values[1].get<int64_t>() : nullptr;
    if (max || given.values.size() == 1)
      return split(text, *first, max ? *max : -1);
  }
  return fail("expected a known method of text, got " + quoted(method));
}

Value Operations::split(llvm::StringRef text, llvm::StringRef separator, int64_t max) {
  List parts;
  for (; max != 0 && text.contains(separator) && status.ok(); --max) {
    const auto [before, after] = text.split(separator);
    parts.push_back(make(before.str()));
    text = after;
    spend(text.size() / 16);
  }
  parts.push_back(make(text.str()));
  return make(std::move(parts));
}

/// Jinja's filters read `a.b` as a path through two values, and digits as an index. Neither is supported.
static bool isKey(llvm::StringRef path) { return !path.contains('.') && !llvm::all_of(path, llvm::isDigit); }

Value Operations::filter(const Value &value, llvm::StringRef filter, const Arguments &given) {
  if (auto generator = value.get<Generator>()) {
    const bool isView = !generator->isUsed;
    if (llvm::is_contained({"list", "first", "join", "reverse", "map", "selectattr", "rejectattr"}, filter) ||
        (isView && llvm::is_contained({"length", "count", "last"}, filter))) {
      const Value items = consume(value);
      if (!status.ok())
        return Undefined();
      // `reverse` of a generator is a list, of a view a generator.
      return filter == "reverse" && !isView ? slice(items, None(), None(), int64_t(-1))
                                            : this->filter(items, filter, given);
    }
  }
  const List *list = value.list();
  const std::string *text = value.get<std::string>();
  if (given.named.empty()) {
    if (const UserText *user = value.get<UserText>()) {
      if (filter == "trim" && given.values.empty())
        return trim(*user, true, true);
      if (filter == "string")
        return value;
    }
    if (filter == "trim" && (text || value.get<Undefined>()))
      return callStringMethod(text ? *text : "", "strip", given);
    if ((filter == "upper" || filter == "lower" || filter == "capitalize" || filter == "replace") && text)
      return callStringMethod(*text, filter, given);
    if ((filter == "length" || filter == "count") && (list || value.dict()))
      return int64_t(list ? list->size() : value.dict()->size());
    if ((filter == "length" || filter == "count") && text && llvm::isASCII(*text))
      return int64_t(text->size());
    if (filter == "string")
      return make(textOf(value));
    if (filter == "safe")
      return text || value.get<UserText>() ? value : make(textOf(value));
    if (filter == "tojson" && given.values.empty())
      return make(jsonOf(value));
    if ((filter == "default" || filter == "d") && !given.values.empty()) {
      const bool isWanted =
          value.get<Undefined>() || (given.values.size() > 1 && truth(given.values[1]) && !truth(value));
      return isWanted ? given.values[0] : value;
    }
    if (filter == "items" && value.dict())
      return generate(consume(callMethod(value, "items", {})));
    if ((filter == "selectattr" || filter == "rejectattr") && list)
      return selectAttribute(*list, filter == "selectattr", given);
    if (list) {
      if (filter == "list")
        return value;
      if (filter == "first" || filter == "last")
        return list->empty() ? Value() : filter == "first" ? list->front() : list->back();
      if (filter == "reverse")
        return generate(slice(value, None(), None(), int64_t(-1)));
      if (filter == "join") {
        const std::string separator = string(given, 0).value_or("");
        Value joined = std::string();
        for (size_t i = 0; i < list->size() && status.ok(); ++i)
          joined = concatenate(concatenate(joined, i ? separator : std::string()), (*list)[i]);
        return joined;
      }
    }
  } else if (const Value *key = find(given.named, "attribute");
             filter == "map" && list && key && given.values.empty() && given.named.size() == 1) {
    if (auto path = key->get<std::string>(); path && !isKey(*path))
      return fail("expected the name of one attribute, got " + quoted(*path));
    List mapped;
    for (const Value &item : *list)
      mapped.push_back(element(item, *key));
    return generate(make(std::move(mapped)));
  }
  return fail("expected a known filter for " + nameOf(value) + ", got " + quoted(filter));
}

/// selectattr("role", "equalto", "user")
Value Operations::selectAttribute(const List &list, bool wanted, const Arguments &given) {
  const std::optional<std::string> key = string(given, 0), called = string(given, 1);
  if (!key)
    return fail("expected the name of an attribute, got none");
  if (!isKey(*key))
    return fail("expected the name of one attribute, got " + quoted(*key));
  List selected;
  for (const Value &item : list) {
    const Value found = element(item, *key);
    const bool isTrue = called ? test(found, *called, llvm::ArrayRef(given.values).drop_front(2)) : truth(found);
    if (isTrue == wanted)
      selected.push_back(item);
  }
  return generate(make(std::move(selected)));
}

bool Operations::test(const Value &value, llvm::StringRef test, llvm::ArrayRef<Value> given) {
  const int64_t *number = value.get<int64_t>();
  if (given.size() == 1) {
    const llvm::StringRef symbol = llvm::StringSwitch<llvm::StringRef>(test)
                                       .Cases({"eq", "equalto", "=="}, "==")
                                       .Cases({"ne", "!="}, "!=")
                                       .Cases({"gt", "greaterthan", ">"}, ">")
                                       .Cases({"lt", "lessthan", "<"}, "<")
                                       .Cases({"ge", ">="}, ">=")
                                       .Cases({"le", "<="}, "<=")
                                       .Case("in", "in")
                                       .Default("");
    if (!symbol.empty())
      return compare(symbol, value, given[0]);
    if (test == "divisibleby" && number && given[0].get<int64_t>())
      return isEqual(arithmetic("%", value, given[0]), int64_t(0));
  }
  const bool isText = value.get<std::string>() || value.get<UserText>();
  if (given.empty()) {
    if ((test == "odd" || test == "even") && number)
      return (*number % 2 != 0) == (test == "odd");
    const int found = llvm::StringSwitch<int>(test)
                          .Case("defined", !value.get<Undefined>())
                          .Case("undefined", value.get<Undefined>() != nullptr)
                          .Case("none", value.get<None>() != nullptr)
                          .Case("string", isText)
                          .Case("mapping", value.dict() && !value.get<Namespace>())
                          .Case("sequence", isText || value.list() || value.dict() || value.get<Undefined>())
                          .Case("iterable", isText || value.list() || value.dict() || value.get<Undefined>() ||
                                                value.get<Generator>())
                          .Cases({"integer"}, number != nullptr)
                          .Case("number", number || value.get<bool>())
                          .Case("float", false)
                          .Case("boolean", value.get<bool>() != nullptr)
                          .Case("true", isEqual(value, true) && !number)
                          .Case("false", isEqual(value, false) && !number)
                          .Default(-1);
    if (found >= 0)
      return found;
  }
  fail("expected a known test for " + nameOf(value) + ", got " + quoted(test));
  return false;
}
