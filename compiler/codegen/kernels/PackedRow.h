//===- PackedRow.h - a row of a packed matrix ---------------------------------------------------------------------===//
//
// A row lies in a panel together with its neighbours (dialects/lm/Layout.h), so its values are read one by one. Kernels
// that look up a few rows use this; products read whole panels.
//
//===--------------------------------------------------------------------------------------------------------------===//

#ifndef LATHE_COMPILER_CODEGEN_KERNELS_PACKEDROW_H
#define LATHE_COMPILER_CODEGEN_KERNELS_PACKEDROW_H

#include "compiler/codegen/kernels/RowEmitter.h"
#include "dialects/lm/Layout.h"

namespace lathe {

class PackedRow {
public:
  /// Row `row` of `matrix`. If the weight has a matrix for each expert or head, `expert` is its number.
  PackedRow(RowEmitter &e, Value matrix, Value row, Value expert = {});

  const lm::WeightType type;

  /// The f32 value of a column, in any format.
  Value at(Value column);

  /// Quantised formats: value = scale * (quantised - offset) - minimum, in f32. `minimum` is null if the format has
  /// none.
  struct Factors {
    Value scale, minimum;
  };
  /// The byte where block `number` begins, and its factors.
  Value getBlock(Value number) { return e.add(panel, e.mul(number, layout.blockBytes)); }
  Factors getFactors(Value block);
  /// The value of column k < 32 of run `run` of the block at byte `block`, which has `factors`.
  Value inRun(Value block, const Factors &factors, Value run, Value k);

private:
  /// The value of a column, for formats that are not quantised.
  Value plain(Value column);
  /// The quantised value of column k < 32 of the run at byte `run`.
  Value quantised(Value run, Value k);
  /// An f32 from the 16 bits of an f16 or bf16.
  Value toF32(Value bits, bool isBF16);
  Value byteAt(Value at) { return e.extend(e.loadScalar(segment, at), e.getI32Type()); }
  /// The f16 of this row in f16s[R] at byte `at`.
  Value f16At(Value at) { return toF32(e.loadBytes(e.getI16Type(), segment, e.add(at, e.mul(lane, 2))), false); }

  RowEmitter &e;
  PanelLayout layout;
  Value segment, panel, lane; // byte of the panel, number of the row in it
};

} // namespace lathe

#endif // LATHE_COMPILER_CODEGEN_KERNELS_PACKEDROW_H
