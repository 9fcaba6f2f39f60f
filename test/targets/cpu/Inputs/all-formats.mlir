// Products of every format: two layer kinds, one layer each. What `lathe compile --from import` takes.

!x = tensor<?x256xf32>
!k = tensor<?x128xf32>
!norm = !lm.weight<256xf32>
!cache = !lm.cache<2 x 64 x bf16>

module attributes {lm.model = {architecture = "none", context = 64 : i64, vocabulary = 96 : i64}, lm.stage = "import"} {
  lm.weight @table : !lm.weight<96x256xbf16>
  lm.weight @final_norm : !norm
  lm.state @layers.0.cache : !cache
  lm.weight @layers.0.norm1 : !norm
  lm.weight @layers.0.norm2 : !norm
  lm.weight @layers.0.q : !lm.weight<256x256xq5_0>
  lm.weight @layers.0.k : !lm.weight<128x256xq4_0>
  lm.weight @layers.0.v : !lm.weight<128x256xq4_1>
  lm.weight @layers.0.o : !lm.weight<256x256xq5_1>
  lm.weight @layers.0.gate : !lm.weight<256x256xq8_0>
  lm.weight @layers.0.up : !lm.weight<256x256xq4_k>
  lm.weight @layers.0.down : !lm.weight<256x256xq5_k>
  lm.state @layers.1.cache : !cache
  lm.weight @layers.1.norm1 : !norm
  lm.weight @layers.1.norm2 : !norm
  lm.weight @layers.1.q : !lm.weight<256x256xq6_k>
  lm.weight @layers.1.k : !lm.weight<128x256xf32>
  lm.weight @layers.1.v : !lm.weight<128x256xf16>
  lm.weight @layers.1.o : !lm.weight<256x256xbf16>
  lm.weight @layers.1.gate : !lm.weight<256x256xq4_0>
  lm.weight @layers.1.up : !lm.weight<256x256xq4_0>
  lm.weight @layers.1.down : !lm.weight<256x256xq4_0>

  func.func private @first(%x: !x, %position: index, %norm1: !norm {lm.slot = "norm1"}, %norm2: !norm {lm.slot = "norm2"},
      %cache: !cache {lm.slot = "cache"}, %q: !lm.weight<256x256xq5_0> {lm.slot = "q"}, %k: !lm.weight<128x256xq4_0> {lm.slot = "k"}, %v: !lm.weight<128x256xq4_1> {lm.slot = "v"},
      %o: !lm.weight<256x256xq5_1> {lm.slot = "o"}, %gate: !lm.weight<256x256xq8_0> {lm.slot = "gate"}, %up: !lm.weight<256x256xq4_k> {lm.slot = "up"}, %down: !lm.weight<256x256xq5_k> {lm.slot = "down"}) -> !x {
    %h1 = lm.norm %x, %norm1 eps 1.0e-5 : !x, !norm
    %queries = lm.linear %h1, %q : !x, !lm.weight<256x256xq5_0> -> !x
    %keys = lm.linear %h1, %k : !x, !lm.weight<128x256xq4_0> -> !k
    %values = lm.linear %h1, %v : !x, !lm.weight<128x256xq4_1> -> !k
    lm.append %keys, %values to %cache at %position : !k, !cache
    %attended = lm.attention %queries, %cache at %position heads 4 scale 0.125 : !x, !cache
    %projected = lm.linear %attended, %o : !x, !lm.weight<256x256xq5_1> -> !x
    %x1 = lm.add %x, %projected : !x
    %h2 = lm.norm %x1, %norm2 eps 1.0e-5 : !x, !norm
    %g = lm.linear %h2, %gate : !x, !lm.weight<256x256xq8_0> -> !x
    %u = lm.linear %h2, %up : !x, !lm.weight<256x256xq4_k> -> !x
    %m = lm.glu %g, %u silu : !x
    %d = lm.linear %m, %down : !x, !lm.weight<256x256xq5_k> -> !x
    %x2 = lm.add %x1, %d : !x
    return %x2 : !x
  }

  func.func private @second(%x: !x, %position: index, %norm1: !norm {lm.slot = "norm1"}, %norm2: !norm {lm.slot = "norm2"},
      %cache: !cache {lm.slot = "cache"}, %q: !lm.weight<256x256xq6_k> {lm.slot = "q"}, %k: !lm.weight<128x256xf32> {lm.slot = "k"}, %v: !lm.weight<128x256xf16> {lm.slot = "v"},
      %o: !lm.weight<256x256xbf16> {lm.slot = "o"}, %gate: !lm.weight<256x256xq4_0> {lm.slot = "gate"}, %up: !lm.weight<256x256xq4_0> {lm.slot = "up"}, %down: !lm.weight<256x256xq4_0> {lm.slot = "down"}) -> !x {
    %h1 = lm.norm %x, %norm1 eps 1.0e-5 : !x, !norm
    %queries = lm.linear %h1, %q : !x, !lm.weight<256x256xq6_k> -> !x
    %keys = lm.linear %h1, %k : !x, !lm.weight<128x256xf32> -> !k
    %values = lm.linear %h1, %v : !x, !lm.weight<128x256xf16> -> !k
    lm.append %keys, %values to %cache at %position : !k, !cache
    %attended = lm.attention %queries, %cache at %position heads 4 scale 0.125 : !x, !cache
    %projected = lm.linear %attended, %o : !x, !lm.weight<256x256xbf16> -> !x
    %x1 = lm.add %x, %projected : !x
    %h2 = lm.norm %x1, %norm2 eps 1.0e-5 : !x, !norm
    %g = lm.linear %h2, %gate : !x, !lm.weight<256x256xq4_0> -> !x
    %u = lm.linear %h2, %up : !x, !lm.weight<256x256xq4_0> -> !x
    %m = lm.glu %g, %u silu : !x
    %d = lm.linear %m, %down : !x, !lm.weight<256x256xq4_0> -> !x
    %x2 = lm.add %x1, %d : !x
    return %x2 : !x
  }

  func.func @forward(%ids: tensor<?xi32>, %position: index) -> tensor<?x96xf32> {
    %table = lm.use @table : !lm.weight<96x256xbf16>
    %x = lm.embed %ids, %table : tensor<?xi32>, !lm.weight<96x256xbf16> -> !x
    %y = lm.layers %x at %position [@first, @second] : !x -> !x
    %norm = lm.use @final_norm : !norm
    %h = lm.norm %y, %norm eps 1.0e-5 : !x, !norm
    %logits = lm.linear %h, %table : !x, !lm.weight<96x256xbf16> -> tensor<?x96xf32>
    return %logits : tensor<?x96xf32>
  }
}
