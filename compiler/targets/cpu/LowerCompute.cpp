//===- LowerCompute.cpp - kernel.compute becomes loops ------------------------------------------------------------===//
//
// Rows become tensors; weights, caches and states are copied into tensors. Upstream's bufferization and lowering of
// linalg to loops do the rest. Memory for tensors is allocated and freed inside the kernel. This code is not fast.
//
//===--------------------------------------------------------------------------------------------------------------===//

#include "compiler/targets/cpu/Passes.h"
#include "dialects/kernel/KernelOps.h"
#include "dialects/lm/LMDialect.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/OneShotAnalysis.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::lm {
#define GEN_PASS_DEF_LOWERCOMPUTE
#include "compiler/targets/cpu/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;

namespace {

class ComputeLowering {
public:
  ComputeLowering(kernel::ComputeOp op, IRRewriter &rewriter) : op(op), loc(op.getLoc()), rewriter(rewriter) {}

  LogicalResult run();

private:
  Value index(int64_t value) { return arith::ConstantIndexOp::create(rewriter, loc, value); }
  /// A tensor in new memory, which `fill` writes. `fill` gets a vector as one row and the matrices of experts as one
  /// matrix.
  Value fresh(RankedTensorType type, ValueRange dynamicSizes, function_ref<void(Value memory)> fill);
  /// The memory of a recurrent state, which lm-lower-phases made a segment and an offset.
  Value memoryOf(Value state, RankedTensorType type);
  /// Copies [parts, values] and applies `change` to each value.
  void copyValues(Value from, Value to, function_ref<Value(Value)> change);
  LogicalResult lower(Operation *op);

  kernel::ComputeOp op;
  Location loc;
  IRRewriter &rewriter;
};

Value ComputeLowering::fresh(RankedTensorType type, ValueRange dynamicSizes, function_ref<void(Value)> fill) {
  auto memory = MemRefType::get(type.getShape(), type.getElementType());
  Value buffer = memref::AllocOp::create(rewriter, loc, memory, dynamicSizes), rows = buffer;
  if (type.getRank() == 1)
    rows = memref::ExpandShapeOp::create(rewriter, loc, ArrayRef<int64_t>{1, type.getDimSize(0)}, buffer,
                                         ArrayRef<ReassociationIndices>{{0, 1}});
  if (type.getRank() == 3)
    rows = memref::CollapseShapeOp::create(rewriter, loc, buffer, ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  fill(rows);
  return bufferization::ToTensorOp::create(rewriter, loc, type, buffer, /*restrict=*/true);
}

Value ComputeLowering::memoryOf(Value state, RankedTensorType type) {
  auto segment = state.getDefiningOp<UnrealizedConversionCastOp>();
  return memref::ViewOp::create(rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()),
                                segment.getOperand(0), segment.getOperand(1), ValueRange{});
}

void ComputeLowering::copyValues(Value from, Value to, function_ref<Value(Value)> change) {
  SmallVector<AffineMap> maps(2, rewriter.getMultiDimIdentityMap(2));
  SmallVector<utils::IteratorType> loops(2, utils::IteratorType::parallel);
  linalg::GenericOp::create(
      rewriter, loc, ValueRange{from}, ValueRange{to}, maps, loops,
      [&](OpBuilder &, Location, ValueRange args) { linalg::YieldOp::create(rewriter, loc, change(args[0])); });
}

LogicalResult ComputeLowering::lower(Operation *inner) {
  rewriter.setInsertionPoint(inner);
  if (auto values = dyn_cast<ValuesOp>(inner)) {
    rewriter.replaceOp(inner, fresh(values.getType(), {}, [&](Value rows) {
                         kernel::ValuesOp::create(rewriter, loc, values.getWeight(), rows);
                       }));
  } else if (auto cached = dyn_cast<CachedOp>(inner)) {
    rewriter.replaceOp(inner, fresh(cast<RankedTensorType>(cached.getType()), cached.getEnd(), [&](Value rows) {
                         kernel::CachedOp::create(rewriter, loc, cached.getCache(), rows,
                                                  cached.getPart() == CachePart::Values);
                       }));
  } else if (auto append = dyn_cast<AppendOp>(inner)) {
    for (auto [rows, isValues] : {std::pair(append.getKeys(), false), {append.getValues(), true}}) {
      auto type = cast<RankedTensorType>(rows.getType());
      Value memory = bufferization::ToBufferOp::create(
          rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()), rows, /*readOnly=*/true);
      kernel::AppendOp::create(rewriter, loc, memory, append.getCache(), index(0), append.getPosition(), isValues);
    }
    rewriter.eraseOp(inner);
  } else if (auto read = dyn_cast<ReadStateOp>(inner)) {
    // A sequence begins with a state of zeros, whatever the memory holds.
    Value start = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, read.getPosition(), index(0));
    Value zero = arith::ConstantOp::create(rewriter, loc, rewriter.getF32FloatAttr(0));
    auto type = cast<RankedTensorType>(read.getType());
    rewriter.replaceOp(inner, fresh(type, {}, [&](Value rows) {
                         copyValues(memoryOf(read.getState(), type), rows, [&](Value value) -> Value {
                           return arith::SelectOp::create(rewriter, loc, start, zero, value);
                         });
                       }));
  } else if (auto write = dyn_cast<WriteStateOp>(inner)) {
    auto type = cast<RankedTensorType>(write.getValues().getType());
    Value rows = bufferization::ToBufferOp::create(
        rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()), write.getValues(), /*readOnly=*/true);
    copyValues(rows, memoryOf(write.getState(), type), [](Value value) { return value; });
    rewriter.eraseOp(inner);
  } else if (isa<LMDialect>(inner->getDialect()) && !isa<UseOp>(inner)) {
    return inner->emitOpError("has no decomposition (lm-decompose)");
  }
  return success();
}

LogicalResult ComputeLowering::run() {
  Block *body = &op.getBody().front();
  rewriter.setInsertionPoint(op);
  SmallVector<Value> tensors;
  for (auto [in, argument] : llvm::zip(op.getIns(), body->getArguments())) {
    auto type = cast<MemRefType>(in.getType());
    Value tensor = bufferization::ToTensorOp::create(
        rewriter, loc, RankedTensorType::get(type.getShape(), type.getElementType()), in, /*restrict=*/true);
    tensors.push_back(tensor.getType() == argument.getType()
                          ? tensor
                          : tensor::CastOp::create(rewriter, loc, argument.getType(), tensor).getResult());
  }
  SmallVector<Operation *> inside;
  body->walk([&](Operation *inner) { inside.push_back(inner); });
  for (Operation *inner : inside)
    if (failed(lower(inner)))
      return failure();
  auto yield = cast<kernel::YieldOp>(body->getTerminator());
  rewriter.setInsertionPoint(yield);
  for (auto [value, out] : llvm::zip(yield.getValues(), op.getOuts())) {
    auto type = RankedTensorType::get(cast<MemRefType>(out.getType()).getShape(),
                                      cast<RankedTensorType>(value.getType()).getElementType());
    Value tensor = value.getType() == type ? value : tensor::CastOp::create(rewriter, loc, type, value).getResult();
    bufferization::MaterializeInDestinationOp::create(rewriter, loc, Type(), tensor, out, /*restrict=*/false,
                                                      /*writable=*/true);
  }
  rewriter.eraseOp(yield);
  rewriter.inlineBlockBefore(body, op, tensors);
  rewriter.eraseOp(op);
  return success();
}

struct LowerCompute : mlir::lm::impl::LowerComputeBase<LowerCompute> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    IRRewriter rewriter(&getContext());
    SmallVector<kernel::ComputeOp> kernels;
    module.walk([&](kernel::ComputeOp op) { kernels.push_back(op); });
    if (kernels.empty())
      return;
    for (kernel::ComputeOp op : kernels)
      if (failed(ComputeLowering(op, rewriter).run()))
        return signalPassFailure();
    bufferization::OneShotBufferizationOptions options;
    // memref.copy of strided rows would call a library function that executables do not have.
    options.memCpyFn = [](OpBuilder &builder, Location loc, Value from, Value to) {
      linalg::makeMemRefCopyOp(builder, loc, from, to);
      return success();
    };
    bufferization::BufferizationState state;
    if (failed(bufferization::runOneShotBufferize(module, options, state)))
      return signalPassFailure();

    SmallVector<linalg::LinalgOp> loops;
    module.walk([&](linalg::LinalgOp op) { loops.push_back(op); });
    for (linalg::LinalgOp op : loops) {
      rewriter.setInsertionPoint(op);
      if (failed(linalg::linalgOpToLoops(rewriter, op))) {
        op.emitOpError("has no loops");
        return signalPassFailure();
      }
      rewriter.eraseOp(op);
    }
    // All allocations come from these kernels, and no other code sees the memory.
    module.walk([&](memref::AllocOp alloc) {
      rewriter.setInsertionPoint(alloc->getBlock()->getTerminator());
      memref::DeallocOp::create(rewriter, alloc.getLoc(), alloc);
    });
  }
};

} // namespace
