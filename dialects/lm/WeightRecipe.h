//===- WeightRecipe.h - shapes on the way from files to a weight --------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_WEIGHTRECIPE_H
#define LATHE_DIALECTS_LM_WEIGHTRECIPE_H

#include "dialects/lm/Formats.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"

namespace mlir::lm {

enum class SourceRole : uint32_t;
class WeightOp;

/// Where one role of one matrix, or of one part of it, begins. Its length follows from the weight.
struct SourceSegment {
  StringAttr file;
  int64_t offset;  // bytes
  int64_t row = 0; // scales: the row of the scaled tensor at which the values begin
};

/// A matrix as a step of a recipe reads or makes it. A vector of n values has n rows of one column.
struct StoredShape {
  int64_t rows, columns;
  int64_t pitch; // values from the beginning of a row to that of the next; `columns` unless columns are left out
  bool isVector = false;
};

/// A role that a format of values allows beside them: a number for each block of rows x columns values.
struct SourceRule {
  lathe::Format values;
  SourceRole role;
  llvm::StringLiteral format;
  int64_t bytes;         // of a number of this role
  int64_t rows, columns; // of a block, values
  int64_t blockBytes;    // of a block of FormatInfo::block values, which do not have this role among them

  /// Numbers in a row of blocks, for `count` values.
  int64_t perRow(int64_t count) const { return (count + columns - 1) / columns; }
  /// The row of blocks that a row of values lies in.
  int64_t rowOf(int64_t row) const { return row / rows; }
};

/// Null where `values` has no such role beside it.
const SourceRule *getSourceRule(lathe::Format values, SourceRole role);

/// The shape that each step of a weight's recipe makes, in order, the stored one before them: shapes[i] is what step i
/// reads. Emits an error where they do not fit together.
FailureOr<llvm::SmallVector<StoredShape, 4>> getRecipeShapes(WeightOp weight,
                                                             function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::lm

#include "dialects/lm/WeightInterfaces.h.inc"

#endif // LATHE_DIALECTS_LM_WEIGHTRECIPE_H
