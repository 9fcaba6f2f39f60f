// RUN: lathe-opt %s --lm-absorb-latent | FileCheck %s

// Queries take k_up, sums take v_up; one head of the cache serves three of queries.

!cache = !lm.cache<1 x 40 x f32, latent = 32>
!keys = !lm.weight<3x32x16xf32>
!values = !lm.weight<3x12x32xf32>

// CHECK-LABEL: @attend(
// CHECK-SAME: %[[Q:[^:]*]]: tensor<?x72xf32>, %[[K:[^:]*]]: !lm.weight<3x32x16xf32>, %[[V:[^:]*]]: !lm.weight<3x12x32xf32>, %[[CACHE:[^:]*]]:
// CHECK-NEXT: %[[A:.*]] = lm.head_linear %[[Q]], %[[K]] : {{.*}} -> tensor<?x120xf32>
// CHECK-NEXT: %[[M:.*]] = lm.attention %[[A]], %[[CACHE]] at %{{.*}} heads 3 scale 0.2
// CHECK-NEXT: %[[O:.*]] = lm.head_linear %[[M]], %[[V]] : {{.*}} -> tensor<?x36xf32>
// CHECK-NEXT: return %[[O]]
func.func @attend(%q: tensor<?x72xf32>, %k: !keys, %v: !values, %cache: !cache, %position: index) -> tensor<?x36xf32> {
  %o = lm.latent_attention %q, %k, %v, %cache at %position scale 0.2
    : tensor<?x72xf32>, !keys, !values, !cache -> tensor<?x36xf32>
  return %o : tensor<?x36xf32>
}
