//===- JinjaExpressions.cpp - evaluates the expressions of a template ---------------------------------------------===//

#include "compiler/support/Errors.h"
#include "frontends/chat/JinjaInterpreter.h"
#include "llvm/ADT/STLExtras.h"

using namespace lathe;
using namespace lathe::jinja;

/// Whether the expression is of the form `a if c else b`: then c is evaluated first.
bool Interpreter::hasCondition() const {
  int open = 0;
  for (size_t i = position;; ++i) {
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
  const size_t begin = position;
  if (!status.ok() || !hasCondition())
    return orExpression();
  ++skipping;
  orExpression();
  --skipping;
  expect(Token::Name, "if");
  const bool isTrue = truth(orExpression());
  Value value;
  if (const size_t after = position; live() && isTrue) {
    position = begin;
    value = orExpression();
    if (status.ok())
      position = after;
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
    position += symbol == "not in" ? 2 : 1;
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
    const std::string symbol = tokens[position++].text;
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
    const std::string symbol = tokens[position++].text;
    Value right = unary();
    if (live())
      left = arithmetic(symbol, left, right);
  }
  return left;
}

Value Interpreter::unary() {
  const size_t begin = position;
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

/// Functions that Jinja and transformers define for every template, without strftime_now (ChatTemplate.h).
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
    ++position;
    return next.number;
  case Token::String: {
    std::string text;
    for (; token().kind == Token::String; ++position)
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
    ++position;
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

/// Reads what follows "(" or "[": a value in brackets, a tuple or a list.
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
      ++position;
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
        const int64_t index = tokens[position++].number;
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

/// Reads the filters (`| name`) and tests (`is name`) after `value`, whose first token is `begin`, and applies them.
/// The filter `safe` is refused unless its result is all of an output, {{ value | safe }}: in Jinja, concatenating a
/// safe text with another one escapes the other one, which is not supported.
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
