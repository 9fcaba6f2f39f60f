// RUN: lathe-opt %s --verify-roundtrip | FileCheck %s

// Frequencies stand once at the top; numbers read back as the same bits.
// CHECK: #[[$ROPE:.*]] = #lm.rope<dim = 4, theta = 10000.0, frequencies = 1.0, 0.01>
// CHECK: #[[$YARN:.*]] = #lm.rope<dim = 2, theta = 500000.0, scaling = "yarn", attention_factor = 1.3465735902799727, frequencies = 0.33333334>
#rope = #lm.rope<dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
#yarn = #lm.rope<dim = 2, theta = 5.0e5, scaling = "yarn", attention_factor = 1.3465735902799727, frequencies = 0.33333334>

!cache = !lm.cache<2 x 32 x f32>
!matrix = !lm.weight<192x72xbf16>
!keys = !lm.weight<64x72xbf16>
!gate = !lm.weight<100x72xbf16>
!vector = !lm.weight<72xf32>
!per_head = !lm.weight<32xf32>

// CHECK: lm.weight @without_values : !lm.weight<192x72xbf16>{{$}}
lm.weight @without_values : !lm.weight<192x72xbf16>
// CHECK: lm.weight @from_a_file : !lm.weight<64x72xf16> from "model.safetensors" at 4096{{$}}
lm.weight @from_a_file : !lm.weight<64x72xf16> from "model.safetensors" at 4096
// CHECK: lm.weight @whole_recipe : !lm.weight<64x256xq8_0, <16 x 4>> from q6_k "tiny.gguf" at 0 recipe [#lm.unpermute<heads = 4>] offset 128{{$}}
lm.weight @whole_recipe : !lm.weight<64x256xq8_0, <16 x 4>> from q6_k "tiny.gguf" at 0 recipe [#lm.unpermute<heads = 4>] offset 128
// CHECK: lm.weight @columns : !lm.weight<16x256xf16> from "model.safetensors" at 32 recipe [#lm.slice<columns, of = 48>, #lm.transpose]{{$}}
lm.weight @columns : !lm.weight<16x256xf16> from "model.safetensors" at 32 recipe [#lm.slice<columns, of = 48>, #lm.transpose]
// CHECK: lm.weight @apart : !lm.weight<16x72xbf16> from q4_1 "a" at 0 scales f32_b16 "a" at 640 zero_points u4_b16 "a" at 960 recipe [#lm.slice<columns, of = 80>]{{$}}
lm.weight @apart : !lm.weight<16x72xbf16> from q4_1 "a" at 0 scales f32_b16 "a" at 640 zero_points u4_b16 "a" at 960 recipe [#lm.slice<columns, of = 80>]
// CHECK: lm.weight @quantised_columns : !lm.weight<16x24xbf16> from q8_0 "tiny.gguf" at 0 recipe [#lm.slice<columns, of = 64>, #lm.transpose]{{$}}
lm.weight @quantised_columns : !lm.weight<16x24xbf16> from q8_0 "tiny.gguf" at 0 recipe [#lm.slice<columns, of = 64>, #lm.transpose]
// CHECK: lm.weight @experts : !lm.weight<3x16x32xbf16> from "a" at 0, 64, "b" at 64{{$}}
lm.weight @experts : !lm.weight<3x16x32xbf16> from "a" at 0, 64, "b" at 64
// CHECK: lm.weight @cut : !lm.weight<2x16x32xbf16> from "a" at 0, 64, "b" at 0, 64 recipe [#lm.concat<columns, parts = 2>]{{$}}
lm.weight @cut : !lm.weight<2x16x32xbf16> from "a" at 0, 64, "b" at 0, 64 recipe [#lm.concat<columns, parts = 2>]
// CHECK: lm.weight @scaled : !lm.weight<2x16x128xf8_e4m3> from "a" at 0, 2048 scales f32 "a" at 4096, "b" at 0 rows 0, 16{{$}}
lm.weight @scaled : !lm.weight<2x16x128xf8_e4m3> from "a" at 0, 2048 scales f32 "a" at 4096, "b" at 0 rows 0, 16
// CHECK: lm.weight @quantised : !lm.weight<16x32xbf16> from mxfp4 "a" at 0 scales e8m0 "a" at 4096 recipe [#lm.slice<rows, group = 2, stride = 4>]{{$}}
lm.weight @quantised : !lm.weight<16x32xbf16> from mxfp4 "a" at 0 scales e8m0 "a" at 4096 recipe [#lm.slice<rows, group = 2, stride = 4>]
// CHECK: lm.weight @decay : !lm.weight<12xf32> from bf16 "a" at 0 recipe [#lm.slice<rows, stride = 2>, #lm.unpermute<heads = 2, from = 2>, #lm.negate_exp]{{$}}
lm.weight @decay : !lm.weight<12xf32> from bf16 "a" at 0 recipe [#lm.slice<rows, stride = 2>, #lm.unpermute<heads = 2, from = 2>, #lm.negate_exp]
// CHECK: lm.weight @named_as_a_keyword : !lm.weight<72xf32> from "at \22rows\22" at 0 offset 0{{$}}
lm.weight @named_as_a_keyword : !lm.weight<72xf32> from "at \22rows\22" at 0 offset 0
// CHECK: lm.weight @norm : !lm.weight<72xf32> recipe [#lm.add_one]
lm.weight @norm : !vector recipe [#lm.add_one]
// CHECK: lm.weight @layers.0.norm
lm.weight @layers.0.norm : !vector
// CHECK: lm.weight @layers.1.norm
lm.weight @layers.1.norm : !vector
// CHECK: lm.state @layers.0.cache : !lm.cache<2 x 32 x f32>{{$}}
lm.state @layers.0.cache : !cache
// CHECK: lm.state @layers.1.cache : !lm.cache<2 x 32 x bf16, window = 5, rows = 64> offset 4096
lm.state @layers.1.cache : !lm.cache<2 x 32 x bf16, window = 5, rows = 64> offset 4096

// Every format has a name.
// CHECK-LABEL: @formats(
// CHECK-SAME: !lm.weight<1x256xf32>, !lm.weight<1x256xf16>, !lm.weight<1x256xbf16>, !lm.weight<1x256xq4_0>, !lm.weight<1x256xq4_1>, !lm.weight<1x256xq5_0>, !lm.weight<1x256xq5_1>, !lm.weight<1x256xq8_0>, !lm.weight<1x256xq4_k>, !lm.weight<1x256xq5_k>, !lm.weight<1x256xq6_k>
func.func private @formats(!lm.weight<1x256xf32>, !lm.weight<1x256xf16>, !lm.weight<1x256xbf16>, !lm.weight<1x256xq4_0>,
                           !lm.weight<1x256xq4_1>, !lm.weight<1x256xq5_0>, !lm.weight<1x256xq5_1>, !lm.weight<1x256xq8_0>,
                           !lm.weight<1x256xq4_k>, !lm.weight<1x256xq5_k>, !lm.weight<1x256xq6_k>)

// CHECK-LABEL: @layer_kind(
func.func private @layer_kind(%x: tensor<?x72xf32>, %position: index, %norm: !vector {lm.slot = "norm"},
                              %before: !vector {lm.slot = "previous.norm"}) -> tensor<?x72xf32> {
  return %x : tensor<?x72xf32>
}

// CHECK-LABEL: @stack(
func.func @stack(%ids: tensor<?xi32>, %position: index) -> tensor<?x72xf32> {
  // CHECK: lm.use @from_a_file : !lm.weight<64x72xf16>
  %table = lm.use @from_a_file : !lm.weight<64x72xf16>
  // CHECK: lm.use @layers.0.cache : !lm.cache<
  %state = lm.use @layers.0.cache : !cache
  // CHECK: lm.embed %{{.*}}, %{{.*}} scale 8.5 : tensor<?xi32>, <64x72xf16> -> tensor<?x72xf32>
  %x = lm.embed %ids, %table scale 8.5 : tensor<?xi32>, !lm.weight<64x72xf16> -> tensor<?x72xf32>
  // CHECK: lm.layers %{{.*}} at %{{.*}} [@layer_kind, @layer_kind] : tensor<?x72xf32> -> tensor<?x72xf32>
  %y = lm.layers %x at %position [@layer_kind, @layer_kind] : tensor<?x72xf32> -> tensor<?x72xf32>
  return %y : tensor<?x72xf32>
}

// CHECK-LABEL: @rows(
func.func @rows(%x: tensor<?x72xf32>, %q: tensor<?x192xf32>, %k: tensor<?x64xf32>, %position: index, %norm: !vector,
                %per_head: !per_head, %matrix: !matrix, %bias: !lm.weight<192xf32>, %cache: !cache,
                %gates: !lm.weight<64x100x72xbf16>, %downs: !lm.weight<64x72x100xbf16>,
                %c: !lm.weight<64xf32>, %g: tensor<?x1xf32>) {
  // CHECK: lm.add %{{.*}}, %{{.*}} : tensor<?x72xf32>
  %add = lm.add %x, %x : tensor<?x72xf32>
  // CHECK: lm.zeros %{{.*}} : tensor<?x72xf32>
  %zeros = lm.zeros %x : tensor<?x72xf32>
  // CHECK: lm.norm %{{.*}}, %{{.*}} eps 1.0e-5 : tensor<?x72xf32>, !lm.weight<72xf32>
  %normed = lm.norm %x, %norm eps 1.0e-5 : tensor<?x72xf32>, !vector
  // CHECK: lm.norm %{{.*}}, %{{.*}} eps 1.0e-5 groups 6 : tensor<?x192xf32>, !lm.weight<32xf32>
  %heads = lm.norm %q, %per_head eps 1.0e-5 groups 6 : tensor<?x192xf32>, !per_head
  // CHECK: lm.norm %{{.*}}, %{{.*}} bias %{{.*}} : !lm.weight<72xf32> eps 1.0e-5 : tensor<?x72xf32>, !lm.weight<72xf32>
  %layer = lm.norm %x, %norm bias %norm : !vector eps 1.0e-5 : tensor<?x72xf32>, !vector
  // CHECK: lm.norm %{{.*}} eps 1.0e-5 groups 6 : tensor<?x192xf32>
  %bare = lm.norm %q eps 1.0e-5 groups 6 : tensor<?x192xf32>
  // CHECK: lm.add_positions %{{.*}}, %{{.*}} at %{{.*}} : tensor<?x72xf32>, <192x72xbf16>
  %placed = lm.add_positions %x, %matrix at %position : tensor<?x72xf32>, !matrix
  // CHECK: lm.linear %{{.*}}, %{{.*}} scale 0.22 : tensor<?x72xf32>, <192x72xbf16> -> tensor<?x192xf32>
  %scaled = lm.linear %x, %matrix scale 0.22 : tensor<?x72xf32>, !matrix -> tensor<?x192xf32>
  // CHECK: lm.activation %{{.*}} gelu_tanh : tensor<?x72xf32>
  %activated = lm.activation %x gelu_tanh : tensor<?x72xf32>
  // CHECK: lm.linear %{{.*}}, %{{.*}} : tensor<?x72xf32>, <192x72xbf16> -> tensor<?x192xf32>
  %linear = lm.linear %x, %matrix : tensor<?x72xf32>, !matrix -> tensor<?x192xf32>
  // CHECK: lm.linear %{{.*}}, %{{.*}} bias %{{.*}} : !lm.weight<192xf32> : tensor<?x72xf32>, <192x72xbf16> -> tensor<?x192xf32>
  %biased = lm.linear %x, %matrix bias %bias : !lm.weight<192xf32> : tensor<?x72xf32>, !matrix -> tensor<?x192xf32>
  // CHECK: lm.rope %{{.*}} at %{{.*}} heads 6 #[[$ROPE]] : tensor<?x192xf32>
  %rope = lm.rope %q at %position heads 6 #rope : tensor<?x192xf32>
  // CHECK: lm.rope %{{.*}} at %{{.*}} heads 6 #[[$YARN]] : tensor<?x192xf32>
  %yarn = lm.rope %q at %position heads 6 #yarn : tensor<?x192xf32>
  // CHECK: lm.append %{{.*}}, %{{.*}} to %{{.*}} at %{{.*}} : tensor<?x64xf32>, <2 x 32 x f32>
  lm.append %k, %k to %cache at %position : tensor<?x64xf32>, !cache
  // CHECK: lm.attention %{{.*}}, %{{.*}} at %{{.*}} heads 6 scale 0.125 : tensor<?x192xf32>, <2 x 32
  %attended = lm.attention %q, %cache at %position heads 6 scale 0.125 : tensor<?x192xf32>, !cache
  // CHECK: lm.attention {{.*}} scale 0.125 softcap 50.0 :
  %capped = lm.attention %q, %cache at %position heads 6 scale 0.125 softcap 50.0 : tensor<?x192xf32>, !cache
  // CHECK: lm.route %{{.*}} top 2 softmax {normalized} : tensor<?x64xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  %weights, %chosen = lm.route %k top 2 softmax {normalized} : tensor<?x64xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  // CHECK: lm.route %{{.*}} top 2 correction %{{.*}} : !lm.weight<64xf32> sigmoid scale 2.5 : tensor<?x64xf32>
  %weighed, %corrected = lm.route %k top 2 correction %c : !lm.weight<64xf32> sigmoid scale 2.5 : tensor<?x64xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  // CHECK: lm.experts {{.*}} shared %{{.*}} : tensor<?x72xf32> shared_gate %{{.*}} : tensor<?x1xf32> silu :
  %shared = lm.experts %x, %weights, %chosen, %gates, %gates, %downs shared %x : tensor<?x72xf32> shared_gate %g : tensor<?x1xf32> silu
    : tensor<?x72xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !lm.weight<64x100x72xbf16>, !lm.weight<64x100x72xbf16>, !lm.weight<64x72x100xbf16>
  // CHECK: lm.experts %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} silu : tensor<?x72xf32>, tensor<?x2xf32>, tensor<?x2xi32>, <64x100x72xbf16>, <64x100x72xbf16>, <64x72x100xbf16>
  %mixed = lm.experts %x, %weights, %chosen, %gates, %gates, %downs silu
    : tensor<?x72xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !lm.weight<64x100x72xbf16>, !lm.weight<64x100x72xbf16>, !lm.weight<64x72x100xbf16>
  // CHECK: lm.glu %{{.*}}, %{{.*}} silu : tensor<?x72xf32>
  %silu = lm.glu %x, %x silu : tensor<?x72xf32>
  // CHECK: lm.glu %{{.*}}, %{{.*}} gelu_tanh : tensor<?x72xf32>
  %gelu = lm.glu %x, %x gelu_tanh : tensor<?x72xf32>
  // CHECK: lm.softcap %{{.*}} cap 30.0 : tensor<?x72xf32>
  %soft = lm.softcap %x cap 30.0 : tensor<?x72xf32>
  return
}

// CHECK-LABEL: @fused(
func.func @fused(%x: tensor<?x72xf32>, %pending: tensor<?x72xf32>, %position: index, %norm: !vector, %wq: !matrix,
                 %wk: !keys, %bq: !lm.weight<192xf32>, %bk: !lm.weight<64xf32>, %per_head: !per_head, %gate: !gate,
                 %bg: !lm.weight<100xf32>, %cache: !cache) {
  // CHECK: lm.add_norm %{{.*}}, %{{.*}}, %{{.*}} eps 1.0e-5 : tensor<?x72xf32>, <72xf32>
  %sum, %h = lm.add_norm %x, %pending, %norm eps 1.0e-5 : tensor<?x72xf32>, !vector
  // CHECK: lm.add_norm %{{.*}}, %{{.*}} post %{{.*}} : !lm.weight<72xf32>, %{{.*}} eps 1.0e-5 :
  %sum2, %h2 = lm.add_norm %x, %pending post %norm : !vector, %norm eps 1.0e-5 : tensor<?x72xf32>, !vector
  // CHECK: lm.qkv %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} to %{{.*}} at %{{.*}} heads 6 :
  %q = lm.qkv %h, %wq, %wk, %wk to %cache at %position heads 6 eps 0.0
     : tensor<?x72xf32>, !matrix, !keys, !keys, !cache -> tensor<?x192xf32>
  // CHECK: lm.qkv %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} q_bias %{{.*}} : !lm.weight<192xf32> k_bias %{{.*}} : !lm.weight<64xf32> v_bias %{{.*}} : !lm.weight<64xf32> q_norm %{{.*}} : !lm.weight<32xf32> k_norm %{{.*}} : !lm.weight<32xf32> to %{{.*}} at %{{.*}} heads 6 eps 1.0e-5 rope #[[$ROPE]] :
  %whole = lm.qkv %h, %wq, %wk, %wk q_bias %bq : !lm.weight<192xf32> k_bias %bk : !lm.weight<64xf32>
           v_bias %bk : !lm.weight<64xf32> q_norm %per_head : !per_head k_norm %per_head : !per_head
           to %cache at %position heads 6 eps 1.0e-5 rope #rope
           : tensor<?x72xf32>, !matrix, !keys, !keys, !cache -> tensor<?x192xf32>
  // CHECK: lm.gated_linear %{{.*}}, %{{.*}}, %{{.*}} silu : tensor<?x72xf32>, <100x72xbf16>, <100x72xbf16> -> tensor<?x100xf32>
  %m = lm.gated_linear %h, %gate, %gate silu : tensor<?x72xf32>, !gate, !gate -> tensor<?x100xf32>
  // CHECK: lm.gated_linear %{{.*}}, %{{.*}}, %{{.*}} gate_bias %{{.*}} : !lm.weight<100xf32> up_bias %{{.*}} : !lm.weight<100xf32> gelu_tanh :
  %mb = lm.gated_linear %h, %gate, %gate gate_bias %bg : !lm.weight<100xf32> up_bias %bg : !lm.weight<100xf32> gelu_tanh
     : tensor<?x72xf32>, !gate, !gate -> tensor<?x100xf32>
  return
}

!latent = !lm.cache<1 x 40 x f32, latent = 32>
!chunks = !lm.cache<2 x 32 x f32, chunk = 16>

// CHECK-LABEL: @latent(
func.func @latent(%q: tensor<?x72xf32>, %c: tensor<?x32xf32>, %r: tensor<?x8xf32>, %k: !lm.weight<3x32x16xf32>,
                  %v: !lm.weight<3x12x32xf32>, %cache: !latent, %position: index) {
  // CHECK: lm.rope %{{.*}} at %{{.*}} heads 3 from 16 #{{.*}} : tensor<?x72xf32>
  %rotated = lm.rope %q at %position heads 3 from 16 <dim = 8, theta = 1.0e4, frequencies = 1.0, 0.1, 0.01, 0.001>
    : tensor<?x72xf32>
  // CHECK: lm.append_latent %{{.*}}, %{{.*}} to %{{.*}} at %{{.*}} : tensor<?x32xf32>, tensor<?x8xf32>, <1 x 40 x f32, latent = 32>
  lm.append_latent %c, %r to %cache at %position : tensor<?x32xf32>, tensor<?x8xf32>, !latent
  // CHECK: lm.latent_attention %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} at %{{.*}} scale 0.2 :
  %o = lm.latent_attention %q, %k, %v, %cache at %position scale 0.2
    : tensor<?x72xf32>, !lm.weight<3x32x16xf32>, !lm.weight<3x12x32xf32>, !latent -> tensor<?x36xf32>
  // CHECK: lm.head_linear %{{.*}}, %{{.*}} : tensor<?x72xf32>, <3x32x16xf32> -> tensor<?x120xf32>
  %a = lm.head_linear %q, %k : tensor<?x72xf32>, !lm.weight<3x32x16xf32> -> tensor<?x120xf32>
  // CHECK: lm.attention %{{.*}}, %{{.*}} at %{{.*}} heads 3 scale 0.2 : tensor<?x120xf32>, <1 x 40 x f32, latent = 32>
  %m = lm.attention %a, %cache at %position heads 3 scale 0.2 : tensor<?x120xf32>, !latent
  // CHECK: lm.head_linear %{{.*}}, %{{.*}} : tensor<?x96xf32>, <3x12x32xf32> -> tensor<?x36xf32>
  %b = lm.head_linear %m, %v : tensor<?x96xf32>, !lm.weight<3x12x32xf32> -> tensor<?x36xf32>
  return
}

// CHECK-LABEL: @chunks_and_sinks(
func.func @chunks_and_sinks(%q: tensor<?x192xf32>, %cache: !chunks, %position: index, %s: !lm.weight<6xf32>,
                            %scores: tensor<?x12xf32>) {
  // CHECK: lm.attention {{.*}} temperature <length = 8, scale = 0.5, stepped = true> sinks %{{.*}} : !lm.weight<6xf32> : tensor<?x192xf32>, <2 x 32 x f32, chunk = 16>
  %o = lm.attention %q, %cache at %position heads 6 scale 0.2 temperature <length = 8, scale = 0.5, stepped = true>
    sinks %s : !lm.weight<6xf32> : tensor<?x192xf32>, !chunks
  // CHECK: lm.route %{{.*}} top 3 of 2 in 4 by 2 sigmoid
  %w, %e = lm.route %scores top 3 of 2 in 4 by 2 sigmoid : tensor<?x12xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
  // One group, which is what is chosen without groups, too: they are printed all the same.
  // CHECK: lm.route %{{.*}} top 3 of 1 in 4 by 2 sigmoid
  %w1, %e1 = lm.route %scores top 3 of 1 in 4 by 2 sigmoid : tensor<?x12xf32> -> tensor<?x3xf32>, tensor<?x3xi32>
  return
}

// CHECK-LABEL: @linear_attention(
func.func @linear_attention(%x: tensor<?x64xf32>, %w: !lm.weight<256xf32>, %conv: !lm.recurrent_state<2 x 96>, %q: tensor<?x32xf32>,
                            %v: tensor<?x48xf32>, %a: tensor<?x4xf32>, %d: !lm.weight<4xf32>, %state: !lm.recurrent_state<4 x 192>,
                            %position: index) {
  // CHECK: lm.causal_conv1d %{{.*}}, %{{.*}} width 4 to %{{.*}} at %{{.*}} : tensor<?x64xf32>, <256xf32>, <2 x 96>
  %y = lm.causal_conv1d %x, %w width 4 to %conv at %position : tensor<?x64xf32>, !lm.weight<256xf32>, !lm.recurrent_state<2 x 96>
  // CHECK: lm.gated_delta_rule {{.*}} to %{{.*}} at %{{.*}} heads 2 : {{.*}} <4 x 192> -> tensor<?x48xf32>
  %o = lm.gated_delta_rule %q, %q, %v, %a, %a, %d, %d to %state at %position heads 2
    : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x48xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !lm.weight<4xf32>,
      !lm.weight<4xf32>, !lm.recurrent_state<4 x 192> -> tensor<?x48xf32>
  // CHECK: %[[S:.*]] = lm.read_state %{{.*}} at %{{.*}} : <2 x 96> -> tensor<2x96xf32>
  %s = lm.read_state %conv at %position : !lm.recurrent_state<2 x 96> -> tensor<2x96xf32>
  // CHECK: lm.write_state %[[S]] to %{{.*}} : tensor<2x96xf32>, <2 x 96>
  lm.write_state %s to %conv : tensor<2x96xf32>, !lm.recurrent_state<2 x 96>
  return
}

// CHECK-LABEL: @alternating_updates(
func.func @alternating_updates(%x: tensor<?x288xf32>, %z: tensor<?x72xf32>, %c: tensor<?x16xf32>, %k: tensor<?x4xf32>,
                               %w: !lm.weight<72xf32>, %layer: index) {
  // CHECK: lm.part %{{.*}}[3] : tensor<?x288xf32> -> tensor<?x72xf32>
  %part = lm.part %x [3] : tensor<?x288xf32> -> tensor<?x72xf32>
  // CHECK: lm.part %{{.*}} at %{{.*}} : tensor<?x288xf32> -> tensor<?x72xf32>
  %own = lm.part %x at %layer : tensor<?x288xf32> -> tensor<?x72xf32>
  // CHECK: lm.concat %{{.*}}, %{{.*}} : tensor<?x72xf32>, tensor<?x288xf32> -> tensor<?x360xf32>
  %both = lm.concat %z, %x : tensor<?x72xf32>, tensor<?x288xf32> -> tensor<?x360xf32>
  // CHECK: lm.scale %{{.*}} by 0.5 : tensor<?x72xf32>
  %half = lm.scale %z by 0.5 : tensor<?x72xf32>
  // CHECK: lm.multiply %{{.*}}, %{{.*}} : tensor<?x72xf32>, <72xf32>
  %scaled = lm.multiply %z, %w : tensor<?x72xf32>, !lm.weight<72xf32>
  // CHECK: lm.sparsify %{{.*}} deviations 1.5 : tensor<?x72xf32>
  %sparse = lm.sparsify %z deviations 1.5 : tensor<?x72xf32>
  // CHECK: lm.match_magnitude %{{.*}}, %{{.*}} eps 1.0e-5 : tensor<?x72xf32>
  %like = lm.match_magnitude %z, %part eps 1.0e-5 : tensor<?x72xf32>
  // CHECK: lm.altup_predict %{{.*}}, %{{.*}} : tensor<?x288xf32>, tensor<?x16xf32>
  %p = lm.altup_predict %x, %c : tensor<?x288xf32>, tensor<?x16xf32>
  // CHECK: lm.altup_correct %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x288xf32>, tensor<?x72xf32>, tensor<?x4xf32>
  %y = lm.altup_correct %p, %z, %k : tensor<?x288xf32>, tensor<?x72xf32>, tensor<?x4xf32>
  // CHECK: lm.altup_inject %{{.*}}, %{{.*}} : tensor<?x288xf32>, tensor<?x72xf32>
  %i = lm.altup_inject %y, %z : tensor<?x288xf32>, tensor<?x72xf32>
  return
}

// CHECK: lm.state @first : !lm.recurrent_state<2 x 96>
lm.state @first : !lm.recurrent_state<2 x 96>
// CHECK: lm.state @second : !lm.recurrent_state<2 x 96> shares @first
lm.state @second : !lm.recurrent_state<2 x 96> shares @first
