// RUN: split-file %s %t
// RUN: lathe-opt %t/pre-norms.mlir --lm-defer-residuals | FileCheck %t/pre-norms.mlir
// RUN: lathe-opt %t/post-norms.mlir --lm-defer-residuals | FileCheck %t/post-norms.mlir
// RUN: lathe-opt %t/inside.mlir --lm-defer-residuals | FileCheck %t/inside.mlir
// RUN: lathe-opt %t/no-addition.mlir --lm-defer-residuals --remarks-filter=fusion --remark-format=emitRemark 2>&1 | FileCheck %t/no-addition.mlir
// RUN: lathe-opt %t/other-norms.mlir --lm-defer-residuals --remarks-filter=fusion --remark-format=emitRemark 2>&1 | FileCheck %t/other-norms.mlir
// RUN: lathe-opt %t/fetched.mlir --lm-defer-residuals | FileCheck %t/fetched.mlir

//--- pre-norms.mlir
// A layer takes (stream, pending) and hands over the same; the sum is taken where it is normed.
!x = tensor<?x8xf32>
!w = !lm.weight<8x8xf32>
!n = !lm.weight<8xf32>
lm.weight @layers.0.norm : !n
lm.weight @layers.0.proj : !w
lm.weight @final_norm : !n

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf32>, %[[PENDING:.*]]: tensor<?x8xf32>, %{{.*}}: index, %[[NORM:.*]]: !lm.weight<8xf32> {lm.slot = "norm"}, %[[PROJ:.*]]: !lm.weight<8x8xf32> {lm.slot = "proj"}) -> (tensor<?x8xf32>, tensor<?x8xf32>)
// CHECK-NEXT: %[[SUM:.*]], %[[H:.*]] = lm.add_norm %[[X]], %[[PENDING]], %[[NORM]] eps 1.0e-5
// CHECK-NEXT: %[[BLOCK:.*]] = lm.linear %[[H]], %[[PROJ]]
// CHECK-NEXT: return %[[SUM]], %[[BLOCK]]
func.func private @layer(%x: !x, %position: index, %norm: !n {lm.slot = "norm"}, %proj: !w {lm.slot = "proj"}) -> !x {
  %h = lm.norm %x, %norm eps 1.0e-5 : !x, !n
  %block = lm.linear %h, %proj : !x, !w -> !x
  %y = lm.add %x, %block : !x
  return %y : !x
}
// CHECK-LABEL: func.func @forward(
// CHECK: %[[ZEROS:.*]] = lm.zeros %[[X0:.*]] :
// CHECK: %[[OUT:.*]], %[[OUT1:.*]] = lm.layers %[[X0]], %[[ZEROS]] at
// CHECK: %{{.*}}, %[[NORMED:.*]] = lm.add_norm %[[OUT]], %[[OUT1]],
// CHECK: return %[[NORMED]]
func.func @forward(%x: !x, %position: index) -> !x {
  %y = lm.layers %x at %position [@layer] : !x -> !x
  %w = lm.use @final_norm : !n
  %h = lm.norm %y, %w eps 1.0e-5 : !x, !n
  return %h : !x
}

//--- post-norms.mlir
// A norm between block and addition moves along; the next layer applies it with the weight of the layer before.
!x = tensor<?x8xf32>
!w = !lm.weight<8x8xf32>
!n = !lm.weight<8xf32>
lm.weight @layers.0.norm : !n
lm.weight @layers.0.proj : !w
lm.weight @layers.0.post : !n
lm.weight @layers.1.norm : !n
lm.weight @layers.1.proj : !w
lm.weight @layers.1.post : !n
lm.weight @final_norm : !n

// CHECK-LABEL: func.func private @layer(
// CHECK-SAME: %[[POST:[^ ]*]]: !lm.weight<8xf32> {lm.slot = "post"}, %[[PREVIOUS:.*]]: !lm.weight<8xf32> {lm.slot = "previous.post"})
// CHECK-NEXT: %[[SUM:.*]], %[[H:.*]] = lm.add_norm %{{.*}}, %{{.*}} post %[[PREVIOUS]] : !lm.weight<8xf32>,
// CHECK-NEXT: %[[BLOCK:.*]] = lm.linear %[[H]]
// CHECK-NEXT: return %[[SUM]], %[[BLOCK]]
func.func private @layer(%x: !x, %position: index, %norm: !n {lm.slot = "norm"}, %proj: !w {lm.slot = "proj"}, %post: !n {lm.slot = "post"}) -> !x {
  %h = lm.norm %x, %norm eps 1.0e-5 : !x, !n
  %block = lm.linear %h, %proj : !x, !w -> !x
  %normed = lm.norm %block, %post eps 1.0e-5 : !x, !n
  %y = lm.add %x, %normed : !x
  return %y : !x
}
// What the last layer leaves pending is normed with its own weight.
// CHECK-LABEL: func.func @forward(
// CHECK: %[[OUT:.*]], %[[OUT1:.*]] = lm.layers
// CHECK: %[[LAST:.*]] = lm.use @layers.1.post
// CHECK: lm.add_norm %[[OUT]], %[[OUT1]] post %[[LAST]] : !lm.weight<8xf32>,
func.func @forward(%x: !x, %position: index) -> !x {
  %y = lm.layers %x at %position [@layer, @layer] : !x -> !x
  %w = lm.use @final_norm : !n
  %h = lm.norm %y, %w eps 1.0e-5 : !x, !n
  return %h : !x
}

//--- inside.mlir
!x = tensor<?x8xf32>
!n = !lm.weight<8xf32>

// CHECK-LABEL: @sum_goes_on(
// CHECK-NEXT: %[[SUM:.*]], %[[H:.*]] = lm.add_norm
// CHECK-NEXT: %[[G:.*]] = lm.glu %[[SUM]], %[[H]]
func.func @sum_goes_on(%x: !x, %block: !x, %norm: !n) -> !x {
  %sum = lm.add %x, %block : !x
  %h = lm.norm %sum, %norm eps 1.0e-5 : !x, !n
  %g = lm.glu %sum, %h silu : !x
  return %g : !x
}
// CHECK-LABEL: @sum_is_used_before_it_is_normed(
// CHECK-NOT: lm.add_norm
// CHECK: lm.norm
func.func @sum_is_used_before_it_is_normed(%x: !x, %block: !x, %norm: !n) -> (!x, !x) {
  %sum = lm.add %x, %block : !x
  %g = lm.glu %sum, %x silu : !x
  %h = lm.norm %sum, %norm eps 1.0e-5 : !x, !n
  return %g, %h : !x, !x
}
// CHECK-LABEL: @norm_of_heads(
// CHECK-NOT: lm.add_norm
// CHECK: lm.norm
func.func @norm_of_heads(%x: !x, %block: !x, %norm: !lm.weight<4xf32>) -> !x {
  %sum = lm.add %x, %block : !x
  %h = lm.norm %sum, %norm eps 1.0e-5 groups 2 : !x, !lm.weight<4xf32>
  return %h : !x
}
// One op has one eps: the post-norm stays where it is.
// CHECK-LABEL: @post_norm_of_another_eps(
// CHECK-NEXT: %[[POST:.*]] = lm.norm
// CHECK-NEXT: lm.add_norm %{{.*}}, %[[POST]], %{{.*}} eps 1.0e-5 :
func.func @post_norm_of_another_eps(%x: !x, %block: !x, %post: !n, %norm: !n) -> !x {
  %normed = lm.norm %block, %post eps 1.0e-6 : !x, !n
  %sum = lm.add %x, %normed : !x
  %h = lm.norm %sum, %norm eps 1.0e-5 : !x, !n
  return %h : !x
}

//--- no-addition.mlir
// Refused: there is nothing to hand over.
!x = tensor<?x8xf32>
lm.weight @layers.0.proj : !lm.weight<8x8xf32>
// CHECK: remark: [Missed]{{.*}}defer-residuals
// CHECK-SAME: the layer does not end with an addition to the stream
// CHECK: func.func private @layer(%{{.*}}) -> tensor<?x8xf32> {
func.func private @layer(%x: !x, %position: index, %proj: !lm.weight<8x8xf32> {lm.slot = "proj"}) -> !x {
  %y = lm.linear %x, %proj : !x, !lm.weight<8x8xf32> -> !x
  return %y : !x
}
func.func @forward(%x: !x, %position: index) -> !x {
  // CHECK: lm.layers %{{.*}} at %{{.*}} [@layer] : tensor<?x8xf32> -> tensor<?x8xf32>
  %y = lm.layers %x at %position [@layer] : !x -> !x
  return %y : !x
}

//--- other-norms.mlir
// Refused: whoever follows @second would norm what it left with a weight that @second does not have.
!x = tensor<?x8xf32>
!n = !lm.weight<8xf32>
lm.weight @layers.0.post : !n
lm.weight @layers.1.last : !n
// CHECK: remark: [Missed]{{.*}}defer-residuals
// CHECK-SAME: layer kinds hand over with different norms
// CHECK: func.func private @first(%{{.*}}) -> tensor<?x8xf32> {
func.func private @first(%x: !x, %position: index, %post: !n {lm.slot = "post"}) -> !x {
  %block = lm.glu %x, %x silu : !x
  %normed = lm.norm %block, %post eps 1.0e-5 : !x, !n
  %y = lm.add %x, %normed : !x
  return %y : !x
}
func.func private @second(%x: !x, %position: index, %last: !n {lm.slot = "last"}) -> !x {
  %block = lm.glu %x, %x silu : !x
  %normed = lm.norm %block, %last eps 1.0e-5 : !x, !n
  %y = lm.add %x, %normed : !x
  return %y : !x
}
func.func @forward(%x: !x, %position: index) -> !x {
  %y = lm.layers %x at %position [@first, @second] : !x -> !x
  return %y : !x
}

//--- fetched.mlir
// A post-norm whose weight is no slot stays in its layer.
!x = tensor<?x8xf32>
!n = !lm.weight<8xf32>
lm.weight @shared : !n
// CHECK-LABEL: func.func private @layer(
// CHECK: %[[NORMED:.*]] = lm.norm
// CHECK: return %{{.*}}, %[[NORMED]] :
func.func private @layer(%x: !x, %position: index) -> !x {
  %block = lm.glu %x, %x silu : !x
  %post = lm.use @shared : !n
  %normed = lm.norm %block, %post eps 1.0e-5 : !x, !n
  %y = lm.add %x, %normed : !x
  return %y : !x
}
func.func @forward(%x: !x, %position: index) -> !x {
  %y = lm.layers %x at %position [@layer] : !x -> !x
  return %y : !x
}
