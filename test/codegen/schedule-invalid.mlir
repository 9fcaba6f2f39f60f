// RUN: lathe-opt %s --lm-schedule --verify-diagnostics --split-input-file

// expected-error @below {{lm-schedule: expects a function @forward}}
module {
}

// -----

module {
  // expected-error @below {{'func.func' op expects a body of one block}}
  func.func private @forward(tensor<?xi32>, index)
}

// -----

// expected-error @below {{'func.func' op expects layers}}
func.func @forward(%ids: tensor<?xi32>, %p: index) {
  return
}

// -----

// expected-error @below {{unknown CPU 'abacus'}}
module attributes {lm.options = {mcpu = "abacus"}} {
  func.func private @forward(tensor<?xi32>, index)
}

// -----

// expected-error @below {{lm.options.prefill_rows: expected an integer from 1 to 65536, found 1099511627776 : i64}}
module attributes {lm.options = {prefill_rows = 1099511627776 : i64}} {
  func.func private @forward(tensor<?xi32>, index)
}

// -----

// expected-error @below {{lm.options.prefill_rows: expected an integer from 1 to 65536, found "many"}}
module attributes {lm.options = {prefill_rows = "many"}} {
  func.func private @forward(tensor<?xi32>, index)
}

// -----

// expected-error @below {{lm.model.context: expected an integer from 1 to 2147483648, found -1 : i64}}
module attributes {lm.model = {context = -1 : i64}} {
  func.func private @forward(tensor<?xi32>, index)
}

// -----

// The stream comes from outside.
func.func private @layer(%x: tensor<?x48xf32>, %p: index) -> tensor<?x48xf32> { return %x : tensor<?x48xf32> }
func.func @forward(%x: tensor<?x48xf32>, %p: index) -> tensor<?x48xf32> {
  // expected-error @below {{'lm.layers' op works on 'tensor<?x48xf32>' that is not scheduled}}
  %y = lm.layers %x at %p [@layer] : tensor<?x48xf32> -> tensor<?x48xf32>
  return %y : tensor<?x48xf32>
}

// -----

// Not fused.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  lm.state @layers.0.cache : !lm.cache<3 x 16 x f32, rows = 64>
  func.func private @layer(%x: !x, %pending: !x, %p: index, %cache: !lm.cache<3 x 16 x f32, rows = 64> {lm.slot = "cache"}) -> (!x, !x) {
    // expected-error @below {{'lm.cached' op has no schedule; is the graph stage complete?}}
    %k = lm.cached keys %cache to %p : !lm.cache<3 x 16 x f32, rows = 64> -> !x
    return %x, %pending : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}

// -----

// Not packed.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  lm.weight @layers.0.w : !lm.weight<48x48xbf16>
  func.func private @layer(%x: !x, %pending: !x, %p: index, %w: !lm.weight<48x48xbf16> {lm.slot = "w"}) -> (!x, !x) {
    // expected-error @below {{'lm.linear' op expects packed weights (lm-pack-weights), but found '!lm.weight<48x48xbf16>'}}
    %d = lm.linear %x, %w : !x, !lm.weight<48x48xbf16> -> !x
    return %x, %d : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}

// -----

// The table is not packed.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !lm.weight<48x48xf32>
  lm.weight @layers.0.norm : !norm
  lm.weight @layers.0.w : !w
  func.func private @layer(%x: !x, %pending: !x, %p: index, %norm: !norm {lm.slot = "norm"}, %w: !w {lm.slot = "w"}) -> (!x, !x) {
    %d = lm.linear %x, %w : !x, !w -> !x
    return %x, %d : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !lm.weight<48x48xf32>
    %x = lm.embed %ids, %table : tensor<?xi32>, !lm.weight<48x48xf32> -> !x
    // expected-error @above {{'lm.embed' op expects a packed table that lm.use names}}
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}

// -----

// The cache is not planned.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  lm.state @layers.0.cache : !lm.cache<3 x 16 x f32>
  func.func private @layer(%x: !x, %pending: !x, %p: index, %cache: !lm.cache<3 x 16 x f32> {lm.slot = "cache"}) -> (!x, !x) {
    // expected-error @below {{'lm.attention' op expects a cache with rows (lm-plan-cache), but found '!lm.cache<3 x 16 x f32>'}}
    %a = lm.attention %x, %cache at %p heads 3 scale 1.0 : !x, !lm.cache<3 x 16 x f32>
    return %x, %a : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}

// -----

// A sum that no projection takes.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  lm.weight @layers.0.norm : !norm
  lm.weight @layers.0.w : !w
  func.func private @layer(%x: !x, %pending: !x, %p: index, %norm: !norm {lm.slot = "norm"}, %w: !w {lm.slot = "w"}) -> (!x, !x) {
    %sum, %h = lm.add_norm %x, %pending, %norm eps 1.0e-5 : !x, !norm
    // expected-error @below {{'func.return' op expects the last op to be a projection}}
    return %sum, %pending : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}

// -----

// Handed over the wrong way round.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  lm.weight @layers.0.norm : !norm
  lm.weight @layers.0.w : !w
  func.func private @layer(%x: !x, %pending: !x, %p: index, %norm: !norm {lm.slot = "norm"}, %w: !w {lm.slot = "w"}) -> (!x, !x) {
    %sum, %h = lm.add_norm %x, %pending, %norm eps 1.0e-5 : !x, !norm
    %d = lm.linear %h, %w : !x, !w -> !x
    // expected-error @below {{'func.return' op expects to return the stream and what is pending}}
    return %d, %sum : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}

// -----

// A limit that follows no projection.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  func.func private @layer(%x: !x, %pending: !x, %p: index) -> (!x, !x) {
    // expected-error @below {{'lm.softcap' op expects a projection before it}}
    %s = lm.softcap %x cap 30.0 : !x
    return %s, %pending : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    %z = lm.zeros %x : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}

// -----

// Work between embedding and layers has no phase.
!x = tensor<?x48xf32>
!norm = !lm.weight<48xf32>
!w = !lm.weight<48x48xf32, <16 x 1>>
module attributes {lm.options = {mcpu = "x86-64-v3"}} {
  lm.weight @table : !w
  lm.weight @layers.0.norm : !norm
  lm.weight @layers.0.w : !w
  func.func private @layer(%x: !x, %pending: !x, %p: index, %norm: !norm {lm.slot = "norm"}, %w: !w {lm.slot = "w"}) -> (!x, !x) {
    %d = lm.linear %x, %w : !x, !w -> !x
    return %x, %d : !x, !x
  }
  func.func @forward(%ids: tensor<?xi32>, %p: index) -> !x {
    %table = lm.use @table : !w
    %x = lm.embed %ids, %table : tensor<?xi32>, !w -> !x
    // expected-error @below {{'lm.softcap' op expects a projection before it}}
    %s = lm.softcap %x cap 30.0 : !x
    %z = lm.zeros %s : !x
    %y, %pending = lm.layers %x, %z at %p [@layer] : !x, !x -> !x, !x
    return %y : !x
  }
}
