// RUN: lathe-opt %s --lm-grid-barrier --canonicalize --cse | FileCheck %s

module attributes {lm.options = {target = "cuda"}} {
  func.func private @lrt_barrier(!llvm.ptr, i64, i64, i64)
  func.func @layer(%grid: !llvm.ptr, %worker: i64, %address: i64, %bytes: i64) {
    func.call @lrt_barrier(%grid, %worker, %address, %bytes) : (!llvm.ptr, i64, i64, i64) -> ()
    return
  }
}

// CHECK: func.func private @lrt_barrier(%[[GRID:.*]]: !llvm.ptr, %[[WORKER:.*]]: i64, %[[ADDRESS:.*]]: i64, %[[BYTES:.*]]: i64) {
// CHECK: %[[STAMPEDAT:.*]] = llvm.getelementptr %[[GRID]][4]
// CHECK: %[[STAMPED:.*]] = llvm.load %[[STAMPEDAT]] : !llvm.ptr -> i32
// The threads of the block have done their part; thread 0 counts the block.
// CHECK: nvvm.barrier
// CHECK: %[[ARRIVAL:.*]]:2 = scf.if %[[FIRST:.*]] -> (i64, i32) {
// CHECK: %[[TIME:.*]] = llvm.inline_asm has_side_effects "mov.u64 $0, %globaltimer;", "=l"
// CHECK: %[[BEFORE:.*]] = llvm.inline_asm has_side_effects "atom.acq_rel.gpu.add.u32 $0, [$1], 1;", "=r,l,~{memory}" %[[GRID]]
// CHECK: scf.yield %[[TIME]], %[[BEFORE]]
// While others arrive, each thread prefetches lines: thread t of 256 the lines t, t + 256, ...
// CHECK: scf.for %[[BYTE:.*]] = %{{.*}} to %{{.*}} step %c32768 {
// CHECK: %[[LINE:.*]] = arith.addi %[[ADDRESS]], %{{.*}}
// CHECK: llvm.inline_asm has_side_effects "prefetch.L2 [$0];", "l" %[[LINE]]
// CHECK: scf.if %[[FIRST]] {
// CHECK: %[[BLOCKS:.*]] = nvvm.read.ptx.sreg.nctaid.x
// CHECK: %[[NUMBER:.*]] = arith.divui %[[ARRIVAL]]#1, %[[BLOCKS]]
// Times are kept of the first lrt_grid.stamped barriers: row w is block w's arrival.
// CHECK: %[[ISKEPT:.*]] = arith.cmpi ult, %[[NUMBER]], %[[STAMPED]]
// CHECK: scf.if %[[ISKEPT]] {
// CHECK: %[[ROW:.*]] = arith.muli %[[WORKER]], %{{.*}}
// CHECK: llvm.store %[[ARRIVAL]]#0
// The barrier is over when each block has arrived once more than before it.
// CHECK: %[[NEXT:.*]] = arith.addi %[[NUMBER]], %c1_i32
// CHECK: %[[WANTED:.*]] = arith.muli %[[NEXT]], %[[BLOCKS]]
// CHECK: scf.while : () -> () {
// CHECK: %[[ARRIVED:.*]] = llvm.inline_asm has_side_effects "ld.acquire.gpu.u32 $0, [$1];", "=r,l,~{memory}" %[[GRID]]
// CHECK: %[[WAITS:.*]] = arith.cmpi ult, %[[ARRIVED]], %[[WANTED]]
// CHECK: scf.condition(%[[WAITS]])
// Block 0 keeps the time at which it goes on.
// CHECK: scf.if %{{.*}} {
// CHECK: llvm.inline_asm has_side_effects "mov.u64 $0, %globaltimer;", "=l"
// CHECK: nvvm.barrier
// CHECK-NEXT: return
