// RUN: split-file %s %t
// RUN: lathe-opt %t/module.mlir --lm-describe-target=mcpu=znver4 | FileCheck %s --check-prefix=ZEN4
// RUN: lathe-opt %t/module.mlir --lm-describe-target=mcpu=znver3 | FileCheck %s --check-prefix=ZEN3
// RUN: lathe-opt %t/tuning.mlir --lm-describe-target | FileCheck %s --check-prefix=TUNING
// RUN: lathe-opt %t/described.mlir --lm-describe-target=mcpu=znver4 | FileCheck %s --check-prefix=KEPT
// RUN: lathe-opt %t/invalid.mlir --lm-describe-target --verify-diagnostics --split-input-file

// Dot products of bf16 and of bytes; only lm_head's bytes are widened.
// ZEN4: lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = bf16>], cache_rows = bf16,
// ZEN4-SAME: tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4, attention_rows = 16, attention_tiles = 16, split_positions = 64>,
// ZEN4-SAME: scratch = <absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>, head_products = [<q8_0, depth = 2, rows = q16>]>
// ZEN4-SAME: lm.tuning = {{[{].*}}tile_rows = 64 : i64}

// No such dot products: all bytes are widened, lm_head's too.
// ZEN3: lm.target = #lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>, <q8_0, depth = 2, rows = q16>], cache_rows = f32,

// TUNING: tiles = <rows = 16,
// TUNING-SAME: lm.tuning = {{[{].*}}float_rows = 3 : i64{{.*}}tile_rows = 16 : i64}

// A module that has lm.target keeps it, and its lm.options.
// KEPT: module attributes {lm.target = #lm.target<"other", products = [<f32, depth = 1, rows = f32>], cache_rows = f32,

//--- module.mlir
module {}

//--- tuning.mlir
module attributes {lm.options = {mcpu = "znver4", tuning = "tile_rows=16,float_rows=3", target = "cpu"}} {}

//--- described.mlir
module attributes {lm.target = #lm.target<"other", products = [<f32, depth = 1, rows = f32>], cache_rows = f32, tiles = <rows = 7, block_rows = 1, replicated_rows = 0, product_tiles = 1, product_panels = 1, attention_rows = 1, attention_tiles = 1, split_positions = 16>, scratch = <absorbed_rows = 8, absorbed_positions = 16, latent_rows = 1, latent_positions = 16>>} {}

//--- invalid.mlir
// expected-error @below {{lm.options.target: expected one of cpu, cuda, got "gpu"}}
module attributes {lm.options = {target = "gpu"}} {}

// -----

// expected-error @below {{unknown CPU 'abacus'}}
module attributes {lm.options = {mcpu = "abacus"}} {}

// -----

// expected-error @below {{tuning: tile_rows: expected a multiple of 8 up to 512, got "9"}}
module attributes {lm.options = {mcpu = "znver4", tuning = "tile_rows=9"}} {}
