//===- WeightRecipe.h - shapes of the steps of a weight's recipe --------------------------------------------------===//

#ifndef LATHE_DIALECTS_LM_WEIGHTRECIPE_H
#define LATHE_DIALECTS_LM_WEIGHTRECIPE_H

#include "dialects/lm/Formats.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Diagnostics.h"
#include <optional>

namespace mlir::lm {

enum class SourceRole : uint32_t;
class WeightOp;

/// Where the values of one role begin, for a matrix or a part of it. The weight determines their number.
struct SourceSegment {
  StringAttr file;
  int64_t offset;  // bytes
  int64_t row = 0; // scales: the row of the scaled tensor at which the values begin
};

/// The shape of a matrix before or after a step of a recipe. A vector of n values has n rows of one column.
struct StoredShape {
  int64_t rows, columns;
  int64_t
      pitch; // values from the start of a row to the start of the next; more than `columns` where columns are skipped
  bool isVector = false;
};

/// A role that a format has besides values: numbers for each block of rows x columns values.
struct SourceRule {
  lathe::Format values;
  SourceRole role;
  llvm::StringRef format;
  int64_t bytes;         // for a block
  int64_t rows, columns; // of a block, values
  int64_t blockBytes;    // of a block of FormatInfo::block values without the numbers of this role

  /// The number of such numbers for `count` values of a row.
  int64_t perRow(int64_t count) const { return (count + columns - 1) / columns; }
  /// The row of blocks that contains a row of values.
  int64_t rowOf(int64_t row) const { return row / rows; }
};

/// What a source in this role holds, for quantised values of format `values`. Returns nothing if the format has no such
/// role. Values of q4_0, q4_1 and q8_0 may have scales and zero points of several formats: value = scale * (q - zero
/// point), with a zero point of 8 or 128 where there are none. If `format` is none of them, the rule is that of another
/// one.
std::optional<SourceRule> getSourceRule(lathe::Format values, SourceRole role, llvm::StringRef format = "");

/// The stored shape, then the shape after each step of a weight's recipe: step i reads shapes[i] and makes
/// shapes[i + 1]. Error: a step that does not fit its input.
FailureOr<llvm::SmallVector<StoredShape, 4>> getRecipeShapes(WeightOp weight,
                                                             function_ref<InFlightDiagnostic()> emitError);

} // namespace mlir::lm

#include "dialects/lm/WeightInterfaces.h.inc"

#endif // LATHE_DIALECTS_LM_WEIGHTRECIPE_H
