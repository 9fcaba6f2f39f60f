// RUN: lathe-opt %s --lm-schedule | FileCheck %s

!x = tensor<?x48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
!full = !lm.cache<1 x 16 x f32, rows = 2048>
!ring = !lm.cache<1 x 16 x f32, window = 200, rows = 256>
!chunk = !lm.cache<1 x 16 x f32, chunk = 100, rows = 128>
!many = !lm.cache<3 x 16 x f32, rows = 64>

module attributes {lm.model = {context = 2048 : i64}, lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @w : !w
  lm.weight @layers.0.w : !w
  lm.state @layers.0.full : !full
  lm.state @layers.0.ring : !ring
  lm.state @layers.0.chunk : !chunk
  lm.state @layers.0.many : !many
  func.func private @layer(%x: !x, %pending: !x, %p: index, %w: !w {lm.slot = "w"}, %full: !full {lm.slot = "full"},
      %ring: !ring {lm.slot = "ring"}, %chunk: !chunk {lm.slot = "chunk"}, %many: !many {lm.slot = "many"}) -> (!x, !x) {
    %q = lm.linear %x, %w : !x, !w -> !x
    %a = lm.attention %q, %full at %p heads 3 scale 0.25 : !x, !full
    %b = lm.linear %a, %w : !x, !w -> !x
    %c = lm.attention %b, %ring at %p heads 3 scale 0.25 : !x, !ring
    %d = lm.linear %c, %w : !x, !w -> !x
    %e = lm.attention %d, %chunk at %p heads 3 scale 0.25 : !x, !chunk
    %f = lm.linear %e, %w : !x, !w -> !x
    %g = lm.attention %f, %many at %p heads 3 scale 0.25 : !x, !many
    %h = lm.linear %g, %w : !x, !w -> !x
    return %x, %h : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %w = lm.use @w : !w
    %x = lm.embed %ids, %w : tensor<?xi32>, !w -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    %sum = lm.add %y, %pending : !x
    %logits = lm.linear %sum, %w : !x, !w -> !x
    return %logits : !x
  }
}

// One head of the cache for three queries: a tile is a split of what the row sees, and the next product's prologue combines
// them. Of 2048 positions there are sixteen splits, of a window as many as it has times 64, of a chunk what it holds yet.
// CHECK-LABEL: spmd.program @decode rows
// CHECK-DAG: spmd.buffer @layer.splits : memref<16x48xf32> arena
// CHECK-DAG: spmd.buffer @layer.statistics : memref<16x6xf32> arena
// CHECK-DAG: spmd.buffer @layer.splits.2 : memref<4x48xf32> arena
// CHECK-DAG: spmd.buffer @layer.splits.3 : memref<2x48xf32> arena
// CHECK: func.func private @layer(
// CHECK-SAME: %{{.*}}: index, %[[P:.*]]: index,
// CHECK: %[[SEEN:.*]] = arith.addi %[[P]], %c1
// CHECK: %[[PARTS:.*]] = arith.ceildivui %[[SEEN]], %c64
// CHECK: %[[SPLITS:.*]] = arith.minui %[[PARTS]], %c16
// CHECK: spmd.phase "attention"
// CHECK: %[[SPLIT:.*]] = arith.remui %{{.*}}, %[[SPLITS]]
// CHECK: kernel.attention {{.*}} split %[[SPLIT]] of %[[SPLITS]]
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "w"
// CHECK: kernel.combine_partials
// CHECK: } do {
// CHECK: arith.minui %{{.*}}, %c200
// CHECK: kernel.attention {{.*}} split
// CHECK: arith.remui %[[P]], %c100
// CHECK: kernel.attention {{.*}} split
// Of 64 positions there is one split.
// CHECK: spmd.phase "attention"
// CHECK: kernel.attention
// CHECK-NOT: split
// CHECK: return
// CHECK-LABEL: spmd.program @prefill rows
// CHECK: func.func private @layer(
// CHECK-NOT: split
