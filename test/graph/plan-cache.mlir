// RUN: split-file %s %t
// RUN: lathe-opt %t/caches.mlir --lm-plan-cache | FileCheck %t/caches.mlir --check-prefixes=CHECK,BF16
// RUN: lathe-opt %t/caches.mlir --lm-plan-cache=element=f32 | FileCheck %t/caches.mlir --check-prefixes=CHECK,F32
// RUN: lathe-opt %t/options.mlir --lm-plan-cache=rows=512 | FileCheck %t/options.mlir
// RUN: lathe-opt %t/invalid.mlir --lm-plan-cache --verify-diagnostics --split-input-file
// RUN: not lathe-opt %t/caches.mlir --lm-plan-cache=rows=0 2>&1 | FileCheck %t/caches.mlir --check-prefix=ROWS
// RUN: not lathe-opt %t/caches.mlir --lm-plan-cache=element=f16 2>&1 | FileCheck %t/caches.mlir --check-prefix=ELEMENT

//--- caches.mlir
// ROWS: error: expected from 1 to 65536 rows of one call, found 0
// ELEMENT: error: lm-plan-cache: unknown element 'f16'; expected bf16 or f32

module attributes {lm.model = {context = 1000 : i64}} {
  // Without a window: the context, in whole panels of 16.
  // BF16: lm.state @full : !lm.cache<2 x 24 x bf16, rows = 1008> offset 0{{$}}
  // F32: lm.state @full : !lm.cache<2 x 24 x f32, rows = 1008> offset 0{{$}}
  lm.state @full : !lm.cache<2 x 24 x bf16>
  // A ring: what the window sees of the past, and the rows of one call. Heads are padded to 16 values, offsets to pages.
  // BF16: lm.state @ring : !lm.cache<1 x 8 x bf16, window = 13, rows = 528> offset 258048{{$}}
  // F32: lm.state @ring : !lm.cache<1 x 8 x f32, window = 13, rows = 528> offset 516096{{$}}
  lm.state @ring : !lm.cache<1 x 8 x bf16, window = 13>
  // A near miss: the ring would be longer than the context.
  // BF16: lm.state @wide : !lm.cache<1 x 8 x bf16, window = 600, rows = 1008> offset 294912{{$}}
  lm.state @wide : !lm.cache<1 x 8 x bf16, window = 600>
  // bf16 lies in pairs, so heads of odd width stay wide.
  // CHECK: lm.state @odd : !lm.cache<1 x 7 x f32, rows = 1008> offset {{[0-9]+$}}
  lm.state @odd : !lm.cache<1 x 7 x f32>

  // CHECK-LABEL: func.func @users(
  // BF16-SAME: !lm.cache<2 x 24 x bf16, rows = 1008>)
  // F32-SAME: !lm.cache<2 x 24 x f32, rows = 1008>)
  // BF16-NEXT: lm.use @ring : !lm.cache<1 x 8 x bf16, window = 13, rows = 528>
  func.func @users(%cache: !lm.cache<2 x 24 x bf16>) {
    %ring = lm.use @ring : !lm.cache<1 x 8 x bf16, window = 13>
    return
  }
}

//--- options.mlir
// The module's own number of rows goes before the option.
module attributes {lm.model = {context = 1000 : i64}, lm.options = {prefill_rows = 20 : i64}} {
  // CHECK: window = 13, rows = 32>
  lm.state @ring : !lm.cache<1 x 8 x bf16, window = 13>
}

//--- invalid.mlir
// expected-error @below {{lm.model.context: expected an integer from 1 to 2147483648, found none}}
module {
}

// -----

// expected-error @below {{lm.model.context: expected an integer from 1 to 2147483648, found "long"}}
module attributes {lm.model = {context = "long"}} {
}

// -----

// expected-error @below {{lm.model.context: expected an integer from 1 to 2147483648, found 1099511627776 : i64}}
module attributes {lm.model = {context = 1099511627776 : i64}} {
}

// -----

// expected-error @below {{lm.model.context: expected an integer from 1 to 2147483648, found 0 : i64}}
module attributes {lm.model = {context = 0 : i64}} {
}

// -----

// expected-error @below {{lm.options.prefill_rows: expected an integer from 1 to 65536, found -1 : i64}}
module attributes {lm.model = {context = 1000 : i64}, lm.options = {prefill_rows = -1 : i64}} {
}

// -----

// expected-error @below {{expects at most 2^40 values, but found 1024 x 1024 for a window of 0 and 2147483648 rows}}
module attributes {lm.model = {context = 2147483648 : i64}} {
  lm.state @huge : !lm.cache<1024 x 1024 x bf16>
}
