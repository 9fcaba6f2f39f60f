// With `split_heads`, tiles of queries, keys and values are panels where there are fewer heads than product_tiles. What
// needs whole heads is the next phase.
// RUN: lathe-opt %s --lm-schedule | FileCheck %s

!x = tensor<?x48xf32>
!q = tensor<?x192xf32>
!wq = !lm.weight<192x48xf32, <16 x 1>>
!wk = !lm.weight<64x48xf32, <16 x 1>>
!out = !lm.weight<48x192xf32, <16 x 1>>
!norm = !lm.weight<32xf32>
!cache = !lm.cache<2 x 32 x f32, rows = 64>

module attributes {lm.model = {context = 64 : i64}, lm.options = {target = "cuda"}} {
  lm.weight @w : !lm.weight<48x48xf32, <16 x 1>>
  lm.weight @layers.0.wq : !wq
  lm.weight @layers.0.wk : !wk
  lm.weight @layers.0.wv : !wk
  lm.weight @layers.0.norm : !norm
  lm.weight @layers.0.out : !out
  lm.state @layers.0.cache : !cache
  func.func private @layer(%x: !x, %pending: !x, %p: index, %wq: !wq {lm.slot = "wq"}, %wk: !wk {lm.slot = "wk"}, %wv: !wk {lm.slot = "wv"},
      %norm: !norm {lm.slot = "norm"}, %out: !out {lm.slot = "out"}, %cache: !cache {lm.slot = "cache"}) -> (!x, !x) {
    %q = lm.qkv %x, %wq, %wk, %wv q_norm %norm : !norm to %cache at %p heads 6 eps 1.0e-6 rope <dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
      : !x, !wq, !wk, !wk, !cache -> !q
    %a = lm.attention %q, %cache at %p heads 6 scale 0.25 : !q, !cache
    %h = lm.linear %a, %out : !q, !out -> !x
    return %x, %h : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %w = lm.use @w : !lm.weight<48x48xf32, <16 x 1>>
    %x = lm.embed %ids, %w : tensor<?xi32>, !lm.weight<48x48xf32, <16 x 1>> -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    %sum = lm.add %y, %pending : !x
    %logits = lm.linear %sum, %w : !x, !lm.weight<48x48xf32, <16 x 1>> -> !x
    return %logits : !x
  }
}

// CHECK: spmd.program @decode
// CHECK-DAG: spmd.buffer @layer.projected.k : memref<1x64xf32> arena
// CHECK-DAG: spmd.buffer @layer.projected.v : memref<1x64xf32> arena
// CHECK-DAG: spmd.buffer @layer.projected.q : memref<1x192xf32> arena

// CHECK: func.func private @layer(%{{.*}}: index, %{{.*}}: index, %[[WQ:.*]]: !lm.weight<192{{.*}} {lm.slot = "wq"}, %[[WK:.*]]: !lm{{.*}} {lm.slot = "wk"}, %[[WV:.*]]: !lm{{.*}} {lm.slot = "wv"}, %[[NORM:.*]]: !lm{{.*}} {lm.slot = "norm"}, %{{.*}}: !lm{{.*}} {lm.slot = "out"}, %[[CACHE:.*]]: !lm{{.*}} {lm.slot = "cache"})
// 320 outputs are 20 panels.
// CHECK: %[[PANELS:.*]] = arith.constant 20 : index
// CHECK: spmd.phase "qkv" tiles %[[PANELS]]
// CHECK: spmd.write @layer.projected.k[%{{.*}}, %{{.*}}] size[%{{.*}}, %{{.*}}] : memref<1x16xf32
// CHECK: kernel.matmul %{{.*}}, %[[WK]][
// CHECK-NOT: kernel.rope
// CHECK: spmd.write @layer.projected.v[
// CHECK: kernel.matmul %{{.*}}, %[[WV]][
// CHECK: spmd.write @layer.projected.q[
// CHECK: kernel.matmul %{{.*}}, %[[WQ]][
// CHECK-NOT: kernel.

// 2 heads of keys, 2 of values, 6 of queries.
// CHECK: spmd.barrier
// CHECK: spmd.phase "heads" tiles %c10
// Keys have no norm here: they are copied, rotated and appended.
// CHECK: %[[K:.*]] = spmd.read @layer.projected.k[
// CHECK: %[[HEAD:.*]] = spmd.write @head[
// CHECK: kernel.copy %[[K]] to %[[HEAD]]
// CHECK: kernel.rope %{{.*}} to %[[HEAD]] head 32
// CHECK: kernel.append %[[HEAD]] to %[[CACHE]]
// CHECK: %[[V:.*]] = spmd.read @layer.projected.v[
// CHECK-NOT: kernel.rope
// CHECK: kernel.append %[[V]] to values %[[CACHE]]
// CHECK: %[[Q:.*]] = spmd.read @layer.projected.q[
// CHECK: %[[OUT:.*]] = spmd.write @layer.q[
// CHECK: kernel.norm %[[Q]] by %[[NORM]] : !lm.weight<32xf32> to %[[OUT]] group 32
// CHECK: kernel.rope %{{.*}} to %[[OUT]] head 32
// CHECK-NOT: kernel.append
// CHECK: spmd.phase "attention"

// Calls of many rows have enough tiles.
// CHECK: spmd.program @prefill
// CHECK-NOT: spmd.phase "heads"
