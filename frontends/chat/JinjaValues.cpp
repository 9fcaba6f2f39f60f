#include "frontends/chat/JinjaValues.h"
#include "compiler/support/Errors.h"
#include "frontends/chat/JinjaLexer.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace lathe;
using namespace lathe::jinja;

const List *Value::list() const {
  auto found = get<std::shared_ptr<const List>>();
  return found ? found->get() : nullptr;
}

const Dict *Value::dict() const {
  if (auto space = get<Namespace>())
    return space->values.get();
  auto found = get<std::shared_ptr<const Dict>>();
  return found ? found->get() : nullptr;
}

std::string jinja::nameOf(const Value &value) {
  static constexpr llvm::StringLiteral names[] = {"something undefined",
                                                  "none",
                                                  "a truth value",
                                                  "an integer",
                                                  "text",
                                                  "a list",
                                                  "a dict",
                                                  "a namespace",
                                                  "the user's text",
                                                  "a generator (it needs | list)"};
  return names[value.index()].str();
}

const Value *jinja::find(const Dict &dict, llvm::StringRef key) {
  for (const auto &[name, value] : dict)
    if (name == key)
      return &value;
  return nullptr;
}

void jinja::assign(Dict &dict, llvm::StringRef key, Value value) {
  for (auto &[name, old] : dict)
    if (name == key) {
      old = std::move(value);
      return;
    }
  dict.emplace_back(key.str(), std::move(value));
}

Value Operations::fail(const llvm::Twine &message) {
  if (status.ok())
    status = absl::InvalidArgumentError(("line " + llvm::Twine(line) + ": " + message).str());
  return Undefined();
}

bool Operations::spend(int64_t amount) {
  work += amount;
  if (work > kMaxWork)
    fail("expected a template that is done after " + llvm::Twine(kMaxWork) + " steps and bytes, got more");
  return status.ok();
}

bool Operations::isEqual(const Value &left, const Value &right) {
  const auto number = [](const Value &value) -> std::optional<int64_t> {
    if (auto flag = value.get<bool>())
      return *flag;
    auto found = value.get<int64_t>();
    return found ? std::optional(*found) : std::nullopt;
  };
  if (!spend(1)) // lists share their elements, so a small program can make an exponentially large value
    return false;
  if (auto a = number(left), b = number(right); a || b)
    return a && b && *a == *b;
  if (const std::optional<bool> found = isEqualUser(left, right))
    return *found;
  if (left.index() != right.index())
    return false;
  if (auto text = left.get<std::string>())
    return spend(text->size() / 16) && *text == *right.get<std::string>();
  if (auto list = left.list())
    return llvm::equal(*list, *right.list(), [&](const Value &a, const Value &b) { return isEqual(a, b); });
  if (auto dict = left.dict())
    return dict->size() == right.dict()->size() && llvm::all_of(*dict, [&](const auto &entry) {
             const Value *other = find(*right.dict(), entry.first);
             return other && isEqual(entry.second, *other);
           });
  return true;
}

bool Operations::ask(Guard::Kind kind, const UserText &user, llvm::StringRef text) {
  if (text.empty() && kind != Guard::Is) // true of every text
    return true;
  if (!user.isBare()) {
    fail("expected a test of the user's text alone, got one of a longer text with it");
    return false;
  }
  Guard guard = {kind, text.str(), user.trimsLeft, user.trimsRight};
  if (llvm::is_contained(guards, guard) || !spend(text.size()))
    return false;
  if (guards.size() == kMaxGuards)
    fail("expected at most " + llvm::Twine(kMaxGuards) + " tests of the user's text, got more");
  else
    guards.push_back(std::move(guard));
  return false;
}

/// Whether the values are equal, if one of them is the user's text; otherwise none.
std::optional<bool> Operations::isEqualUser(const Value &left, const Value &right) {
  const UserText *user = left.get<UserText>(), *other = right.get<UserText>();
  if (user && other) {
    if (*user != *other)
      fail("expected a comparison of the user's text with other text, got one with itself in another form");
    return true;
  }
  if (!user && !other)
    return std::nullopt;
  const std::string *text = (user ? right : left).get<std::string>();
  return text && ask(Guard::Is, user ? *user : *other, *text);
}

/// Depth of nested lists and dicts.
int Operations::nesting(const Value &value) {
  int deepest = 0;
  if (!spend(1))
    return kMaxDepth;
  if (auto list = value.list())
    for (const Value &element : *list)
      deepest = std::max(deepest, nesting(element));
  else if (auto dict = value.dict())
    for (const auto &[key, element] : *dict)
      deepest = std::max(deepest, nesting(element));
  else
    return 0;
  return deepest + 1;
}

Value Operations::make(std::string text) { return spend(text.size()) ? Value(std::move(text)) : Value(); }

Value Operations::make(List list) {
  int64_t size = list.size();
  for (const Value &value : list)
    if (auto text = value.get<std::string>())
      size += text->size();
    else if (auto user = value.get<UserText>())
      size += user->before.size() + user->after.size();
  if (!spend(size))
    return Undefined();
  if (llvm::any_of(list, [](const Value &value) { return value.get<Namespace>(); }))
    return fail("expected no namespace in a list, got one");
  if (llvm::any_of(list, [](const Value &value) { return value.get<Generator>(); }))
    return fail("expected no generator in a list, got one (it needs | list)");
  Value value(std::move(list));
  return nesting(value) <= kMaxDepth ? value : fail("expected fewer lists inside each other");
}

Value Operations::make(Dict dict) {
  if (!spend(dict.size()))
    return Undefined();
  if (llvm::any_of(dict, [](const auto &entry) { return entry.second.template get<Namespace>(); }))
    return fail("expected no namespace in a dict, got one");
  if (llvm::any_of(dict, [](const auto &entry) { return entry.second.template get<Generator>(); }))
    return fail("expected no generator in a dict, got one (it needs | list)");
  Value value(std::move(dict));
  return nesting(value) <= kMaxDepth ? value : fail("expected fewer dicts inside each other");
}

Value Operations::generate(const Value &list) {
  auto items = list.get<std::shared_ptr<const List>>();
  return items ? Value(Generator{*items, std::make_shared<bool>(false)}) : list;
}

Value Operations::consume(const Value &value) {
  const Generator *generator = value.get<Generator>();
  if (!generator)
    return value;
  if (generator->isUsed && std::exchange(*generator->isUsed, true))
    return fail("expected a generator to be used once, got a second use of it (it needs | list)");
  return generator->items;
}

bool Operations::truth(const Value &value) {
  if (auto generator = value.get<Generator>()) { // in Jinja always true, even if empty: refused, as a likely mistake
    if (!generator->isUsed)
      return !generator->items->empty();
    fail("expected a value that is true or false, got " + nameOf(value));
    return false;
  }
  if (auto user = value.get<UserText>())
    return !user->isBare() || !ask(Guard::Is, *user, "");
  if (auto flag = value.get<bool>())
    return *flag;
  if (auto number = value.get<int64_t>())
    return *number != 0;
  if (auto text = value.get<std::string>())
    return !text->empty();
  if (auto list = value.list())
    return !list->empty();
  if (value.get<Namespace>())
    return true;
  return value.dict() && !value.dict()->empty();
}

/// The text of the value in the output.
std::string Operations::textOf(const Value &value) {
  std::string text;
  if (auto found = value.get<std::string>())
    text = *found;
  else if (auto flag = value.get<bool>())
    text = *flag ? "True" : "False";
  else if (auto number = value.get<int64_t>())
    text = std::to_string(*number);
  else if (value.get<None>())
    text = "None";
  else if (!value.get<Undefined>())
    fail("expected text to write, got " + nameOf(value));
  spend(text.size());
  return text;
}

Value Operations::concatenate(const Value &left, const Value &right) {
  const UserText *user = left.get<UserText>(), *other = right.get<UserText>();
  if (user && other)
    return fail("expected the user's text once, got it twice");
  if (!user && !other)
    return make(textOf(left) + textOf(right));
  UserText both = user ? *user : *other;
  user ? both.after += textOf(right) : both.before.insert(0, textOf(left));
  return spend(both.before.size() + both.after.size()) ? Value(std::move(both)) : Value();
}

std::string Operations::jsonOf(const Value &value) {
  if (!spend(1))
    return "";
  if (auto text = value.get<std::string>()) {
    spend(text->size());
    std::string quotedText = "\"";
    for (char c : *text) {
      constexpr llvm::StringLiteral escapes = "\"\"\\\\\nn\tt\rr\bb\ff";
      const size_t known = escapes.find(c);
      if (known != escapes.npos && known % 2 == 0)
        (quotedText += '\\') += escapes[known + 1];
      else if (static_cast<unsigned char>(c) < 0x20)
        quotedText += "\\u00" + llvm::utohexstr(c, /*LowerCase=*/true, /*Width=*/2);
      else
        quotedText += c;
    }
    return quotedText + "\"";
  }
  if (auto flag = value.get<bool>())
    return *flag ? "true" : "false";
  if (value.get<None>())
    return "null";
  if (value.get<int64_t>())
    return textOf(value);
  std::vector<std::string> parts;
  if (auto list = value.list()) {
    for (const Value &element : *list)
      parts.push_back(jsonOf(element));
    return "[" + llvm::join(parts, ", ") + "]";
  }
  if (auto dict = value.dict()) {
    for (const auto &[key, element] : *dict)
      parts.push_back(jsonOf(key) + ": " + jsonOf(element));
    return "{" + llvm::join(parts, ", ") + "}";
  }
  fail("expected a value for tojson, got " + nameOf(value));
  return "";
}

/// Whether Python's objects of this kind have a method or a property of this name.
static bool isMethod(const Value &value, llvm::StringRef name) {
  using Names = llvm::ArrayRef<llvm::StringLiteral>;
  static constexpr llvm::StringLiteral ofDict[] = {"clear",      "copy",   "cycle", "changed", "fromkeys",
                                                   "get",        "items",  "keys",  "pop",     "popitem",
                                                   "setdefault", "update", "values"};
  static constexpr llvm::StringLiteral ofList[] = {"append", "clear",  "copy",    "count", "extend", "index", "insert",
                                                   "pop",    "remove", "reverse", "sort",  "start",  "step",  "stop"};
  static constexpr llvm::StringLiteral ofText[] = {
      "capitalize", "casefold",     "center",       "count",   "encode",     "endswith",    "expandtabs",
      "find",       "format",       "format_map",   "index",   "isalnum",    "isalpha",     "isascii",
      "isdecimal",  "isdigit",      "isidentifier", "islower", "isnumeric",  "isprintable", "isspace",
      "istitle",    "isupper",      "join",         "ljust",   "lower",      "lstrip",      "maketrans",
      "partition",  "removeprefix", "removesuffix", "replace", "rfind",      "rindex",      "rjust",
      "rpartition", "rsplit",       "rstrip",       "split",   "splitlines", "startswith",  "strip",
      "swapcase",   "title",        "translate",    "upper",   "zfill"};
  static constexpr llvm::StringLiteral ofNumber[] = {"as_integer_ratio", "bit_count",  "bit_length", "conjugate",
                                                     "denominator",      "from_bytes", "imag",       "is_integer",
                                                     "numerator",        "real",       "to_bytes"};
  const Names names = value.get<Namespace>()                              ? Names()
                      : value.dict()                                      ? Names(ofDict)
                      : value.list()                                      ? Names(ofList)
                      : value.get<std::string>() || value.get<UserText>() ? Names(ofText)
                      : value.get<int64_t>() || value.get<bool>()         ? Names(ofNumber)
                                                                          : Names();
  return llvm::is_contained(names, name);
}

/// `value.key`: a method takes precedence over a key.
Value Operations::attribute(const Value &value, llvm::StringRef key) {
  if (value.get<Undefined>())
    return fail("expected a value with " + quoted(key) + ", got something undefined");
  if (isMethod(value, key))
    return fail("expected a call of the method " + quoted(key) + " of " + nameOf(value) + ", got the method itself");
  const Value *found = value.dict() ? find(*value.dict(), key) : nullptr;
  return found ? copy(*found) : Value();
}

Value Operations::copy(const Value &value) {
  const std::string *text = value.get<std::string>();
  if (const UserText *user = value.get<UserText>())
    spend(user->before.size() + user->after.size());
  return !text || spend(text->size()) ? value : Value();
}

Value Operations::element(const Value &value, const Value &index) {
  if (auto key = index.get<std::string>()) { // a key takes precedence over a method
    const Value *found = value.dict() ? find(*value.dict(), *key) : nullptr;
    return found ? copy(*found) : attribute(value, *key);
  }
  const auto number = index.get<int64_t>();
  const List *list = value.list();
  const std::string *text = value.get<std::string>();
  if (!number || !(list || text))
    return fail("expected a list and a number, got " + nameOf(value) + " and " + nameOf(index));
  if (text && !llvm::isASCII(*text))
    return fail("expected a letter of ASCII text, got one of other text");
  const int64_t size = list ? list->size() : text->size(), at = *number < 0 ? *number + size : *number;
  if (at < 0 || at >= size)
    return Undefined();
  return list ? copy((*list)[at]) : Value(text->substr(at, 1));
}

Value Operations::slice(const Value &value, const Value &begin, const Value &end, const Value &step) {
  const List *list = value.list();
  const std::string *text = value.get<std::string>();
  if (!list && !text)
    return fail("expected a list or text to take a part of, got " + nameOf(value));
  if (text && !llvm::isASCII(*text))
    return fail("expected a part of ASCII text, got one of other text");
  for (const Value *bound : {&begin, &end, &step})
    if (!bound->get<int64_t>() && !bound->get<None>())
      return fail("expected a number in a slice, got " + nameOf(*bound));
  const int64_t size = list ? list->size() : text->size(), by = step.get<int64_t>() ? *step.get<int64_t>() : 1;
  if (by == 0 || by < -size - 1 || by > size + 1)
    return fail("expected a step from 1 to the length of what is sliced, got " + llvm::Twine(by));
  const auto bound = [&](const Value &given, int64_t missing) {
    if (!given.get<int64_t>())
      return missing;
    const int64_t number = *given.get<int64_t>(), low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
    return std::clamp(number < 0 ? number + size : number, low, high);
  };
  const int64_t from = bound(begin, by > 0 ? 0 : size - 1), to = bound(end, by > 0 ? size : -1);
  List part;
  std::string letters;
  for (int64_t i = from; by > 0 ? i < to : i > to; i += by)
    if (list)
      part.push_back((*list)[i]);
    else
      letters += (*text)[i];
  return list ? make(std::move(part)) : make(std::move(letters));
}

Value Operations::add(const Value &left, const Value &right) {
  const auto isText = [](const Value &value) { return value.get<std::string>() || value.get<UserText>(); };
  if (isText(left) && isText(right))
    return concatenate(left, right);
  if (left.list() && right.list()) {
    List both = *left.list();
    both.insert(both.end(), right.list()->begin(), right.list()->end());
    return make(std::move(both));
  }
  return arithmetic("+", left, right);
}

Value Operations::arithmetic(llvm::StringRef symbol, const Value &left, const Value &right) {
  const int64_t *a = left.get<int64_t>(), *b = right.get<int64_t>();
  if (!a || !b)
    return fail("expected operands of " + quoted(symbol) + ", got " + nameOf(left) + " and " + nameOf(right));
  int64_t result = 0;
  bool isWrong = false;
  if (symbol == "+")
    isWrong = llvm::AddOverflow(*a, *b, result);
  else if (symbol == "-")
    isWrong = llvm::SubOverflow(*a, *b, result);
  else if (symbol == "*")
    isWrong = llvm::MulOverflow(*a, *b, result);
  else if (symbol == "/" || *b == 0 || *b == -1)
    isWrong = true; // fractions are not supported, and division by 0 or -1 is not used
  else if (symbol == "//")
    result = *a / *b - (*a % *b != 0 && (*a < 0) != (*b < 0));
  else
    result = (*a % *b + *b) % *b;
  if (isWrong)
    return fail("expected an integer of 64 bits, got " + llvm::Twine(*a) + " " + symbol + " " + llvm::Twine(*b));
  return result;
}

bool Operations::compare(llvm::StringRef symbol, const Value &left, const Value &right) {
  const Generator *view = right.get<Generator>();
  if (view && !view->isUsed && !left.get<Generator>() && (symbol == "in" || symbol == "not in"))
    return contains(view->items, left) == (symbol == "in");
  if (left.get<Generator>() || right.get<Generator>()) {
    fail("expected operands of " + quoted(symbol) + ", got a generator (it needs | list)");
    return false;
  }
  if (symbol == "==" || symbol == "!=")
    return isEqual(left, right) == (symbol == "==");
  if (symbol == "in" || symbol == "not in")
    return contains(right, left) == (symbol == "in");
  int order = 0;
  if (left.get<int64_t>() && right.get<int64_t>())
    order = *left.get<int64_t>() < *right.get<int64_t>() ? -1 : *left.get<int64_t>() > *right.get<int64_t>();
  else if (left.get<std::string>() && right.get<std::string>())
    order = left.get<std::string>()->compare(*right.get<std::string>());
  else
    fail("expected two numbers or two texts around " + quoted(symbol) + ", got " + nameOf(left) + " and " +
         nameOf(right));
  return symbol == "<" ? order < 0 : symbol == ">" ? order > 0 : symbol == "<=" ? order <= 0 : order >= 0;
}

bool Operations::contains(const Value &container, const Value &value) {
  if (auto list = container.list())
    return llvm::any_of(*list, [&](const Value &element) { return isEqual(element, value); });
  const std::string *text = value.get<std::string>();
  if (const UserText *user = container.get<UserText>(); user && text)
    return ask(Guard::Contains, *user, *text);
  if (text && container.dict())
    return find(*container.dict(), *text);
  if (text && container.get<std::string>())
    return spend(container.get<std::string>()->size() / 16) &&
           llvm::StringRef(*container.get<std::string>()).contains(*text);
  if (!container.get<Undefined>())
    fail("expected a list, a dict or text around it, got " + nameOf(value) + " in " + nameOf(container));
  return false;
}
