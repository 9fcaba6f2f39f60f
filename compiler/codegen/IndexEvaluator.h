//===- IndexEvaluator.h - index arithmetic on numbers -------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_INDEXEVALUATOR_H
#define LATHE_COMPILER_CODEGEN_INDEXEVALUATOR_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include <vector>

namespace lathe {

/// The index arithmetic of a function, flattened once and then run for many tiles. Every op that is neither arithmetic
/// nor scf.if is a leaf: the caller visits the leaves in order, with the values of their index operands. The caller
/// runs the regions of leaves (prologue and body of a phase) itself.
class IndexEvaluator {
public:
  struct Leaf {
    mlir::Operation *op;
    unsigned id;                             // number among the function's leaves
    llvm::SmallVector<unsigned, 4> operands; // registers of the index operands, in order
  };

  /// Compiles the function. It is an error if an index is computed by an op other than those above.
  static mlir::FailureOr<IndexEvaluator> compile(mlir::func::FuncOp function);

  unsigned getLeafCount() const { return leafCount; }
  /// Calls visit(const Leaf &) for every leaf of the block, reached or not.
  template <typename Visitor> void forEachLeaf(mlir::Block &block, Visitor &&visit) const {
    forEachLeafOf(blockIds.lookup(&block), visit);
  }
  void set(mlir::Value value, int64_t number) { numbers[registers.lookup(value)] = number; }
  int64_t get(mlir::Value value) const { return numbers[registers.lookup(value)]; }
  int64_t get(const Leaf &leaf, unsigned operand) const { return numbers[leaf.operands[operand]]; }
  /// Whether the operands of leaves of the block, or the choice which are reached, depend on the function's `argument`.
  bool dependsOn(mlir::Block &block, unsigned argument) const {
    return blocks[blockIds.lookup(&block)].dependence >> argument & 1;
  }
  bool dependsOn(mlir::Value value, unsigned argument) const {
    return dependences[registers.lookup(value)] >> argument & 1;
  }

  /// Calls visit(const Leaf &) for every leaf of the block that is reached.
  template <typename Visitor> void run(mlir::Block &block, Visitor &&visit) {
    runBlock(blockIds.lookup(&block), visit);
  }

private:
  enum class Code : uint8_t {
    Add,
    Sub,
    Mul,
    DivU,
    DivS,
    RemU,
    RemS,
    CeilDivU,
    CeilDivS,
    MinU,
    MinS,
    MaxU,
    MaxS,
    And,
    Or,
    Xor,
    Compare,
    Select,
    If,
    Leaf
  };
  struct Instruction {
    Code code;
    uint8_t predicate = 0; // of Compare
    unsigned out = 0, a = 0, b = 0, c = 0;
  };
  struct CompiledBlock {
    std::vector<Instruction> code;
    std::vector<Leaf> leaves;
    uint64_t dependence = 0; // a bit per argument of the function
  };

  unsigned registerOf(mlir::Value value);
  mlir::LogicalResult compile(mlir::Block &block, uint64_t dependence);
  mlir::LogicalResult compileOp(mlir::Operation *op, unsigned blockId, uint64_t dependence);
  void execute(const Instruction &instruction);

  template <typename Visitor> void forEachLeafOf(unsigned id, Visitor &visit) const {
    for (const Instruction &instruction : blocks[id].code) {
      if (instruction.code == Code::Leaf)
        visit(blocks[id].leaves[instruction.a]);
      if (instruction.code == Code::If)
        for (unsigned nested : {instruction.b, instruction.c})
          if (nested != ~0u)
            forEachLeafOf(nested, visit);
    }
  }

  template <typename Visitor> void runBlock(unsigned id, Visitor &visit) {
    for (const Instruction &instruction : blocks[id].code) {
      if (instruction.code == Code::Leaf)
        visit(blocks[id].leaves[instruction.a]);
      else if (instruction.code == Code::If) {
        if (unsigned chosen = numbers[instruction.a] ? instruction.b : instruction.c; chosen != ~0u)
          runBlock(chosen, visit);
      } else
        execute(instruction);
    }
  }

  llvm::DenseMap<mlir::Value, unsigned> registers;
  llvm::DenseMap<mlir::Block *, unsigned> blockIds;
  std::vector<int64_t> numbers;
  std::vector<uint64_t> dependences; // of each register
  std::vector<CompiledBlock> blocks;
  unsigned leafCount = 0;
};

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_INDEXEVALUATOR_H
