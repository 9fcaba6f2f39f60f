// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

#rope = #lm.rope<dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
!rows = memref<?x64xf32, strided<[128, 1], offset: ?>>
!cache = !lm.cache<2 x 16 x bf16, rows = 32>
!head = memref<?x16xf32>

// CHECK-LABEL: @rows(
func.func @rows(%x: !rows, %out: !rows, %ids: memref<?x1xi32>, %table: !lm.weight<96x64xf32, <16 x 1>>, %w: !lm.weight<32xf32>,
                %b: !lm.weight<80xf32>, %quantised: memref<?x104xi8>, %wide: memref<?x144xi8>, %part: memref<?x?xi8>,
                %rounded: memref<?x64xbf16>, %some: memref<?x?xf32>, %n: index) {
  // CHECK: kernel.zero %{{.*}} : memref<?x64xf32, strided<[128, 1], offset: ?>>
  kernel.zero %out : !rows
  // CHECK: kernel.embed %{{.*}}, %{{.*}} to %{{.*}} : memref<?x1xi32>, <96x64xf32, <16 x 1>>, memref<?x64xf32
  kernel.embed %ids, %table to %out scale 1.0 : memref<?x1xi32>, !lm.weight<96x64xf32, <16 x 1>>, !rows
  // CHECK: kernel.add %{{.*}}, %{{.*}} to %{{.*}} :
  kernel.add %x, %some to %out : !rows, memref<?x?xf32>, !rows
  // CHECK: kernel.norm %{{.*}} by %{{.*}} : !lm.weight<32xf32> to %{{.*}} group 32 eps 1.0e-5 :
  kernel.norm %x by %w : !lm.weight<32xf32> to %out group 32 eps 1.0e-5 : !rows, !rows
  // CHECK: kernel.norm %{{.*}} by %{{.*}} : !lm.weight<32xf32> bias %{{.*}} : !lm.weight<32xf32> to %{{.*}} group 32 eps 1.0e-5 :
  kernel.norm %x by %w : !lm.weight<32xf32> bias %w : !lm.weight<32xf32> to %out group 32 eps 1.0e-5 : !rows, !rows
  // CHECK: kernel.copy %{{.*}} to %{{.*}} :
  kernel.copy %x to %out : !rows, !rows
  // CHECK: kernel.add_positions %{{.*}} at %{{.*}} to %{{.*}} : <96x64xf32, <16 x 1>>,
  kernel.add_positions %table at %n to %out : !lm.weight<96x64xf32, <16 x 1>>, !rows
  // CHECK: kernel.scale %{{.*}} by 0.25 :
  kernel.scale %out by 0.25 : !rows
  // CHECK: kernel.activation %{{.*}} gelu_tanh :
  kernel.activation %out gelu_tanh : !rows
  // CHECK: kernel.add_bias %{{.*}}[%{{.*}}] to %{{.*}} : <80xf32>,
  kernel.add_bias %b[%n] to %out : !lm.weight<80xf32>, !rows
  // CHECK: kernel.quantize %{{.*}} to %{{.*}} :
  kernel.quantize %x to %quantised : !rows, memref<?x104xi8>
  // CHECK: kernel.quantize wide %{{.*}} to %{{.*}} :
  kernel.quantize wide %x to %wide : !rows, memref<?x144xi8>
  // A tile's part of a row.
  // CHECK: kernel.quantize %{{.*}} to %{{.*}} : memref<?x?xf32>, memref<?x?xi8>
  kernel.quantize %some to %part : memref<?x?xf32>, memref<?x?xi8>
  // CHECK: kernel.round %{{.*}} to %{{.*}} :
  kernel.round %x to %rounded : !rows, memref<?x64xbf16>
  // CHECK: kernel.glu %{{.*}}, %{{.*}} to %{{.*}} silu :
  kernel.glu %x, %x to %out silu : !rows, !rows, !rows
  // CHECK: kernel.glu %{{.*}}, %{{.*}} to %{{.*}} silu : {{.*}}, memref<?x64xbf16>
  kernel.glu %x, %x to %rounded silu : !rows, !rows, memref<?x64xbf16>
  // CHECK: kernel.softcap %{{.*}} cap 30.0 :
  kernel.softcap %out cap 30.0 : !rows
  return
}

// CHECK-LABEL: @experts(
func.func @experts(%scores: memref<?x8xf32>, %weights: memref<?x2xf32>, %chosen: memref<?x2xi32>, %order: memref<64x1xi32>,
                   %slots: memref<?x2xi32>, %blocks: memref<8x1xi32>, %x: !rows, %outputs: memref<64x64xf32>, %out: memref<?x64xf32>,
                   %gate: memref<?x1xf32>, %c: !lm.weight<8xf32>) {
  // CHECK: kernel.route %{{.*}} correction %{{.*}} : !lm.weight<8xf32> to %{{.*}}, %{{.*}} sigmoid scale 2.5 :
  kernel.route %scores correction %c : !lm.weight<8xf32> to %weights, %chosen sigmoid scale 2.5 : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
  // CHECK: kernel.route %{{.*}} to %{{.*}}, %{{.*}} softmax {normalized} :
  kernel.route %scores to %weights, %chosen softmax scale 1.0 {normalized} : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
  // CHECK: kernel.route %{{.*}} of 1 in 2 by 1 scratch %{{.*}} : memref<?x8xf32> to %{{.*}}, %{{.*}} softmax
  kernel.route %scores of 1 in 2 by 1 scratch %scores : memref<?x8xf32> to %weights, %chosen softmax scale 1.0 : memref<?x8xf32>, memref<?x2xf32>, memref<?x2xi32>
  // CHECK: kernel.dispatch %{{.*}} to %{{.*}}, %{{.*}}, %{{.*}} count 8 :
  kernel.dispatch %chosen to %order, %slots, %blocks count 8 : memref<?x2xi32>, memref<64x1xi32>, memref<?x2xi32>, memref<8x1xi32>
  // CHECK: kernel.gather %{{.*}}[%{{.*}}] to %{{.*}} :
  kernel.gather %x[%order] to %outputs : !rows, memref<64x1xi32>, memref<64x64xf32>
  // CHECK: kernel.combine %{{.*}}, %{{.*}} at %{{.*}} : memref<?x2xi32> to %{{.*}} :
  kernel.combine %outputs, %weights at %slots : memref<?x2xi32> to %out : memref<64x64xf32>, memref<?x2xf32>, memref<?x64xf32>
  // CHECK: kernel.combine %{{.*}}, %{{.*}} shared %{{.*}} : memref<?x64xf32> gate %{{.*}} : memref<?x1xf32> to %{{.*}} :
  kernel.combine %outputs, %weights shared %out : memref<?x64xf32> gate %gate : memref<?x1xf32> to %out : memref<64x64xf32>, memref<?x2xf32>, memref<?x64xf32>
  // CHECK: kernel.combine %{{.*}}, %{{.*}} to %{{.*}} :
  kernel.combine %outputs, %weights to %out : memref<64x64xf32>, memref<?x2xf32>, memref<?x64xf32>
  return
}

// CHECK-LABEL: @products(
func.func @products(%x: !rows, %quantised: memref<?x104xi8>, %rounded: memref<?x64xbf16>, %out: memref<?x?xf32>, %n: index,
                    %f32: !lm.weight<96x64xf32, <16 x 1>>, %bf16: !lm.weight<96x64xbf16, <16 x 2>>, %q8: !lm.weight<96x64xq8_0, <16 x 4>>,
                    %experts: !lm.weight<8x96x64xf32, <16 x 1>>, %id: memref<1x1xi32>) {
  // CHECK: kernel.matmul %{{.*}}, %{{.*}}[%{{.*}}] to %{{.*}} : memref<?x64xf32, {{.*}}>, <96x64xf32, <16 x 1>>, memref<?x?xf32>
  kernel.matmul %x, %f32[%n] to %out : !rows, !lm.weight<96x64xf32, <16 x 1>>, memref<?x?xf32>
  // CHECK: kernel.matmul %{{.*}}, %{{.*}}[%{{.*}}] of %{{.*}} : memref<1x1xi32> to %{{.*}} : memref<?x64xf32, {{.*}}>, <8x96x64xf32, <16 x 1>>, memref<?x?xf32>
  kernel.matmul %x, %experts[%n] of %id : memref<1x1xi32> to %out : !rows, !lm.weight<8x96x64xf32, <16 x 1>>, memref<?x?xf32>
  // CHECK: kernel.matmul {{.*}} : memref<?x64xf32, {{.*}}>, <96x64xbf16, <16 x 2>>
  kernel.matmul %x, %bf16[%n] to %out : !rows, !lm.weight<96x64xbf16, <16 x 2>>, memref<?x?xf32>
  // CHECK: kernel.matmul {{.*}} : memref<?x64xbf16>, <96x64xbf16, <16 x 2>>
  kernel.matmul %rounded, %bf16[%n] to %out : memref<?x64xbf16>, !lm.weight<96x64xbf16, <16 x 2>>, memref<?x?xf32>
  // CHECK: kernel.matmul {{.*}} : memref<?x104xi8>, <96x64xq8_0, <16 x 4>>
  kernel.matmul %quantised, %q8[%n] to %out : memref<?x104xi8>, !lm.weight<96x64xq8_0, <16 x 4>>, memref<?x?xf32>
  return
}

// CHECK-LABEL: @heads(
func.func @heads(%angles: memref<?x4xf32>, %q: memref<?x32xf32>, %query: !head, %cache: !cache, %cache16: !lm.cache<2 x 16 x bf16, rows = 32>, %scores: memref<?x32xf32>,
                 %head: index, %position: index, %latents: memref<?x20xf32>,
                 %latent: !lm.cache<1 x 20 x f32, latent = 16, rows = 64>, %scratch: memref<1x1328xf32>,
                 %mixed: memref<?x16xf32>) {
  // CHECK: kernel.rope_table #rope at %{{.*}} to %{{.*}} : memref<?x4xf32>
  kernel.rope_table #rope at %position to %angles : memref<?x4xf32>
  // CHECK: kernel.rope %{{.*}} to %{{.*}} head 16 :
  kernel.rope %angles to %q head 16 : memref<?x4xf32>, memref<?x32xf32>
  // CHECK: kernel.append %{{.*}} to %{{.*}}[%{{.*}}] at %{{.*}} :
  kernel.append %q to %cache[%head] at %position : memref<?x32xf32>, !cache
  // CHECK: kernel.append %{{.*}} to values %{{.*}}[%{{.*}}] at %{{.*}} :
  kernel.append %q to values %cache[%head] at %position : memref<?x32xf32>, !cache
  // CHECK: kernel.absorbed_attention %{{.*}}, %{{.*}} at %{{.*}} per_head %{{.*}} scratch %{{.*}} to %{{.*}} scale 0.25 rows 8 positions 16 :
  kernel.absorbed_attention %latents, %latent at %position per_head %head scratch %scratch to %mixed scale 0.25 rows 8 positions 16
    : memref<?x20xf32>, !lm.cache<1 x 20 x f32, latent = 16, rows = 64>, memref<1x1328xf32>, memref<?x16xf32>
  // CHECK: kernel.attention %{{.*}}, %{{.*}}[%{{.*}}] at %{{.*}} scores %{{.*}} to %{{.*}} scale 0.25 :
  kernel.attention %query, %cache[%head] at %position scores %scores to %query scale 0.25 
    : !head, !cache, memref<?x32xf32>, !head
  // CHECK: kernel.attention rounded %{{.*}}, %{{.*}}[%{{.*}}] at
  kernel.attention rounded %query, %cache16[%head] at %position scores %scores to %query scale 0.25 
    : !head, !lm.cache<2 x 16 x bf16, rows = 32>, memref<?x32xf32>, !head
  return
}

// CHECK-LABEL: @streams(
func.func @streams(%x: !rows, %wide: memref<?x128xf32>, %out: !rows, %w: !lm.weight<64xf32>, %factors: memref<?x1xf32>,
                   %pairs: memref<?x4xf32>, %each: memref<?x2xf32>, %one: memref<?x32xf32>) {
  // CHECK: kernel.concat %{{.*}}, %{{.*}} to %{{.*}} : memref<?x64xf32, {{.*}}>, memref<?x64xf32, {{.*}}> to memref<?x128xf32>
  kernel.concat %x, %x to %wide : !rows, !rows to memref<?x128xf32>
  // CHECK: kernel.multiply %{{.*}}, %{{.*}} to %{{.*}} : memref<?x64xf32, {{.*}}>, <64xf32>,
  kernel.multiply %x, %w to %out : !rows, !lm.weight<64xf32>, !rows
  // CHECK: kernel.scale_rows %{{.*}} by %{{.*}} : memref<?x64xf32, {{.*}}>, memref<?x1xf32>
  kernel.scale_rows %out by %factors : !rows, memref<?x1xf32>
  // CHECK: kernel.sparsify %{{.*}} to %{{.*}} deviations 1.6449 :
  kernel.sparsify %x to %out deviations 1.6449 : !rows, !rows
  // CHECK: kernel.match_magnitude %{{.*}}, %{{.*}} to %{{.*}} eps 1.0e-5 :
  kernel.match_magnitude %x, %x to %out eps 1.0e-5 : !rows, !rows, !rows
  // CHECK: kernel.altup_predict %{{.*}}, %{{.*}} to %{{.*}} : memref<?x64xf32, {{.*}}>, memref<?x4xf32>,
  kernel.altup_predict %x, %pairs to %out : !rows, memref<?x4xf32>, !rows
  // CHECK: kernel.altup_correct %{{.*}}, %{{.*}}, %{{.*}} to %{{.*}} : memref<?x64xf32, {{.*}}>, memref<?x32xf32>, memref<?x2xf32>,
  kernel.altup_correct %x, %one, %each to %out : !rows, memref<?x32xf32>, memref<?x2xf32>, !rows
  // CHECK: kernel.altup_inject %{{.*}}, %{{.*}} to %{{.*}} : memref<?x64xf32, {{.*}}>, memref<?x32xf32>,
  kernel.altup_inject %x, %one to %out : !rows, memref<?x32xf32>, !rows
  return
}

// CHECK-LABEL: @latents(
func.func @latents(%query: memref<?x12xf32>, %cache: !lm.cache<1 x 20 x f32, latent = 16, rows = 64>,
                   %k: !lm.weight<2x16x8xf32, <16 x 1>>, %v: !lm.weight<2x16x16xf32, <16 x 1>>,
                   %matrices: memref<24x16xf32>, %panels: memref<44x16xf32>, %rows: memref<?x64xf32>, %n: index,
                   %out: memref<?x16xf32>, %parts: memref<?x32xf32>, %statistics: memref<?x4xf32>, %sinks: !lm.weight<2xf32>,
                   %mixed: memref<1x32xf32>) {
  // CHECK: kernel.latent_attention %{{.*}}, %{{.*}} at %{{.*}} by %{{.*}}, %{{.*}}[%{{.*}}] matrices %{{.*}} panels %{{.*}} rows %{{.*}} to %{{.*}} scale 0.25 positions 16 :
  kernel.latent_attention %query, %cache at %n by %k, %v[%n] matrices %matrices panels %panels rows %rows to %out
    scale 0.25 positions 16 : memref<?x12xf32>, !lm.cache<1 x 20 x f32, latent = 16, rows = 64>,
    !lm.weight<2x16x8xf32, <16 x 1>>, !lm.weight<2x16x16xf32, <16 x 1>>, memref<24x16xf32>, memref<44x16xf32>,
    memref<?x64xf32>, memref<?x16xf32>
  // CHECK: kernel.combine_partials %{{.*}}, %{{.*}} to %{{.*}} : memref<?x32xf32>, memref<?x4xf32>, memref<1x32xf32>
  kernel.combine_partials %parts, %statistics to %mixed : memref<?x32xf32>, memref<?x4xf32>, memref<1x32xf32>
  // CHECK: kernel.combine_partials %{{.*}}, %{{.*}} sinks %{{.*}} : !lm.weight<2xf32> to %{{.*}} :
  kernel.combine_partials %parts, %statistics sinks %sinks : !lm.weight<2xf32> to %mixed
    : memref<?x32xf32>, memref<?x4xf32>, memref<1x32xf32>
  return
}

// CHECK-LABEL: @states(
func.func @states(%x: memref<?x8xf32>, %conv: !lm.weight<64xf32>, %inputs: !lm.recurrent_state<2 x 24>, %v: memref<?x4xf32>,
                  %gates: memref<?x2xf32>, %decay: !lm.weight<2xf32>, %state: !lm.recurrent_state<4 x 32>, %n: index) {
  // CHECK: kernel.conv1d %{{.*}}, %{{.*}}[%{{.*}}] width 4 state %{{.*}}[%{{.*}}] at %{{.*}} to %{{.*}} : memref<?x8xf32>, <64xf32>, <2 x 24>,
  kernel.conv1d %x, %conv[%n] width 4 state %inputs[%n] at %n to %x
    : memref<?x8xf32>, !lm.weight<64xf32>, !lm.recurrent_state<2 x 24>, memref<?x8xf32>
  // CHECK: kernel.delta_rule %{{.*}}, %{{.*}}, %{{.*}} by %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}[%{{.*}}] state %{{.*}}[%{{.*}}] at %{{.*}} to %{{.*}} :
  kernel.delta_rule %x, %x, %v by %gates, %gates, %decay, %decay[%n] state %state[%n] at %n to %v
    : memref<?x8xf32>, memref<?x8xf32>, memref<?x4xf32>, memref<?x2xf32>, memref<?x2xf32>, !lm.weight<2xf32>,
      !lm.weight<2xf32>, !lm.recurrent_state<4 x 32>, memref<?x4xf32>
  return
}

// CHECK-LABEL: @meanings(
func.func @meanings(%w: !lm.weight<96x64xf32, <16 x 1>>, %numbers: memref<96x64xf32>, %cache: !cache, %all: memref<?x32xf32>,
                    %x: memref<?x64xf32>) {
  // CHECK: kernel.values %{{.*}} to %{{.*}} : <96x64xf32, <16 x 1>>, memref<96x64xf32>
  kernel.values %w to %numbers : !lm.weight<96x64xf32, <16 x 1>>, memref<96x64xf32>
  // CHECK: kernel.cached %{{.*}} to %{{.*}} : <2 x 16 x bf16, rows = 32>, memref<?x32xf32>
  kernel.cached %cache to %all : !cache, memref<?x32xf32>
  // CHECK: kernel.cached values %{{.*}} to %{{.*}} :
  kernel.cached values %cache to %all : !cache, memref<?x32xf32>
  // CHECK: kernel.compute(%{{.*}} : memref<?x64xf32>) to(%{{.*}} : memref<?x64xf32>) {
  // CHECK: ^bb0(%[[ROWS:.*]]: tensor<?x64xf32>):
  // CHECK: %[[CAPPED:.*]] = lm.softcap %[[ROWS]]
  // CHECK: kernel.yield %[[CAPPED]] : tensor<?x64xf32>
  kernel.compute (%x : memref<?x64xf32>) to (%x : memref<?x64xf32>) {
  ^bb0(%rows: tensor<?x64xf32>):
    %capped = lm.softcap %rows cap 3.0e1 : tensor<?x64xf32>
    kernel.yield %capped : tensor<?x64xf32>
  }
  return
}
