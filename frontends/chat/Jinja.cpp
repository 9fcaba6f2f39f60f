//===- Jinja.cpp - a template is read and carried out in one go ---------------------------------------------------===//
//
// There is no tree: what is not taken (a branch, the right side of `and`) is read with `skipping` up, which evaluates
// nothing, and the body of a loop is read again for every element. After a failure there is only the end to read, so
// that everything returns.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "frontends/chat/Jinja.h"
#include "compiler/support/Errors.h"
#include "frontends/chat/JinjaLexer.h"
#include "frontends/chat/JinjaValues.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::jinja;

namespace {

class Interpreter : Operations {
public:
  Interpreter(llvm::ArrayRef<Token> tokens, Dict variables) : tokens(tokens) {
    scopes.push_back(std::move(variables));
    scopes.emplace_back();
  }

  absl::StatusOr<Rendered> run() {
    body({});
    if (!status.ok())
      return status;
    UserText *user = std::get_if<UserText>(&out);
    if (!user)
      return Rendered{std::get<std::string>(std::move(out)), std::nullopt, std::move(guards), asksForDate};
    Rendered rendered = {std::move(user->before), std::move(*user), std::move(guards), asksForDate};
    rendered.user->before.clear();
    return rendered;
  }

private:
  // Tokens
  const Token &token(size_t ahead = 0) const {
    return status.ok() ? tokens[std::min(place + ahead, tokens.size() - 1)] : tokens.back();
  }
  bool isOperator(llvm::StringRef text, size_t ahead = 0) const { return token(ahead).is(Token::Operator, text); }
  bool isName(llvm::StringRef text, size_t ahead = 0) const { return token(ahead).is(Token::Name, text); }
  bool take(Token::Kind kind, llvm::StringRef text);
  void expect(Token::Kind kind, llvm::StringRef text);
  std::string name();

  // Statements
  void write(const Value &value);
  std::string body(llvm::ArrayRef<llvm::StringRef> ends);
  void statement(llvm::StringRef tag);
  void ifStatement();
  void forStatement();
  void setStatement();
  void runLoop(const List &items, llvm::ArrayRef<std::string> targets, size_t bodyPlace);
  bool bind(llvm::ArrayRef<std::string> targets, const Value &value);

  // Expressions, from the loosest to the tightest
  Value expression();
  bool hasCondition() const;
  Value orExpression();
  Value andExpression();
  Value notExpression();
  Value comparison();
  Value sum();
  Value concatenation();
  Value product();
  Value unary();
  Value primary();
  Value brackets(llvm::StringRef close);
  Value dictionary();
  Value postfix(Value value);
  Value subscript(const Value &value);
  Value filtersAndTests(Value value, size_t begin);
  Arguments arguments();

  bool live() const { return skipping == 0 && jump == Jump::None && status.ok(); }

  struct Nested {
    explicit Nested(Interpreter &interpreter) : interpreter(interpreter) {
      if (++interpreter.depth > kMostDepth)
        interpreter.fail("expected at most " + llvm::Twine(kMostDepth) + " levels inside each other, got more");
    }
    ~Nested() { --interpreter.depth; }
    Interpreter &interpreter;
  };

  enum class Jump { None, Break, Continue };

  llvm::ArrayRef<Token> tokens;
  size_t place = 0;
  std::vector<Dict> scopes;  // the innermost last
  Value out = std::string(); // or the user's text, with what stands around it
  bool asksForDate = false;
  int depth = 0, skipping = 0, loops = 0;
  Jump jump = Jump::None;
};

//===--------------------------------------------------------------------------------------------------------------===//
// Tokens
//===--------------------------------------------------------------------------------------------------------------===//

bool Interpreter::take(Token::Kind kind, llvm::StringRef text) {
  if (!token().is(kind, text))
    return false;
  ++place;
  spend(1);
  return true;
}

void Interpreter::expect(Token::Kind kind, llvm::StringRef text) {
  if (!take(kind, text))
    fail("expected " + quoted(text) + ", got " + quoted(token().text));
}

std::string Interpreter::name() {
  if (token().kind != Token::Name) {
    fail("expected a name, got " + quoted(token().text));
    return "";
  }
  spend(1);
  return tokens[place++].text;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Statements
//===--------------------------------------------------------------------------------------------------------------===//

/// Appends in place: a template writes many times.
void Interpreter::write(const Value &value) {
  UserText *user = std::get_if<UserText>(&out);
  if (value.get<UserText>()) {
    if (Value both = concatenate(out, value); both.get<UserText>())
      out = std::move(both);
  } else {
    (user ? user->after : std::get<std::string>(out)) += textOf(value);
  }
}

/// Carries out everything up to a tag of one of these names, and returns it; its other words come next.
std::string Interpreter::body(llvm::ArrayRef<llvm::StringRef> ends) {
  Nested nested(*this);
  while (status.ok()) {
    if (!spend(1))
      break;
    const Token &next = token();
    line = next.line;
    switch (next.kind) {
    case Token::Text:
      if (live() && spend(next.text.size()))
        (std::get_if<UserText>(&out) ? std::get<UserText>(out).after : std::get<std::string>(out)) += next.text;
      ++place;
      break;
    case Token::OutputBegin: {
      ++place;
      Value value = expression();
      expect(Token::OutputEnd, "}}");
      if (live())
        write(value);
      break;
    }
    case Token::TagBegin: {
      ++place;
      std::string tag = name();
      if (llvm::is_contained(ends, tag))
        return tag;
      statement(tag);
      break;
    }
    default:
      if (!ends.empty())
        fail("expected " + quoted(ends.back()) + ", got the end");
      return "";
    }
  }
  return "";
}

void Interpreter::statement(llvm::StringRef tag) {
  if (tag == "if")
    return ifStatement();
  if (tag == "for")
    return forStatement();
  if (tag == "set")
    return setStatement();
  if (tag == "break" || tag == "continue") {
    if (loops == 0)
      fail("expected " + quoted(tag) + " in a loop only");
    expect(Token::TagEnd, "%}");
    if (live())
      jump = tag == "break" ? Jump::Break : Jump::Continue;
    return;
  }
  if (tag == "macro") { // only a call of it would matter
    ++skipping;
    while (status.ok() && token().kind != Token::TagEnd && token().kind != Token::End)
      ++place;
    expect(Token::TagEnd, "%}");
    body({"endmacro"});
    --skipping;
    return expect(Token::TagEnd, "%}");
  }
  if (tag == "generation" || tag == "endgeneration") // marks what a model says, for training
    return expect(Token::TagEnd, "%}");
  fail("expected if, for, set, break or continue, got " + quoted(tag));
}

void Interpreter::ifStatement() {
  bool isDone = false;
  std::string tag = "if";
  while (status.ok() && tag != "endif") {
    bool isTaken = !isDone;
    if (isDone)
      ++skipping;
    if (tag != "else")
      isTaken = truth(expression()) && isTaken;
    expect(Token::TagEnd, "%}");
    if (!isTaken && !isDone)
      ++skipping;
    tag = tag == "else" ? body({"endif"}) : body({"elif", "else", "endif"});
    if (!isTaken)
      --skipping;
    isDone |= isTaken;
  }
  expect(Token::TagEnd, "%}");
}

void Interpreter::forStatement() {
  std::vector<std::string> targets = {name()};
  while (take(Token::Operator, ","))
    targets.push_back(name());
  expect(Token::Name, "in");
  const Value iterated = consume(orExpression());
  List items;
  if (live()) {
    if (auto list = iterated.list())
      for (const Value &value : *list)
        items.push_back(copy(value));
    else if (auto dict = iterated.dict())
      for (const auto &[key, value] : *dict)
        items.push_back(key);
    else if (!iterated.get<Undefined>())
      fail("expected a list to go through, got " + nameOf(iterated));
    spend(items.size());
  }
  if (take(Token::Name, "if")) {
    const size_t condition = place;
    llvm::erase_if(items, [&](const Value &item) {
      place = condition;
      scopes.emplace_back();
      const bool isWanted = bind(targets, item) && truth(expression());
      scopes.pop_back();
      return !isWanted;
    });
    if (status.ok()) {
      place = condition;
      ++skipping;
      expression();
      --skipping;
    }
  }
  expect(Token::TagEnd, "%}");

  const size_t bodyPlace = place;
  const bool isEmpty = items.empty();
  if (live())
    runLoop(items, targets, bodyPlace);
  // Once more without doing anything, to its end.
  if (status.ok())
    place = bodyPlace;
  ++skipping;
  ++loops;
  std::string tag = body({"else", "endfor"});
  --loops;
  --skipping;
  if (tag == "else") {
    expect(Token::TagEnd, "%}");
    skipping += !isEmpty;
    body({"endfor"});
    skipping -= !isEmpty;
  }
  expect(Token::TagEnd, "%}");
}

void Interpreter::runLoop(const List &items, llvm::ArrayRef<std::string> targets, size_t bodyPlace) {
  const int64_t count = items.size();
  ++loops;
  for (int64_t i = 0; i < count && live(); ++i) {
    spend(32); // the variable `loop` is work as well
    scopes.emplace_back();
    bind(targets, items[i]);
    assign(scopes.back(), "loop",
           Dict{{"index", i + 1},
                {"index0", i},
                {"revindex", count - i},
                {"revindex0", count - i - 1},
                {"first", i == 0},
                {"last", i + 1 == count},
                {"length", count},
                {"depth", int64_t(1)}, // of recursive loops, which are not there
                {"depth0", int64_t(0)},
                {"previtem", i > 0 ? items[i - 1] : Undefined()},
                {"nextitem", i + 1 < count ? items[i + 1] : Undefined()}});
    place = bodyPlace;
    body({"else", "endfor"});
    scopes.pop_back();
    const bool isOver = jump == Jump::Break;
    jump = Jump::None;
    if (isOver)
      break;
  }
  --loops;
}

bool Interpreter::bind(llvm::ArrayRef<std::string> targets, const Value &value) {
  if (!live())
    return false;
  if (targets.size() == 1) {
    assign(scopes.back(), targets[0], value);
    return true;
  }
  const List *list = value.list();
  if (!list || list->size() != targets.size()) {
    fail("expected a list of " + llvm::Twine(targets.size()) + " to take apart, got " + nameOf(value));
    return false;
  }
  for (auto [target, element] : llvm::zip(targets, *list))
    assign(scopes.back(), target, element);
  return true;
}

void Interpreter::setStatement() {
  std::vector<std::string> targets = {name()};
  if (take(Token::Operator, ".")) {
    const std::string key = name();
    expect(Token::Operator, "=");
    Value value = expression();
    expect(Token::TagEnd, "%}");
    if (!live())
      return;
    for (Dict &scope : llvm::reverse(scopes))
      if (const Value *target = find(scope, targets[0])) {
        if (auto space = target->get<Namespace>(); space && !value.get<Namespace>())
          assign(*space->values, key, std::move(value));
        else
          fail("expected a namespace to set " + quoted(key) + " in, got " + nameOf(*target));
        return;
      }
    fail("expected a namespace to set " + quoted(key) + " in, got something undefined");
    return;
  }
  while (take(Token::Operator, ","))
    targets.push_back(name());
  if (take(Token::TagEnd, "%}")) { // what is written up to endset
    Value outer = std::exchange(out, std::string());
    body({"endset"});
    expect(Token::TagEnd, "%}");
    std::swap(out, outer);
    bind(targets, outer);
    return;
  }
  expect(Token::Operator, "=");
  Value value = expression();
  if (isOperator(",")) {
    List list = {value};
    while (take(Token::Operator, ","))
      list.push_back(expression());
    value = make(std::move(list));
  }
  expect(Token::TagEnd, "%}");
  bind(targets, value);
}

//===--------------------------------------------------------------------------------------------------------------===//
// Expressions
//===--------------------------------------------------------------------------------------------------------------===//

/// Whether `a if c else b` begins here: then c comes first.
bool Interpreter::hasCondition() const {
  int open = 0;
  for (size_t i = place;; ++i) {
    const Token &next = tokens[i];
    if (next.kind == Token::TagEnd || next.kind == Token::OutputEnd || next.kind == Token::End)
      return false;
    if (next.kind == Token::Operator) {
      if (next.text == "(" || next.text == "[" || next.text == "{")
        ++open;
      else if ((next.text == ")" || next.text == "]" || next.text == "}") && --open < 0)
        return false;
      else if (open == 0 && (next.text == "," || next.text == ":" || next.text == "="))
        return false;
    } else if (open == 0 && next.kind == Token::Name && (next.text == "if" || next.text == "else")) {
      return next.text == "if";
    }
  }
}

Value Interpreter::expression() {
  Nested nested(*this);
  const size_t begin = place;
  if (!status.ok() || !hasCondition())
    return orExpression();
  ++skipping;
  orExpression();
  --skipping;
  expect(Token::Name, "if");
  const bool isTrue = truth(orExpression());
  Value value;
  if (const size_t after = place; live() && isTrue) {
    place = begin;
    value = orExpression();
    if (status.ok())
      place = after;
  }
  if (take(Token::Name, "else")) {
    skipping += isTrue;
    Value other = expression();
    skipping -= isTrue;
    if (!isTrue)
      value = std::move(other);
  }
  return value;
}

Value Interpreter::orExpression() {
  Value left = andExpression();
  while (take(Token::Name, "or")) {
    const bool isKnown = truth(left);
    skipping += isKnown;
    Value right = andExpression();
    skipping -= isKnown;
    if (!isKnown)
      left = std::move(right);
  }
  return left;
}

Value Interpreter::andExpression() {
  Value left = notExpression();
  while (take(Token::Name, "and")) {
    const bool isKnown = !truth(left);
    skipping += isKnown;
    Value right = notExpression();
    skipping -= isKnown;
    if (!isKnown)
      left = std::move(right);
  }
  return left;
}

Value Interpreter::notExpression() {
  bool isNegated = false, isPlain = true;
  while (take(Token::Name, "not")) {
    isNegated = !isNegated;
    isPlain = false;
  }
  Value value = comparison();
  return isPlain ? value : Value(truth(value) != isNegated);
}

Value Interpreter::comparison() {
  Value left = sum();
  bool isPlain = true, isTrue = true;
  while (status.ok()) {
    std::string symbol;
    for (llvm::StringRef known : {"==", "!=", "<=", ">=", "<", ">"})
      if (symbol.empty() && isOperator(known))
        symbol = known.str();
    if (isName("in"))
      symbol = "in";
    else if (isName("not") && isName("in", 1))
      symbol = "not in";
    if (symbol.empty())
      break;
    place += symbol == "not in" ? 2 : 1;
    spend(1);
    Value right = sum();
    if (live())
      isTrue = compare(symbol, left, right) && isTrue;
    left = std::move(right);
    isPlain = false;
  }
  return isPlain ? left : Value(isTrue);
}

Value Interpreter::sum() {
  Value left = concatenation();
  while (isOperator("+") || isOperator("-")) {
    const std::string symbol = tokens[place++].text;
    Value right = concatenation();
    if (live())
      left = symbol == "+" ? add(left, right) : arithmetic(symbol, left, right);
  }
  return left;
}

Value Interpreter::concatenation() {
  Value left = product();
  while (take(Token::Operator, "~")) {
    Value right = product();
    if (live())
      left = concatenate(left, right);
  }
  return left;
}

Value Interpreter::product() {
  Value left = unary();
  while (isOperator("*") || isOperator("/") || isOperator("//") || isOperator("%")) {
    const std::string symbol = tokens[place++].text;
    Value right = unary();
    if (live())
      left = arithmetic(symbol, left, right);
  }
  return left;
}

Value Interpreter::unary() {
  const size_t begin = place;
  bool isNegated = false;
  Value value;
  if (take(Token::Operator, "-"))
    isNegated = true;
  else
    take(Token::Operator, "+");
  value = postfix(primary());
  if (isNegated && live())
    value = arithmetic("-", int64_t(0), value);
  return filtersAndTests(std::move(value), begin);
}

/// What Jinja and transformers define for every template; strftime_now is not there on purpose.
static bool isGlobal(llvm::StringRef name) {
  return llvm::is_contained({"range", "dict", "lipsum", "cycler", "joiner", "namespace", "self", "raise_exception"},
                            name);
}

Value Interpreter::primary() {
  Nested nested(*this);
  spend(1);
  const Token &next = token();
  line = next.line;
  if (!status.ok())
    return Undefined();
  switch (next.kind) {
  case Token::Integer:
    ++place;
    return next.number;
  case Token::String: {
    std::string text;
    for (; token().kind == Token::String; ++place)
      text += token().text;
    return live() ? make(std::move(text)) : Value();
  }
  case Token::Operator:
    if (take(Token::Operator, "("))
      return brackets(")");
    if (take(Token::Operator, "["))
      return brackets("]");
    if (take(Token::Operator, "{"))
      return dictionary();
    break;
  case Token::Name: {
    ++place;
    if (next.text == "true" || next.text == "True")
      return true;
    if (next.text == "false" || next.text == "False")
      return false;
    if (next.text == "none" || next.text == "None")
      return None();
    const Value *found = nullptr;
    for (const Dict &scope : llvm::reverse(scopes))
      if ((found = find(scope, next.text)))
        break;
    if (!found && take(Token::Operator, "(")) {
      const Arguments given = arguments();
      return live() ? callFunction(next.text, given) : Value();
    }
    if (live() && !found && isGlobal(next.text)) {
      if (isName("is") &&
          (isName("defined", isName("not", 1) ? 2 : 1) || isName("undefined", isName("not", 1) ? 2 : 1)))
        return true;
      return fail("expected a call of " + quoted(next.text) + ", got the function itself");
    }
    asksForDate |= live() && !found && next.text == "strftime_now";
    return found && live() ? copy(*found) : Value();
  }
  default:
    break;
  }
  return fail("expected an expression, got " + quoted(next.text));
}

/// Behind "(" or "[": a value in brackets, a tuple or a list.
Value Interpreter::brackets(llvm::StringRef close) {
  List list;
  bool isList = close == "]" || isOperator(close);
  while (status.ok() && !isOperator(close)) {
    list.push_back(expression());
    if (!take(Token::Operator, ","))
      break;
    isList = true;
  }
  expect(Token::Operator, close);
  if (!live())
    return Undefined();
  return isList ? make(std::move(list)) : std::move(list.front());
}

Value Interpreter::dictionary() {
  Dict dict;
  while (status.ok() && !isOperator("}")) {
    const Value key = expression();
    expect(Token::Operator, ":");
    Value value = expression();
    if (live()) {
      if (auto text = key.get<std::string>())
        assign(dict, *text, std::move(value));
      else
        fail("expected text as a key, got " + nameOf(key));
    }
    if (!take(Token::Operator, ","))
      break;
  }
  expect(Token::Operator, "}");
  return live() ? make(std::move(dict)) : Value();
}

Arguments Interpreter::arguments() {
  Arguments found;
  while (status.ok() && !isOperator(")")) {
    if (token().kind == Token::Name && isOperator("=", 1)) {
      std::string key = name();
      ++place;
      found.named.emplace_back(std::move(key), expression());
    } else {
      found.values.push_back(expression());
    }
    if (!take(Token::Operator, ","))
      break;
  }
  expect(Token::Operator, ")");
  return found;
}

Value Interpreter::postfix(Value value) {
  while (status.ok()) {
    if (take(Token::Operator, ".")) {
      if (token().kind == Token::Integer) {
        const int64_t index = tokens[place++].number;
        value = live() ? element(value, index) : Value();
        continue;
      }
      const std::string key = name();
      if (take(Token::Operator, "(")) {
        const Arguments given = arguments();
        value = live() ? callMethod(value, key, given) : Value();
      } else {
        value = live() ? attribute(value, key) : Value();
      }
    } else if (take(Token::Operator, "[")) {
      value = subscript(value);
    } else if (isOperator("(")) {
      return fail("expected a function by its name, got a call of " + nameOf(value));
    } else {
      break;
    }
  }
  return value;
}

Value Interpreter::subscript(const Value &value) {
  Value parts[3] = {None(), None(), None()};
  bool isSlice = false;
  for (int i = 0; i < 3; ++i) {
    if (!isOperator(":") && !isOperator("]"))
      parts[i] = expression();
    if (!take(Token::Operator, ":"))
      break;
    isSlice = true;
  }
  expect(Token::Operator, "]");
  if (!live())
    return Undefined();
  return isSlice ? slice(value, parts[0], parts[1], parts[2]) : element(value, parts[0]);
}

/// `begin` is where the value is read from. What `safe` gives is text of another kind, which escapes what it is put
/// together with: it may only be written.
Value Interpreter::filtersAndTests(Value value, size_t begin) {
  bool isSafe = false;
  while (status.ok()) {
    if (take(Token::Operator, "|")) {
      const std::string called = name();
      Arguments given;
      if (take(Token::Operator, "("))
        given = arguments();
      isSafe |= live() && called == "safe";
      value = live() ? filter(value, called, given) : Value();
    } else if (take(Token::Name, "is")) {
      const bool isNegated = take(Token::Name, "not");
      const std::string called = name();
      Arguments given;
      const Token::Kind kind = token().kind;
      if (take(Token::Operator, "("))
        given = arguments();
      else if (kind == Token::String || kind == Token::Integer || isOperator("["))
        given.values.push_back(postfix(primary()));
      value = live() ? Value(test(value, called, given.values) != isNegated) : Value();
    } else {
      break;
    }
  }
  if (isSafe && (token().kind != Token::OutputEnd || tokens[begin - 1].kind != Token::OutputBegin))
    return fail("expected \"safe\" in an output of this value alone, got it in a larger expression");
  return value;
}

} // namespace

absl::StatusOr<Rendered> jinja::render(llvm::StringRef source, Dict variables) {
  if (source.size() > size_t(kMostWork))
    return absl::InvalidArgumentError("expected a template of at most " + std::to_string(kMostWork) + " bytes, got " +
                                      std::to_string(source.size()));
  LATHE_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(source));
  return Interpreter(tokens, std::move(variables)).run();
}
