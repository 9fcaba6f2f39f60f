//===- KernelInterface.h - what a kernel reads, writes and computes -----------------------------------------------===//
//
// The answers of KernelOpInterface. They name operands and constants. A pass that evaluates the index arithmetic of a
// schedule (compiler/codegen/IndexEvaluator.h) turns them into bytes and operations of a tile.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_DIALECTS_KERNEL_KERNELINTERFACE_H
#define LATHE_DIALECTS_KERNEL_KERNELINTERFACE_H

#include "mlir/IR/OpDefinition.h"
#include <optional>

namespace mlir::kernel {

/// A number that is known for each tile: a constant, the value of an index operand, or the rows of a view.
class Number {
public:
  enum class Kind { Constant, Index, Rows, Columns };

  Number(int64_t constant) : constant(constant) {}
  static Number ofIndex(Value index) { return Number(Kind::Index, index); }
  /// Rows and columns of a memref or tensor of two dimensions. A constant where the type has it.
  static Number rowsOf(Value view) { return ofSize(Kind::Rows, view, 0); }
  static Number columnsOf(Value view) { return ofSize(Kind::Columns, view, 1); }

  Kind getKind() const { return kind; }
  int64_t getConstant() const { return constant; }
  Value getValue() const { return value; }

private:
  Number(Kind kind, Value value) : kind(kind), value(value) {}
  static Number ofSize(Kind kind, Value view, unsigned dim);

  Kind kind = Kind::Constant;
  int64_t constant = 0;
  Value value;
};

/// A view of a buffer (spmd.read, spmd.write), all of it.
struct BufferAccess {
  Value view;
  bool reads, writes;
};

/// A part of a weight (!lm.weight), read.
struct WeightAccess {
  enum class Part {
    All,     // every value; of the experts' matrices, every value of one of them if `isChosen`
    Outputs, // `count` outputs of a matrix, or values of a vector, from `first` on
    Rows     // `count` rows of a table, wherever they lie
  };

  Value weight;
  Part part = Part::All;
  Number first = 0, count = 0;
  Number matrix = 0;     // of heads' matrices [heads, out, in]: which one
  bool isChosen = false; // of experts' matrices, or their biases: those that the rows choose at run time
};

/// Positions of a cache (!lm.cache), or parts of a recurrent state (!lm.recurrent_state).
struct StateAccess {
  enum class Kind {
    Append, // to a cache: row t of `rows` becomes position `position` + t
    Attend, // to a cache: row t of `rows`, at `position` + t, reads the positions that it sees
    Advance // of a recurrent state: read and written for the rows of `rows`
  };

  Operation *op; // where errors point: the op of lm inside kernel.compute
  Value state;
  Kind kind;
  bool keys = true, values = true; // of a cache
  Value index = {};                // of the head of the cache, or of the part of the state; null: all of them
  Value position = {};             // of the first row; null: not known
  Value rows = {};                 // view of the rows; null: not known
  Value rowsPerHead = {};          // of several heads' rows one after another: rows of each; all begin at `position`
  Value split = {};                // of several ops that divide what the same rows see: this one's number
};

struct Accesses {
  SmallVector<BufferAccess, 4> buffers;
  SmallVector<WeightAccess, 2> weights;
  SmallVector<StateAccess, 1> states;
};

/// Operations of dot products. A multiplication and an addition are two.
struct Operations {
  enum class Kind { F32, BF16, Int8 }; // what is multiplied
  enum class Per {
    Tile,       // factor * product of `counts`, for each tile that runs the op
    Position,   // the same, for each position that the op's rows see
    WeightValue // `factor` for each row of the call and each value of `weight` that any tile reads
  };

  Kind kind;
  Per per;
  int64_t factor;
  SmallVector<Number, 3> counts = {};
  Value weight = {}; // WeightValue
  Value split = {};  // as in StateAccess
};
using Cost = SmallVector<Operations, 2>;

/// The default of getAccesses: what `op`'s operands say. Memory as its effects say, weights all, states not known.
Accesses getOperandAccesses(Operation *op);

} // namespace mlir::kernel

#include "dialects/kernel/KernelInterface.h.inc"

#endif // LATHE_DIALECTS_KERNEL_KERNELINTERFACE_H
