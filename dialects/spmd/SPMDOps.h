#ifndef LATHE_DIALECTS_SPMD_SPMDOPS_H
#define LATHE_DIALECTS_SPMD_SPMDOPS_H

#include "dialects/lm/LMOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include "dialects/spmd/SPMDDialect.h.inc"
#include "dialects/spmd/SPMDEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/spmd/SPMDAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/spmd/SPMDOps.h.inc"

namespace mlir::spmd {
/// The arguments of a program's entry, all of type index. A layer kind has the first two, then its slots.
enum EntryArgument { kRowsArgument, kPositionArgument, kFirstArgument, kEntryArguments };
/// Rows that one call may have at most.
inline constexpr int64_t kMaxCallRows = 1 << 16;
/// Module attributes: bytes of the arena, and of a worker's scratch (lm-plan-memory).
inline constexpr llvm::StringLiteral kArenaBytesAttr = "spmd.arena_bytes", kScratchBytesAttr = "spmd.scratch_bytes";
} // namespace mlir::spmd

#endif // LATHE_DIALECTS_SPMD_SPMDOPS_H
