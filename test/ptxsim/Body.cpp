//===- Body.cpp - a function's statements -------------------------------------------------------------------------===//

#include "Reader.h"

#include <algorithm>

using namespace ptxsim;

namespace {

uint32_t up(uint64_t value, uint64_t align) { return uint32_t((value + align - 1) / align * align); }

/// "%r12" is "%r" and 12.
bool splitNumber(std::string_view name, std::string_view &prefix, uint64_t &number) {
  size_t digits = name.find_last_not_of("0123456789") + 1;
  if (digits == name.size() || digits == 0)
    return false;
  prefix = name.substr(0, digits);
  number = 0;
  for (char c : name.substr(digits))
    number = number * 10 + uint64_t(c - '0');
  return true;
}

} // namespace

const Symbol *Reader::find(std::string_view name) const {
  for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope)
    if (auto found = scope->find(name); found != scope->end())
      return &found->second;
  return nullptr;
}

uint16_t Reader::opcodeNumber(std::string_view opcode) {
  auto [found, isNew] = opcodes.emplace(opcode, uint16_t(program.opcodes.size()));
  if (isNew)
    program.opcodes.emplace_back(opcode);
  return found->second;
}

void Reader::readRegisters() {
  std::string_view type = expectWord();
  (void)type; // registers have no type here: instructions say how they read them
  do {
    std::string_view name = expectWord();
    Symbol symbol;
    symbol.operand.reg = function->registers * kLanes;
    symbol.bytes = 0;
    uint64_t count = 1;
    if (take("<")) {
      count = expectNumber();
      symbol.bytes = uint32_t(count);
      expect(">");
    }
    function->registers += int(count);
    scopes.back()[name] = symbol;
  } while (take(","));
  expect(";");
}

/// .param in a body: a parameter or result of the call that comes next.
void Reader::readOutgoing() {
  size_t call = at;
  while (!(tokens[call].kind == Token::Word && (tokens[call].text == "call" || tokens[call].text == "call.uni")) &&
         tokens[call].kind != Token::End)
    ++call;
  if (outgoing.call != call) {
    outgoing = {};
    outgoing.call = call;
    if (tokens[std::min(call + 1, tokens.size() - 1)].text == "(")
      for (size_t k = call + 2; tokens[k].text != ")" && tokens[k].kind != Token::End; ++k)
        outgoing.results.push_back(tokens[k].text);
  }
  const Token start = peek();
  Declaration declaration = readDeclaration();
  expect(";");
  bool isResult = std::count(outgoing.results.begin(), outgoing.results.end(), declaration.name);
  if (!isResult && outgoing.resultBytes)
    error(start, "a parameter after a result: not modelled");
  Symbol symbol;
  symbol.kind = Symbol::Memory;
  symbol.space = Space::Param;
  symbol.operand.reg = Operand::OutgoingParameter;
  symbol.bytes = uint32_t(declaration.bytes);
  uint32_t &bytes = isResult ? outgoing.resultBytes : outgoing.parameterBytes;
  bytes = up(bytes, 16);
  symbol.operand.value = bytes + (isResult ? up(outgoing.parameterBytes, 16) : 0);
  bytes += symbol.bytes;
  function->outgoingBytes =
      std::max(function->outgoingBytes, up(outgoing.parameterBytes, 16) + up(outgoing.resultBytes, 16));
  scopes.back()[declaration.name] = symbol;
}

void Reader::readBodyDirective() {
  const Token token = next();
  if (token.text == ".reg") {
    readRegisters();
  } else if (token.text == ".param") {
    readOutgoing();
  } else if (token.text == ".shared") {
    readVariable(Space::Shared, false);
  } else if (token.text == ".local") {
    Declaration declaration = readDeclaration();
    expect(";");
    Symbol symbol;
    symbol.kind = Symbol::Memory;
    symbol.space = Space::Local;
    symbol.operand.reg = Operand::LocalVariable;
    symbol.operand.value = up(function->localBytes, declaration.align);
    function->localBytes = uint32_t(symbol.operand.value + declaration.bytes);
    scopes.back()[declaration.name] = symbol;
  } else if (token.text == ".pragma") {
    next();
    expect(";");
  } else if (token.text == ".loc") {
    while (peek().kind == Token::Number || peek().text == "," || peek().text == "-")
      next();
  } else {
    error(token, "unknown directive " + std::string(token.text));
  }
}

void Reader::readBranchTable() {
  program.tables.emplace_back();
  std::vector<int> &table = program.tables.back();
  do {
    jumps.push_back({-1, int(program.tables.size()) - 1, table.size(), next(), scopeNumbers});
    table.push_back(-1);
  } while (take(","));
  expect(";");
}

/// name: before a statement, or before a .callprototype or .branchtargets
void Reader::readLabel() {
  const Token name = next();
  expect(":");
  if (peek().text == ".callprototype") {
    while (!take(";"))
      next();
  } else if (peek().text == ".branchtargets") {
    next();
    tables[name.text] = int(program.tables.size());
    readBranchTable();
  } else {
    labels[{scopeNumbers.back(), name.text}] = int(program.code.size());
  }
}

Operand Reader::readNamed(const Token &token) {
  Operand operand;
  if (token.text == "_")
    return sink;
  if (token.text == "WARP_SZ") {
    operand.value = kLanes;
    return operand;
  }
  if (const Symbol *symbol = find(token.text); symbol && !(symbol->kind == Symbol::Register && symbol->bytes))
    return symbol->operand;
  std::string_view prefix;
  uint64_t number = 0;
  if (splitNumber(token.text, prefix, number))
    if (const Symbol *symbol = find(prefix); symbol && symbol->kind == Symbol::Register && number < symbol->bytes) {
      operand = symbol->operand;
      operand.reg += int32_t(number) * kLanes;
      return operand;
    }
  if (int special = specialNumber(token.text); special >= 0) {
    operand.reg = Operand::Special;
    operand.value = uint64_t(special);
    return operand;
  }
  error(token, "unknown name " + std::string(token.text));
}

Operand Reader::readOperand() {
  if (peek().kind == Token::Word) {
    const Token token = next();
    Operand operand = readNamed(token);
    if (operand.reg < 0 && operand.reg != Operand::Special && (peek().text == "+"))
      next(), operand.value += expectNumber();
    return operand;
  }
  Operand operand;
  operand.value = expectNumber();
  return operand;
}

Argument Reader::readArgument() {
  Argument argument;
  if (take("{")) {
    argument.kind = Argument::List;
    do
      argument.items.push_back(readOperand());
    while (take(","));
    expect("}");
    return argument;
  }
  if (take("[")) {
    argument.kind = Argument::Address;
    if (peek().kind == Token::Word) {
      const Token token = next();
      argument.items.push_back(readNamed(token));
      if (const Symbol *symbol = find(token.text); symbol && symbol->kind == Symbol::Memory)
        argument.space = symbol->space;
    } else {
      argument.items.push_back(readOperand());
    }
    if (peek().text == "+" || peek().text == "-") {
      bool isNegative = next().text == "-";
      int64_t offset = int64_t(expectNumber());
      argument.offset = isNegative ? -offset : offset;
    }
    expect("]");
    return argument;
  }
  argument.isNegated = take("!");
  argument.items.push_back(readOperand());
  if (take("|")) {
    argument.second = readOperand();
    argument.hasSecond = true;
  }
  return argument;
}

/// call (results), function, (parameters), prototype
void Reader::readCall(Instruction &i, bool) {
  CallSite site;
  auto readNames = [&](std::vector<uint32_t> &sizes, uint32_t from) {
    uint32_t offset = from;
    expect("(");
    while (!take(")")) {
      if (take(","))
        continue;
      const Token name = next();
      const Symbol *symbol = find(name.text);
      if (!symbol || symbol->operand.reg != Operand::OutgoingParameter)
        error(name, "expected a .param of this call, found " + std::string(name.text));
      if (symbol->operand.value != offset)
        error(name, "parameters in another order than they are declared: not modelled");
      sizes.push_back(symbol->bytes);
      offset = up(offset + symbol->bytes, 16);
    }
  };
  if (peek().text == "(") {
    readNames(site.signature.results, up(outgoing.parameterBytes, 16));
    expect(",");
  }
  const Token callee = next();
  if (callee.text.starts_with('%')) {
    i.a = readNamed(callee);
  } else {
    site.function = functionNumber(callee.text);
    calls.push_back({int(program.calls.size()), callee});
  }
  while (take(",")) {
    if (peek().text == "(")
      readNames(site.signature.parameters, 0);
    else
      next(); // the prototype
  }
  i.kind = Kind::Call;
  i.target = int(program.calls.size());
  program.calls.push_back(site);
}

/// bra, brx.idx, call, ret, exit. False: another instruction.
bool Reader::readControl(std::string_view opcode, Instruction &i) {
  if (opcode == "bra" || opcode == "bra.uni") {
    i.kind = Kind::Branch;
    jumps.push_back({int(program.code.size()), -1, 0, next(), scopeNumbers});
  } else if (opcode == "brx.idx" || opcode == "brx.idx.uni") {
    i.kind = Kind::IndexedBranch;
    i.a = readOperand();
    expect(",");
    const Token name = next();
    if (!tables.count(name.text))
      error(name, "unknown name " + std::string(name.text));
    i.target = tables[name.text];
  } else if (opcode == "call" || opcode == "call.uni") {
    readCall(i, opcode == "call.uni");
  } else if (opcode == "ret" || opcode == "ret.uni") {
    i.kind = Kind::Return;
  } else if (opcode == "exit") {
    i.kind = Kind::Exit;
  } else {
    return false;
  }
  return true;
}

void Reader::readStatement() {
  Instruction i;
  if (take("@")) {
    i.isNegated = take("!");
    i.predicate = readOperand().reg;
  }
  const Token opcode = next();
  if (opcode.kind != Token::Word)
    error(opcode, "expected an instruction, found " + std::string(opcode.text));
  i.line = opcode.line;
  i.opcode = opcodeNumber(opcode.text);
  try {
    if (!readControl(opcode.text, i)) {
      Statement statement;
      while (peek().text != ";") {
        statement.arguments.push_back(readArgument());
        if (!take(","))
          break;
      }
      decode(opcode.text, statement, i, pool);
    }
  } catch (Fault &fault) {
    if (fault.text.starts_with("line "))
      throw;
    throw Fault{format("line %u: %s: ", i.line, program.lineText(i.line).c_str()) + fault.text};
  }
  expect(";");
  program.code.push_back(i);
}

void Reader::readBody(int number) {
  function = &program.functions[number];
  function->isDefined = true;
  function->first = int(program.code.size());
  function->registers = 1;
  sink.reg = 0;
  labels.clear();
  jumps.clear();
  tables.clear();
  expect("{");
  scopeNumbers.push_back(++scopeCount);
  for (int depth = 1; depth;) {
    function = &program.functions[number]; // calls may have added functions
    if (take("{")) {
      ++depth;
      scopes.emplace_back();
      scopeNumbers.push_back(++scopeCount);
    } else if (take("}")) {
      if (--depth) {
        scopes.pop_back();
        scopeNumbers.pop_back();
      }
    } else if (peek().kind == Token::End) {
      error(peek(), "expected }, found the end of the file");
    } else if (peek(1).text == ":") {
      readLabel();
    } else if (peek().kind == Token::Word && peek().text.starts_with('.')) {
      readBodyDirective();
    } else if (!take(";")) {
      readStatement();
    }
  }
  scopeNumbers.pop_back();
  // Running off the end is a return.
  Instruction end;
  end.kind = Kind::Return;
  end.line = tokens[at - 1].line;
  end.opcode = opcodeNumber("ret");
  program.code.push_back(end);
  for (const Jump &jump : jumps) {
    int target = -1;
    for (auto scope = jump.scopes.rbegin(); scope != jump.scopes.rend() && target < 0; ++scope)
      if (auto found = labels.find({*scope, jump.label.text}); found != labels.end())
        target = found->second;
    if (target < 0)
      error(jump.label, "unknown label " + std::string(jump.label.text));
    (jump.table < 0 ? program.code[jump.instruction].target : program.tables[jump.table][jump.entry]) = target;
  }
  function->end = int(program.code.size());
  function = nullptr;
}
