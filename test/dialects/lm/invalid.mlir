// RUN: lathe-opt %s --verify-diagnostics --split-input-file

// weights as types
// expected-error @below {{unknown weight format 'q3_k'}}
func.func private @unknown_format(!lm.weight<64x256xq3_k>)

// -----

// expected-error @below {{expects a vector, a matrix or experts' matrices, but the shape has 4 dimensions}}
func.func private @four_dimensions(!lm.weight<2x2x4x8xf32>)

// -----

// expected-error @below {{expects a vector, a matrix or experts' matrices, but the shape has 0 dimensions}}
func.func private @no_dimension(!lm.weight<f32>)

// -----

// expected-error @below {{expects positive sizes, but found 0}}
func.func private @empty(!lm.weight<0x8xf32>)

// -----

// expected-error @below {{expects at most 2^40 values, but found 1099511627776x2}}
func.func private @absurd_size(!lm.weight<1099511627776x2xf32>)

// -----

// expected-error @below {{expects at most 2^40 values, but found 4294967296x4294967296}}
func.func private @product_past_64_bits(!lm.weight<4294967296x4294967296xf32>)

// -----

// expected-error @below {{expects a multiple of 32 columns for q4_0, but found 72}}
func.func private @ragged_block(!lm.weight<64x72xq4_0>)

// -----

// expected-error @below {{expects a multiple of 256 columns for q6_k, but found 32}}
func.func private @ragged_super_block(!lm.weight<64x32xq6_k>)

// -----

// expected-error @below {{expects panels of a matrix with sizes from 1 to 1024, but found #lm.panels<16 x 1>}}
func.func private @packed_vector(!lm.weight<64xf32, <16 x 1>>)

// -----

// expected-error @below {{expects panels of a matrix with sizes from 1 to 1024, but found #lm.panels<0 x 1>}}
func.func private @panels_without_rows(!lm.weight<64x64xf32, <0 x 1>>)

// -----

// expected-error @below {{expects panels of a matrix with sizes from 1 to 1024, but found #lm.panels<16 x 1099511627776>}}
func.func private @absurd_depth(!lm.weight<64x64xf32, <16 x 1099511627776>>)

// -----

// caches as types
// expected-error @below {{expects at least one head of at least one value, but found 0 x 64}}
func.func private @no_heads(!lm.cache<0 x 64 x f32>)

// -----

// expected-error @below {{expects at least one head of at least one value, but found 2 x -64}}
func.func private @negative_heads(!lm.cache<2 x -64 x f32>)

// -----

// expected-error @below {{expects f32 or bf16 values, but found 'f16'}}
func.func private @unknown_element(!lm.cache<2 x 64 x f16, rows = 0>)

// -----

// expected-error @below {{expects an even number of bf16 values in a head, but found 15}}
func.func private @odd_head(!lm.cache<2 x 15 x bf16>)

// -----

// expected-error @below {{expects no negative window or rows, but found -1 and 0}}
func.func private @negative_window(!lm.cache<2 x 64 x f32, window = -1>)

// -----

// expected-error @below {{expects no negative window or rows, but found 0 and -16}}
func.func private @negative_rows(!lm.cache<2 x 64 x f32, rows = -16>)

// -----

// expected-error @below {{expects at most 2^40 values, but found 2 x 64 for a window of 0 and 1099511627776 rows}}
func.func private @absurd_rows(!lm.cache<2 x 64 x f32, rows = 1099511627776>)

// -----

// expected-error @below {{expects a latent cache to keep all positions, but found a window of 5}}
func.func private @latent_ring(!lm.cache<1 x 20 x f32, latent = 16, window = 5, rows = 64>)

// -----

// expected-error @below {{expects at most 2^40 values, but found 2 x 64 for a window of 9223372036854775807 and 0 rows}}
func.func private @absurd_window(!lm.cache<2 x 64 x f32, window = 9223372036854775807>)

// -----

// rotary embeddings as attributes
// expected-error @below {{expects an even rotary width, but found 3}}
func.func private @odd_width() attributes {rope = #lm.rope<dim = 3, theta = 1.0, frequencies = 1.0>}

// -----

// expected-error @below {{expects an even rotary width, but found 0}}
func.func private @no_width() attributes {rope = #lm.rope<dim = 0, theta = 1.0, frequencies = 1.0>}

// -----

// expected-error @below {{expects a positive theta, but found 0}}
func.func private @no_theta() attributes {rope = #lm.rope<dim = 2, theta = 0.0, frequencies = 1.0>}

// -----

// expected-error @below {{expects 2 frequencies, but found 1}}
func.func private @few_frequencies() attributes {rope = #lm.rope<dim = 4, theta = 1.0, frequencies = 1.0>}

// -----

// expected-error @below {{expects finite frequencies and factor, but found}}
func.func private @infinite_frequency() attributes {rope = #lm.rope<dim = 2, theta = 1.0, frequencies = 1.0e400>}

// -----

// lm.weight, lm.state
// expected-error @below {{'lm.weight' op expects a known format of values, but found "q3_k"}}
lm.weight @w : !lm.weight<16x16xf32> from q3_k "a" at 0

// -----

// expected-error @below {{expects offsets of values from 0 to 2^50, but found -8}}
lm.weight @w : !lm.weight<16x16xf32> from "model.safetensors" at -8

// -----

// expected-error @below {{expects offsets of values from 0 to 2^50, but found 1125899906842624}}
lm.weight @w : !lm.weight<2x16x16xf32> from "a" at 0, 1125899906842624

// -----

// expected-error @below {{unknown role 'zeros' of a source}}
"lm.weight"() <{sym_name = "w", type = !lm.weight<16x16xf32>, sources = [#lm.source<zeros f32 "a" at 0>]}> : () -> ()

// -----

// expected-error @below {{expected the format of scales}}
lm.weight @w : !lm.weight<16x128xf8_e4m3> from "a" at 0 scales "a" at 0

// -----

// expected-error @below {{expected 'at'}}
lm.weight @w : !lm.weight<16x16xf32> from "a", "b" at 0

// -----

// expected-error @below {{expected a format or a file}}
lm.weight @w : !lm.weight<16x16xf32> from 7

// -----

// expected-error @below {{'lm.weight' op expects a source of values first, but found none}}
"lm.weight"() <{sym_name = "w", type = !lm.weight<16x16xf32>, sources = []}> : () -> ()

// -----

// expected-error @below {{'lm.weight' op expects a source of values first, but found scales}}
lm.weight @w : !lm.weight<16x128xf8_e4m3> scales f32 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects one source of each role, but found values again}}
"lm.weight"() <{sym_name = "w", type = !lm.weight<16x16xf32>, sources = [#lm.source<values f32 "a" at 0>, #lm.source<values f32 "b" at 0>]}> : () -> ()

// -----

// expected-error @below {{'lm.weight' op expects no scales beside values of bf16, but found a source}}
lm.weight @w : !lm.weight<16x128xbf16> from "a" at 0 scales f32 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects scales of f32_b32 beside values of q4_0, but found f32_b24}}
lm.weight @w : !lm.weight<16x32xq4_0> from "a" at 0 scales f32_b24 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects zero_points of u4_b32 beside values of q4_1, but found u5_b32}}
lm.weight @w : !lm.weight<16x32xq4_1> from "a" at 0 scales f16_b32 "a" at 0 zero_points u5_b32 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects no zero_points beside values of q4_0, but found a source}}
lm.weight @w : !lm.weight<16x32xq4_0> from "a" at 0 scales f16_b32 "a" at 0 zero_points u4_b32 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects stored rows of whole blocks of 2 values for q4_0, but found rows of 31}}
lm.weight @w : !lm.weight<16x31xbf16> from q4_0 "a" at 0 scales f16_b32 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects scales of f32 beside values of f8_e4m3, but found bf16}}
lm.weight @w : !lm.weight<16x128xf8_e4m3> from "a" at 0 scales bf16 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects scales beside a matrix, but found '!lm.weight<128xf32>'}}
lm.weight @w : !lm.weight<128xf32> from f8_e4m3 "a" at 0 scales f32 "a" at 0

// -----

// expected-error @below {{expects a row for each of 1 offsets, but found 2}}
lm.weight @w : !lm.weight<16x128xf8_e4m3> from "a" at 0 scales f32 "a" at 0 rows 0, 16

// -----

// expected-error @below {{expects rows from 0 to 2^40, but found -1}}
lm.weight @w : !lm.weight<16x128xf8_e4m3> from "a" at 0 scales f32 "a" at 0 rows -1

// -----

// expected-error @below {{'lm.weight' op expects rows beside scales of blocks of several rows, but found them beside values of f8_e4m3}}
lm.weight @w : !lm.weight<16x128xf8_e4m3> from "a" at 0 rows 16 scales f32 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects rows beside scales of blocks of several rows, but found them beside scales of e8m0}}
lm.weight @w : !lm.weight<16x32xmxfp4> from "a" at 0 scales e8m0 "a" at 0 rows 16

// -----

// expected-error @below {{'lm.weight' op expects at most 2^50 scales, but found 8589934592 rows of 8589934591}}
lm.weight @w : !lm.weight<128x1xf32> from f8_e4m3 "a" at 0 scales f32 "a" at 0 rows 1099511627775 recipe [#lm.slice<columns, of = 1099511627648>, #lm.transpose]

// -----

// expected-error @below {{'lm.weight' op attribute 'sources' failed to satisfy constraint: sources of a weight}}
"lm.weight"() <{sym_name = "w", type = !lm.weight<16x16xf32>, sources = ["a"]}> : () -> ()

// -----

// expected-error @below {{'lm.weight' op attribute 'recipe' failed to satisfy constraint: steps of a recipe}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.source<values f32 "a" at 0>]

// -----

// expected-error @below {{'lm.weight' op expects an offset from 0 to 2^50, but found -1}}
lm.weight @w : !lm.weight<16x16xf32> offset -1

// -----

// expected-error @below {{'lm.weight' op expects an offset from 0 to 2^50, but found 9223372036854775807}}
lm.weight @w : !lm.weight<16x16xf32> offset 9223372036854775807

// -----

// expected-error @below {{'lm.weight' op expects rows that divide into halves of 3 heads, but found 16}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.unpermute<heads = 3>]

// -----

// expected-error @below {{'lm.weight' op expects rows that divide into halves of 16 heads, but found 16}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.unpermute<heads = 16>]

// -----

// expected-error @below {{'lm.weight' op expects rows that divide into halves of 2 heads, but found 12}}
lm.weight @w : !lm.weight<12x8xf32> recipe [#lm.unpermute<heads = 2, from = 3>]

// -----

// expected-error @below {{'lm.weight' op expects rows that divide into halves of 2 heads, but found 12}}
lm.weight @w : !lm.weight<12x8xf32> recipe [#lm.unpermute<heads = 2, from = 6>]

// -----

// expected-error @below {{expects at least one head, and from its row 0 on, but found 0 and 0}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.unpermute<heads = 0>]

// -----

// expected-error @below {{expects at least one head, and from its row 0 on, but found 2 and -1}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.unpermute<heads = 2, from = -1>]

// -----

// expected-error @below {{'lm.weight' op expects a matrix to transpose, but found a vector of 16 values}}
lm.weight @w : !lm.weight<16xf32> recipe [#lm.transpose]

// -----

// expected-error @below {{'lm.weight' op expects a matrix that takes at most 15 columns, but found a matrix of 16x16}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.slice<columns, of = 15>, #lm.transpose]

// -----

// expected-error @below {{'lm.weight' op expects a matrix that takes at most 30 columns, but found a matrix of 8x16}}
lm.weight @w : !lm.weight<16x8xf32> recipe [#lm.slice<columns, of = 30, stride = 2>, #lm.transpose]

// -----

// expected-error @below {{'lm.weight' op expects a matrix that takes at most 16 columns, but found a vector of 16 values}}
lm.weight @w : !lm.weight<16xf32> recipe [#lm.slice<columns, of = 16>]

// -----

// expected-error @below {{expects how many columns a stored row has, from 1 to 2^40, and no such number for rows, but found 0 for columns}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.slice<columns, stride = 2>]

// -----

// expected-error @below {{expects how many columns a stored row has, from 1 to 2^40, and no such number for rows, but found 1099511627776 for columns}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.slice<columns, of = 1099511627776>]

// -----

// expected-error @below {{expects how many columns a stored row has, from 1 to 2^40, and no such number for rows, but found 32 for rows}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.slice<rows, of = 32, stride = 2>]

// -----

// expected-error @below {{expects groups and a stride that is not smaller, but found 3 and 2}}
lm.weight @w : !lm.weight<6x8xf32> recipe [#lm.slice<rows, group = 3, stride = 2>]

// -----

// expected-error @below {{expects groups and a stride that is not smaller, but found 0 and 2}}
lm.weight @w : !lm.weight<6x8xf32> recipe [#lm.slice<rows, group = 0, stride = 2>]

// -----

// expected-error @below {{expects groups and a stride that is not smaller, but found 1 and 1099511627776}}
lm.weight @w : !lm.weight<6x8xf32> recipe [#lm.slice<rows, stride = 1099511627776>]

// -----

// expected-error @below {{expects groups of rows further apart than their size, but found 2 and 2}}
lm.weight @w : !lm.weight<6x8xf32> recipe [#lm.slice<rows, group = 2, stride = 2>]

// -----

// expected-error @below {{'lm.weight' op expects whole groups of 4 rows of every 8, but found a matrix of 6x8}}
lm.weight @w : !lm.weight<6x8xf32> recipe [#lm.slice<rows, group = 4, stride = 8>]

// -----

// expected-error @below {{'lm.weight' op expects whole groups of 1 rows of every 1099511627775, but found a matrix of 6x8}}
lm.weight @w : !lm.weight<6x8xf32> recipe [#lm.slice<rows, stride = 1099511627775>]

// -----

// expected-error @below {{'lm.weight' op expects at most 2^50 stored values, but found 4294967297 rows of 1048576}}
lm.weight @w : !lm.weight<2x1048576xf32> recipe [#lm.slice<rows, stride = 4294967296>]

// -----

// expected-error @below {{'lm.weight' op expects stored rows of whole blocks of 32 values for q8_0, but found rows of 48}}
lm.weight @w : !lm.weight<16x32xbf16> from q8_0 "a" at 0 recipe [#lm.slice<columns, of = 48>, #lm.transpose]

// -----

// expected-error @below {{'lm.weight' op expects stored rows of whole blocks of 32 values for q8_0, but found rows of 16}}
lm.weight @w : !lm.weight<1x64xq8_0> from "a" at 0, 0, 0, 0 recipe [#lm.concat<columns, parts = 4>]

// -----

// expected-error @below {{'lm.weight' op expects stored rows of whole blocks of 32 values for q8_0, but found rows of 1}}
lm.weight @w : !lm.weight<32xf32> from q8_0 "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects 2 offsets of values, for matrices and parts 2 x 1, but found 1}}
lm.weight @w : !lm.weight<2x16x16xf32> from "a" at 0

// -----

// expected-error @below {{'lm.weight' op expects 1 offsets of values, for matrices and parts 1 x 1, but found 2}}
lm.weight @w : !lm.weight<16x16xf32> from "a" at 0, "b" at 8

// -----

// expected-error @below {{'lm.weight' op expects 2 offsets of values, for matrices and parts 1 x 2, but found 1}}
lm.weight @w : !lm.weight<16x16xf32> from "a" at 0 recipe [#lm.concat<rows, parts = 2>]

// -----

// expected-error @below {{'lm.weight' op expects 4 offsets of values, for matrices and parts 2 x 2, but found 3}}
lm.weight @w : !lm.weight<2x16x16xf32> from "a" at 0, 0, 0 recipe [#lm.concat<rows, parts = 2>]

// -----

// expected-error @below {{'lm.weight' op expects 2 offsets of scales, for matrices and parts 1 x 2, but found 1}}
lm.weight @w : !lm.weight<16x128xf8_e4m3> from "a" at 0, 0 scales f32 "a" at 0 recipe [#lm.concat<rows, parts = 2>]

// -----

// expected-error @below {{'lm.weight' op expects a matrix that divides into 3 parts of its rows, but found a matrix of 16x16}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.concat<rows, parts = 3>]

// -----

// expected-error @below {{'lm.weight' op expects a matrix that divides into 3 parts of its columns, but found a matrix of 16x16}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.concat<columns, parts = 3>]

// -----

// expected-error @below {{'lm.weight' op expects a matrix that divides into 2 parts of its rows, but found a vector of 16 values}}
lm.weight @w : !lm.weight<16xf32> recipe [#lm.concat<rows, parts = 2>]

// -----

// expected-error @below {{expects from 2 to 2^20 parts, but found 0}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.concat<rows, parts = 0>]

// -----

// expected-error @below {{expects from 2 to 2^20 parts, but found 1048577}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.concat<columns, parts = 1048577>]

// -----

// expected-error @below {{'lm.weight' op expects whole rows in parts of their columns, but found 16 of 32 columns}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.concat<columns, parts = 2>, #lm.slice<columns, of = 32>]

// -----

// expected-error @below {{'lm.weight' op expects parts to be joined by the first step, but found #lm.concat<rows, parts = 2> as step 1}}
lm.weight @w : !lm.weight<16x16xf32> recipe [#lm.transpose, #lm.concat<rows, parts = 2>]

// -----

// expected-error @below {{'lm.state' op expects an offset from 0 to 2^50, but found -1}}
lm.state @s : !lm.cache<2 x 32 x f32> offset -1

// -----

// lm.use
func.func @no_such_symbol() {
  // expected-error @below {{'lm.use' op expects a weight or state, but @w is none}}
  %w = lm.use @w : !lm.weight<16xf32>
  return
}

// -----

func.func @not_a_weight() {
  // expected-error @below {{'lm.use' op expects a weight or state, but @not_a_weight is none}}
  %w = lm.use @not_a_weight : !lm.weight<16xf32>
  return
}

// -----

lm.weight @w : !lm.weight<16xf32>
func.func @weight_of_another_type() {
  // expected-error @below {{'lm.use' op expects the type of @w, '!lm.weight<16xf32>', but found '!lm.weight<17xf32>'}}
  %w = lm.use @w : !lm.weight<17xf32>
  return
}

// -----

lm.state @s : !lm.cache<2 x 32 x f32>
func.func @state_of_another_type() {
  // expected-error @below {{'lm.use' op expects the type of @s, '!lm.cache<2 x 32 x f32>', but found '!lm.weight<17xf32>'}}
  %s = lm.use @s : !lm.weight<17xf32>
  return
}

// -----

// lm.layers
func.func @changes_the_stream(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects results of the stream's types}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x9xf32>
  return
}

// -----

func.func @no_layers(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects at least one layer}}
  %y = lm.layers %x at %position [] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @no_such_kind(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects a layer kind, but @kind is no function with a body of one block}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func private @kind(tensor<?x8xf32>, index) -> tensor<?x8xf32>
func.func @kind_without_a_body(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects a layer kind, but @kind is no function with a body of one block}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func private @kind(%x: tensor<?x8xf32>, %position: index) -> tensor<?x8xf32> {
  cf.br ^end
^end:
  return %x : tensor<?x8xf32>
}
func.func @kind_of_two_blocks(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects a layer kind, but @kind is no function with a body of one block}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func private @kind(%x: tensor<?x9xf32>, %position: index) -> tensor<?x9xf32> { return %x : tensor<?x9xf32> }
func.func @kind_of_another_stream(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects @kind to map the stream and a position to the stream, but it is '(tensor<?x9xf32>, index) -> tensor<?x9xf32>'}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func private @kind(%x: tensor<?x8xf32>) -> tensor<?x8xf32> { return %x : tensor<?x8xf32> }
func.func @kind_without_a_position(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects @kind to map the stream and a position to the stream, but it is '(tensor<?x8xf32>) -> tensor<?x8xf32>'}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func private @kind(%x: tensor<?x8xf32>, %position: index, %w: !lm.weight<8xf32>) -> tensor<?x8xf32> { return %x : tensor<?x8xf32> }
func.func @argument_without_a_slot(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op expects argument 2 of @kind to have a lm.slot}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

lm.weight @layers.0.norm : !lm.weight<8xf32>
func.func private @kind(%x: tensor<?x8xf32>, %position: index, %w: !lm.weight<8xf32> {lm.slot = "norm"}) -> tensor<?x8xf32> { return %x : tensor<?x8xf32> }
func.func @second_layer_has_no_weight(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op layer 1 expects a weight or state @layers.1.norm}}
  %y = lm.layers %x at %position [@kind, @kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

lm.weight @layers.0.norm : !lm.weight<9xf32>
func.func private @kind(%x: tensor<?x8xf32>, %position: index, %w: !lm.weight<8xf32> {lm.slot = "norm"}) -> tensor<?x8xf32> { return %x : tensor<?x8xf32> }
func.func @layer_of_another_type(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.layers' op layer 0 expects @layers.0.norm to be '!lm.weight<8xf32>', but it is '!lm.weight<9xf32>'}}
  %y = lm.layers %x at %position [@kind] : tensor<?x8xf32> -> tensor<?x8xf32>
  return
}

// -----

// rows
func.func @unknown_columns(%x: tensor<?x?xf32>) {
  // expected-error @below {{'lm.zeros' op operand #0 must be rows of f32 with a known number of columns, but got 'tensor<?x?xf32>'}}
  %y = lm.zeros %x : tensor<?x?xf32>
  return
}

// -----

func.func @rows_of_another_element(%x: tensor<?x8xf16>) {
  // expected-error @below {{'lm.zeros' op operand #0 must be rows of f32 with a known number of columns, but got 'tensor<?x8xf16>'}}
  %y = lm.zeros %x : tensor<?x8xf16>
  return
}

// -----

func.func @table_of_other_columns(%ids: tensor<?xi32>, %table: !lm.weight<96x8xf32>) {
  // expected-error @below {{'lm.embed' op expects a table with 9 columns, but found '!lm.weight<96x8xf32>'}}
  %x = lm.embed %ids, %table : tensor<?xi32>, !lm.weight<96x8xf32> -> tensor<?x9xf32>
  return
}

// -----

func.func @table_is_a_vector(%ids: tensor<?xi32>, %table: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.embed' op expects a table with 8 columns, but found '!lm.weight<8xf32>'}}
  %x = lm.embed %ids, %table : tensor<?xi32>, !lm.weight<8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @bias_of_another_size(%x: tensor<?x8xf32>, %w: !lm.weight<8xf32>, %b: !lm.weight<4xf32>) {
  // expected-error @below {{'lm.norm' op expects a bias of 8 values, but found '!lm.weight<4xf32>'}}
  %z = lm.norm %x, %w bias %b : !lm.weight<4xf32> eps 1.0 : tensor<?x8xf32>, !lm.weight<8xf32>
  return
}

// -----

func.func @more_experts_than_there_are(%scores: tensor<?x4xf32>) {
  // expected-error @below {{'lm.route' op expects to choose from 1 to 4 experts, but found 5}}
  %w, %e = lm.route %scores top 5 softmax : tensor<?x4xf32> -> tensor<?x5xf32>, tensor<?x5xi32>
  return
}

// -----

func.func @corrects_other_scores(%scores: tensor<?x4xf32>, %c: !lm.weight<5xf32>) {
  // expected-error @below {{'lm.route' op expects a correction of 4 values, but found '!lm.weight<5xf32>'}}
  %w, %e = lm.route %scores top 2 correction %c : !lm.weight<5xf32> sigmoid : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @results_of_another_width(%scores: tensor<?x4xf32>) {
  // expected-error @below {{'lm.route' op expects results of 2 columns, but found 'tensor<?x3xi32>'}}
  %w, %e = lm.route %scores top 2 softmax : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x3xi32>
  return
}

// -----

!m = !lm.weight<4x16x8xf32>
func.func @expert_without_a_weight(%x: tensor<?x8xf32>, %w: tensor<?x2xf32>, %e: tensor<?x3xi32>, %gate: !m, %down: !lm.weight<4x8x16xf32>) {
  // expected-error @below {{'lm.experts' op expects a weight for each expert of a row, but found 'tensor<?x2xf32>' and 'tensor<?x3xi32>'}}
  %y = lm.experts %x, %w, %e, %gate, %gate, %down silu : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x3xi32>, !m, !m, !lm.weight<4x8x16xf32>
  return
}

// -----

!m = !lm.weight<4x16x8xf32>
func.func @down_of_other_experts(%x: tensor<?x8xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>, %gate: !m, %down: !lm.weight<5x8x16xf32>) {
  // expected-error @below {{'lm.experts' op expects down to be 4x8x16, but found '!lm.weight<5x8x16xf32>'}}
  %y = lm.experts %x, %w, %e, %gate, %gate, %down silu : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !m, !m, !lm.weight<5x8x16xf32>
  return
}

// -----

!m = !lm.weight<4x16x8xf32>
func.func @shares_rows_of_another_width(%x: tensor<?x8xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>, %gate: !m, %down: !lm.weight<4x8x16xf32>) {
  // expected-error @below {{'lm.experts' op expects shared rows like the input's, but found 'tensor<?x2xf32>'}}
  %y = lm.experts %x, %w, %e, %gate, %gate, %down shared %w : tensor<?x2xf32> silu : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !m, !m, !lm.weight<4x8x16xf32>
  return
}

// -----

!m = !lm.weight<4x16x8xf32>
func.func @gate_of_nothing(%x: tensor<?x8xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>, %gate: !m, %down: !lm.weight<4x8x16xf32>) {
  // expected-error @below {{'lm.experts' op expects a gate of one column beside shared rows, but found 'tensor<?x2xf32>'}}
  %y = lm.experts %x, %w, %e, %gate, %gate, %down shared_gate %w : tensor<?x2xf32> silu : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !m, !m, !lm.weight<4x8x16xf32>
  return
}

// -----

func.func @positions_of_another_width(%x: tensor<?x8xf32>, %table: !lm.weight<16x9xf32>, %n: index) {
  // expected-error @below {{'lm.add_positions' op expects a table with 8 columns, but found '!lm.weight<16x9xf32>'}}
  %y = lm.add_positions %x, %table at %n : tensor<?x8xf32>, !lm.weight<16x9xf32>
  return
}

// -----

func.func @groups_do_not_divide(%x: tensor<?x8xf32>, %w: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.norm' op expects groups that divide the row, but found 3 groups of 8}}
  %y = lm.norm %x, %w eps 1.0 groups 3 : tensor<?x8xf32>, !lm.weight<8xf32>
  return
}

// -----

func.func @no_groups(%x: tensor<?x8xf32>, %w: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.norm' op expects groups that divide the row, but found 0 groups of 8}}
  %y = lm.norm %x, %w eps 1.0 groups 0 : tensor<?x8xf32>, !lm.weight<8xf32>
  return
}

// -----

func.func @norm_of_another_size(%x: tensor<?x8xf32>, %w: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.norm' op expects a weight of 4 values, but found '!lm.weight<8xf32>'}}
  %y = lm.norm %x, %w eps 1.0 groups 2 : tensor<?x8xf32>, !lm.weight<8xf32>
  return
}

// -----

func.func @norm_by_a_matrix(%x: tensor<?x8xf32>, %w: !lm.weight<8x8xf32>) {
  // expected-error @below {{'lm.norm' op expects a weight of 8 values, but found '!lm.weight<8x8xf32>'}}
  %y = lm.norm %x, %w eps 1.0 : tensor<?x8xf32>, !lm.weight<8x8xf32>
  return
}

// -----

func.func @matrix_the_other_way_round(%x: tensor<?x8xf32>, %w: !lm.weight<8x9xf32>) {
  // expected-error @below {{'lm.linear' op expects the weight to be 9x8, but found '!lm.weight<8x9xf32>'}}
  %y = lm.linear %x, %w : tensor<?x8xf32>, !lm.weight<8x9xf32> -> tensor<?x9xf32>
  return
}

// -----

func.func @projection_by_a_vector(%x: tensor<?x8xf32>, %w: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.linear' op expects the weight to be 8x8, but found '!lm.weight<8xf32>'}}
  %y = lm.linear %x, %w : tensor<?x8xf32>, !lm.weight<8xf32> -> tensor<?x8xf32>
  return
}

// -----

func.func @bias_of_the_inputs(%x: tensor<?x8xf32>, %w: !lm.weight<9x8xf32>, %b: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.linear' op expects a bias of 9 values, but found '!lm.weight<8xf32>'}}
  %y = lm.linear %x, %w bias %b : !lm.weight<8xf32> : tensor<?x8xf32>, !lm.weight<9x8xf32> -> tensor<?x9xf32>
  return
}

// -----

#rope = #lm.rope<dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
func.func @heads_narrower_than_the_rotary_part(%x: tensor<?x8xf32>, %position: index) {
  // expected-error @below {{'lm.rope' op expects heads at least as wide as the rotary part, but found 4 heads in 8 values and a rotary part of 4}}
  %y = lm.rope %x at %position heads 4 #rope : tensor<?x8xf32>
  return
}

// -----

#rope = #lm.rope<dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
func.func @heads_do_not_divide(%x: tensor<?x16xf32>, %position: index) {
  // expected-error @below {{'lm.rope' op expects heads at least as wide as the rotary part, but found 3 heads in 16 values and a rotary part of 4}}
  %y = lm.rope %x at %position heads 3 #rope : tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @keys_of_queries(%k: tensor<?x12xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.append' op expects keys and values of 8 for the cache, but found 12 and 12}}
  lm.append %k, %k to %cache at %position : tensor<?x12xf32>, !cache
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @heads_do_not_group(%q: tensor<?x12xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.attention' op expects query heads that are a multiple of the cache's 2 heads, but found 3}}
  %o = lm.attention %q, %cache at %position heads 3 scale 1.0 : tensor<?x12xf32>, !cache
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @queries_of_another_width(%q: tensor<?x12xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.attention' op expects 4 query heads of 4 values, but found 12}}
  %o = lm.attention %q, %cache at %position heads 4 scale 1.0 : tensor<?x12xf32>, !cache
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @negative_softcap(%q: tensor<?x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.attention' op expects a softcap that is not negative, but found -1.000000e+00 : f64}}
  %o = lm.attention %q, %cache at %position heads 2 scale 1.0 softcap -1.0 : tensor<?x8xf32>, !cache
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @attention_changes_the_width(%q: tensor<?x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.attention' op inferred type(s) 'tensor<?x8xf32>' are incompatible with return type(s) of operation 'tensor<?x9xf32>'}}
  // expected-error @below {{'lm.attention' op failed to infer returned types}}
  %o = "lm.attention"(%q, %cache, %position) <{heads = 2 : i64, scale = 1.0 : f64}> : (tensor<?x8xf32>, !cache, index) -> tensor<?x9xf32>
  return
}

// -----

func.func @limit_of_zero(%x: tensor<?x8xf32>) {
  // expected-error @below {{'lm.softcap' op expects a positive cap, but found 0.000000e+00 : f64}}
  %y = lm.softcap %x cap 0.0 : tensor<?x8xf32>
  return
}

// -----

// fused ops
func.func @norm_of_another_stream(%x: tensor<?x8xf32>, %w: !lm.weight<9xf32>) {
  // expected-error @below {{'lm.add_norm' op expects a weight of 8 values, but found '!lm.weight<9xf32>'}}
  %sum, %h = lm.add_norm %x, %x, %w eps 1.0 : tensor<?x8xf32>, !lm.weight<9xf32>
  return
}

// -----

func.func @post_norm_of_another_stream(%x: tensor<?x8xf32>, %p: !lm.weight<9xf32>, %w: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.add_norm' op expects a post norm of 8 values, but found '!lm.weight<9xf32>'}}
  %sum, %h = lm.add_norm %x, %x post %p : !lm.weight<9xf32>, %w eps 1.0 : tensor<?x8xf32>, !lm.weight<8xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @qkv_heads_do_not_group(%x: tensor<?x8xf32>, %q: !lm.weight<12x8xf32>, %k: !lm.weight<8x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects query heads that are a multiple of the cache's 2 heads, but found 3}}
  %y = lm.qkv %x, %q, %k, %k to %cache at %position heads 3 eps 0.0
     : tensor<?x8xf32>, !lm.weight<12x8xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x12xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @qkv_of_another_width(%x: tensor<?x8xf32>, %q: !lm.weight<12x8xf32>, %k: !lm.weight<8x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects 4 query heads of 4 values, but found 12}}
  %y = lm.qkv %x, %q, %k, %k to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<12x8xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x12xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @query_matrix(%x: tensor<?x8xf32>, %q: !lm.weight<8x16xf32>, %k: !lm.weight<8x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects q to be 16x8, but found '!lm.weight<8x16xf32>'}}
  %y = lm.qkv %x, %q, %k, %k to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<8x16xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @key_matrix(%x: tensor<?x8xf32>, %q: !lm.weight<16x8xf32>, %k: !lm.weight<8x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects k to be 8x8, but found '!lm.weight<16x8xf32>'}}
  %y = lm.qkv %x, %q, %q, %k to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<16x8xf32>, !lm.weight<16x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @value_matrix(%x: tensor<?x8xf32>, %q: !lm.weight<16x8xf32>, %k: !lm.weight<8x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects v to be 8x8, but found '!lm.weight<16x8xf32>'}}
  %y = lm.qkv %x, %q, %k, %q to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<16x8xf32>, !lm.weight<8x8xf32>, !lm.weight<16x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @query_bias(%x: tensor<?x8xf32>, %q: !lm.weight<16x8xf32>, %k: !lm.weight<8x8xf32>, %b: !lm.weight<9xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects a bias for q of 16 values, but found '!lm.weight<9xf32>'}}
  %y = lm.qkv %x, %q, %k, %k q_bias %b : !lm.weight<9xf32> to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<16x8xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @key_bias(%x: tensor<?x8xf32>, %q: !lm.weight<16x8xf32>, %k: !lm.weight<8x8xf32>, %b: !lm.weight<9xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects a bias for k of 8 values, but found '!lm.weight<9xf32>'}}
  %y = lm.qkv %x, %q, %k, %k k_bias %b : !lm.weight<9xf32> to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<16x8xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @value_bias(%x: tensor<?x8xf32>, %q: !lm.weight<16x8xf32>, %k: !lm.weight<8x8xf32>, %b: !lm.weight<9xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects a bias for v of 8 values, but found '!lm.weight<9xf32>'}}
  %y = lm.qkv %x, %q, %k, %k v_bias %b : !lm.weight<9xf32> to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<16x8xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @query_norm(%x: tensor<?x8xf32>, %q: !lm.weight<16x8xf32>, %k: !lm.weight<8x8xf32>, %n: !lm.weight<9xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects a norm for q of 4 values, but found '!lm.weight<9xf32>'}}
  %y = lm.qkv %x, %q, %k, %k q_norm %n : !lm.weight<9xf32> to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<16x8xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @key_norm(%x: tensor<?x8xf32>, %q: !lm.weight<16x8xf32>, %k: !lm.weight<8x8xf32>, %n: !lm.weight<9xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects a norm for k of 4 values, but found '!lm.weight<9xf32>'}}
  %y = lm.qkv %x, %q, %k, %k k_norm %n : !lm.weight<9xf32> to %cache at %position heads 4 eps 0.0
     : tensor<?x8xf32>, !lm.weight<16x8xf32>, !lm.weight<8x8xf32>, !lm.weight<8x8xf32>, !cache -> tensor<?x16xf32>
  return
}

// -----

!cache = !lm.cache<2 x 2 x f32>
#rope = #lm.rope<dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01>
func.func @rotary_part_wider_than_a_head(%x: tensor<?x8xf32>, %q: !lm.weight<8x8xf32>, %k: !lm.weight<4x8xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.qkv' op expects heads at least as wide as the rotary part, but found 2 values and a rotary part of 4}}
  %y = lm.qkv %x, %q, %k, %k to %cache at %position heads 4 rope #rope
     : tensor<?x8xf32>, !lm.weight<8x8xf32>, !lm.weight<4x8xf32>, !lm.weight<4x8xf32>, !cache -> tensor<?x8xf32>
  return
}

// -----

func.func @gate_matrix(%x: tensor<?x8xf32>, %g: !lm.weight<8x12xf32>, %u: !lm.weight<12x8xf32>) {
  // expected-error @below {{'lm.gated_linear' op expects gate to be 12x8, but found '!lm.weight<8x12xf32>'}}
  %y = lm.gated_linear %x, %g, %u silu : tensor<?x8xf32>, !lm.weight<8x12xf32>, !lm.weight<12x8xf32> -> tensor<?x12xf32>
  return
}

// -----

func.func @up_matrix(%x: tensor<?x8xf32>, %g: !lm.weight<12x8xf32>, %u: !lm.weight<8x12xf32>) {
  // expected-error @below {{'lm.gated_linear' op expects up to be 12x8, but found '!lm.weight<8x12xf32>'}}
  %y = lm.gated_linear %x, %g, %u silu : tensor<?x8xf32>, !lm.weight<12x8xf32>, !lm.weight<8x12xf32> -> tensor<?x12xf32>
  return
}

// -----

func.func @gate_bias(%x: tensor<?x8xf32>, %g: !lm.weight<12x8xf32>, %b: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.gated_linear' op expects a bias for gate of 12 values, but found '!lm.weight<8xf32>'}}
  %y = lm.gated_linear %x, %g, %g gate_bias %b : !lm.weight<8xf32> silu : tensor<?x8xf32>, !lm.weight<12x8xf32>, !lm.weight<12x8xf32> -> tensor<?x12xf32>
  return
}

// -----

func.func @up_bias(%x: tensor<?x8xf32>, %g: !lm.weight<12x8xf32>, %b: !lm.weight<8xf32>) {
  // expected-error @below {{'lm.gated_linear' op expects a bias for up of 12 values, but found '!lm.weight<8xf32>'}}
  %y = lm.gated_linear %x, %g, %g up_bias %b : !lm.weight<8xf32> silu : tensor<?x8xf32>, !lm.weight<12x8xf32>, !lm.weight<12x8xf32> -> tensor<?x12xf32>
  return
}

// -----

func.func @values_have_the_weights_shape(%w: !lm.weight<12x8xbf16>) {
  // expected-error @below {{'lm.values' op expects a result of type 'tensor<12x8xf32>', but found 'tensor<8x12xf32>'}}
  %t = lm.values %w : !lm.weight<12x8xbf16> -> tensor<8x12xf32>
  return
}

// -----

func.func @values_of_all_parts(%s: !lm.recurrent_state<2 x 96>, %p: index) {
  // expected-error @below {{'lm.read_state' op expects a result of type 'tensor<2x96xf32>', but found 'tensor<96x2xf32>'}}
  %t = lm.read_state %s at %p : !lm.recurrent_state<2 x 96> -> tensor<96x2xf32>
  return
}

// -----

func.func @values_for_all_parts(%s: !lm.recurrent_state<2 x 96>, %t: tensor<192xf32>) {
  // expected-error @below {{'lm.write_state' op expects values of type 'tensor<2x96xf32>', but found 'tensor<192xf32>'}}
  lm.write_state %t to %s : tensor<192xf32>, !lm.recurrent_state<2 x 96>
  return
}

// -----

func.func @rows_of_all_heads(%c: !lm.cache<2 x 8 x bf16, rows = 16>, %end: index) {
  // expected-error @below {{'lm.cached' op expects a result of type 'tensor<?x16xf32>', but found 'tensor<?x8xf32>'}}
  %t = lm.cached keys %c to %end : !lm.cache<2 x 8 x bf16, rows = 16> -> tensor<?x8xf32>
  return
}

// -----

func.func @norm_with_a_bias_alone(%x: tensor<?x72xf32>, %b: !lm.weight<72xf32>) {
  // expected-error @below {{'lm.norm' op expects a weight beside a bias, but found none}}
  %y = lm.norm %x bias %b : !lm.weight<72xf32> eps 1.0 : tensor<?x72xf32>
  return
}

// -----

// expected-error @below {{expects chunks of at least one position, but found none}}
func.func @no_chunk(%c: !lm.cache<2 x 4 x f32, chunk = 0>) { return }

// -----

// expected-error @below {{expects a latent part of the values of one head, but found 5 of 1 x 4}}
func.func @latent_too_wide(%c: !lm.cache<1 x 4 x f32, latent = 5>) { return }

// -----

// expected-error @below {{expects a latent part of the values of one head, but found 2 of 2 x 4}}
func.func @latent_of_two_heads(%c: !lm.cache<2 x 4 x f32, latent = 2>) { return }

// -----

// expected-error @below {{expects a length from 1 to 2^40, but found 0}}
#none = #lm.temperature<length = 0, scale = 0.1, stepped = true>

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @sinks_of_other_heads(%q: tensor<?x16xf32>, %cache: !cache, %position: index, %s: !lm.weight<3xf32>) {
  // expected-error @below {{'lm.attention' op expects a sink for each head of 4 values, but found '!lm.weight<3xf32>'}}
  %o = lm.attention %q, %cache at %position heads 4 scale 1.0 sinks %s : !lm.weight<3xf32> : tensor<?x16xf32>, !cache
  return
}

// -----

func.func @rotates_past_the_head(%q: tensor<?x16xf32>, %position: index) {
  // expected-error @below {{'lm.rope' op expects heads at least as wide as the rotary part, but found 2 heads in 16 values and a rotary part of 4}}
  %y = lm.rope %q at %position heads 2 from 6 <dim = 4, theta = 1.0e4, frequencies = 1.0, 0.01> : tensor<?x16xf32>
  return
}

// -----

func.func @unequal_groups(%s: tensor<?x9xf32>) {
  // expected-error @below {{'lm.route' op expects groups of at least 2 of the 9 experts, and enough of them to choose 2, but found 2 of 4}}
  %w, %e = lm.route %s top 2 of 2 in 4 by 2 sigmoid : tensor<?x9xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return
}

// -----

func.func @groups_too_small_to_choose_from(%s: tensor<?x8xf32>) {
  // expected-error @below {{'lm.route' op expects groups of at least 1 of the 8 experts, and enough of them to choose 5, but found 2 of 4}}
  %w, %e = lm.route %s top 5 of 2 in 4 by 1 softmax : tensor<?x8xf32> -> tensor<?x5xf32>, tensor<?x5xi32>
  return
}

// -----

!matrices = !lm.weight<4x12x8xf32>
!downs = !lm.weight<4x8x12xf32>
func.func @scales_the_input_of_two(%x: tensor<?x8xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>, %m: !matrices, %d: !downs) {
  // expected-error @below {{'lm.experts' op expects one expert for each row where it scales its input, but found 2}}
  %y = lm.experts %x, %w, %e, %m, %m, %d silu {scales_input} : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !matrices, !matrices, !downs
  return
}

// -----

!matrices = !lm.weight<4x12x8xf32>
!downs = !lm.weight<4x8x12xf32>
func.func @biases_of_some_experts(%x: tensor<?x8xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>, %m: !matrices, %d: !downs, %b: !lm.weight<12xf32>) {
  // expected-error @below {{'lm.experts' op expects a bias for up of 48 values, but found '!lm.weight<12xf32>'}}
  %y = lm.experts %x, %w, %e, %m, %m, %d up_bias %b : !lm.weight<12xf32> silu : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !matrices, !matrices, !downs
  return
}

// -----

!matrices = !lm.weight<4x12x8xf32>
!downs = !lm.weight<4x8x12xf32>
func.func @negative_limit(%x: tensor<?x8xf32>, %w: tensor<?x2xf32>, %e: tensor<?x2xi32>, %m: !matrices, %d: !downs) {
  // expected-error @below {{'lm.experts' op expects a limit that is not negative, but found -1.000000e+00}}
  %y = lm.experts %x, %w, %e, %m, %m, %d silu {limit = -1.0 : f64} : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x2xi32>, !matrices, !matrices, !downs
  return
}

// -----

!cache = !lm.cache<1 x 20 x f32, latent = 16>
func.func private @capped_latents(%q: tensor<?x40xf32>, %cache: !cache, %position: index) -> tensor<?x32xf32> {
  // expected-error @below {{'lm.attention' op expects neither sinks, a softcap nor a temperature with latent vectors}}
  %o = lm.attention %q, %cache at %position heads 2 scale 1.0 softcap 2.0 : tensor<?x40xf32>, !cache
  return %o : tensor<?x32xf32>
}

// -----

!cache = !lm.cache<2 x 4 x f32>
func.func @latent_into_plain_cache(%c: tensor<?x3xf32>, %r: tensor<?x1xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.append_latent' op expects a latent cache, but found '!lm.cache<2 x 4 x f32>'}}
  lm.append_latent %c, %r to %cache at %position : tensor<?x3xf32>, tensor<?x1xf32>, !cache
  return
}

// -----

!cache = !lm.cache<1 x 4 x f32, latent = 3>
func.func @latent_of_another_width(%c: tensor<?x2xf32>, %r: tensor<?x1xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.append_latent' op expects 3 and 1 values for the cache, but found 2 and 1}}
  lm.append_latent %c, %r to %cache at %position : tensor<?x2xf32>, tensor<?x1xf32>, !cache
  return
}

// -----

!cache = !lm.cache<1 x 40 x f32, latent = 32>
func.func @keys_that_do_not_meet_queries(%q: tensor<?x70xf32>, %k: !lm.weight<3x32x16xf32>, %v: !lm.weight<3x12x32xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.latent_attention' op expects k_up to make keys of 32 values that, with 8 more, meet queries of 70, but found '!lm.weight<3x32x16xf32>'}}
  %o = lm.latent_attention %q, %k, %v, %cache at %position scale 1.0 : tensor<?x70xf32>, !lm.weight<3x32x16xf32>, !lm.weight<3x12x32xf32>, !cache -> tensor<?x36xf32>
  return
}

// -----

!cache = !lm.cache<1 x 40 x f32, latent = 32>
func.func @values_of_other_heads(%q: tensor<?x72xf32>, %k: !lm.weight<3x32x16xf32>, %v: !lm.weight<2x12x32xf32>, %cache: !cache, %position: index) {
  // expected-error @below {{'lm.latent_attention' op expects v_up to make 36 values of 3 heads from 32, but found '!lm.weight<2x12x32xf32>'}}
  %o = lm.latent_attention %q, %k, %v, %cache at %position scale 1.0 : tensor<?x72xf32>, !lm.weight<3x32x16xf32>, !lm.weight<2x12x32xf32>, !cache -> tensor<?x36xf32>
  return
}

// -----

func.func @no_matrix_for_each_head(%q: tensor<?x71xf32>, %k: !lm.weight<3x32x16xf32>) {
  // expected-error @below {{'lm.head_linear' op expects a matrix for each head of 71 values, but found '!lm.weight<3x32x16xf32>'}}
  %y = lm.head_linear %q, %k : tensor<?x71xf32>, !lm.weight<3x32x16xf32> -> tensor<?x120xf32>
  return
}

// -----

func.func @heads_of_another_width(%q: tensor<?x72xf32>, %k: !lm.weight<3x32x16xf32>) {
  // expected-error @below {{'lm.head_linear' op expects a result of 120 columns, but found 96}}
  %y = lm.head_linear %q, %k : tensor<?x72xf32>, !lm.weight<3x32x16xf32> -> tensor<?x96xf32>
  return
}

// -----

// expected-error @below {{expects from 1 to 2^40 values, but found 0 x 4}}
func.func @carries_nothing(%c: !lm.recurrent_state<0 x 4>) { return }

// -----

// expected-error @below {{'lm.state' op expects a cache or a recurrent state, but found 'index'}}
lm.state @index : index

// -----

// expected-error @below {{'lm.state' op expects a state of its own type to share, but @other is none}}
lm.state @shares : !lm.recurrent_state<2 x 4> shares @other
lm.state @other : !lm.recurrent_state<2 x 5>

// -----

func.func @convolution_of_one(%x: tensor<?x8xf32>, %w: !lm.weight<8xf32>, %s: !lm.recurrent_state<2 x 4>, %position: index) {
  // expected-error @below {{'lm.causal_conv1d' op expects a width from 2 to 64, but found 1}}
  %y = lm.causal_conv1d %x, %w width 1 to %s at %position : tensor<?x8xf32>, !lm.weight<8xf32>, !lm.recurrent_state<2 x 4>
  return
}

// -----

func.func @convolution_forgets(%x: tensor<?x8xf32>, %w: !lm.weight<32xf32>, %s: !lm.recurrent_state<2 x 4>, %position: index) {
  // expected-error @below {{'lm.causal_conv1d' op expects a state of 3 inputs of 8 channels, but found '!lm.recurrent_state<2 x 4>'}}
  %y = lm.causal_conv1d %x, %w width 4 to %s at %position : tensor<?x8xf32>, !lm.weight<32xf32>, !lm.recurrent_state<2 x 4>
  return
}

// -----

func.func @delta_heads(%q: tensor<?x30xf32>, %v: tensor<?x48xf32>, %a: tensor<?x4xf32>, %d: !lm.weight<4xf32>, %s: !lm.recurrent_state<4 x 192>, %position: index) {
  // expected-error @below {{'lm.gated_delta_rule' op expects 4 heads of queries and keys that divide 4 heads of values, but found rows of 30, 30 and 48}}
  %o = lm.gated_delta_rule %q, %q, %v, %a, %a, %d, %d to %s at %position heads 4 : tensor<?x30xf32>, tensor<?x30xf32>, tensor<?x48xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !lm.weight<4xf32>, !lm.weight<4xf32>, !lm.recurrent_state<4 x 192> -> tensor<?x48xf32>
  return
}

// -----

func.func @delta_state(%q: tensor<?x32xf32>, %v: tensor<?x48xf32>, %a: tensor<?x4xf32>, %d: !lm.weight<4xf32>, %s: !lm.recurrent_state<4 x 190>, %position: index) {
  // expected-error @below {{'lm.gated_delta_rule' op expects a state of 4 times 16 x 12 values in parts of some columns, but found '!lm.recurrent_state<4 x 190>'}}
  %o = lm.gated_delta_rule %q, %q, %v, %a, %a, %d, %d to %s at %position heads 2 : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x48xf32>, tensor<?x4xf32>, tensor<?x4xf32>, !lm.weight<4xf32>, !lm.weight<4xf32>, !lm.recurrent_state<4 x 190> -> tensor<?x48xf32>
  return
}

// -----

func.func @part_by_nothing(%x: tensor<?x8xf32>) {
  // expected-error @below {{'lm.part' op expects a part's number or an index, one of both}}
  %y = lm.part %x : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @part_behind_the_last(%x: tensor<?x8xf32>) {
  // expected-error @below {{'lm.part' op expects a number below 2, but found 2}}
  %y = lm.part %x [2] : tensor<?x8xf32> -> tensor<?x4xf32>
  return
}

// -----

func.func @part_that_does_not_divide(%x: tensor<?x8xf32>) {
  // expected-error @below {{'lm.part' op expects parts that divide 8 columns, but found 3}}
  %y = lm.part %x [0] : tensor<?x8xf32> -> tensor<?x3xf32>
  return
}

// -----

func.func @concat_of_another_width(%x: tensor<?x8xf32>) {
  // expected-error @below {{'lm.concat' op expects a result of 16 columns, but found 15}}
  %y = lm.concat %x, %x : tensor<?x8xf32>, tensor<?x8xf32> -> tensor<?x15xf32>
  return
}

// -----

func.func @no_pair_of_streams(%x: tensor<?x8xf32>, %c: tensor<?x15xf32>) {
  // expected-error @below {{'lm.altup_predict' op expects coefficients for every pair of streams in 8 columns, but found 15}}
  %y = lm.altup_predict %x, %c : tensor<?x8xf32>, tensor<?x15xf32>
  return
}

// -----

func.func @streams_without_coefficients(%x: tensor<?x8xf32>, %z: tensor<?x2xf32>, %c: tensor<?x3xf32>) {
  // expected-error @below {{'lm.altup_correct' op expects a coefficient for each stream of 2 in 8 columns, but found 3}}
  %y = lm.altup_correct %x, %z, %c : tensor<?x8xf32>, tensor<?x2xf32>, tensor<?x3xf32>
  return
}

// -----

func.func @streams_of_another_width(%x: tensor<?x8xf32>, %u: tensor<?x3xf32>) {
  // expected-error @below {{'lm.altup_inject' op expects streams of 3 columns, but found 8}}
  %y = lm.altup_inject %x, %u : tensor<?x8xf32>, tensor<?x3xf32>
  return
}

// -----

func.func @multiplies_by_another_width(%x: tensor<?x8xf32>, %w: !lm.weight<7xf32>) {
  // expected-error @below {{'lm.multiply' op expects a weight of 8 values, but found '!lm.weight<7xf32>'}}
  %y = lm.multiply %x, %w : tensor<?x8xf32>, !lm.weight<7xf32>
  return
}

// -----

// Attributes that nobody reads
func.func @misspelt(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>) {
  // expected-error @below {{'lm.route' op expects attributes among group_terms, groups, normalized, scale, scoring, top, top_groups, but found 'normalised'}}
  %w, %e = lm.route %x top 2 softmax {normalised} : tensor<?x4xf32> -> tensor<?x2xf32>, tensor<?x2xi32>
  return %w, %e : tensor<?x2xf32>, tensor<?x2xi32>
}

// -----

func.func @no_attributes_at_all(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @below {{'lm.add' op expects no attributes, but found 'scale'}}
  %y = lm.add %x, %x {scale = 2.0 : f64} : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

func.func @of_another_dialect(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // expected-error @below {{'lm.add' op expects no attributes, but found 'func.scale'}}
  %y = lm.add %x, %x {func.scale = 2.0 : f64} : tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// expected-error @below {{'lm.weight' op expects attributes among offset, recipe, sources, sym_name, type, but found 'transpose'}}
"lm.weight"() <{sym_name = "misspelt_property", type = !lm.weight<4x8xf32>, transpose = 48 : i64}> : () -> ()

// -----

// Attributes of modules
// expected-error @below {{'builtin.module' op expects attributes among lm.model, lm.files, lm.options, lm.sampling, lm.target, lm.tuning, lm.program, lm.checksum, lm.stage, but found 'lm.modell'}}
module attributes {lm.modell = {}} {}

// -----

// expected-error @below {{lm.model: expected keys among active_parameters, architecture, bare, context, experts_per_token, heads, hidden, layers, name, parameters, path, tokenizer, vocabulary, found 'vocabluary'}}
module attributes {lm.model = {vocabluary = 96 : i64}} {}

// -----

// expected-error @below {{lm.model: expected a dictionary, found 3 : i64}}
module attributes {lm.model = 3 : i64} {}

// -----

// expected-error @below {{lm.model.vocabulary: expected an integer from 1 to 1125899906842624, found "many"}}
module attributes {lm.model = {vocabulary = "many"}} {}

// -----

// expected-error @below {{lm.model.context: expected an integer from 1 to 2147483648, found 64 : i32}}
module attributes {lm.model = {context = 64 : i32}} {}

// -----

// expected-error @below {{lm.model.name: expected a string, found 3 : i64}}
module attributes {lm.model = {name = 3 : i64}} {}

// -----

// expected-error @below {{lm.model.bare: expected no value, found true}}
module attributes {lm.model = {bare = true}} {}

// -----

// expected-error @below {{lm.options: expected keys among decompose, embed_weights, features, gpu, mcpu, prefill_rows, schedule_for, symbol_prefix, target, threads, tuning, weights, found 'thread'}}
module attributes {lm.options = {thread = 2 : i64}} {}

// -----

// expected-error @below {{lm.options.threads: expected an integer from 0 to 1024, found 100000000000 : i64}}
module attributes {lm.options = {threads = 100000000000 : i64}} {}

// -----

// expected-error @below {{lm.options.symbol_prefix: expected an identifier of C, found "my-model"}}
module attributes {lm.options = {symbol_prefix = "my-model"}} {}

// -----

// expected-error @below {{lm.options.symbol_prefix: expected an identifier of C, found "3b"}}
module attributes {lm.options = {symbol_prefix = "3b"}} {}

// -----

// expected-error @below {{lm.options.embed_weights: expected true or false, found "no"}}
module attributes {lm.options = {embed_weights = "no"}} {}

// -----

// expected-error @below {{lm.program.row_ops: expected array<i64: ...>, found 3 : i64}}
module attributes {lm.program = {row_ops = 3 : i64}} {}

// -----

// expected-error @below {{lm.program.traces: expected a dictionary, found []}}
module attributes {lm.program = {traces = []}} {}

// -----

// expected-error @below {{lm.sampling.top_p: expected a number, found 1 : i64}}
module attributes {lm.sampling = {top_p = 1 : i64}} {}

// -----

// expected-error @below {{lm.tuning: expected a dictionary, found "large"}}
module attributes {lm.tuning = "large"} {}

// -----

// expected-error @below {{lm.stage: expected a string, found 3 : i64}}
module attributes {lm.stage = 3 : i64} {}

// -----

// expected-error @below {{lm.files: expected a dictionary, found "m.gguf"}}
module attributes {lm.files = "m.gguf"} {}

// -----

// expected-error @below {{lm.files.m.gguf: expected a dictionary, found 3 : i64}}
module attributes {lm.files = {"m.gguf" = 3 : i64}} {}

// -----

// expected-error @below {{lm.files.m.gguf: expected keys among bytes, header, found 'time'}}
module attributes {lm.files = {"m.gguf" = {time = 3 : i64}}} {}

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'lm.model'}}
func.func private @model_of_a_function() attributes {lm.model = {}}

// -----

// expected-error @below {{'func.func' op expects attributes among lm.slot, but found 'lm.slott'}}
func.func private @misspelt_slot(%w: !lm.weight<8xf32> {lm.slott = "norm"})

// -----

// expected-error @below {{'func.func' op expects lm.slot to be a string, but found 7 : i64}}
func.func private @slot_of_a_number(%w: !lm.weight<8xf32> {lm.slot = 7 : i64})

// -----

// expected-error @below {{'func.func' op expects no attributes, but found 'lm.slot'}}
func.func private @slot_of_a_result() -> (!lm.weight<8xf32> {lm.slot = "norm"})

// -----

// expected-error @below {{expected latent, window, chunk or rows, found windows}}
func.func private @unknown_key(!lm.cache<2 x 64 x f32, windows = 5>)

// -----

// expected-error @below {{expected chunk once, and either a window or chunks}}
func.func private @window_and_chunk(!lm.cache<2 x 64 x f32, window = 5, chunk = 5>)

// -----

// expected-error @below {{expected window once, and either a window or chunks}}
func.func private @no_chunk_and_window(!lm.cache<2 x 64 x f32, chunk = 0, window = 5>)

// -----

// expected-error @below {{expected rows once, and either a window or chunks}}
func.func private @rows_twice(!lm.cache<2 x 64 x f32, rows = 0, rows = 16>)

// -----

// expected-error @below {{lm.target: expected #lm.target, found "cpu"}}
module attributes {lm.target = "cpu"} {}

// -----

// expected-error @below {{expects a depth of 1 or 2 or 4 for bf16, but found 3}}
// expected-error @below {{failed to parse LM_TargetAttr parameter 'products'}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 3, rows = f32>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{expects a depth of 2 or 4 for q8_0, but found 1}}
// expected-error @below {{failed to parse LM_TargetAttr parameter 'products'}}
module attributes {lm.target = #lm.target<"cpu", products = [<q8_0, depth = 1, rows = q8>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{expects a depth of 4 for q4_k, but found 2}}
// expected-error @below {{failed to parse LM_TargetAttr parameter 'products'}}
module attributes {lm.target = #lm.target<"cpu", products = [<q4_k, depth = 2, rows = q8>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{expects rows in f32 or bf16 for bf16, but found q8}}
// expected-error @below {{failed to parse LM_TargetAttr parameter 'products'}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = q8>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{expects each format once in products, but found bf16 twice}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>, <bf16, depth = 1, rows = f32>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{expects each format once in head_products, but found q8_0 twice}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>, head_products = [<q8_0, depth = 2, rows = q16>, <q8_0, depth = 4, rows = q8>]>} {}

// -----

// expected-error @below {{expects head_products to differ in depth for bf16, but found rows = bf16 and rows = f32 at depth 2}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>, head_products = [<bf16, depth = 2, rows = bf16>]>} {}

// -----

// expected-error @below {{expects cache_rows to be f32 or bf16, but found q8}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>], cache_rows = q8, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{expects replicated_rows from 0 to 4096, but found 5000}}
// expected-error @below {{failed to parse LM_TargetAttr parameter 'tiles'}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 5000, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{expects absorbed_rows from 8 to 4096, but found 4}}
// expected-error @below {{failed to parse LM_TargetAttr parameter 'scratch'}}
module attributes {lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>], cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 4, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>} {}

// -----

// expected-error @below {{unknown weight format 'q3_k'}}
// expected-error @below {{failed to parse LM_ProductAttr parameter 'format'}}
module attributes {lm.target = #lm.product<q3_k, depth = 4, rows = q8>} {}
