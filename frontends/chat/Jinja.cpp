//===- Jinja.cpp - executes the statements of a template ----------------------------------------------------------===//

#include "frontends/chat/Jinja.h"
#include "compiler/support/Errors.h"
#include "frontends/chat/JinjaInterpreter.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::jinja;

//===--------------------------------------------------------------------------------------------------------------===//
// Tokens
//===--------------------------------------------------------------------------------------------------------------===//

bool Interpreter::take(Token::Kind kind, llvm::StringRef text) {
  if (!token().is(kind, text))
    return false;
  ++position;
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
  return tokens[position++].text;
}

//===--------------------------------------------------------------------------------------------------------------===//
// Statements
//===--------------------------------------------------------------------------------------------------------------===//

/// Appends in place, without a copy of `out`: a template writes many times.
void Interpreter::write(const Value &value) {
  UserText *user = std::get_if<UserText>(&out);
  if (value.get<UserText>()) {
    if (Value both = concatenate(out, value); both.get<UserText>())
      out = std::move(both);
  } else {
    (user ? user->after : std::get<std::string>(out)) += textOf(value);
  }
}

/// Executes everything up to a tag with one of the names `ends`, and returns the name. The rest of the tag is not read.
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
      ++position;
      break;
    case Token::OutputBegin: {
      ++position;
      Value value = expression();
      expect(Token::OutputEnd, "}}");
      if (live())
        write(value);
      break;
    }
    case Token::TagBegin: {
      ++position;
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
  if (tag == "macro") { // skipped: calls of macros are refused
    ++skipping;
    while (status.ok() && token().kind != Token::TagEnd && token().kind != Token::End)
      ++position;
    expect(Token::TagEnd, "%}");
    body({"endmacro"});
    --skipping;
    return expect(Token::TagEnd, "%}");
  }
  if (tag == "generation" || tag == "endgeneration") // marks the model's output, for training
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
      fail("expected a list to iterate over, got " + nameOf(iterated));
    spend(items.size());
  }
  if (take(Token::Name, "if")) {
    const size_t condition = position;
    llvm::erase_if(items, [&](const Value &item) {
      position = condition;
      scopes.emplace_back();
      const bool isWanted = bind(targets, item) && truth(expression());
      scopes.pop_back();
      return !isWanted;
    });
    if (status.ok()) {
      position = condition;
      ++skipping;
      expression();
      --skipping;
    }
  }
  expect(Token::TagEnd, "%}");

  const size_t bodyPosition = position;
  const bool isEmpty = items.empty();
  if (live())
    runLoop(items, targets, bodyPosition);
  // Reads the body once more without evaluating it, to find its end.
  if (status.ok())
    position = bodyPosition;
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

void Interpreter::runLoop(const List &items, llvm::ArrayRef<std::string> targets, size_t bodyPosition) {
  const int64_t count = items.size();
  ++loops;
  for (int64_t i = 0; i < count && live(); ++i) {
    spend(32); // for the variable `loop`
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
                {"depth", int64_t(1)}, // recursive loops are not supported
                {"depth0", int64_t(0)},
                {"previtem", i > 0 ? items[i - 1] : Undefined()},
                {"nextitem", i + 1 < count ? items[i + 1] : Undefined()}});
    position = bodyPosition;
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
    fail("expected a list of " + llvm::Twine(targets.size()) + " elements to unpack, got " + nameOf(value));
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
  if (take(Token::TagEnd, "%}")) { // {% set x %}...{% endset %}: the value is the output in between
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

absl::StatusOr<Rendered> jinja::render(llvm::StringRef source, Dict variables) {
  if (source.size() > size_t(kMaxWork))
    return absl::InvalidArgumentError("expected a template of at most " + std::to_string(kMaxWork) + " bytes, got " +
                                      std::to_string(source.size()));
  LATHE_ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(source));
  return Interpreter(tokens, std::move(variables)).run();
}
