//===- JinjaInterpreter.h - parses and executes a template in one pass --------------------------------------------===//
//
// There is no syntax tree. Code that is not executed (a branch, the right side of `and`) is parsed with `skipping` > 0,
// which evaluates nothing. The body of a loop is parsed again for every element. After an error token() returns only
// End, so that all functions return.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_FRONTENDS_CHAT_JINJAINTERPRETER_H
#define LATHE_FRONTENDS_CHAT_JINJAINTERPRETER_H

#include "frontends/chat/JinjaLexer.h"
#include "frontends/chat/JinjaValues.h"
#include "llvm/ADT/ArrayRef.h"

namespace lathe::jinja {

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
  // Tokens (Jinja.cpp)
  const Token &token(size_t ahead = 0) const {
    return status.ok() ? tokens[std::min(position + ahead, tokens.size() - 1)] : tokens.back();
  }
  bool isOperator(llvm::StringRef text, size_t ahead = 0) const { return token(ahead).is(Token::Operator, text); }
  bool isName(llvm::StringRef text, size_t ahead = 0) const { return token(ahead).is(Token::Name, text); }
  bool take(Token::Kind kind, llvm::StringRef text);
  void expect(Token::Kind kind, llvm::StringRef text);
  std::string name();

  // Statements (Jinja.cpp)
  void write(const Value &value);
  std::string body(llvm::ArrayRef<llvm::StringRef> ends);
  void statement(llvm::StringRef tag);
  void ifStatement();
  void forStatement();
  void setStatement();
  void runLoop(const List &items, llvm::ArrayRef<std::string> targets, size_t bodyPosition);
  bool bind(llvm::ArrayRef<std::string> targets, const Value &value);

  // Expressions, from the lowest precedence to the highest (JinjaExpressions.cpp)
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
      if (++interpreter.depth > kMaxDepth)
        interpreter.fail("expected at most " + llvm::Twine(kMaxDepth) + " levels inside each other, got more");
    }
    ~Nested() { --interpreter.depth; }
    Interpreter &interpreter;
  };

  enum class Jump { None, Break, Continue };

  llvm::ArrayRef<Token> tokens;
  size_t position = 0;
  std::vector<Dict> scopes;  // the innermost last
  Value out = std::string(); // the output: a string, or a UserText with the output before and after the user's text
  bool asksForDate = false;
  int depth = 0, skipping = 0, loops = 0;
  Jump jump = Jump::None;
};

} // namespace lathe::jinja

#endif // LATHE_FRONTENDS_CHAT_JINJAINTERPRETER_H
