//===- PlanMemory.cpp - buffers get offsets in the arena and in scratch -------------------------------------------===//

#include "compiler/codegen/Passes.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::lm {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using spmd::BufferOp;

namespace {

constexpr int64_t kAlign = 64; // bytes of a cache line, which two buffers never share

/// The function that uses a buffer, and from which to which phase, counted by barriers.
struct Use {
  func::FuncOp function; // null: none
  int64_t first = 0, last = 0;
  bool isInSeveral = false; // functions
};

struct PlanMemory : mlir::lm::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTableCollection collection;
    symbols = &collection;
    module.walk([&](func::FuncOp function) { findUses(function); });

    int64_t sharedEnd = 0;
    for (auto buffer : module.getOps<BufferOp>())
      sharedEnd = place(buffer, sharedEnd);
    SmallVector<spmd::ProgramOp> programs(module.getOps<spmd::ProgramOp>());
    // A program that others come after is planned before them: their memory begins where its own ends.
    llvm::stable_sort(programs, [](spmd::ProgramOp a, spmd::ProgramOp b) { return !a.getAfter() && b.getAfter(); });
    llvm::StringMap<int64_t> ends; // of the arena, by program
    int64_t arena = sharedEnd, scratch = 0;
    for (spmd::ProgramOp program : programs) {
      int64_t begin = usesShared(program) ? sharedEnd : 0;
      if (program.getAfter())
        begin = std::max(begin, ends.lookup(*program.getAfter()));
      ends[program.getSymName()] = planArena(program, begin);
      arena = std::max(arena, ends[program.getSymName()]);
      int64_t scratchEnd = 0;
      for (auto buffer : program.getBody().getOps<BufferOp>())
        if (buffer.getSpace() == spmd::Space::Scratch)
          scratchEnd = place(buffer, scratchEnd);
      scratch = std::max(scratch, scratchEnd);
    }
    Builder builder(&getContext());
    module->setAttr(spmd::kArenaBytesAttr, builder.getI64IntegerAttr(std::max(arena, kAlign)));
    module->setAttr(spmd::kScratchBytesAttr, builder.getI64IntegerAttr(std::max(scratch, kAlign)));
  }

  void findUses(func::FuncOp function);
  bool usesShared(spmd::ProgramOp program);
  int64_t planArena(spmd::ProgramOp program, int64_t begin);

  /// Puts the buffer at offset `begin`; returns where the next one may begin. Bytes.
  static int64_t place(BufferOp buffer, int64_t begin) {
    buffer.setOffset(begin);
    return llvm::alignTo(begin + buffer.getBytes(), kAlign);
  }

  DenseMap<Operation *, Use> uses; // by buffer
  SymbolTableCollection *symbols;  // of one run
};

void PlanMemory::findUses(func::FuncOp function) {
  int64_t time = 0;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<spmd::BarrierOp>(op))
      ++time;
    if (!isa<spmd::ReadOp, spmd::WriteOp>(op))
      return;
    auto buffer = lookupSymbol<BufferOp>(op, op->getAttrOfType<FlatSymbolRefAttr>("buffer"), *symbols);
    auto [entry, isNew] = uses.try_emplace(buffer, Use{function, time, time});
    entry->second.last = time;
    if (entry->second.function != function)
      entry->second.isInSeveral = true;
  });
}

bool PlanMemory::usesShared(spmd::ProgramOp program) {
  WalkResult result = program.walk([&](Operation *op) -> WalkResult {
    if (!isa<spmd::ReadOp, spmd::WriteOp>(op))
      return WalkResult::advance();
    auto buffer = lookupSymbol<BufferOp>(op, op->getAttrOfType<FlatSymbolRefAttr>("buffer"), *symbols);
    return buffer.getProgram() ? WalkResult::advance() : WalkResult::interrupt();
  });
  return result.wasInterrupted();
}

/// Returns the end of the program's buffers in the arena, in bytes.
int64_t PlanMemory::planArena(spmd::ProgramOp program, int64_t begin) {
  int64_t end = begin;
  SmallVector<BufferOp> ofOneKind;
  for (auto buffer : program.getBody().getOps<BufferOp>()) {
    if (buffer.getSpace() != spmd::Space::Arena)
      continue;
    Use use = uses.lookup(buffer);
    // A buffer that the entry uses may be live across its layers.
    if (use.function && !use.isInSeveral && !spmd::ProgramOp::isEntry(use.function))
      ofOneKind.push_back(buffer);
    else
      end = place(buffer, end);
  }
  // First fit, largest first. Layers run one after another, so buffers of different kinds of layers may share bytes.
  llvm::stable_sort(ofOneKind, [](BufferOp a, BufferOp b) { return a.getBytes() > b.getBytes(); });
  int64_t top = end;
  SmallVector<BufferOp> placed;
  for (BufferOp buffer : ofOneKind) {
    Use use = uses.lookup(buffer);
    int64_t at = end;
    for (bool moved = true; moved;) {
      moved = false;
      for (BufferOp other : placed) {
        Use otherUse = uses.lookup(other);
        int64_t otherAt = *other.getOffset();
        bool sameTime = otherUse.function == use.function && use.first <= otherUse.last && otherUse.first <= use.last;
        if (sameTime && at < otherAt + other.getBytes() && otherAt < at + buffer.getBytes()) {
          at = llvm::alignTo(otherAt + other.getBytes(), kAlign);
          moved = true;
        }
      }
    }
    top = std::max(top, place(buffer, at));
    placed.push_back(buffer);
  }
  return top;
}

} // namespace
