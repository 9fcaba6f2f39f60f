//===- Reader.cpp - a module's variables and functions ------------------------------------------------------------===//

#include "Reader.h"

#include <algorithm>

using namespace ptxsim;

namespace {

uint64_t up(uint64_t value, uint64_t align) { return (value + align - 1) / align * align; }

uint64_t bytesOfType(std::string_view type) {
  static const std::unordered_map<std::string_view, uint64_t> sizes = {
      {".b8", 1},   {".u8", 1},  {".s8", 1},    {".b16", 2},    {".u16", 2},  {".s16", 2},  {".f16", 2},
      {".bf16", 2}, {".b32", 4}, {".u32", 4},   {".s32", 4},    {".f32", 4},  {".b64", 8},  {".u64", 8},
      {".s64", 8},  {".f64", 8}, {".f16x2", 4}, {".bf16x2", 4}, {".pred", 1}, {".b128", 16}};
  auto found = sizes.find(type);
  return found == sizes.end() ? 0 : found->second;
}

} // namespace

std::string Program::lineText(uint32_t line) const {
  if (line >= lines.size())
    return "";
  std::string_view text = lines[line];
  size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t\r;");
  std::string result;
  if (first == std::string_view::npos)
    return result;
  for (char c : text.substr(first, last - first + 1))
    if (!(c == '\t' || c == ' ') || (!result.empty() && result.back() != ' '))
      result += c == '\t' ? ' ' : c;
  return result;
}

Reader::Reader(Program &program, Place place, void *owner)
    : program(program), place(place), owner(owner), tokens(splitTokens(program.text)), pool{program} {
  scopes.emplace_back();
  scopeNumbers.push_back(0);
}

void Reader::error(const Token &token, const std::string &text) const {
  throw Fault{format("line %u: ", token.line) + text};
}

bool Reader::take(std::string_view text) {
  if (peek().text != text || peek().kind == Token::End)
    return false;
  next();
  return true;
}

void Reader::expect(std::string_view text) {
  if (!take(text))
    error(peek(), format("expected %s, found %s", std::string(text).c_str(), std::string(peek().text).c_str()));
}

std::string_view Reader::expectWord() {
  if (peek().kind != Token::Word)
    error(peek(), "expected a name, found " + std::string(peek().text));
  return next().text;
}

uint64_t Reader::expectNumber() {
  bool isNegative = take("-");
  uint64_t value = 0;
  if (peek().kind != Token::Number || !parseNumber(peek().text, value))
    error(peek(), "expected a number, found " + std::string(peek().text));
  next();
  return isNegative ? 0 - value : value;
}

/// After the state space: .align 16 .b8 name[64]
Reader::Declaration Reader::readDeclaration() {
  Declaration result;
  uint64_t elements = 1;
  bool isPointer = false; // .ptr .global .align 16: what is known of a kernel's pointer
  while (peek().kind == Token::Word && peek().text.starts_with('.')) {
    const Token &token = next();
    std::string_view word = token.text;
    if (word == ".align") {
      uint64_t align = expectNumber();
      if (!isPointer)
        result.align = align;
    } else if (word == ".ptr") {
      isPointer = true;
    } else if (word == ".v2" || word == ".v4") {
      elements *= word == ".v2" ? 2 : 4;
    } else if (uint64_t bytes = bytesOfType(word)) {
      result.elementBytes = bytes;
      result.align = std::max(result.align, bytes);
    } else if (!(isPointer && (word == ".global" || word == ".shared" || word == ".const" || word == ".local"))) {
      error(token, "unknown directive " + std::string(word));
    }
  }
  result.name = expectWord();
  if (take("<")) {
    result.isNumbered = true;
    result.count = expectNumber();
    expect(">");
  }
  while (take("[")) {
    if (take("]")) {
      result.hasUnknownSize = true;
      continue;
    }
    elements *= expectNumber();
    expect("]");
  }
  result.bytes = result.elementBytes * elements;
  return result;
}

Variable &Reader::addVariable(std::string_view name, Space space, uint64_t bytes, uint64_t align) {
  auto variable = std::make_unique<Variable>();
  variable->name = name;
  variable->space = space;
  variable->bytes = bytes;
  variable->align = align;
  program.variables.push_back(std::move(variable));
  return *program.variables.back();
}

void Reader::readVariable(Space space, bool isExtern) {
  const Token start = peek();
  Declaration declaration = readDeclaration();
  bool isDynamic = space == Space::Shared && declaration.hasUnknownSize;
  if (isExtern && !isDynamic)
    error(start, "undefined variable " + std::string(declaration.name));
  Variable &variable = addVariable(declaration.name, space, declaration.bytes, declaration.align);
  if (declaration.hasUnknownSize)
    variable.bytes = 0;
  if (take("="))
    readInitialiser(variable, declaration);
  expect(";");
  if (space == Space::Shared) {
    if (isDynamic) {
      variable.address = program.dynamicBase;
    } else {
      variable.address = up(sharedEnd, declaration.align);
      uint32_t end = uint32_t(variable.address + variable.bytes);
      (function && function->isEntry ? function->sharedBytes : commonShared) += end - sharedEnd;
      sharedEnd = end;
    }
  } else {
    variable.address = place(owner, variable);
  }
  Symbol symbol;
  symbol.kind = Symbol::Memory;
  symbol.space = space;
  symbol.operand.value = variable.address;
  scopes.back()[declaration.name] = symbol;
}

/// 5, 0f3F800000, name, name+8, generic(name)
void Reader::readValue(Variable &variable, uint64_t offset, uint64_t bytes) {
  if (offset + bytes > variable.init.size())
    error(peek(), "more values than " + variable.name + " holds");
  if (peek().kind != Token::Word) {
    uint64_t value = expectNumber();
    std::memcpy(&variable.init[offset], &value, std::min<uint64_t>(bytes, 8));
    return;
  }
  bool isGeneric = peek().text == "generic" && peek(1).text == "(";
  if (isGeneric)
    next(), next();
  Variable::Pointer pointer{offset, std::string(expectWord()), 0, isGeneric};
  if (isGeneric)
    expect(")");
  if (take("+"))
    pointer.offset = int64_t(expectNumber());
  if (bytes != 8)
    error(peek(), "an address in an element that has not 64 bits: not modelled");
  variable.pointers.push_back(pointer);
}

void Reader::readInitialiser(Variable &variable, const Declaration &declaration) {
  variable.init.assign(variable.bytes, 0);
  if (!take("{")) {
    readValue(variable, 0, declaration.elementBytes);
    return;
  }
  int depth = 1;
  for (uint64_t offset = 0; depth;) {
    if (take("{")) {
      ++depth;
    } else if (take("}")) {
      --depth;
    } else if (!take(",")) {
      readValue(variable, offset, declaration.elementBytes);
      offset += declaration.elementBytes;
    }
  }
}

int Reader::functionNumber(std::string_view name) {
  for (size_t k = 0; k < program.functions.size(); ++k)
    if (program.functions[k].name == name)
      return int(k);
  program.functions.emplace_back();
  program.functions.back().name = name;
  Symbol symbol;
  symbol.kind = Symbol::Function;
  symbol.function = int(program.functions.size()) - 1;
  symbol.operand.value = kCodeWindow + 16 * uint64_t(symbol.function);
  scopes.front()[name] = symbol;
  return symbol.function;
}

/// Between parentheses. A kernel's parameters lie as aligned, a function's each at a multiple of 16: both sides of a
/// call then agree without knowing each other's alignments.
void Reader::readParameters(Signature &signature, Scope &scope, uint32_t &bytes, std::vector<uint32_t> *offsets,
                            bool isResult) {
  expect("(");
  while (!take(")")) {
    if (take(","))
      continue;
    expect(".param");
    Declaration declaration = readDeclaration();
    bytes = uint32_t(up(bytes, offsets ? declaration.align : 16));
    Symbol symbol;
    symbol.kind = Symbol::Memory;
    symbol.space = Space::Param;
    symbol.operand.reg = Operand::OwnParameter;
    symbol.operand.value = bytes;
    symbol.bytes = uint32_t(declaration.bytes);
    scope[declaration.name] = symbol;
    if (offsets)
      offsets->push_back(bytes);
    (isResult ? signature.results : signature.parameters).push_back(uint32_t(declaration.bytes));
    bytes += uint32_t(declaration.bytes);
  }
}

void Reader::readFunction(bool isEntry) {
  const Token start = peek();
  Signature signature;
  Scope scope;
  std::vector<uint32_t> offsets;
  uint32_t resultBytes = 0, parameterBytes = 0;
  Scope results;
  if (peek().text == "(")
    readParameters(signature, results, resultBytes, nullptr, true);
  std::string_view name = expectWord();
  if (peek().text == "(")
    readParameters(signature, scope, parameterBytes, isEntry ? &offsets : nullptr, false);
  parameterBytes = uint32_t(isEntry ? parameterBytes : up(parameterBytes, 16));
  for (auto &[resultName, symbol] : results) { // behind the parameters
    symbol.operand.value += parameterBytes;
    scope[resultName] = symbol;
  }
  signature.bytes = uint32_t(parameterBytes + up(resultBytes, 16));
  int number = functionNumber(name);
  Function &found = program.functions[number];
  if (found.isDefined && peek().text != ";")
    error(start, "a second definition of " + std::string(name));
  found.isEntry = isEntry;
  found.signature = signature;
  found.parameterOffsets = offsets;
  while (peek().kind == Token::Word) {
    const Token word = next();
    uint32_t *three = word.text == ".reqntid"   ? found.requiredThreads
                      : word.text == ".maxntid" ? found.maxThreads
                                                : nullptr;
    if (three) {
      for (int k = 0; k < 3; ++k)
        three[k] = k == 0 || take(",") ? uint32_t(expectNumber()) : 1;
    } else if (word.text == ".minnctapersm" || word.text == ".maxnreg" || word.text == ".maxnctapersm") {
      expectNumber();
    } else if (word.text == ".pragma") {
      next();
      expect(";");
    } else if (word.text != ".noreturn") {
      error(word, "unknown directive " + std::string(word.text));
    }
  }
  if (take(";"))
    return;
  scopes.push_back(std::move(scope));
  readBody(number);
  scopes.pop_back();
}

void Reader::readModule() {
  // The size of all static .shared variables, where dynamic shared memory begins.
  for (at = 0; peek().kind != Token::End;) {
    bool isShared = peek().text == ".shared" && peek().kind == Token::Word && !(at && tokens[at - 1].text == ".ptr");
    if (!isShared) {
      next();
      continue;
    }
    next();
    Declaration declaration = readDeclaration();
    if (!declaration.hasUnknownSize)
      sharedEnd = uint32_t(up(sharedEnd, declaration.align) + declaration.bytes);
  }
  program.dynamicBase = uint32_t(up(sharedEnd, 128));
  sharedEnd = 0;

  for (at = 0; peek().kind != Token::End;) {
    bool isExtern = false;
    while (peek().text == ".visible" || peek().text == ".extern" || peek().text == ".weak" || peek().text == ".common")
      isExtern |= next().text == ".extern";
    const Token token = next();
    if (token.text == ".version") {
      std::string_view text = next().text; // 8.0
      if (text.size() != 3 || text[1] != '.')
        error(token, "expected .version with a number such as 8.0");
      program.version = uint32_t(text[0] - '0') * 10 + uint32_t(text[2] - '0');
    } else if (token.text == ".target") {
      for (program.target = next().text; take(",");)
        next();
    } else if (token.text == ".address_size") {
      if (expectNumber() != 64)
        error(token, "expected addresses of 64 bits");
    } else if (token.text == ".global") {
      readVariable(Space::Global, isExtern);
    } else if (token.text == ".const") {
      readVariable(Space::Const, isExtern);
    } else if (token.text == ".shared") {
      readVariable(Space::Shared, isExtern);
    } else if (token.text == ".func" || token.text == ".entry") {
      readFunction(token.text == ".entry");
    } else if (token.text == ".file") {
      while (peek().kind == Token::Number || peek().kind == Token::String || peek().text == ",")
        next();
    } else {
      error(token, "unknown directive " + std::string(token.text));
    }
  }
  finishModule();
}

/// Addresses in initialisers, calls of functions that come later, sizes of kernels' shared memory.
void Reader::finishModule() {
  for (const std::unique_ptr<Variable> &variable : program.variables)
    for (const Variable::Pointer &pointer : variable->pointers) {
      auto found = scopes.front().find(pointer.symbol);
      if (found == scopes.front().end())
        throw Fault{"undefined name " + pointer.symbol + " in the initialiser of " + variable->name};
      uint64_t address = found->second.operand.value + pointer.offset;
      if (pointer.isGeneric && found->second.space == Space::Shared)
        address += kSharedWindow;
      std::memcpy(&variable->init[pointer.at], &address, 8);
    }
  for (const Call &call : calls) {
    const CallSite &site = program.calls[call.site];
    const Function &callee = program.functions[site.function];
    if (!callee.isDefined)
      error(call.callee, "undefined function " + callee.name);
    if (!(callee.signature == site.signature))
      error(call.callee, "calls " + callee.name + " with parameters or results of other sizes than it has");
  }
  for (Function &function : program.functions)
    if (function.isEntry)
      function.sharedBytes += commonShared;
}

std::unique_ptr<Program> ptxsim::readProgram(std::string text, Place place, void *owner) {
  auto program = std::make_unique<Program>();
  program->text = std::move(text);
  std::string_view all = program->text;
  program->lines.push_back({}); // lines count from 1
  for (size_t at = 0; at <= all.size();) {
    size_t end = std::min(all.find('\n', at), all.size());
    program->lines.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  Reader reader(*program, place, owner);
  reader.readModule();
  return program;
}
