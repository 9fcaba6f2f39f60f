// RUN: lathe-opt --lm-decompose %s \
// RUN:   | FileCheck %s --implicit-check-not="{{ lm[.](ac|ad|al|at|causal|conc|embed|experts|ga|glu|head|latent|linear|match|mult|norm|part|qkv|rope|route|scale|soft|spars|zero)}}"

// Every op means linalg on tensors. What they compute is compared with the kernels in kernels/*.test.

!cache = !lm.cache<1 x 4 x f32, window = 5, rows = 16>

// CHECK-LABEL: @a_projection_is_a_sum_over_its_inputs
// CHECK: %[[W:.*]] = lm.values %{{.*}} : <6x32xq4_0, <16 x 4>> -> tensor<6x32xf32>
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK-SAME: ins(%{{.*}}, %[[W]] : tensor<?x32xf32>, tensor<6x32xf32>)
func.func @a_projection_is_a_sum_over_its_inputs(%x: tensor<?x32xf32>, %w: !lm.weight<6x32xq4_0, <16 x 4>>) -> tensor<?x6xf32> {
  %y = lm.linear %x, %w : tensor<?x32xf32>, !lm.weight<6x32xq4_0, <16 x 4>> -> tensor<?x6xf32>
  return %y : tensor<?x6xf32>
}

// CHECK-LABEL: @heads_are_a_dimension
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1, 2]]{{.*}} : tensor<?x12xf32> into tensor<?x3x4xf32>
// CHECK: math.cos
// CHECK: math.sin
// CHECK: tensor.collapse_shape
func.func @heads_are_a_dimension(%x: tensor<?x12xf32>, %position: index) -> tensor<?x12xf32> {
  %y = lm.rope %x at %position heads 3 <dim = 2, theta = 1.0e4, frequencies = 1.0> : tensor<?x12xf32>
  return %y : tensor<?x12xf32>
}

// CHECK-LABEL: @attention_reads_its_cache_up_to_the_last_row
// CHECK-SAME: %[[Q:.*]]: tensor<?x8xf32>, %[[CACHE:.*]]: !lm.cache<{{.*}}>, %[[POSITION:.*]]: index
// CHECK: %[[END:.*]] = arith.addi %[[POSITION]], %{{.*}} : index
// CHECK-DAG: lm.cached keys %[[CACHE]] to %[[END]]
// CHECK-DAG: lm.cached values %[[CACHE]] to %[[END]]
func.func @attention_reads_its_cache_up_to_the_last_row(%q: tensor<?x8xf32>, %cache: !cache, %position: index) -> tensor<?x8xf32> {
  %y = lm.attention %q, %cache at %position heads 2 scale 0.5 softcap 3.0 : tensor<?x8xf32>, !cache
  return %y : tensor<?x8xf32>
}

// A fused op becomes the ops it was fused from, and those linalg; what it does to the cache stays.
// CHECK-LABEL: @the_cache_is_appended_to
// CHECK-COUNT-3: lm.values
// CHECK: lm.append %{{.*}}, %{{.*}} to %{{.*}} at %{{.*}} : tensor<?x4xf32>
// CHECK: return
func.func @the_cache_is_appended_to(%x: tensor<?x6xf32>, %q: !lm.weight<8x6xf32>, %k: !lm.weight<4x6xf32>,
                                    %v: !lm.weight<4x6xf32>, %cache: !cache, %position: index) -> tensor<?x8xf32> {
  %y = lm.qkv %x, %q, %k, %v to %cache at %position heads 2 eps 1.0e-6
    : tensor<?x6xf32>, !lm.weight<8x6xf32>, !lm.weight<4x6xf32>, !lm.weight<4x6xf32>, !cache -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: @nothing_of_lm_is_left
// CHECK: lm.values
// CHECK: return
func.func @nothing_of_lm_is_left(%ids: tensor<?xi32>, %table: !lm.weight<9x6xf32>, %norm: !lm.weight<6xf32>,
                                 %gate: !lm.weight<5x6xf32>, %bias: !lm.weight<5xf32>) -> tensor<?x5xf32> {
  %x = lm.embed %ids, %table scale 2.0 : tensor<?xi32>, !lm.weight<9x6xf32> -> tensor<?x6xf32>
  %zeros = lm.zeros %x : tensor<?x6xf32>
  %sum, %h = lm.add_norm %x, %zeros post %norm : !lm.weight<6xf32>, %norm eps 1.0e-6 : tensor<?x6xf32>, !lm.weight<6xf32>
  %both = lm.add %sum, %h : tensor<?x6xf32>
  %m = lm.gated_linear %both, %gate, %gate gate_bias %bias : !lm.weight<5xf32> silu
    : tensor<?x6xf32>, !lm.weight<5x6xf32>, !lm.weight<5x6xf32> -> tensor<?x5xf32>
  %capped = lm.softcap %m cap 3.0e1 : tensor<?x5xf32>
  return %capped : tensor<?x5xf32>
}

// The inputs of the calls before come first; the last ones are kept.
// CHECK-LABEL: @a_convolution_keeps_its_last_inputs
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %{{.*}}: !lm.weight<12xf32>, %[[STATE:.*]]: !lm.recurrent_state<2 x 4>, %[[POSITION:.*]]: index
// CHECK: %[[KEPT:.*]] = lm.read_state %[[STATE]] at %[[POSITION]] : <2 x 4> -> tensor<2x4xf32>
// CHECK: linalg.generic
// CHECK-DAG: tensor.extract %[[KEPT]]
// CHECK-DAG: tensor.extract %[[X]]
// CHECK: linalg.yield
// CHECK: iterator_types = ["parallel", "parallel", "reduction"]
// CHECK: lm.write_state %{{.*}} to %[[STATE]] : tensor<2x4xf32>, <2 x 4>
func.func @a_convolution_keeps_its_last_inputs(%x: tensor<?x4xf32>, %w: !lm.weight<12xf32>, %state: !lm.recurrent_state<2 x 4>,
                                               %position: index) -> tensor<?x4xf32> {
  %y = lm.causal_conv1d %x, %w width 3 to %state at %position : tensor<?x4xf32>, !lm.weight<12xf32>, !lm.recurrent_state<2 x 4>
  return %y : tensor<?x4xf32>
}

// Row after row: what one leaves in the state, the next one finds there.
// CHECK-LABEL: @the_delta_rule_goes_over_rows
// CHECK-SAME: %[[STATE:[^ ]*]]: !lm.recurrent_state<4 x 2>
// CHECK: lm.read_state %[[STATE]]
// CHECK: %[[LAST:.*]]:2 = scf.for %{{.*}} iter_args(%[[S:.*]] = %{{.*}}, %[[OUT:.*]] = %{{.*}}) -> (tensor<2x2x2xf32>, tensor<?x2x2xf32>)
// CHECK: linalg.generic {{.*}} outs(%[[S]] : tensor<2x2x2xf32>)
// CHECK: tensor.insert_slice %{{.*}} into %[[OUT]]
// CHECK: scf.yield
// CHECK: tensor.extract %[[LAST]]#0
// CHECK: lm.write_state %{{.*}} to %[[STATE]]
func.func @the_delta_rule_goes_over_rows(%q: tensor<?x2xf32>, %v: tensor<?x4xf32>, %w: !lm.weight<2xf32>, %state: !lm.recurrent_state<4 x 2>,
                                         %position: index) -> tensor<?x4xf32> {
  %y = lm.gated_delta_rule %q, %q, %v, %q, %q, %w, %w to %state at %position heads 1
    : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x4xf32>, tensor<?x2xf32>, tensor<?x2xf32>, !lm.weight<2xf32>, !lm.weight<2xf32>,
      !lm.recurrent_state<4 x 2> -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
