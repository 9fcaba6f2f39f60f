// RUN: lathe-opt %s --lm-schedule | FileCheck %s --implicit-check-not=@forward
// RUN: lathe-opt %s --lm-schedule='prefill-rows=20 logits-rows=3' | FileCheck %s --check-prefix=ROWS
// RUN: not lathe-opt %s --lm-schedule='logits-rows=0' 2>&1 | FileCheck %s --check-prefix=NO-ROWS
// NO-ROWS: error: lm-schedule: expects logits-rows from 1 to 65536, but found 0
// ROWS: spmd.buffer @prefill.stream : memref<20x48xf32> arena
// ROWS: spmd.program @prefill rows 20 {
// ROWS: spmd.program @logits rows 3 after @prefill {
// ROWS: spmd.buffer @logits : memref<3x96xf32> caller role logits

!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
!wk = !lm.weight<16x48xf32, <16 x 1>>
!table = !lm.weight<96x48xf32, <16 x 1>>
!cache = !lm.cache<1 x 16 x f32, rows = 64>
#rope = #lm.rope<dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>

module attributes {lm.model = {context = 64 : i64}, lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !table
  lm.weight @final_norm : !norm
  lm.weight @layers.0.norm : !norm
  lm.weight @layers.0.wq : !w
  lm.weight @layers.0.wk : !wk
  lm.weight @layers.0.wo : !w
  lm.weight @layers.0.up : !w
  lm.state @layers.0.cache : !cache

  // One row: rows are every worker's own copy, results are shared. Many rows: all is shared. A call has no more rows than the
  // context has positions.
  // CHECK-LABEL: spmd.program @decode rows 1 {
  // CHECK-DAG: spmd.buffer @stream : memref<1x48xf32> scratch
  // CHECK-DAG: spmd.buffer @layer.q : memref<1x48xf32> arena
  // CHECK-DAG: spmd.buffer @logits : memref<1x96xf32> caller role logits
  func.func private @layer(%x: !x, %pending: !x, %p: index, %norm: !norm {lm.slot = "norm"}, %wq: !w {lm.slot = "wq"},
      %wk: !wk {lm.slot = "wk"}, %wo: !w {lm.slot = "wo"}, %up: !w {lm.slot = "up"}, %cache: !cache {lm.slot = "cache"}) -> (!x, !x) {
    %sum, %h = lm.add_norm %x, %pending, %norm eps 1.0e-5 : !x, !norm
    %q = lm.qkv %h, %wq, %wk, %wk to %cache at %p heads 3 rope #rope : !x, !w, !wk, !wk, !cache -> !x
    %a = lm.attention %q, %cache at %p heads 3 scale 0.25 : !x, !cache
    %o = lm.linear %a, %wo : !x, !w -> !x
    %sum2, %h2 = lm.add_norm %sum, %o, %norm eps 1.0e-5 : !x, !norm
    %m = lm.gated_linear %h2, %up, %up silu : !x, !w, !w -> !x
    %d = lm.linear %m, %wo : !x, !w -> !x
    return %sum2, %d : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> tensor<?x96xf32> {
    %table = lm.use @table : !table
    %x = lm.embed %ids, %table : tensor<?xi32>, !table -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer, @layer] : !x, !x -> !x, !x
    %w = lm.use @final_norm : !norm
    %sum, %h = lm.add_norm %y, %pending, %w eps 1.0e-5 : !x, !norm
    %logits = lm.linear %h, %table : !x, !table -> tensor<?x96xf32>
    %capped = lm.softcap %logits cap 30.0 : tensor<?x96xf32>
    return %capped : tensor<?x96xf32>
  }
  lm.weight @layers.1.norm : !norm
  lm.weight @layers.1.wq : !w
  lm.weight @layers.1.wk : !wk
  lm.weight @layers.1.wo : !w
  lm.weight @layers.1.up : !w
  lm.state @layers.1.cache : !cache
}

// A decode layer is five phases, a barrier before each; its norms are prologues. One head of keys, one of values, three of
// queries.
// CHECK: func.func private @layer(%{{.*}}: index, %{{.*}}: index, %{{.*}}: !lm.weight<48xf32> {lm.slot = "norm"}
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "qkv" tiles %c5 prologue {
// CHECK: kernel.add
// CHECK: kernel.norm
// CHECK: } do {
// CHECK: kernel.matmul {{.*}} <16x48xf32
// CHECK: kernel.rope
// CHECK: kernel.append %{{.*}} to %{{.*}}[
// CHECK: kernel.matmul {{.*}} <16x48xf32
// CHECK-NOT: kernel.rope
// CHECK: kernel.append %{{.*}} to values
// CHECK: kernel.matmul {{.*}} <48x48xf32
// CHECK-NEXT: arith.constant
// CHECK: kernel.rope %{{.*}} head 16
// CHECK-NOT: kernel.append
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "attention" tiles %{{.*}} prologue {
// CHECK-NEXT: } do {
// CHECK: kernel.attention
// CHECK-NOT: split
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "wo"
// CHECK: spmd.write @layer.projected
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "gate_up"
// CHECK: kernel.add
// CHECK: kernel.norm
// CHECK: } do {
// CHECK-COUNT-2: kernel.matmul
// CHECK: kernel.glu
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "wo"
// CHECK: spmd.write @pending
// CHECK-NOT: spmd.barrier
// CHECK: return

// CHECK: func.func @entry(
// CHECK-NOT: spmd.barrier
// CHECK: spmd.phase "start"
// CHECK: kernel.embed
// CHECK: kernel.rope_table
// CHECK: } do {
// CHECK: kernel.zero
// CHECK-NOT: spmd.barrier
// CHECK: spmd.layers %{{.*}} at %{{.*}} [@layer, @layer]
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "head"
// CHECK: kernel.matmul
// CHECK: kernel.softcap {{.*}} cap 30.0
// CHECK: spmd.barrier
// CHECK-NEXT: return

// Where rows are many, what is a row's alone is a phase of its own, and tiles are heads by blocks of rows: as many as it
// takes, all of nearly one size, but of whole units of 8.
// What prefill leaves for the logits entry lies in the module.
// CHECK: spmd.buffer @prefill.stream : memref<64x48xf32> arena
// CHECK-NEXT: spmd.buffer @prefill.pending : memref<64x48xf32> arena
// CHECK-LABEL: spmd.program @prefill rows 64 {
// CHECK-DAG: spmd.buffer @layer.normed : memref<64x48xf32> arena
// CHECK-DAG: spmd.buffer @tokens : memref<64x1xi32> caller role tokens
// CHECK: func.func private @layer(
// CHECK: spmd.phase "rows"
// CHECK: kernel.norm
// CHECK: %[[BLOCKS:.*]] = arith.ceildivui %{{.*}}, %c64
// CHECK: %[[EVEN:.*]] = arith.ceildivui %arg0, %[[BLOCKS]]
// CHECK: %[[UNITS:.*]] = arith.ceildivui %[[EVEN]], %c8
// CHECK: %[[SIZE:.*]] = arith.muli %[[UNITS]], %c8
// CHECK: %[[TILES:.*]] = arith.muli %[[BLOCKS]], %c5
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "qkv" tiles %[[TILES]] prologue {
// CHECK-NEXT: } do {
// CHECK: %[[ROW:.*]] = arith.muli %{{.*}}, %[[SIZE]]
// CHECK: %[[REST:.*]] = arith.subi %arg0, %[[ROW]]
// CHECK: arith.minui %[[REST]], %[[SIZE]]

// Prefill has no logits.
// CHECK: func.func @entry(
// CHECK: spmd.layers
// CHECK-NOT: spmd.phase
// CHECK: return

// The logits entry reads the stream that prefill left, from row `first` on, and does not change it.
// CHECK-LABEL: spmd.program @logits rows 8 after @prefill {
// CHECK: spmd.buffer @logits : memref<8x96xf32> caller role logits
// CHECK: func.func @entry(
// CHECK-SAME: %{{.*}}: index, %{{.*}}: index, %[[FIRST:.*]]: index)
// CHECK-NOT: spmd.layers
// CHECK: spmd.phase "head"
// CHECK: %[[ROW:.*]] = arith.addi %{{.*}}, %[[FIRST]]
// CHECK: spmd.read @prefill.stream[%[[ROW]],
// CHECK-NOT: spmd.write @prefill
// CHECK: spmd.write @logits
