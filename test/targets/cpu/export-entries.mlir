// RUN: split-file %s %t
// RUN: lathe-opt %t/entries.mlir --lm-export-entries --canonicalize | FileCheck %t/entries.mlir
// RUN: lathe-opt %t/invalid.mlir --lm-export-entries --verify-diagnostics --split-input-file

//--- entries.mlir
// The runtime calls lathe_decode(step, worker), which reads lrt_step (runtime/include/lrt/abi.h) and calls
// the function of lm-lower-phases.
module attributes {lm.model = {vocabulary = 96 : i64}, lm.program = {weights_bytes = 1024 : i64, arena_bytes = 512 : i64,
    scratch_bytes = 256 : i64, cache_bytes = 8192 : i64, decode_rows = 1 : i64}} {
  // CHECK: llvm.func @lrt_barrier
  llvm.func @lrt_barrier(!llvm.ptr, i64, i64, i64)
  // All other functions are internal and are not inlined, so profilers show products by name.
  // CHECK: llvm.func internal @product.f32.1() attributes {no_inline}
  llvm.func @product.f32.1() { llvm.return }
  // CHECK: llvm.func internal @decode(
  llvm.func @decode(%w0: !llvm.ptr, %w1: !llvm.ptr, %w2: i64, %w3: i64, %w4: i64, %a0: !llvm.ptr, %a1: !llvm.ptr, %a2: i64, %a3: i64, %a4: i64,
                    %s0: !llvm.ptr, %s1: !llvm.ptr, %s2: i64, %s3: i64, %s4: i64, %c0: !llvm.ptr, %c1: !llvm.ptr, %c2: i64, %c3: i64, %c4: i64,
                    %step: !llvm.ptr, %worker: i64, %workers: i64,
                    %t0: !llvm.ptr, %t1: !llvm.ptr, %t2: i64, %t3: i64, %t4: i64, %t5: i64, %t6: i64,
                    %l0: !llvm.ptr, %l1: !llvm.ptr, %l2: i64, %l3: i64, %l4: i64, %l5: i64, %l6: i64, %rows: i64, %position: i64, %first: i64) {
    llvm.return
  }
  // A missing entry point is not exported.
  // CHECK-NOT: @lathe_prefill
  // CHECK: llvm.func @lathe_decode(%[[STEP:.*]]: !llvm.ptr, %[[WORKER:.*]]: i64) {
  // CHECK-DAG: %[[ZERO:.*]] = llvm.mlir.constant(0 : i64)
  // CHECK-DAG: %[[VOCABULARY:.*]] = llvm.mlir.constant(96 : i64)
  // CHECK-DAG: %[[OWN:.*]] = llvm.mlir.constant(256 : i64)
  // CHECK: %[[WEIGHTS:.*]] = llvm.load %[[STEP]] : !llvm.ptr -> !llvm.ptr
  // A worker's scratch buffer begins at scratch + worker * scratch_bytes.
  // CHECK: %[[OFFSET:.*]] = llvm.mul %[[WORKER]], %[[OWN]]
  // CHECK: %[[SCRATCH:.*]] = llvm.getelementptr %{{.*}}[%[[OFFSET]]]
  // The cache and the position are those of the first row.
  // CHECK: %[[ROWAT:.*]] = llvm.getelementptr %[[STEP]][24]
  // CHECK: %[[ROW:.*]] = llvm.load %[[ROWAT]] : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[CACHEAT:.*]] = llvm.getelementptr %[[ROW]][8]
  // CHECK: %[[CACHE:.*]] = llvm.load %[[CACHEAT]] : !llvm.ptr -> !llvm.ptr
  // CHECK: %[[POSITION:.*]] = llvm.load %[[ROW]] : !llvm.ptr -> i64
  // CHECK: llvm.call @decode(%[[WEIGHTS]], %[[WEIGHTS]], %[[ZERO]], {{.*}} %[[SCRATCH]], %[[SCRATCH]], %[[ZERO]], %[[OWN]], {{.*}} %[[CACHE]], %[[CACHE]], {{.*}} %[[STEP]], %[[WORKER]], {{.*}} %[[VOCABULARY]], {{.*}} %[[POSITION]], 
  // CHECK-NEXT: llvm.return
  // CHECK-NOT: @lathe_head
}

//--- invalid.mlir
module attributes {lm.model = {vocabulary = 96 : i64}, lm.program = {weights_bytes = 1 : i64, arena_bytes = 1 : i64, scratch_bytes = 1 : i64,
    cache_bytes = 1 : i64, decode_rows = 1 : i64}} {
  // expected-error @below {{'llvm.func' op expects the parameters of lm-lower-phases, (}}
  llvm.func @decode(%x: !llvm.ptr) { llvm.return }
}

// -----

// expected-error @below {{lm.program.weights_bytes: expected an integer from 1 to 1125899906842624, found none}}
// expected-error @below {{lm.program.arena_bytes: expected an integer from 1 to 1125899906842624, found none}}
// expected-error @below {{lm.program.scratch_bytes: expected an integer from 1 to 1125899906842624, found none}}
// expected-error @below {{lm.program.cache_bytes: expected an integer from 1 to 1125899906842624, found none}}
// expected-error @below {{lm.program.decode_rows: expected an integer from 1 to 1125899906842624, found none}}
// expected-error @below {{lm.model.vocabulary: expected an integer from 1 to 1125899906842624, found none}}
module {
  llvm.func @decode(%x: !llvm.ptr) { llvm.return }
}
