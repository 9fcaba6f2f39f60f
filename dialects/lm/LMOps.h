#ifndef LATHE_DIALECTS_LM_LMOPS_H
#define LATHE_DIALECTS_LM_LMOPS_H

#include "dialects/lm/FormatField.h"
#include "dialects/lm/Formats.h"
#include "dialects/lm/KnownAttributes.h"
#include "dialects/lm/LMDialect.h"
#include "dialects/lm/Real.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/LinalgInterfaces.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/lm/LMEnums.h.inc"
#include "dialects/lm/WeightRecipe.h"

namespace mlir::lm {
class CacheType;
class WeightType;
} // namespace mlir::lm

#define GET_ATTRDEF_CLASSES
#include "dialects/lm/LMAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/lm/LMTypes.h.inc"
namespace mlir::lm {
using linalg::AggregatedOpInterface;
} // namespace mlir::lm

#define GET_OP_CLASSES
#include "dialects/lm/LMOps.h.inc"

namespace mlir::lm {
/// Groups of experts at most: code compares each with every other.
inline constexpr int64_t kMaxGroups = 64;

/// The op that `name` means to `from`: of the nearest enclosing symbol table that has this name. MLIR's own look-up
/// stops at the nearest table, but a program (spmd.program) uses weights and states of its module. Null if there is
/// none.
Operation *lookupSymbol(Operation *from, FlatSymbolRefAttr name, SymbolTableCollection &symbols);
template <typename OpTy> OpTy lookupSymbol(Operation *from, FlatSymbolRefAttr name, SymbolTableCollection &symbols) {
  return llvm::dyn_cast_or_null<OpTy>(lookupSymbol(from, name, symbols));
}

/// Whether layer `layer` has a symbol of the right type for every slot of `kind`, its arguments from `first` on.
LogicalResult verifySlots(Operation *layers, int64_t layer, func::FuncOp kind, size_t first,
                          SymbolTableCollection &symbols);
} // namespace mlir::lm

#endif // LATHE_DIALECTS_LM_LMOPS_H
