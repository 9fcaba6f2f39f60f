// RUN: lathe-opt --lm-decompose %s | FileCheck %s

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
  %y = lm.rope %x at %position heads 3 <dim = 2, theta = 1.0e4, scaling = "none", frequencies = 1.0> : tensor<?x12xf32>
  return %y : tensor<?x12xf32>
}

// CHECK-LABEL: @attention_reads_its_cache_up_to_the_last_row
// CHECK-SAME: %[[Q:.*]]: tensor<?x8xf32>, %[[CACHE:.*]]: !lm.cache<{{.*}}>, %[[POSITION:.*]]: index
// CHECK: %[[END:.*]] = arith.addi %[[POSITION]], %{{.*}} : index
// CHECK-DAG: lm.cached keys %[[CACHE]] to %[[END]]
// CHECK-DAG: lm.cached values %[[CACHE]] to %[[END]]
// CHECK-NOT: lm.attention
func.func @attention_reads_its_cache_up_to_the_last_row(%q: tensor<?x8xf32>, %cache: !cache, %position: index) -> tensor<?x8xf32> {
  %y = lm.attention %q, %cache at %position heads 2 scale 0.5 softcap 3.0 : tensor<?x8xf32>, !cache
  return %y : tensor<?x8xf32>
}

// A fused op becomes the ops it was fused from, and those linalg; what it does to the cache stays.
// CHECK-LABEL: @the_cache_is_appended_to
// CHECK-COUNT-3: lm.values
// CHECK: lm.append %{{.*}}, %{{.*}} to %{{.*}} at %{{.*}} : tensor<?x4xf32>
// CHECK-NOT: {{lm\.(qkv|linear|rope|norm)}}
// CHECK: return
func.func @the_cache_is_appended_to(%x: tensor<?x6xf32>, %q: !lm.weight<8x6xf32>, %k: !lm.weight<4x6xf32>,
                                    %v: !lm.weight<4x6xf32>, %cache: !cache, %position: index) -> tensor<?x8xf32> {
  %y = lm.qkv %x, %q, %k, %v to %cache at %position heads 2 eps 1.0e-6
    : tensor<?x6xf32>, !lm.weight<8x6xf32>, !lm.weight<4x6xf32>, !lm.weight<4x6xf32>, !cache -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: @nothing_of_lm_is_left
// CHECK-NOT: {{lm\.(embed|add_norm|add|norm|gated_linear|linear|glu|zeros|softcap)}}
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
