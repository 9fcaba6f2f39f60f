//===- Operands.h - rows in the encoding that products take -------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_SCHEDULE_OPERANDS_H
#define LATHE_COMPILER_CODEGEN_SCHEDULE_OPERANDS_H

#include "compiler/codegen/schedule/ScheduleBuilder.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace mlir::lm {

Type elementOf(ScheduleBuilder &b, OperandEncoding encoding);
/// Elements that `columns` values of a row become: bytes of whole blocks, where these are quantised.
OpFoldResult encodedColumns(ScheduleBuilder &b, OperandEncoding encoding, OpFoldResult columns);
/// Emits the conversion of f32 rows.
void encode(ScheduleBuilder &b, OperandEncoding encoding, Value from, Value to);
/// The buffer that a product of `value` with `weight` reads: its rows, or what work on single rows makes of them.
spmd::BufferOp operandFor(ScheduleBuilder &b, Value value, Value weight);

/// What a tile fills of a value.
struct TilePart {
  Value row, column;
  OpFoldResult rows, columns;
};

/// Where tiles put a value. Encodings that products take instead of f32 each tile makes of its own columns, so that
/// nobody waits for that; where nobody takes f32, the tile's f32 are in scratch.
struct TileDestination {
  spmd::BufferOp rows; // of f32; null: in scratch
  SmallVector<std::pair<OperandEncoding, spmd::BufferOp>> encoded;
  int64_t maxRows = 0, step = 0; // rows and columns of a tile, at most
};

/// Whether tiles of `step` columns can make their part of encoded rows.
bool canEncodeTiles(ScheduleBuilder &b, OperandEncoding encoding, int64_t step);
/// Of the value, for tiles of at most `maxRows` rows and `step` columns; makes the buffers, called `name`.
TileDestination destinationFor(ScheduleBuilder &b, Value value, const Twine &name, int64_t maxRows, int64_t step);
/// A tile's part of it, which `fill` makes in f32, or, if it `rounds` what it writes, in bf16 where only that is used.
void fillTile(ScheduleBuilder &b, const TileDestination &to, const TilePart &part, function_ref<void(Value out)> fill,
              bool rounds = false);

/// Whether the layer hands the value over, to be added to the residual stream.
bool isPending(Value value);

} // namespace mlir::lm

#endif // LATHE_COMPILER_CODEGEN_SCHEDULE_OPERANDS_H
