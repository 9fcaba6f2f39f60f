//===- GridBarrier.cpp - the barrier of all blocks ---------------------------------------------------------------===//

#include "compiler/targets/cuda/CUDAInfo.h"
#include "compiler/targets/cuda/Passes.h"
#include "compiler/targets/cuda/kernels/BlockEmitter.h"
#include "lrt/abi.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include <cstddef>

namespace mlir::lm {
#define GEN_PASS_DEF_GRIDBARRIER
#include "compiler/targets/cuda/Passes.h.inc"
} // namespace mlir::lm

using namespace mlir;
using namespace mlir::lm;
using namespace lathe;

namespace {

/// Defines lrt_barrier(grid, worker, address, bytes). The n-th barrier of a call is over when n times the number of
/// blocks have arrived. All memory operations of a block's threads come before its arrival: the barrier of the block
/// orders them before thread 0, which releases them to the device.
///
/// LLVM drops the order of an atomicrmw with a scope (22.1: `atomicrmw ... syncscope("device") acq_rel` becomes a plain
/// atom.global.add), so these accesses are PTX.
class BarrierEmitter {
public:
  BarrierEmitter(BlockEmitter &e, Block &entry)
      : e(e), grid(entry.getArgument(0)), worker(entry.getArgument(1)), address(entry.getArgument(2)),
        bytes(entry.getArgument(3)), i32(e.getI32Type()), i64(e.getI64Type()) {}

  void emit();

private:
  /// The threads ask the second cache for the memory that the block reads next, a line each.
  void prefetch();
  /// Thread 0: waits until so many blocks have arrived.
  void wait(Value wanted);
  /// Thread 0: writes a time to lrt_grid.stamps[row * stamped + number], if times of this barrier are kept.
  void stamp(Value row, Value number, Value time);

  Value readClock() { return assembly("mov.u64 $0, %globaltimer;", "=l", {}, i64).getResult(0); }
  LLVM::InlineAsmOp assembly(StringRef text, StringRef constraints, ValueRange operands, TypeRange result) {
    return LLVM::InlineAsmOp::create(e, result, operands, text, constraints, /*has_side_effects=*/true,
                                     /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None,
                                     LLVM::AsmDialectAttr(), ArrayAttr());
  }
  Value load(Type type, size_t offset) {
    Value at = LLVM::GEPOp::create(e, grid.getType(), e.getI8Type(), grid,
                                   ArrayRef<LLVM::GEPArg>(static_cast<int32_t>(offset)));
    return LLVM::LoadOp::create(e, type, at);
  }
  Value isZero(Value value) {
    return arith::CmpIOp::create(e, arith::CmpIPredicate::eq, value, e.number(value.getType(), 0));
  }
  Value isLess(Value a, Value b) { return arith::CmpIOp::create(e, arith::CmpIPredicate::ult, a, b); }

  BlockEmitter &e;
  Value grid, worker, address, bytes, stamped;
  Type i32, i64;
};

void BarrierEmitter::stamp(Value row, Value number, Value time) {
  e.ifThen(isLess(number, stamped), [&] {
    Value at = e.add(e.mul(row, e.extend(stamped, i64)), e.extend(number, i64));
    Value stamps = load(grid.getType(), offsetof(lrt_grid, stamps));
    LLVM::StoreOp::create(e, time, LLVM::GEPOp::create(e, grid.getType(), i64, stamps, ArrayRef<LLVM::GEPArg>(at)));
  });
}

void BarrierEmitter::wait(Value wanted) {
  auto loop = scf::WhileOp::create(e, TypeRange{}, ValueRange{});
  OpBuilder::InsertionGuard guard(e);
  e.createBlock(&loop.getBefore());
  Value arrived = assembly("ld.acquire.gpu.u32 $0, [$1];", "=r,l,~{memory}", grid, i32).getResult(0);
  scf::ConditionOp::create(e, isLess(arrived, wanted), ValueRange{});
  e.createBlock(&loop.getAfter());
  scf::YieldOp::create(e);
}

void BarrierEmitter::prefetch() {
  constexpr int64_t line = 128;
  Value end = e.cast(bytes, e.getIndexType());
  e.loop(e.mul(e.thread(), line), end, e.getThreads() * line,
         [&](Value at) { assembly("prefetch.L2 [$0];", "l", e.add(address, e.cast(at, i64)), {}); });
}

void BarrierEmitter::emit() {
  stamped = load(i32, offsetof(lrt_grid, stamped)); // begun here, so that nobody waits for it later
  e.sync();
  Value isFirst = isZero(e.thread());
  auto arrival = scf::IfOp::create(e, TypeRange{i64, i32}, isFirst, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(arrival.thenBlock());
    Value time = readClock();
    Value before = assembly("atom.acq_rel.gpu.add.u32 $0, [$1], 1;", "=r,l,~{memory}", grid, i32).getResult(0);
    scf::YieldOp::create(e, ValueRange{time, before});
    e.setInsertionPointToStart(arrival.elseBlock());
    Value zero = e.number(i64, 0), none = e.number(i32, 0);
    scf::YieldOp::create(e, ValueRange{zero, none});
  }
  prefetch();
  e.ifThen(isFirst, [&] {
    Value blocks = NVVM::GridDimXOp::create(e, i32);
    Value number = e.div(arrival.getResult(1), blocks);
    stamp(worker, number, arrival.getResult(0));
    wait(e.mul(e.add(number, 1), blocks));
    e.ifThen(isZero(worker), [&] { stamp(e.extend(blocks, i64), number, readClock()); });
  });
  e.sync();
  func::ReturnOp::create(e);
}

struct GridBarrier : mlir::lm::impl::GridBarrierBase<GridBarrier> {
  void runOnOperation() override {
    auto barrier = getOperation().lookupSymbol<func::FuncOp>("lrt_barrier");
    FailureOr<CUDAInfo> gpu = CUDAInfo::get(getOperation());
    if (failed(gpu))
      return signalPassFailure();
    if (!barrier || !barrier.isExternal())
      return;
    OpBuilder builder(&getContext());
    BlockEmitter emitter(barrier.getLoc(), builder, getOperation(), gpu->blockThreads);
    Block *entry = barrier.addEntryBlock();
    emitter.setInsertionPointToEnd(entry);
    BarrierEmitter(emitter, *entry).emit();
  }
};

} // namespace
