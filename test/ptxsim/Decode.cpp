//===- Decode.cpp - the table of opcodes --------------------------------------------------------------------------===//

#include "Decode.h"

#include <unordered_map>

using namespace ptxsim;

void ptxsim::refuse(std::string text) { throw Fault{std::move(text)}; }

Modifiers::Modifiers(std::string_view opcode) {
  size_t at = opcode.find('.');
  first = opcode.substr(0, at);
  while (at != std::string_view::npos) {
    size_t next = opcode.find('.', at + 1);
    rest.push_back(opcode.substr(at + 1, next == std::string_view::npos ? next : next - at - 1));
    at = next;
  }
}

bool Modifiers::take(std::string_view modifier) {
  for (size_t i = 0; i < rest.size(); ++i)
    if (rest[i] == modifier) {
      rest.erase(rest.begin() + i);
      return true;
    }
  return false;
}

int Modifiers::takeOneOf(std::initializer_list<std::string_view> modifiers) {
  int index = 0;
  for (std::string_view modifier : modifiers) {
    if (take(modifier))
      return index;
    ++index;
  }
  return -1;
}

Type Modifiers::takeType() {
  static const std::unordered_map<std::string_view, Type> types = {{"u8", {'u', 8}},
                                                                   {"u16", {'u', 16}},
                                                                   {"u32", {'u', 32}},
                                                                   {"u64", {'u', 64}},
                                                                   {"s8", {'s', 8}},
                                                                   {"s16", {'s', 16}},
                                                                   {"s32", {'s', 32}},
                                                                   {"s64", {'s', 64}},
                                                                   {"b8", {'b', 8}},
                                                                   {"b16", {'b', 16}},
                                                                   {"b32", {'b', 32}},
                                                                   {"b64", {'b', 64}},
                                                                   {"b128", {'b', 128}},
                                                                   {"f16", {'h', 16}},
                                                                   {"bf16", {'w', 16}},
                                                                   {"f16x2", {'h', 32, true}},
                                                                   {"bf16x2", {'w', 32, true}},
                                                                   {"f32", {'f', 32}},
                                                                   {"tf32", {'t', 32}},
                                                                   {"f64", {'f', 64}},
                                                                   {"pred", {'p', 8}}};
  for (size_t i = 0; i < rest.size(); ++i)
    if (auto found = types.find(rest[i]); found != types.end()) {
      rest.erase(rest.begin() + i);
      return found->second;
    }
  return {};
}

const Operand &Statement::scalar(size_t at) const {
  if (at >= arguments.size() || arguments[at].kind != Argument::Scalar || arguments[at].isNegated ||
      arguments[at].hasSecond)
    refuse(format("operand %zu: expected a register or a constant", at + 1));
  return arguments[at].items[0];
}

const Argument &Statement::address(size_t at) const {
  if (at >= arguments.size() || arguments[at].kind != Argument::Address)
    refuse(format("operand %zu: expected an address", at + 1));
  return arguments[at];
}

void Statement::expect(size_t least, size_t most) const {
  if (arguments.size() < least || arguments.size() > most)
    refuse(format("expected %zu to %zu operands, found %zu", least, most, arguments.size()));
}

void Pool::keep(Instruction &i, const std::vector<Operand> &results, const std::vector<Operand> &sources) {
  auto memory = std::make_unique<Operand[]>(results.size() + sources.size());
  std::copy(results.begin(), results.end(), memory.get());
  std::copy(sources.begin(), sources.end(), memory.get() + results.size());
  i.more = memory.get();
  i.moreResults = uint8_t(results.size());
  i.moreCount = uint8_t(results.size() + sources.size());
  program.pool.push_back(std::move(memory));
}

void ptxsim::plainOperands(const Statement &s, Instruction &i, size_t sources) {
  s.expect(sources + 1, sources + 1);
  i.d = s.scalar(0);
  Operand *to[] = {&i.a, &i.b, &i.c};
  for (size_t k = 0; k < sources; ++k)
    *to[k] = s.scalar(k + 1);
  if (i.d.reg < 0)
    refuse("operand 1: expected a register");
}

void ptxsim::decode(std::string_view opcode, const Statement &statement, Instruction &i, Pool &pool) {
  static const std::unordered_map<std::string_view, Decoder> table = [] {
    std::unordered_map<std::string_view, Decoder> all;
    for (auto entries : {integerDecoders(), floatDecoders(), bitDecoders(), moveDecoders(), accessDecoders(),
                         atomicDecoders(), collectiveDecoders(), matrixDecoders(), asyncDecoders(), convertDecoders()})
      for (const DecoderEntry &entry : entries)
        all.emplace(entry.name, entry.decode);
    return all;
  }();
  Modifiers modifiers(opcode);
  auto found = table.find(modifiers.first);
  if (found == table.end())
    refuse("unknown instruction");
  found->second(modifiers, statement, i, pool);
  if (!modifiers.isEmpty())
    refuse(format("unknown modifier .%s", std::string(modifiers.left()).c_str()));
}
