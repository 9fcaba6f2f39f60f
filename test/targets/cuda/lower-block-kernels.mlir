// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// The threads of a block divide a row among themselves: thread t has columns t, t + 256, ...
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @row
  // CHECK-SAME: %[[A:.*]]: memref<1x600xf32>, %[[B:.*]]: memref<1x600xf32>
  func.func @row(%a: memref<1x600xf32>, %b: memref<1x600xf32>) {
    // CHECK-DAG: %[[THREADS:.*]] = arith.constant 256 : index
    // CHECK-DAG: %[[COLUMNS:.*]] = arith.constant 600 : index
    // CHECK: %[[X:.*]] = nvvm.read.ptx.sreg.tid.x : i32
    // CHECK: %[[THREAD:.*]] = arith.index_cast %[[X]] : i32 to index
    // CHECK: scf.for %[[COLUMN:.*]] = %[[THREAD]] to %[[COLUMNS]] step %[[THREADS]]
    // CHECK: %[[VALUE:.*]] = memref.load %[[A]][%{{.*}}, %[[COLUMN]]]
    // CHECK: memref.store %[[VALUE]], %[[B]][%{{.*}}, %[[COLUMN]]]
    kernel.copy %a to %b : memref<1x600xf32>, memref<1x600xf32>
    return
  }
}

// -----

// A sum over a row: each thread's, by shuffles each warp's, in shared memory the block's.
// CHECK: memref.global "private" @shared.warps.8 : memref<8xf32, 3> = uninitialized
// CHECK-LABEL: func.func @norm
module attributes {lm.options = {target = "cuda"}} {
  func.func @norm(%a: memref<1x64xf32>, %b: memref<1x64xf32>) {
    // CHECK: %[[OWN:.*]] = scf.for
    // CHECK: %[[FAR:.*]] = nvvm.shfl.sync  bfly %{{.*}}, %[[OWN]], %{{.*}}, %{{.*}} : f32 -> f32
    // CHECK: %[[SUM:.*]] = arith.addf %[[OWN]], %[[FAR]]
    // CHECK-COUNT-4: nvvm.shfl.sync  bfly
    // CHECK: nvvm.barrier
    // CHECK: scf.if
    // CHECK: memref.store %{{.*}}, %[[WARPS:.*]][%{{.*}}] : memref<8xf32, 3>
    // CHECK: nvvm.barrier
    // CHECK-COUNT-8: memref.load %[[WARPS]]
    // CHECK: scf.for
    kernel.norm %a to %b group 64 eps 1.0e-5 : memref<1x64xf32>, memref<1x64xf32>
    return
  }
}

// -----

// Other numbers of threads: a single warp needs no shared memory.
// CHECK-NOT: memref.global
// CHECK-LABEL: func.func @norm
module attributes {lm.options = {target = "cuda", tuning = "block_threads=32"}} {
  func.func @norm(%a: memref<1x64xf32>, %b: memref<1x64xf32>) {
    // CHECK-COUNT-5: nvvm.shfl.sync  bfly
    // CHECK-NOT: nvvm.barrier
    kernel.norm %a to %b group 64 eps 1.0e-5 : memref<1x64xf32>, memref<1x64xf32>
    return
  }
}

// -----

// A product with a bf16 panel. A lane reads 16 bytes: 4 outputs at 2 columns. Warp w takes the steps w, w + 8, ..., four
// of two panels at once.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @matmul
  // CHECK: call @product.bf16.2.row(
  func.func @matmul(%weights: memref<65536xi8>, %in: memref<1x256xf32>, %out: memref<1x32xf32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %weights, %c0 : memref<65536xi8>, index to !lm.weight<64x256xbf16, <16 x 2>>
    kernel.matmul %in, %w[%c0] to %out : memref<1x256xf32>, <64x256xbf16, <16 x 2>>, memref<1x32xf32>
    return
  }
  // CHECK: func.func private @product.bf16.2.row(%[[SEGMENT:.*]]: memref<65536xi8>, %[[OFFSET:.*]]: index, %{{.*}}: index, %{{.*}}: index, %[[IN:.*]]: memref<1x?xf32, {{.*}}>, %{{.*}}: memref<1x?xf32,
  // CHECK: scf.for {{.*}} iter_args({{.*}}) -> (f32, f32, f32, f32, f32, f32, f32, f32)
  // Loads come before products.
  // CHECK-COUNT-8: vector.load %[[SEGMENT]][{{.*}}] {alignment = 16 : i64} : memref<65536xi8>, vector<16xi8>
  // CHECK-COUNT-2: memref.load %[[IN]]
  // CHECK: math.fma
  // Lanes with the same outputs add their sums: 4, 8, 16 lanes away.
  // CHECK-COUNT-24: nvvm.shfl.sync  bfly
  // CHECK: nvvm.barrier
  // CHECK: memref.store %{{.*}}, %{{.*}}[%{{.*}}] : memref<256xf32, 3>
  // CHECK: nvvm.barrier
}

// -----

// Quantised weights are multiplied four bytes at once by quantised rows. 5 bits: the fifth comes from another word.
module attributes {lm.options = {target = "cuda"}} {
  func.func @q5(%weights: memref<65536xi8>, %in: memref<?x416xi8>, %out: memref<?x32xf32>) {
    %c0 = arith.constant 0 : index
    %w = builtin.unrealized_conversion_cast %weights, %c0 : memref<65536xi8>, index to !lm.weight<64x256xq5_0, <16 x 4>>
    kernel.matmul %in, %w[%c0] to %out : memref<?x416xi8>, <64x256xq5_0, <16 x 4>>, memref<?x32xf32>
    return
  }
  // CHECK-LABEL: func.func private @product.q5_0.4(
  // CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<65536xi8>, vector<16xi8>
  // CHECK: vector.load {{.*}} {alignment = 16 : i64} : memref<65536xi8>, vector<16xi8>
  // The offset of 16: -16 times the sum of the row's values.
  // CHECK-COUNT-2: llvm.call_intrinsic "llvm.nvvm.idp4a.s.s"
  // CHECK: arith.muli %{{.*}}, %c-16_i32
  // CHECK-COUNT-8: llvm.call_intrinsic "llvm.nvvm.idp4a.s.s"
}
