// RUN: lathe-opt %s --lm-schedule --split-input-file | FileCheck %s
// RUN: lathe-opt %s --lm-schedule --lm-predict-cost --split-input-file | FileCheck %s --check-prefix=COST

// A decode step absorbs the matrices; a call of prefill does so below as many rows as making keys and values pays from.

// For each of 3 heads, row and position 2 * (24 + 8) operations, and 2 * (16 + 8) * 32 to make a position's key and value,
// once for 64 rows: 192 + 72.
// COST-LABEL: spmd.program @prefill rows
// COST: func.func private @layer(
// COST: spmd.phase "attention" {{.*}} cost <weights = 12288, position = 160, attend = 264>

!cache = !lm.cache<1 x 40 x f32, latent = 32, rows = 64>
!keys = !lm.weight<3x32x16xf32, <16 x 1>>
!values = !lm.weight<3x8x32xf32, <16 x 1>>
!q = !lm.weight<72x36xf32, <16 x 1>>
!o = !lm.weight<36x24xf32, <16 x 1>>
!table = !lm.weight<8x36xf32, <16 x 1>>

module attributes {lm.model = {context = 64 : i64}} {
  lm.weight @table : !table
  lm.weight @layers.0.q : !q
  lm.weight @layers.0.k : !keys
  lm.weight @layers.0.v : !values
  lm.weight @layers.0.o : !o
  lm.state @layers.0.cache : !cache

  // CHECK-LABEL: spmd.program @decode rows
  // CHECK: func.func private @layer(
  // CHECK-SAME: %[[K:[^:]*]]: !lm.weight<3x32x16
  // CHECK: spmd.phase "k"
  // CHECK: kernel.matmul {{.*}}, %[[K]][%{{.*}}] head
  // CHECK: spmd.phase "attention"
  // CHECK: kernel.absorbed_attention {{.*}} rows 3 positions 64
  // CHECK: spmd.phase "v"

  // CHECK-LABEL: spmd.program @prefill rows
  // CHECK: func.func private @layer(
  // CHECK-SAME: %[[ROWS:[^:]*]]: index, %{{[^:]*}}: index, %{{[^:]*}}: !lm.weight<72x36{{[^%]*}}%[[K:[^:]*]]: !lm.weight<3x32x16{{[^%]*}}%[[V:[^:]*]]: !lm.weight<3x8x32
  // CHECK-NOT: spmd.phase "k"
  // 768 operations to make a key and a value, 40 fewer for each row that meets them, 7/8 of the time each.
  // CHECK: %[[LEAST:.*]] = arith.constant 17 : index
  // CHECK: %[[EXPANDS:.*]] = arith.cmpi ule, %[[LEAST]], %[[ROWS]]
  // CHECK: %[[BLOCKS:.*]] = arith.select %[[EXPANDS]]
  // CHECK: %[[EACH:.*]] = arith.select %[[EXPANDS]]
  // CHECK: %[[TILES:.*]] = arith.muli %[[BLOCKS]]
  // CHECK-NOT: spmd.phase "k"
  // CHECK: spmd.phase "attention" tiles %[[TILES]]
  // CHECK: scf.if %[[EXPANDS]] {
  // CHECK: kernel.latent_attention {{.*}} by %[[K]], %[[V]][
  // CHECK: } else {
  // CHECK: kernel.matmul {{.*}}, %[[K]][
  // CHECK: kernel.concat
  // CHECK: kernel.absorbed_attention
  // CHECK: kernel.matmul {{.*}}, %[[V]][
  // CHECK: return
  func.func private @layer(%x: tensor<?x36xf32>, %position: index, %q: !q {lm.slot = "q"}, %k: !keys {lm.slot = "k"},
                           %v: !values {lm.slot = "v"}, %o: !o {lm.slot = "o"}, %cache: !cache {lm.slot = "cache"})
      -> tensor<?x36xf32> {
    %h = lm.linear %x, %q : tensor<?x36xf32>, !q -> tensor<?x72xf32>
    %a = lm.latent_attention %h, %k, %v, %cache at %position scale 0.2
      : tensor<?x72xf32>, !keys, !values, !cache -> tensor<?x24xf32>
    %y = lm.linear %a, %o : tensor<?x24xf32>, !o -> tensor<?x36xf32>
    return %y : tensor<?x36xf32>
  }
  func.func @forward(%ids: tensor<?xi32>, %position: index) -> tensor<?x8xf32> {
    %table = lm.use @table : !table
    %x = lm.embed %ids, %table : tensor<?xi32>, !table -> tensor<?x36xf32>
    %y = lm.layers %x at %position [@layer] : tensor<?x36xf32> -> tensor<?x36xf32>
    %logits = lm.linear %y, %table : tensor<?x36xf32>, !table -> tensor<?x8xf32>
    return %logits : tensor<?x8xf32>
  }
}

// -----

// A latent vector that is no larger than a key and a value is never expanded. Of up to 8 rows, those of 4 heads meet the cache
// together.

!cache = !lm.cache<1 x 12 x f32, latent = 8, rows = 64>
!keys = !lm.weight<4x8x8xf32, <16 x 1>>
!values = !lm.weight<4x12x8xf32, <16 x 1>>
!table = !lm.weight<8x48xf32, <16 x 1>>
!o = !lm.weight<48x48xf32, <16 x 1>>

module attributes {lm.model = {context = 64 : i64}} {
  lm.weight @table : !table
  lm.weight @layers.0.k : !keys
  lm.weight @layers.0.v : !values
  lm.weight @layers.0.o : !o
  lm.state @layers.0.cache : !cache

  // CHECK-LABEL: spmd.program @prefill rows
  // CHECK: func.func private @layer(
  // CHECK: %[[FEW:.*]] = arith.cmpi ule, %{{.*}}, %{{.*}} : index
  // CHECK: %[[GROUPS:.*]] = arith.select %[[FEW]]
  // CHECK: arith.muli %{{.*}}, %[[GROUPS]]
  // CHECK: spmd.phase "attention" tiles
  // CHECK: scf.if %[[FEW]] {
  // CHECK-NOT: kernel.latent_attention
  // CHECK-COUNT-4: kernel.concat
  // CHECK: kernel.absorbed_attention {{.*}} at %{{.*}} per_head %{{.*}} scratch {{.*}} rows 32 positions 64
  // CHECK: } else {
  // CHECK: kernel.concat
  // CHECK: kernel.absorbed_attention %{{.*}}, %{{.*}} at %{{[^ ]*}} scratch
  // CHECK-NOT: kernel.latent_attention
  func.func private @layer(%x: tensor<?x48xf32>, %position: index, %k: !keys {lm.slot = "k"},
                           %v: !values {lm.slot = "v"}, %o: !o {lm.slot = "o"}, %cache: !cache {lm.slot = "cache"})
      -> tensor<?x48xf32> {
    %a = lm.latent_attention %x, %k, %v, %cache at %position scale 0.2
      : tensor<?x48xf32>, !keys, !values, !cache -> tensor<?x48xf32>
    %y = lm.linear %a, %o : tensor<?x48xf32>, !o -> tensor<?x48xf32>
    return %y : tensor<?x48xf32>
  }
  func.func @forward(%ids: tensor<?xi32>, %position: index) -> tensor<?x8xf32> {
    %table = lm.use @table : !table
    %x = lm.embed %ids, %table : tensor<?xi32>, !table -> tensor<?x48xf32>
    %y = lm.layers %x at %position [@layer] : tensor<?x48xf32> -> tensor<?x48xf32>
    %logits = lm.linear %y, %table : tensor<?x48xf32>, !table -> tensor<?x8xf32>
    return %logits : tensor<?x8xf32>
  }
}

// -----

// Queries that only the product with what makes keys reads, rotated, are made by its tiles: one head's each.

!cache = !lm.cache<1 x 12 x f32, latent = 8, rows = 64>
!keys = !lm.weight<2x8x12xf32, <16 x 1>>
!values = !lm.weight<2x12x8xf32, <16 x 1>>
!q = !lm.weight<32x24xf32, <16 x 1>>
!o = !lm.weight<24x24xf32, <16 x 1>>
!table = !lm.weight<8x24xf32, <16 x 1>>

module attributes {lm.model = {context = 64 : i64}} {
  lm.weight @table : !table
  lm.weight @layers.0.q : !q
  lm.weight @layers.0.k : !keys
  lm.weight @layers.0.v : !values
  lm.weight @layers.0.o : !o
  lm.state @layers.0.cache : !cache
  lm.weight @layers.1.q : !q
  lm.weight @layers.1.k : !keys
  lm.weight @layers.1.v : !values
  lm.weight @layers.1.o : !o
  lm.state @layers.1.cache : !cache

  // CHECK-LABEL: spmd.program @decode rows
  // CHECK: func.func private @layer(
  // CHECK-SAME: %[[Q:[^:]*]]: !lm.weight<32x24xf32
  // CHECK-SAME: %[[K:[^:]*]]: !lm.weight<2x8x12
  // CHECK-NEXT: arith.constant
  // CHECK-NEXT: arith.constant
  // CHECK-NEXT: spmd.barrier
  // CHECK-NEXT: spmd.phase "k" tiles %c2 prologue {
  // CHECK-NEXT: } do {
  // CHECK-NEXT: ^bb0(%[[HEAD:.*]]: index)
  // CHECK: %[[QUERY:.*]] = spmd.write @query.16[
  // CHECK: %[[COLUMN:.*]] = arith.muli %[[HEAD]], %c16{{.*}}
  // CHECK-NEXT: kernel.matmul %{{.*}}, %[[Q]][%[[COLUMN]]] to %[[QUERY]]
  // CHECK: kernel.rope %{{.*}} to %[[QUERY]] head 16 from 12
  // CHECK: kernel.matmul %{{.*}}, %[[K]][%{{.*}}] head %[[HEAD]]
  // CHECK: spmd.phase "attention"
  // CHECK-LABEL: func.func private @other(
  // A second reader of the same rows: one phase makes what both need.
  // CHECK: spmd.phase "projections"
  // CHECK: spmd.phase "k"
  func.func private @layer(%x: tensor<?x24xf32>, %position: index, %q: !q {lm.slot = "q"}, %k: !keys {lm.slot = "k"},
                           %v: !values {lm.slot = "v"}, %o: !o {lm.slot = "o"}, %cache: !cache {lm.slot = "cache"})
      -> tensor<?x24xf32> {
    %h = lm.linear %x, %q : tensor<?x24xf32>, !q -> tensor<?x32xf32>
    %r = lm.rope %h at %position heads 2 from 12 <dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
      : tensor<?x32xf32>
    %a = lm.latent_attention %r, %k, %v, %cache at %position scale 0.2
      : tensor<?x32xf32>, !keys, !values, !cache -> tensor<?x24xf32>
    %y = lm.linear %a, %o : tensor<?x24xf32>, !o -> tensor<?x24xf32>
    return %y : tensor<?x24xf32>
  }
  func.func private @other(%x: tensor<?x24xf32>, %position: index, %q: !q {lm.slot = "q"}, %k: !keys {lm.slot = "k"},
                           %v: !values {lm.slot = "v"}, %o: !o {lm.slot = "o"}, %cache: !cache {lm.slot = "cache"})
      -> tensor<?x24xf32> {
    %h = lm.linear %x, %q : tensor<?x24xf32>, !q -> tensor<?x32xf32>
    %s = lm.linear %x, %o : tensor<?x24xf32>, !o -> tensor<?x24xf32>
    %r = lm.rope %h at %position heads 2 from 12 <dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
      : tensor<?x32xf32>
    %a = lm.latent_attention %r, %k, %v, %cache at %position scale 0.2
      : tensor<?x32xf32>, !keys, !values, !cache -> tensor<?x24xf32>
    %b = lm.add %a, %s : tensor<?x24xf32>
    %y = lm.linear %b, %o : tensor<?x24xf32>, !o -> tensor<?x24xf32>
    return %y : tensor<?x24xf32>
  }
  func.func @forward(%ids: tensor<?xi32>, %position: index) -> tensor<?x8xf32> {
    %table = lm.use @table : !table
    %x = lm.embed %ids, %table : tensor<?xi32>, !table -> tensor<?x24xf32>
    %y = lm.layers %x at %position [@layer, @other] : tensor<?x24xf32> -> tensor<?x24xf32>
    %logits = lm.linear %y, %table : tensor<?x24xf32>, !table -> tensor<?x8xf32>
    return %logits : tensor<?x8xf32>
  }
}
