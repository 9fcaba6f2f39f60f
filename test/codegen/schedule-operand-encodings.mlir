// Prefill: tiles that compute a value also encode it for the products that read it, quantised or rounded to bf16.
// RUN: lathe-opt %s --lm-schedule | FileCheck %s
// RUN: lathe-opt %s --lm-schedule | FileCheck %s --check-prefix=NO-BUFFER
// RUN: lathe-opt %s --lm-schedule | FileCheck %s --check-prefix=DECODE

!x = tensor<?x64xf32>
!q8 = !lm.weight<64x64xq8_0, <16 x 4>>
!bf16 = !lm.weight<64x64xbf16, <16 x 2>>
!cache = !lm.cache<1 x 64 x bf16, rows = 128>

module attributes {lm.model = {context = 128 : i64}, lm.options = {mcpu = "znver4"}} {
  lm.weight @table : !bf16
  lm.weight @layers.0.q8 : !q8
  lm.weight @layers.0.bf16 : !bf16
  lm.state @layers.0.cache : !cache
  func.func private @layer(%x: !x, %pending: !x, %p: index, %q8: !q8 {lm.slot = "q8"}, %bf16: !bf16 {lm.slot = "bf16"},
                           %cache: !cache {lm.slot = "cache"}) -> (!x, !x) {
    %q = lm.linear %x, %q8 : !x, !q8 -> !x
    %a = lm.attention %q, %cache at %p heads 1 scale 0.25 : !x, !cache
    %o = lm.linear %a, %q8 : !x, !q8 -> !x
    %r = lm.linear %a, %bf16 : !x, !bf16 -> !x
    %s = lm.add %o, %r : !x
    %g = lm.gated_linear %s, %bf16, %bf16 silu : !x, !bf16, !bf16 -> !x
    %d = lm.linear %g, %bf16 : !x, !bf16 -> !x
    %h = lm.gated_linear %d, %q8, %q8 silu : !x, !q8, !q8 -> !x
    %e = lm.linear %h, %q8 : !x, !q8 -> !x
    %t = lm.add %h, %e : !x
    %f = lm.linear %t, %q8 : !x, !q8 -> !x
    return %x, %f : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %w = lm.use @table : !bf16
    %x = lm.embed %ids, %w : tensor<?xi32>, !bf16 -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    %sum = lm.add %y, %pending : !x
    %logits = lm.linear %sum, %w : !x, !bf16 -> !x
    return %logits : !x
  }
}

// Nobody takes what the attention makes in f32: that is in the worker's own scratch, of as many rows as a tile has.
// NO-BUFFER-LABEL: spmd.program @prefill rows
// NO-BUFFER-NOT: spmd.buffer @layer.attended :
// NO-BUFFER: func.func private @layer(
// CHECK-LABEL: spmd.program @prefill rows
// CHECK-DAG: spmd.buffer @tile.64 : memref<16x64xf32> scratch
// CHECK-DAG: spmd.buffer @layer.attended.q8 : memref<128x104xi8> arena
// CHECK-DAG: spmd.buffer @layer.attended.bf16 : memref<128x64xbf16> arena
// What the second gated_linear makes is added, too.
// CHECK-DAG: spmd.buffer @layer.gated.6 : memref<128x64xf32> arena
// CHECK: func.func private @layer(
// CHECK: spmd.phase "attention"
// CHECK: %[[SCRATCH:.*]] = spmd.write @tile.64[
// CHECK: kernel.attention {{.*}} to %[[SCRATCH]]
// CHECK: %[[F32:.*]] = spmd.read @tile.64[
// CHECK: %[[BF16:.*]] = spmd.write @layer.attended.bf16[
// CHECK: kernel.round %[[F32]] to %[[BF16]]
// A head's 64 columns are two blocks of 52 bytes.
// CHECK: arith.divui %{{.*}}, %c32
// CHECK: arith.muli %{{.*}}, %c52
// CHECK: %[[QUANTISED:.*]] = spmd.write @layer.attended.q8[
// CHECK: kernel.quantize %{{.*}} to %[[QUANTISED]]
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "projections"
// One encoding only, and a kernel that rounds its output itself: no scratch.
// CHECK: spmd.phase "gate_up"
// CHECK: %[[OUT:.*]] = spmd.write @layer.gated.4.bf16[
// CHECK-NEXT: kernel.glu %{{.*}}, %{{.*}} to %[[OUT]]
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "bf16"
// CHECK: %[[OUT:.*]] = spmd.write @tile.64.2[
// CHECK: kernel.matmul {{.*}} to %[[OUT]]
// CHECK: kernel.quantize
// CHECK: spmd.barrier
// CHECK-NEXT: spmd.phase "gate_up"
// CHECK: %[[OUT:.*]] = spmd.write @layer.gated.6[
// CHECK: kernel.glu %{{.*}}, %{{.*}} to %[[OUT]]
// CHECK: kernel.quantize

// In a decode step every worker converts the row for itself.
// DECODE-LABEL: spmd.program @decode rows
// DECODE-NOT: spmd.buffer @tile.
// DECODE: func.func private @layer(
// DECODE: spmd.phase "projections" tiles %{{.*}} prologue {
// DECODE: kernel.quantize
// DECODE: kernel.round
// DECODE: } do {
// DECODE-LABEL: func.func @entry(
