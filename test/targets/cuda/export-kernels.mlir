// RUN: split-file %s %t
// RUN: lathe-opt %t/kernels.mlir --lm-export-kernels --canonicalize | FileCheck %t/kernels.mlir
// RUN: lathe-opt %t/invalid.mlir --lm-export-kernels --verify-diagnostics --split-input-file

//--- kernels.mlir
// The kernel @decode has an lrt_step (runtime/include/lrt/abi.h) as its parameter. All threads of a block call
// the function of lm-lower-phases, which has another name now.
module attributes {lm.model = {vocabulary = 96 : i64}, lm.program = {weights_bytes = 1024 : i64, arena_bytes = 512 : i64,
    scratch_bytes = 256 : i64, cache_bytes = 8192 : i64, decode_rows = 1 : i64}} {
  // CHECK: llvm.func internal @lrt_barrier(
  llvm.func @lrt_barrier(%grid: !llvm.ptr, %worker: i64, %address: i64, %bytes: i64) { llvm.return }
  // CHECK: llvm.func internal @product.f32.1() attributes {no_inline}
  llvm.func @product.f32.1() { llvm.return }
  // CHECK: llvm.func internal @decode.entry(
  llvm.func @decode(%w0: !llvm.ptr, %w1: !llvm.ptr, %w2: i64, %w3: i64, %w4: i64, %a0: !llvm.ptr, %a1: !llvm.ptr, %a2: i64, %a3: i64, %a4: i64,
                    %s0: !llvm.ptr, %s1: !llvm.ptr, %s2: i64, %s3: i64, %s4: i64, %c0: !llvm.ptr, %c1: !llvm.ptr, %c2: i64, %c3: i64, %c4: i64,
                    %barriers: !llvm.ptr, %worker: i64, %workers: i64,
                    %t0: !llvm.ptr, %t1: !llvm.ptr, %t2: i64, %t3: i64, %t4: i64, %t5: i64, %t6: i64,
                    %l0: !llvm.ptr, %l1: !llvm.ptr, %l2: i64, %l3: i64, %l4: i64, %l5: i64, %l6: i64, %rows: i64, %position: i64, %first: i64) {
    llvm.call @lrt_barrier(%barriers, %worker, %rows, %rows) : (!llvm.ptr, i64, i64, i64) -> ()
    llvm.return
  }
  // CHECK-NOT: @prefill
  // CHECK: llvm.func ptx_kernelcc @decode(%[[STEP:.*]]: !llvm.ptr {llvm.align = 8 : i64, llvm.byval = !llvm.array<80 x i8>}) {
  // CHECK: %[[BARRIERSAT:.*]] = llvm.getelementptr %[[STEP]][72]
  // A worker is a block.
  // CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.x
  // CHECK: %[[COUNT:.*]] = nvvm.read.ptx.sreg.nctaid.x
  // CHECK: %[[BARRIERS:.*]] = llvm.load %[[BARRIERSAT]]
  // CHECK: %[[WORKER:.*]] = llvm.zext %[[BLOCK]]
  // CHECK: %[[WORKERS:.*]] = llvm.zext %[[COUNT]]
  // CHECK: llvm.call @decode.entry({{.*}} %[[BARRIERS]], %[[WORKER]], %[[WORKERS]],
  // Where times are kept (lrt_grid.stamped), the end of the call is a barrier.
  // CHECK: %[[STAMPEDAT:.*]] = llvm.getelementptr %[[BARRIERS]][4]
  // CHECK: %[[STAMPED:.*]] = llvm.load %[[STAMPEDAT]] : !llvm.ptr -> i32
  // CHECK: %[[IS:.*]] = llvm.icmp "ne" %[[STAMPED]], %{{.*}} : i32
  // CHECK: llvm.cond_br %[[IS]], ^[[LAST:.*]], ^[[END:.*]]
  // CHECK: ^[[LAST]]:
  // CHECK: llvm.call @lrt_barrier(%[[BARRIERS]], %[[WORKER]],
  // CHECK: llvm.br ^[[END]]
  // CHECK: ^[[END]]:
  // CHECK-NEXT: llvm.return
}

//--- invalid.mlir
module attributes {lm.model = {vocabulary = 96 : i64}, lm.program = {weights_bytes = 1 : i64, arena_bytes = 1 : i64, scratch_bytes = 1 : i64,
    cache_bytes = 1 : i64, decode_rows = 1 : i64}} {
  // expected-error @below {{'llvm.func' op expects the parameters of lm-lower-phases, (}}
  llvm.func @decode(%x: !llvm.ptr) { llvm.return }
}

// -----

module {
  // expected-error @below {{'llvm.func' op is not there on a GPU}}
  llvm.func @malloc(i64) -> !llvm.ptr
  llvm.func @product.f32.1(%size: i64) {
    %0 = llvm.call @malloc(%size) : (i64) -> !llvm.ptr
    llvm.return
  }
}
