// RUN: lathe-opt %s --lm-fuse-gated-linear | FileCheck %s

!x = tensor<?x72xf32>
!m = tensor<?x100xf32>
!w = !lm.weight<100x72xbf16>
!b = !lm.weight<100xf32>

// CHECK-LABEL: @gate_and_up(
// CHECK-SAME: %[[X:.*]]: tensor<?x72xf32>, %[[GATE:.*]]: !lm.weight<100x72xbf16>, %[[UP:.*]]: !lm.weight<100x72xbf16>
// CHECK-NEXT: %[[M:.*]] = lm.gated_linear %[[X]], %[[GATE]], %[[UP]] gelu_tanh :
// CHECK-NEXT: return %[[M]]
func.func @gate_and_up(%x: !x, %gate: !w, %up: !w) -> !m {
  %g = lm.linear %x, %gate : !x, !w -> !m
  %u = lm.linear %x, %up : !x, !w -> !m
  %m = lm.glu %g, %u gelu_tanh : !m
  return %m : !m
}

// CHECK-LABEL: @biases_go_along(
// CHECK-SAME: %[[GB:[^ ]*]]: !lm.weight<100xf32>, %[[UB:.*]]: !lm.weight<100xf32>)
// CHECK: lm.gated_linear {{.*}} gate_bias %[[GB]] : !lm.weight<100xf32> up_bias %[[UB]] : !lm.weight<100xf32> silu
func.func @biases_go_along(%x: !x, %gate: !w, %up: !w, %gb: !b, %ub: !b) -> !m {
  %g = lm.linear %x, %gate bias %gb : !b : !x, !w -> !m
  %u = lm.linear %x, %up bias %ub : !b : !x, !w -> !m
  %m = lm.glu %g, %u silu : !m
  return %m : !m
}

// CHECK-LABEL: @formats_may_differ(
// CHECK: lm.gated_linear {{.*}} <100x72xf16>, <100x72xbf16>
func.func @formats_may_differ(%x: !x, %gate: !lm.weight<100x72xf16>, %up: !w) -> !m {
  %g = lm.linear %x, %gate : !x, !lm.weight<100x72xf16> -> !m
  %u = lm.linear %x, %up : !x, !w -> !m
  %m = lm.glu %g, %u silu : !m
  return %m : !m
}

// CHECK-LABEL: @gate_is_no_projection(
// CHECK-NOT: lm.gated_linear
// CHECK: lm.glu
func.func @gate_is_no_projection(%x: !x, %g: !m, %up: !w) -> !m {
  %u = lm.linear %x, %up : !x, !w -> !m
  %m = lm.glu %g, %u silu : !m
  return %m : !m
}

// CHECK-LABEL: @up_has_another_user(
// CHECK-NOT: lm.gated_linear
// CHECK: lm.glu
func.func @up_has_another_user(%x: !x, %gate: !w, %up: !w) -> (!m, !m) {
  %g = lm.linear %x, %gate : !x, !w -> !m
  %u = lm.linear %x, %up : !x, !w -> !m
  %m = lm.glu %g, %u silu : !m
  return %m, %u : !m, !m
}

// CHECK-LABEL: @gate_is_up(
// CHECK-NOT: lm.gated_linear
// CHECK: lm.glu
func.func @gate_is_up(%x: !x, %gate: !w) -> !m {
  %g = lm.linear %x, %gate : !x, !w -> !m
  %m = lm.glu %g, %g silu : !m
  return %m : !m
}

// CHECK-LABEL: @different_inputs(
// CHECK-NOT: lm.gated_linear
// CHECK: lm.glu
func.func @different_inputs(%x: !x, %y: !x, %gate: !w, %up: !w) -> !m {
  %g = lm.linear %x, %gate : !x, !w -> !m
  %u = lm.linear %y, %up : !x, !w -> !m
  %m = lm.glu %g, %u silu : !m
  return %m : !m
}
