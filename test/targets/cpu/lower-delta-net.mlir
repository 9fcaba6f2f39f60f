// RUN: lathe-opt %s --lm-lower-kernels --canonicalize | FileCheck %s --implicit-check-not=memref.alloc

// Convolutions and the gated delta rule go over the rows of a call in order; their states are updated in place.
!segment = memref<65536xi8>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  // A vector of channels keeps its last inputs in registers while it goes over the rows. At position 0 they are zero.
  // CHECK-LABEL: @conv1d(
  // CHECK: %[[START:.*]] = arith.cmpi eq, %arg7, %c0
  // CHECK: vector.load %arg2[%{{.*}}] : memref<65536xi8>, vector<192xi8>
  // CHECK-COUNT-3: vector.shuffle
  // CHECK: %[[OLD:.*]] = arith.select %[[START]], %
  // CHECK: %[[NEW:.*]] = arith.select %[[START]], %
  // CHECK: %[[LEFT:.*]]:2 = scf.for %{{.*}} iter_args(%[[FIRST:.*]] = %[[OLD]], %[[SECOND:.*]] = %[[NEW]])
  // CHECK: %[[X:.*]] = vector.load %arg0[
  // CHECK: vector.store %{{.*}}, %arg1[
  // CHECK: scf.yield %[[SECOND]], %[[X]]
  // CHECK: vector.bitcast %[[LEFT]]#0
  // CHECK: vector.store %{{.*}}, %arg2[
  // CHECK: vector.bitcast %[[LEFT]]#1
  // CHECK: vector.store %{{.*}}, %arg2[
  func.func @conv1d(%x: memref<?x16xf32>, %out: memref<?x16xf32>, %segment: !segment, %weights: index, %offset: index, %channel: index, %part: index, %position: index) {
    %w = builtin.unrealized_conversion_cast %segment, %weights : !segment, index to !lm.weight<96xf32>
    %state = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.recurrent_state<2 x 32>
    kernel.conv1d %x, %w[%channel] width 3 state %state[%part] at %position to %out
      : memref<?x16xf32>, !lm.weight<96xf32>, !lm.recurrent_state<2 x 32>, memref<?x16xf32>
    return
  }
  // The state is zero at position 0. Chunks of four rows: one product of the state with the keys, one with
  // the queries, then one update.
  // CHECK-LABEL: @delta_rule(
  // CHECK: %[[START:.*]] = arith.cmpi eq, %arg12, %c0
  // CHECK: scf.if %[[START]] {
  // CHECK: vector.store %{{.*}}, %arg6[
  // CHECK: arith.remui %{{.*}}, %c4
  // CHECK: scf.for %{{.*}} step %c4
  // CHECK-COUNT-8: math.sqrt
  // CHECK: %{{.*}}:4 = scf.for %{{.*}} = %c0 to %c32 
  // CHECK: vector.load %arg6[
  // CHECK-COUNT-4: vector.fma
  // CHECK: %{{.*}}:4 = scf.for %{{.*}} = %c0 to %c32 
  // CHECK: vector.load %arg6[
  // CHECK-COUNT-4: vector.store %{{.*}}, %arg5[
  // CHECK: scf.for %{{.*}} = %c0 to %c32 
  // CHECK: vector.load %arg6[
  // CHECK-COUNT-4: vector.fma
  // CHECK: vector.store %{{.*}}, %arg6[
  // The remaining rows, one by one.
  // CHECK: scf.for %{{.*}} step %c1 
  // CHECK-COUNT-2: math.sqrt
  func.func @delta_rule(%q: memref<?x32xf32>, %k: memref<?x32xf32>, %v: memref<?x16xf32>, %a: memref<?x4xf32>, %b: memref<?x4xf32>, %out: memref<?x16xf32>,
      %segment: !segment, %offset: index, %decay: index, %bias: index, %head: index, %part: index, %position: index) {
    %d = builtin.unrealized_conversion_cast %segment, %decay : !segment, index to !lm.weight<4xf32>
    %c = builtin.unrealized_conversion_cast %segment, %bias : !segment, index to !lm.weight<4xf32>
    %state = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.recurrent_state<8 x 512>
    kernel.delta_rule %q, %k, %v by %a, %b, %d, %c[%head] state %state[%part] at %position to %out
      : memref<?x32xf32>, memref<?x32xf32>, memref<?x16xf32>, memref<?x4xf32>, memref<?x4xf32>, !lm.weight<4xf32>, !lm.weight<4xf32>,
        !lm.recurrent_state<8 x 512>, memref<?x16xf32>
    return
  }
  // A decode step has no chunks.
  // CHECK-LABEL: @delta_rule_of_one_row(
  // CHECK-NOT: arith.remui
  // CHECK-COUNT-2: math.sqrt
  // CHECK-NOT: math.sqrt
  // CHECK: return
  func.func @delta_rule_of_one_row(%q: memref<1x32xf32>, %k: memref<1x32xf32>, %v: memref<1x16xf32>, %a: memref<1x4xf32>, %b: memref<1x4xf32>, %out: memref<1x16xf32>,
      %segment: !segment, %offset: index, %decay: index, %bias: index, %head: index, %part: index, %position: index) {
    %d = builtin.unrealized_conversion_cast %segment, %decay : !segment, index to !lm.weight<4xf32>
    %c = builtin.unrealized_conversion_cast %segment, %bias : !segment, index to !lm.weight<4xf32>
    %state = builtin.unrealized_conversion_cast %segment, %offset : !segment, index to !lm.recurrent_state<8 x 512>
    kernel.delta_rule %q, %k, %v by %a, %b, %d, %c[%head] state %state[%part] at %position to %out
      : memref<1x32xf32>, memref<1x32xf32>, memref<1x16xf32>, memref<1x4xf32>, memref<1x4xf32>, !lm.weight<4xf32>, !lm.weight<4xf32>,
        !lm.recurrent_state<8 x 512>, memref<1x16xf32>
    return
  }
}
