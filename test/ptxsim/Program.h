//===- Program.h - PTX after reading: dense instructions ----------------------------------------------------------===//
//
// A module's functions share one array of instructions. An instruction is decoded once: its operands are register
// numbers or constants, its work is one function pointer. Nothing here is a string or a map while a kernel runs.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef PTXSIM_PROGRAM_H
#define PTXSIM_PROGRAM_H

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ptxsim {

constexpr int kLanes = 32;
constexpr uint32_t kAllLanes = ~0u;

struct Warp;
struct Instruction;
using Handler = void (*)(Warp &, const Instruction &, uint32_t on);

/// The message about a refused module or a violated rule: one line, without a full stop.
struct Fault {
  std::string text;
  int lane = -1;       // the lane that broke the rule, when it is one
  bool isHang = false; // the launch would go on for ever
};

enum class Space : uint8_t { Generic, Global, Shared, Local, Const, Param };

/// First generic address of each space but global and const, whose addresses are generic already.
constexpr uint64_t kGlobalBase = 0x7'0000'0000;
constexpr uint64_t kSharedWindow = uint64_t(1) << 44, kLocalWindow = uint64_t(2) << 44,
                   kParamWindow = uint64_t(3) << 44;
/// Address of function number n is kCodeWindow + 16 n.
constexpr uint64_t kCodeWindow = uint64_t(4) << 44;

/// A register, a constant, an offset from where the frame's memory begins, or a special register (%tid.x). `reg` is the
/// number of a register's first lane's slot (registers lie as [register][lane]), or one of the negative numbers.
struct Operand {
  enum : int32_t { Constant = -1, OwnParameter = -2, OutgoingParameter = -3, LocalVariable = -4, Special = -5 };
  uint64_t value = 0;
  int32_t reg = Constant;
};

/// How the warp executes an instruction. All but Plain change which lanes run next.
enum class Kind : uint8_t {
  Plain,
  Branch,        // target
  IndexedBranch, // brx.idx: `a` chooses from targets
  Call,          // call
  Return,
  Exit,
  Barrier,    // bar.sync and barrier.sync
  Collective, // *.sync: waits until the lanes of the member mask are here
};

enum class Order : uint8_t { Weak, Relaxed, Volatile, Acquire, Release, AcquireRelease };
enum class Scope : uint8_t { Block, Device };

/// Where a called function's parameters lie, in bytes from the start of its parameter block.
struct Signature {
  std::vector<uint32_t> parameters, results; // sizes, in order
  uint32_t bytes = 0;                        // parameters and results
  bool operator==(const Signature &other) const { return parameters == other.parameters && results == other.results; }
};

struct CallSite {
  int function = -1; // -1: `a` of the instruction holds its address
  Signature signature;
};

struct Instruction {
  Handler run = nullptr;
  Kind kind = Kind::Plain;
  Space space = Space::Generic;
  Order order = Order::Weak;
  Scope scope = Scope::Device;
  bool isNegated = false;  // the predicate
  bool isAligned = false;  // of a barrier: all lanes of the warp come together
  bool isReadOnly = false; // ld.global.nc
  bool isSigned = false;   // a load that extends the sign
  uint8_t bytes = 4;       // of one element
  int32_t predicate = -1;  // slot of a register, -1: none
  int32_t target = -1;     // of a branch: an instruction; of a call or table: a number in Program
  uint32_t mode = 0;       // what an opcode needs: a shuffle's kind, the table of a lop3, ...
  Operand d, a, b, c;
  int64_t offset = 0;            // added to the address in `a`
  int64_t offset2 = 0;           // cp.async: added to the address in `b`
  const Operand *more = nullptr; // operands of vectors and matrices, results first
  uint8_t moreCount = 0, moreResults = 0;
  uint32_t line = 0; // in the PTX
  uint16_t opcode = 0;
};

struct Function {
  std::string name;
  bool isEntry = false, isDefined = false;
  int first = 0, end = 0; // instructions
  int registers = 0;
  Signature signature;
  std::vector<uint32_t> parameterOffsets;
  uint32_t localBytes = 0;    // one lane's .local variables
  uint32_t outgoingBytes = 0; // most that a call in it needs for parameters and results
  uint32_t sharedBytes = 0;   // static, with the module's own
  uint32_t requiredThreads[3] = {0, 0, 0}, maxThreads[3] = {0, 0, 0};
};

/// A variable at module scope in .global or .const, or anywhere in .shared.
struct Variable {
  std::string name;
  Space space = Space::Global;
  uint64_t bytes = 0, align = 1;
  uint64_t address = 0; // shared: an offset; global: set when it is loaded
  std::vector<uint8_t> init;
  struct Pointer {
    uint64_t at;
    std::string symbol;
    int64_t offset;
    bool isGeneric;
  };
  std::vector<Pointer> pointers; // 8-byte addresses within init
};

/// Gives a module-scope variable an address in device memory.
using Place = uint64_t (*)(void *owner, Variable &variable);

struct Program {
  std::string text;                    // the PTX
  std::vector<std::string_view> lines; // of text, from number 0
  uint32_t version = 0;                // of PTX: 10 major + minor
  std::string target;                  // sm_80
  std::vector<Instruction> code;
  std::vector<Function> functions;
  std::vector<CallSite> calls;
  std::vector<std::vector<int>> tables; // brx.idx
  std::vector<std::string> opcodes;
  std::vector<std::unique_ptr<Variable>> variables;
  std::vector<std::unique_ptr<Operand[]>> pool; // Instruction::more
  uint32_t dynamicBase = 0; // offset of .extern .shared: after the largest kernel's static variables

  const Function *find(std::string_view name) const {
    for (const Function &function : functions)
      if (function.name == name)
        return &function;
    return nullptr;
  }
  /// The instruction as it stands in the file, without blanks at its ends.
  std::string lineText(uint32_t line) const;
};

/// Reads a module. Throws Fault, with the line, for a statement that it does not know.
std::unique_ptr<Program> readProgram(std::string text, Place place, void *owner);

} // namespace ptxsim

#endif
