//===- Decode.h - from a statement to an instruction --------------------------------------------------------------===//
//
// Each family of opcodes has a table: the opcode's first word, and a function that reads the modifiers after it and
// picks the handler. A modifier that nobody takes is refused, so an instruction is executed as a whole or not at all.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef PTXSIM_DECODE_H
#define PTXSIM_DECODE_H

#include "Warp.h"

#include <initializer_list>
#include <span>

namespace ptxsim {

struct Type {
  char kind = 0; // u s b f; h: f16, w: bf16, t: tf32; p: pred
  uint8_t bits = 0;
  bool isPacked = false; // f16x2, bf16x2
  bool operator==(const Type &) const = default;
  int bytes() const { return bits / 8; }
};

class Modifiers {
public:
  explicit Modifiers(std::string_view opcode);

  std::string_view first; // the opcode's first word
  bool take(std::string_view modifier);
  /// The index of the first of these that is there and is taken, or -1.
  int takeOneOf(std::initializer_list<std::string_view> modifiers);
  /// The first type among the modifiers; kind 0 when there is none.
  Type takeType();
  bool isEmpty() const { return rest.empty(); }
  std::string_view left() const { return rest.empty() ? std::string_view() : rest.front(); }

private:
  std::vector<std::string_view> rest;
};

/// One operand of a statement as written.
struct Argument {
  enum Kind { Scalar, List, Address, Name } kind = Scalar;
  std::vector<Operand> items;   // List; of Scalar and Address the only one
  int64_t offset = 0;           // Address
  std::string name;             // Name: a label, function or parameter
  Space space = Space::Generic; // of the symbol that an address names
  bool isNegated = false;       // !%p
  Operand second;               // %p|%q
  bool hasSecond = false;
};

struct Statement {
  std::vector<Argument> arguments;

  size_t size() const { return arguments.size(); }
  /// The operand at a place; throws Fault when it is something else.
  const Operand &scalar(size_t at) const;
  const Argument &address(size_t at) const;
  void expect(size_t least, size_t most) const;
};

/// Memory that decoded instructions keep operands in.
struct Pool {
  Program &program;
  void keep(Instruction &i, const std::vector<Operand> &results, const std::vector<Operand> &sources);
};

using Decoder = void (*)(Modifiers &op, const Statement &s, Instruction &i, Pool &pool);
struct DecoderEntry {
  std::string_view name;
  Decoder decode;
};

std::span<const DecoderEntry> integerDecoders(), floatDecoders(), bitDecoders(), moveDecoders(), accessDecoders(),
    atomicDecoders(), collectiveDecoders(), matrixDecoders(), asyncDecoders(), convertDecoders();

/// Sets i.run and what it needs. Throws Fault for an unknown opcode, modifier or operand.
void decode(std::string_view opcode, const Statement &statement, Instruction &i, Pool &pool);

[[noreturn]] void refuse(std::string text);

/// Destination and sources of an instruction with up to three sources.
void plainOperands(const Statement &s, Instruction &i, size_t sources);

} // namespace ptxsim

#endif
