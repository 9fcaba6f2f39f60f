//===- PlanMemory.cpp - buffers take places in the arena and the scratch ------------------------------------------===//

#include "compiler/codegen/Passes.h"
#include "dialects/spmd/SPMDOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::lm {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/codegen/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using spmd::BufferOp;

namespace {

constexpr int64_t kAlign = 64; // a cache line: two buffers never share one

/// Where and when a buffer is used: phases of a function are counted by barriers.
struct Use {
  func::FuncOp function; // null: more than one
  int64_t first = 0, last = 0;
  bool isShared = false;
};

struct PlanMemory : mlir::lm::impl::PlanMemoryBase<PlanMemory> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::MapVector<StringRef, SmallVector<BufferOp>> entries;
    for (auto buffer : module.getOps<BufferOp>())
      entries[buffer.getSymName().split('.').first].push_back(buffer);
    findUses();

    int64_t arena = 0, scratch = 0, prefillEnd = 0;
    for (auto &[entry, buffers] : entries) {
      int64_t begin = entry == "head" ? prefillEnd : 0; // head reads what prefill left
      int64_t arenaEnd = planArena(buffers, begin);
      if (entry == "prefill")
        prefillEnd = arenaEnd;
      arena = std::max(arena, arenaEnd);
      int64_t place = 0;
      for (BufferOp buffer : buffers)
        if (buffer.getSpace() == spmd::Space::Scratch) {
          buffer.setPlace(place);
          place = llvm::alignTo(place + buffer.getBytes(), kAlign);
        }
      scratch = std::max(scratch, place);
    }
    Builder builder(&getContext());
    module->setAttr("spmd.arena_bytes", builder.getI64IntegerAttr(std::max(arena, kAlign)));
    module->setAttr("spmd.scratch_bytes", builder.getI64IntegerAttr(std::max(scratch, kAlign)));
  }

  void findUses();
  int64_t planArena(ArrayRef<BufferOp> buffers, int64_t begin);

  llvm::StringMap<Use> uses;
};

void PlanMemory::findUses() {
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    int64_t time = 0;
    function.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (isa<spmd::BarrierOp>(op))
        ++time;
      if (!isa<spmd::ReadOp, spmd::WriteOp>(op))
        return;
      StringRef name = op->getAttrOfType<FlatSymbolRefAttr>("buffer").getValue();
      auto [entry, isNew] = uses.try_emplace(name, Use{function, time, time});
      entry->second.last = time;
      if (entry->second.function != function)
        entry->second.isShared = true;
    });
  }
}

int64_t PlanMemory::planArena(ArrayRef<BufferOp> buffers, int64_t begin) {
  int64_t end = begin;
  SmallVector<BufferOp> locals;
  for (BufferOp buffer : buffers) {
    if (buffer.getSpace() != spmd::Space::Arena)
      continue;
    Use use = uses.lookup(buffer.getSymName());
    // What an entry point's own function uses may live across its layers.
    bool isLocal = use.function && !use.isShared && !use.function->hasAttr(spmd::kEntryAttr);
    if (isLocal) {
      locals.push_back(buffer);
      continue;
    }
    buffer.setPlace(end);
    end = llvm::alignTo(end + buffer.getBytes(), kAlign);
  }
  // First fit, biggest first. Kinds follow one another, so what is local to different kinds may share bytes.
  llvm::stable_sort(locals, [](BufferOp a, BufferOp b) { return a.getBytes() > b.getBytes(); });
  int64_t top = end;
  SmallVector<BufferOp> placed;
  for (BufferOp buffer : locals) {
    Use use = uses[buffer.getSymName()];
    int64_t place = end;
    for (bool moved = true; moved;) {
      moved = false;
      for (BufferOp other : placed) {
        Use otherUse = uses[other.getSymName()];
        int64_t otherPlace = *other.getPlace();
        bool sameTime = otherUse.function == use.function && use.first <= otherUse.last && otherUse.first <= use.last;
        if (sameTime && place < otherPlace + other.getBytes() && otherPlace < place + buffer.getBytes()) {
          place = llvm::alignTo(otherPlace + other.getBytes(), kAlign);
          moved = true;
        }
      }
    }
    buffer.setPlace(place);
    placed.push_back(buffer);
    top = std::max<int64_t>(top, llvm::alignTo(place + buffer.getBytes(), kAlign));
  }
  return top;
}

} // namespace
