//===- Footprint.h - what the tiles of a phase read and write -----------------------------------------------------===//
//
// The rectangles of buffers and the rows of caches that each tile reads and writes, as numbers, for a call with a given
// number of rows and a given position. A footprint has three parts: `reads` and `writes` are what the tiles declare
// (spmd.read, spmd.write); races are found with them. `needs` is what kernels read before their own tile has written
// it. `caches` has the positions of caches that tiles append and read.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_FOOTPRINT_H
#define LATHE_COMPILER_CODEGEN_FOOTPRINT_H

#include "compiler/codegen/IndexEvaluator.h"
#include "dialects/kernel/KernelInterface.h"
#include "dialects/lm/LMOps.h"
#include "dialects/spmd/SPMDOps.h"

namespace lathe {

/// Rows [row, rowEnd), columns [column, columnEnd).
struct Rect {
  int64_t row = 0, rowEnd = 0, column = 0, columnEnd = 0;

  bool isEmpty() const { return row >= rowEnd || column >= columnEnd; }
  bool contains(const Rect &other) const {
    return row <= other.row && other.rowEnd <= rowEnd && column <= other.column && other.columnEnd <= columnEnd;
  }
  Rect intersect(const Rect &other) const {
    return {std::max(row, other.row), std::min(rowEnd, other.rowEnd), std::max(column, other.column),
            std::min(columnEnd, other.columnEnd)};
  }
  Rect hull(const Rect &other) const {
    return isEmpty()         ? other
           : other.isEmpty() ? *this
                             : Rect{std::min(row, other.row), std::max(rowEnd, other.rowEnd),
                                    std::min(column, other.column), std::max(columnEnd, other.columnEnd)};
  }
  auto operator<=>(const Rect &) const = default;
};

/// `parts` without `hole`.
llvm::SmallVector<Rect> without(llvm::ArrayRef<Rect> parts, const Rect &hole);

struct Bytes {
  int64_t begin, end;

  bool overlaps(Bytes other) const { return begin < other.end && other.begin < end; }
};

struct Buffer {
  llvm::StringRef name;
  mlir::Operation *program; // null: a buffer of the module
  mlir::spmd::Space space;
  std::optional<mlir::spmd::Role> role;
  int64_t rows, columns, elementBytes, offset; // bytes

  explicit Buffer(mlir::spmd::BufferOp op);
  bool isScratch() const { return space == mlir::spmd::Space::Scratch; }
  /// The bytes from the first one of a part to its last one. They include the other columns of the rows between.
  Bytes bytes(const Rect &part) const {
    return {offset + (part.row * columns + part.column) * elementBytes,
            offset + ((part.rowEnd - 1) * columns + part.columnEnd) * elementBytes};
  }
  /// Whether bytes of both overlap while one program runs. The caller's buffers overlap with nothing.
  bool sharesMemoryWith(const Buffer &other) const;
};

using Buffers = llvm::ArrayRef<Buffer>;

/// A tile's part of a buffer.
struct Access {
  static constexpr int32_t kPrologue = -1, kManyTiles = -2;

  int32_t buffer, tile;
  Rect part;
};

/// A part of a buffer, of any tile.
struct Part {
  int32_t buffer;
  Rect part;
  auto operator<=>(const Part &) const = default;
};

/// The positions that a phase appends to and reads from one column of a cache: the keys or the values of one head.
struct CacheColumn {
  int64_t appendBegin = 0, appendEnd = 0; // positions
  int64_t readBegin = 0, readEnd = 0;     // positions; empty: none
};

/// How a phase uses a cache or a recurrent state. Of a recurrent state a column is a part, and advancing it counts as
/// appending.
struct CacheUse {
  mlir::Value cache;                  // argument of the phase's function, or a lm.use
  mlir::lm::CacheType type;           // null: a recurrent state
  std::vector<CacheColumn> columns;   // keys of every head, then values
  std::vector<Access> appends, reads; // rows are the cache's rows (position mod rows)

  int64_t heads() const {
    return type ? type.getHeads() : mlir::cast<mlir::lm::RecurrentStateType>(cache.getType()).getParts();
  }
  int64_t columnCount() const { return !type || type.getLatent() ? heads() : 2 * heads(); }
};

/// The smallest rectangles that contain all reads, and all writes, of a buffer in a phase.
struct Summary {
  int32_t buffer;
  Rect reads, writes;
};

struct Footprint {
  mlir::spmd::PhaseOp phase;
  std::vector<Access> reads, writes;       // arena and caller, sorted by buffer; reads of equal parts are merged
  llvm::SmallVector<Summary, 4> summaries; // sorted by buffer
  std::vector<Part> needs;                 // arena and caller: what must be written before the phase
  struct Event {
    Part part;
    bool writes;
  };
  std::vector<Event> prologue;                  // scratch, in order
  std::vector<Part> scratchNeeds, scratchFills; // scratch, of tiles
  std::vector<CacheUse> caches;

  llvm::StringRef name() const { return mlir::spmd::PhaseOp(phase).getName(); }
};

/// A function of the schedule, prepared for reading footprints.
class ScheduleFunction {
public:
  static mlir::FailureOr<ScheduleFunction> create(mlir::func::FuncOp function,
                                                  const llvm::DenseMap<mlir::Operation *, int32_t> &bufferIds);

  mlir::func::FuncOp function;
  IndexEvaluator evaluator;

  /// The footprint of the phase, for the values of the function's arguments that are set in the evaluator. Errors: a
  /// part outside its buffer, an access that its declaration does not allow. `where` ends each message.
  mlir::FailureOr<Footprint> read(mlir::spmd::PhaseOp phase, Buffers buffers, llvm::StringRef where);

private:
  friend class FootprintReader;
  struct Operand {
    unsigned view;
    bool reads, writes;
  };
  /// A kernel's access to a cache or a recurrent state.
  struct StateOperand {
    unsigned cache; // of `caches`
    mlir::kernel::StateAccess access;
    unsigned rows; // view of access.rows
  };
  struct LeafInfo {
    enum Kind { Other, View, Kernel } kind = Other;
    int32_t buffer = 0;                        // View
    unsigned view = 0;                         // View
    bool writes = false;                       // View
    llvm::SmallVector<Operand, 4> operands;    // Kernel
    llvm::SmallVector<StateOperand, 0> states; // Kernel
  };

  explicit ScheduleFunction(IndexEvaluator evaluator) : evaluator(std::move(evaluator)) {}

  using ViewIds = llvm::DenseMap<mlir::Value, unsigned>;
  /// `bufferOf`: the id of the buffer that a spmd.read or spmd.write names.
  mlir::LogicalResult inspect(mlir::Block &block, llvm::function_ref<int32_t(mlir::Operation *)> bufferOf,
                              ViewIds &views);
  mlir::LogicalResult inspectKernel(mlir::kernel::KernelOpInterface op, const ViewIds &views, LeafInfo &info);
  unsigned cacheId(mlir::Value cache);

  std::vector<LeafInfo> leaves;
  unsigned viewCount = 0;
  llvm::SmallVector<mlir::Value> caches;
};

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_FOOTPRINT_H
