// RUN: lathe-opt %s --lm-fuse-qkv | FileCheck %s

#rope = #lm.rope<dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
#slow = #lm.rope<dim = 4, theta = 1.0e6, frequencies = 1.0, 0.001>
!x = tensor<?x72xf32>
!q = tensor<?x32xf32>
!k = tensor<?x16xf32>
!wq = !lm.weight<32x72xbf16>
!wk = !lm.weight<16x72xbf16>
!norm = !lm.weight<8xf32>
!cache = !lm.cache<2 x 8 x f32>

// CHECK-LABEL: @plain_projections(
// CHECK-SAME: %[[X:.*]]: tensor<?x72xf32>, %[[P:.*]]: index, %[[WQ:.*]]: !lm.weight<32x72xbf16>, %[[WK:.*]]: !lm.weight<16x72xbf16>, %[[WV:.*]]: !lm.weight<16x72xbf16>, %[[CACHE:.*]]: !lm.cache
// CHECK-NEXT: %[[Q:.*]] = lm.qkv %[[X]], %[[WQ]], %[[WK]], %[[WV]] to %[[CACHE]] at %[[P]] heads 4 :
// CHECK-NEXT: %[[O:.*]] = lm.attention %[[Q]], %[[CACHE]] at %[[P]] heads 4
// CHECK-NEXT: return %[[O]]
func.func @plain_projections(%x: !x, %p: index, %wq: !wq, %wk: !wk, %wv: !wk, %cache: !cache) -> !q {
  %q = lm.linear %x, %wq : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wv : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @norms_and_rotations_go_along(
// CHECK: lm.qkv %{{.*}} q_norm %{{.*}} : !lm.weight<8xf32> k_norm %{{.*}} : !lm.weight<8xf32> to %{{.*}} at %{{.*}} heads 4 eps 1.0e-5 rope #rope
// CHECK-NEXT: lm.attention
// CHECK-NEXT: return
func.func @norms_and_rotations_go_along(%x: !x, %p: index, %wq: !wq, %wk: !wk, %wv: !wk, %qn: !norm, %kn: !norm, %cache: !cache) -> !q {
  %ql = lm.linear %x, %wq : !x, !wq -> !q
  %kl = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wv : !x, !wk -> !k
  %qh = lm.norm %ql, %qn eps 1.0e-5 groups 4 : !q, !norm
  %kh = lm.norm %kl, %kn eps 1.0e-5 groups 2 : !k, !norm
  %q = lm.rope %qh at %p heads 4 #rope : !q
  %k = lm.rope %kh at %p heads 2 #rope : !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @biases_and_formats_go_along(
// CHECK: lm.qkv %{{.*}} q_bias %{{.*}} : !lm.weight<32xf32> v_bias %{{.*}} : !lm.weight<16xf32> to
// CHECK-SAME: <32x72xbf16>, <16x72xf16>, <16x72xf32>
func.func @biases_and_formats_go_along(%x: !x, %p: index, %wq: !wq, %wk: !lm.weight<16x72xf16>, %wv: !lm.weight<16x72xf32>,
                                       %bq: !lm.weight<32xf32>, %bv: !lm.weight<16xf32>, %cache: !cache) -> !q {
  %q = lm.linear %x, %wq bias %bq : !lm.weight<32xf32> : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !lm.weight<16x72xf16> -> !k
  %v = lm.linear %x, %wv bias %bv : !lm.weight<16xf32> : !x, !lm.weight<16x72xf32> -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// Near misses, and what is refused: nothing is fused, nothing is lost
// CHECK-LABEL: @queries_are_no_projection(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @queries_are_no_projection(%x: !x, %q: !q, %p: index, %wk: !wk, %cache: !cache) -> !q {
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @keys_have_another_user(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @keys_have_another_user(%x: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> (!q, !k) {
  %q = lm.linear %x, %wq : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o, %k : !q, !k
}

// CHECK-LABEL: @keys_are_values(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @keys_are_values(%x: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %q = lm.linear %x, %wq : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %k to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @another_input(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @another_input(%x: !x, %y: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %q = lm.linear %y, %wq : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @only_queries_are_rotated(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @only_queries_are_rotated(%x: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %ql = lm.linear %x, %wq : !x, !wq -> !q
  %q = lm.rope %ql at %p heads 4 #rope : !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @rotated_at_other_speeds(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @rotated_at_other_speeds(%x: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %ql = lm.linear %x, %wq : !x, !wq -> !q
  %q = lm.rope %ql at %p heads 4 #rope : !q
  %kl = lm.linear %x, %wk : !x, !wk -> !k
  %k = lm.rope %kl at %p heads 2 #slow : !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// Heads of another width turn other values.
// CHECK-LABEL: @rotated_in_wider_heads(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @rotated_in_wider_heads(%x: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %ql = lm.linear %x, %wq : !x, !wq -> !q
  %q = lm.rope %ql at %p heads 2 #rope : !q
  %kl = lm.linear %x, %wk : !x, !wk -> !k
  %k = lm.rope %kl at %p heads 2 #rope : !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @rotated_to_another_position(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @rotated_to_another_position(%x: !x, %p: index, %other: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %ql = lm.linear %x, %wq : !x, !wq -> !q
  %q = lm.rope %ql at %p heads 4 #rope : !q
  %kl = lm.linear %x, %wk : !x, !wk -> !k
  %k = lm.rope %kl at %other heads 2 #rope : !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @appended_at_another_position(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @appended_at_another_position(%x: !x, %p: index, %other: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %q = lm.linear %x, %wq : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %other : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @norm_spans_heads(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @norm_spans_heads(%x: !x, %p: index, %wq: !wq, %wk: !wk, %qn: !lm.weight<32xf32>, %kn: !lm.weight<16xf32>, %cache: !cache) -> !q {
  %ql = lm.linear %x, %wq : !x, !wq -> !q
  %q = lm.norm %ql, %qn eps 1.0e-6 : !q, !lm.weight<32xf32>
  %kl = lm.linear %x, %wk : !x, !wk -> !k
  %k = lm.norm %kl, %kn eps 1.0e-6 : !k, !lm.weight<16xf32>
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @norms_differ_in_eps(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @norms_differ_in_eps(%x: !x, %p: index, %wq: !wq, %wk: !wk, %n: !norm, %cache: !cache) -> !q {
  %ql = lm.linear %x, %wq : !x, !wq -> !q
  %q = lm.norm %ql, %n eps 1.0e-6 groups 4 : !q, !norm
  %kl = lm.linear %x, %wk : !x, !wk -> !k
  %k = lm.norm %kl, %n eps 1.0e-5 groups 2 : !k, !norm
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

// CHECK-LABEL: @filled_afterwards(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @filled_afterwards(%x: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %q = lm.linear %x, %wq : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  lm.append %k, %v to %cache at %p : !k, !cache
  return %o : !q
}

// CHECK-LABEL: @filled_twice(
// CHECK-NOT: lm.qkv
// CHECK-COUNT-2: lm.append
func.func @filled_twice(%x: !x, %p: index, %wq: !wq, %wk: !wk, %cache: !cache) -> !q {
  %q = lm.linear %x, %wq : !x, !wq -> !q
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  lm.append %k, %v to %cache at %p : !k, !cache
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}

lm.weight @wq : !wq
// CHECK-LABEL: @weight_is_fetched_after_the_cache_is_filled(
// CHECK-NOT: lm.qkv
// CHECK: lm.append
func.func @weight_is_fetched_after_the_cache_is_filled(%x: !x, %p: index, %wk: !wk, %cache: !cache) -> !q {
  %k = lm.linear %x, %wk : !x, !wk -> !k
  %v = lm.linear %x, %wk : !x, !wk -> !k
  lm.append %k, %v to %cache at %p : !k, !cache
  %wq = lm.use @wq : !wq
  %q = lm.linear %x, %wq : !x, !wq -> !q
  %o = lm.attention %q, %cache at %p heads 4 scale 1.0 : !q, !cache
  return %o : !q
}
