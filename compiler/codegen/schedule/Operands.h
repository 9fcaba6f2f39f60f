//===- Operands.h - rows in the encoding that products take -------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_OPERANDS_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_OPERANDS_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace mlir::lm {

/// The element type of a buffer with rows in this encoding.
Type elementOf(ScheduleBuilder &b, OperandEncoding encoding);
/// The number of elements that `columns` values of a row are encoded to: bytes of whole blocks, where quantised.
OpFoldResult encodedColumns(ScheduleBuilder &b, OperandEncoding encoding, OpFoldResult columns);
/// Emits a kernel that converts the f32 rows `from` to `encoding` and writes them to `to`.
void encode(ScheduleBuilder &b, OperandEncoding encoding, Value from, Value to);
/// The buffer that a product of `value` with `weight` reads: the f32 rows, or their encoding, which becomes work on
/// single rows.
spmd::BufferOp operandFor(ScheduleBuilder &b, Value value, Value weight);

/// The part of a value that a tile computes.
struct TilePart {
  Value row, column;
  OpFoldResult rows, columns;
};

/// Where tiles store a value. Each tile also encodes its own columns for the products that read the value, so that this
/// needs no barrier. Where no op reads f32, the tile's f32 values are in scratch.
struct TileDestination {
  spmd::BufferOp rows; // f32; null: in scratch
  SmallVector<std::pair<OperandEncoding, spmd::BufferOp>> encoded;
  int64_t maxRows = 0, step = 0; // maximum rows and columns of a tile
};

/// Whether a tile of `step` columns can encode them without the rest of the row.
bool canEncodeTiles(ScheduleBuilder &b, OperandEncoding encoding, int64_t step);
/// The destination of a value, for tiles of at most `maxRows` rows and `step` columns. Makes buffers called `name`.
TileDestination destinationFor(ScheduleBuilder &b, Value value, const Twine &name, int64_t maxRows, int64_t step);
/// Stores a tile's part: `fill` writes f32, which is then encoded. If `fill` can also write bf16 (`rounds`) and ops
/// read the value only as bf16, it writes that directly.
void fillTile(ScheduleBuilder &b, const TileDestination &to, const TilePart &part, function_ref<void(Value out)> fill,
              bool rounds = false);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_OPERANDS_H
