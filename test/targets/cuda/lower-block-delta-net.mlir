// RUN: lathe-opt %s --split-input-file --lm-lower-block-kernels --canonicalize --cse | FileCheck %s

// Decode: a thread has a channel. It reads what the state has, and writes it back one row later.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @one_row
  // CHECK-SAME: %[[SEGMENT:.*]]: memref<65536xi8>, %{{.*}}: index, %[[IN:.*]]: memref<1x128xf32>, %[[OUT:.*]]: memref<1x128xf32>
  func.func @one_row(%segment: memref<65536xi8>, %position: index, %in: memref<1x128xf32>, %out: memref<1x128xf32>) {
    %c0 = arith.constant 0 : index
    %c4096 = arith.constant 4096 : index
    %w = builtin.unrealized_conversion_cast %segment, %c0 : memref<65536xi8>, index to !lm.weight<512xf32>
    %s = builtin.unrealized_conversion_cast %segment, %c4096 : memref<65536xi8>, index to !lm.recurrent_state<2 x 384>
    // CHECK: scf.for %[[CHANNEL:.*]] = %{{.*}} to %c128 step %c256
    // Four taps in one load.
    // CHECK: vector.load %[[SEGMENT]][{{.*}}] {alignment = 16 : i64} : memref<65536xi8>, vector<16xi8>
    // CHECK-COUNT-3: vector.load %[[SEGMENT]][{{.*}}] {alignment = 4 : i64} : memref<65536xi8>, vector<4xi8>
    // CHECK: memref.store %{{.*}}, %[[OUT]][%c0, %[[CHANNEL]]]
    // CHECK-COUNT-3: vector.store %{{.*}}, %[[SEGMENT]]
    // CHECK-NOT: nvvm.barrier
    kernel.conv1d %in, %w[%c0] width 4 state %s[%c0] at %position to %out
      : memref<1x128xf32>, !lm.weight<512xf32>, !lm.recurrent_state<2 x 384>, memref<1x128xf32>
    return
  }
}

// -----

// Prefill: two threads have a channel, one half of the rows each, four rows at once. The state is written when all
// threads have read it.
module attributes {lm.options = {target = "cuda"}} {
  // CHECK-LABEL: func.func @rows
  // CHECK-SAME: %[[SEGMENT:.*]]: memref<65536xi8>, %{{.*}}: index, %[[IN:.*]]: memref<?x128xf32>, %[[OUT:.*]]: memref<?x128xf32>
  func.func @rows(%segment: memref<65536xi8>, %position: index, %in: memref<?x128xf32>, %out: memref<?x128xf32>) {
    %c0 = arith.constant 0 : index
    %c4096 = arith.constant 4096 : index
    %w = builtin.unrealized_conversion_cast %segment, %c0 : memref<65536xi8>, index to !lm.weight<512xf32>
    %s = builtin.unrealized_conversion_cast %segment, %c4096 : memref<65536xi8>, index to !lm.recurrent_state<2 x 384>
    // CHECK: scf.for %{{.*}} = %{{.*}} to %c256 step %c256
    // CHECK: scf.for %{{.*}} step %c4 iter_args(
    // CHECK-COUNT-4: memref.load %[[IN]]
    // CHECK-COUNT-4: memref.store %{{.*}}, %[[OUT]]
    // CHECK: scf.for %{{.*}} step %c1 iter_args(
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    // CHECK: nvvm.barrier
    // CHECK: scf.for %{{.*}} = %{{.*}} to %c128 step %c256
    // CHECK-COUNT-3: vector.store %{{.*}}, %[[SEGMENT]]
    kernel.conv1d %in, %w[%c0] width 4 state %s[%c0] at %position to %out
      : memref<?x128xf32>, !lm.weight<512xf32>, !lm.recurrent_state<2 x 384>, memref<?x128xf32>
    return
  }
}

// -----

// The state of 64 columns: 4 lanes have a column, 32 keys each, which stay in registers for all rows of the call.
// CHECK: memref.global "private" @shared.delta_rule.192 : memref<192xf32, 3> = uninitialized
// CHECK-LABEL: func.func @delta_rule
// CHECK-SAME: %[[SEGMENT:.*]]: memref<1048576xi8>, %{{.*}}: index, %[[QUERY:.*]]: memref<?x128xf32>, %[[KEY:.*]]: memref<?x128xf32>, %[[VALUE:.*]]: memref<?x64xf32>, %[[A:.*]]: memref<?x2xf32>, %[[B:.*]]: memref<?x2xf32>, %[[OUT:.*]]: memref<?x64xf32>
module attributes {lm.options = {target = "cuda"}} {
  func.func @delta_rule(%segment: memref<1048576xi8>, %position: index, %query: memref<?x128xf32>,
                        %key: memref<?x128xf32>, %value: memref<?x64xf32>, %a: memref<?x2xf32>, %b: memref<?x2xf32>,
                        %out: memref<?x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4096 = arith.constant 4096 : index
    %w = builtin.unrealized_conversion_cast %segment, %c0 : memref<1048576xi8>, index to !lm.weight<2xf32>
    %s = builtin.unrealized_conversion_cast %segment, %c4096 : memref<1048576xi8>, index to !lm.recurrent_state<4 x 8192>
    // CHECK-COUNT-32: vector.load %[[SEGMENT]][{{.*}}] {alignment = 4 : i64}
    // 32 rows at once: what all columns need is computed before, by a warp for each row.
    // CHECK: scf.for %{{.*}} = %c0 to %{{.*}} step %c32 iter_args(
    // CHECK: nvvm.barrier
    // CHECK: scf.for %{{.*}} = %{{.*}} to %{{.*}} step %c8
    // CHECK-COUNT-15: nvvm.shfl.sync  bfly
    // CHECK-COUNT-6: memref.store %{{.*}}, %{{.*}} : memref<192xf32, 3>
    // CHECK: nvvm.barrier
    // The first row, then each next one while the one before is computed.
    // CHECK-COUNT-8: vector.load %[[KEY]][{{.*}}] {alignment = 16 : i64}
    // CHECK-COUNT-8: vector.load %[[QUERY]][{{.*}}] {alignment = 16 : i64}
    // CHECK: memref.load %[[VALUE]]
    // CHECK: scf.for %{{.*}} step %c1 iter_args(
    // CHECK-COUNT-8: vector.load %[[KEY]][{{.*}}] {alignment = 16 : i64}
    // CHECK-COUNT-8: vector.load %[[QUERY]][{{.*}}] {alignment = 16 : i64}
    // Both products with the state, each the sum of 4 lanes.
    // CHECK-COUNT-2: nvvm.shfl.sync  bfly
    // CHECK-COUNT-2: nvvm.shfl.sync  bfly
    // CHECK: memref.store %{{.*}}, %[[OUT]]
    // CHECK-COUNT-32: vector.store %{{.*}}, %[[SEGMENT]]
    // CHECK-NOT: nvvm.barrier
    kernel.delta_rule %query, %key, %value by %a, %b, %w, %w[%c1] state %s[%c1] at %position to %out
      : memref<?x128xf32>, memref<?x128xf32>, memref<?x64xf32>, memref<?x2xf32>, memref<?x2xf32>, !lm.weight<2xf32>,
        !lm.weight<2xf32>, !lm.recurrent_state<4 x 8192>, memref<?x64xf32>
    return
  }
}
