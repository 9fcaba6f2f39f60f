//===- Reader.h - reads a module's declarations and its functions' bodies -----------------------------------------===//

#ifndef PTXSIM_READER_H
#define PTXSIM_READER_H

#include "Decode.h"
#include "Lexer.h"

#include <unordered_map>

namespace ptxsim {

/// The meaning of a name.
struct Symbol {
  enum Kind { Register, Memory, Function } kind = Register;
  Operand operand;              // a register, or where the memory begins
  Space space = Space::Generic; // of memory
  int function = -1;
  uint32_t bytes = 0; // of a .param
};

class Reader {
public:
  Reader(Program &program, Place place, void *owner);
  void readModule();

private:
  using Scope = std::unordered_map<std::string_view, Symbol>;

  // Tokens.
  const Token &peek(size_t ahead = 0) const { return tokens[std::min(at + ahead, tokens.size() - 1)]; }
  const Token &next() { return tokens[at < tokens.size() - 1 ? at++ : at]; }
  bool take(std::string_view text);
  void expect(std::string_view text);
  std::string_view expectWord();
  uint64_t expectNumber();
  [[noreturn]] void error(const Token &token, const std::string &text) const;

  // Declarations.
  struct Declaration {
    std::string_view name;
    uint64_t elementBytes = 1, bytes = 0, align = 1;
    bool hasUnknownSize = false; // []
    uint64_t count = 1;          // .reg .b32 %r<7>: 7
    bool isNumbered = false;
  };
  Declaration readDeclaration();
  void readVariable(Space space, bool isExtern);
  void readInitialiser(Variable &variable, const Declaration &declaration);
  void readValue(Variable &variable, uint64_t offset, uint64_t bytes);
  void readFunction(bool isEntry);
  void readParameters(Signature &signature, Scope &scope, uint32_t &bytes, std::vector<uint32_t> *offsets,
                      bool isResult);
  void readBody(int function);
  void linkVariables();
  void finishModule();

  // Bodies.
  void readBodyDirective();
  void readRegisters();
  void readOutgoing();
  void readLabel();
  void readStatement();
  void readCall(Instruction &i, bool isUniform);
  bool readControl(std::string_view opcode, Instruction &i);
  void readBranchTable();
  Argument readArgument();
  Operand readOperand();
  Operand readNamed(const Token &token);
  const Symbol *find(std::string_view name) const;
  uint16_t opcodeNumber(std::string_view opcode);
  int functionNumber(std::string_view name);
  Variable &addVariable(std::string_view name, Space space, uint64_t bytes, uint64_t align);

  Program &program;
  Place place;
  void *owner;
  std::vector<Token> tokens;
  size_t at = 0;
  Pool pool;
  std::vector<Scope> scopes; // the first one is the module's
  std::unordered_map<std::string_view, uint16_t> opcodes;
  uint32_t sharedEnd = 0;    // every .shared variable has an offset of its own
  uint32_t commonShared = 0; // bytes of those that are no single kernel's own

  // Of the function that is read.
  Function *function = nullptr;
  std::vector<int> scopeNumbers; // of the open scopes; labels are known by scope
  int scopeCount = 0;
  Operand sink; // what _ stands for
  struct Outgoing {
    size_t call = 0;                       // token of the call that the parameters are for
    std::vector<std::string_view> results; // names
    uint32_t parameterBytes = 0, resultBytes = 0;
    std::vector<uint32_t> parameters, resultOffsets; // offsets
  } outgoing;
  std::map<std::pair<int, std::string_view>, int> labels;
  struct Jump {
    int instruction = 0, table = -1; // a table's entry when table >= 0
    size_t entry = 0;
    Token label;
    std::vector<int> scopes;
  };
  std::vector<Jump> jumps;
  std::map<std::string_view, int> tables; // .branchtargets
  struct Call {
    int site;
    Token callee;
  };
  std::vector<Call> calls; // of the whole module, checked at its end
};

} // namespace ptxsim

#endif
