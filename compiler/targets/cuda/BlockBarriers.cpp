//===- BlockBarriers.cpp - barriers between the kernels that a block runs ----------------------------------------===//
//
// The threads of a block divide each kernel among themselves. Where a kernel uses memory that a kernel before it used,
// and one of the two writes it, all threads wait for each other in between. This pass follows the bytes that were used
// since the last barrier.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cuda/Passes.h"
#include "dialects/kernel/KernelOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

namespace mlir::lm {
#define GEN_PASS_DEF_BLOCKBARRIERS
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

/// Memory that was used: bytes [begin, end) of `segment`, an argument of the function.
struct Use {
  Value segment;
  int64_t begin, end;
  bool isWrite;

  bool operator==(const Use &) const = default;
  bool conflictsWith(const Use &other) const {
    return segment == other.segment && (isWrite || other.isWrite) && begin < other.end && other.begin < end;
  }
};

/// The bytes of a view. All of its segment if they depend on the tile or the layer: then a buffer, of which each tile
/// has a part.
Use getUse(Value view, bool isWrite) {
  Use use = {view, 0, std::numeric_limits<int64_t>::max(), isWrite};
  while (Operation *op = use.segment.getDefiningOp()) {
    if (auto buffer = dyn_cast<memref::ViewOp>(op)) {
      APInt offset;
      if (auto type = buffer.getType();
          type.hasStaticShape() && matchPattern(buffer.getByteShift(), m_ConstantInt(&offset))) {
        use.begin = offset.getSExtValue();
        use.end = use.begin + type.getNumElements() * type.getElementTypeBitWidth() / 8;
      }
      use.segment = buffer.getSource();
    } else if (auto same = dyn_cast<ViewLikeOpInterface>(op)) {
      use.segment = same.getViewSource();
    } else if (auto cast = dyn_cast<UnrealizedConversionCastOp>(op); cast && cast.getNumOperands() == 2) {
      use.segment = cast.getOperand(0); // a weight or a state: (segment, offset)
    } else {
      break;
    }
  }
  return use;
}

using Uses = SmallVector<Use>;

Uses getUses(kernel::KernelOpInterface op) {
  Uses uses;
  kernel::Accesses accesses = op.getAccesses();
  for (const kernel::BufferAccess &access : accesses.buffers)
    if (access.reads || access.writes)
      uses.push_back(getUse(access.view, access.writes));
  for (const kernel::StateAccess &access : accesses.states)
    uses.push_back(getUse(access.state, access.kind != kernel::StateAccess::Kind::Attend));
  return uses;
}

class Placement {
public:
  /// Adds barriers to a region of one block that begins after `before`; returns what is in use at its end.
  Uses place(Block &block, Uses before);

private:
  static void addTo(Uses &all, const Uses &more) {
    for (const Use &use : more)
      if (!llvm::is_contained(all, use))
        all.push_back(use);
  }
  static bool conflict(const Uses &before, const Uses &after) {
    return llvm::any_of(before, [&](const Use &first) {
      return llvm::any_of(after, [&](const Use &second) { return first.conflictsWith(second); });
    });
  }
  static void addBarrier(Operation *before) {
    OpBuilder builder(before);
    NVVM::BarrierOp::create(builder, before->getLoc());
  }
};

Uses Placement::place(Block &block, Uses before) {
  Uses inUse = std::move(before);
  auto waitBefore = [&](Operation *op) {
    if (!inUse.empty())
      addBarrier(op);
    inUse.clear();
  };
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (auto kernel = dyn_cast<kernel::KernelOpInterface>(op)) {
      Uses own = getUses(kernel);
      if (conflict(inUse, own))
        waitBefore(&op);
      addTo(inUse, own);
    } else if (isa<func::CallOp>(op)) { // of a layer, or of the grid's barrier
      waitBefore(&op);
    } else if (auto loop = dyn_cast<LoopLikeOpInterface>(op)) {
      // The end of an iteration is a barrier, so only the first one begins after `inUse`.
      Block &body = loop.getLoopRegions().back()->front();
      Uses atEnd = place(body, inUse);
      if (!atEnd.empty() && atEnd != inUse)
        addBarrier(body.getTerminator());
    } else if (op.getNumRegions()) {
      Uses after = op.getNumRegions() > 1 ? Uses() : inUse;
      for (Region &region : op.getRegions())
        addTo(after, region.empty() ? inUse : place(region.front(), inUse));
      inUse = after;
    } else if (isa<func::ReturnOp>(op)) {
      waitBefore(&op);
    } else if (auto load = dyn_cast<memref::LoadOp>(op)) {
      Uses own = {getUse(load.getMemRef(), /*isWrite=*/false)};
      if (conflict(inUse, own))
        waitBefore(&op);
      addTo(inUse, own);
    }
  }
  return inUse;
}

struct BlockBarriers : mlir::lm::impl::BlockBarriersBase<BlockBarriers> {
  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        Placement().place(function.getBody().front(), {});
  }
};
} // namespace
