// RUN: lathe-opt %s --split-input-file --verify-diagnostics

// Dot products.
func.func @bytes_for_fewer_sums(%a: vector<8xi32>, %x: vector<64xi8>) {
  // expected-error @below {{'cpu.dot_u8s8' op expects 4 values for each sum, but found 'vector<64xi8>' for 'vector<8xi32>'}}
  %r = cpu.dot_u8s8 %a, %x, %x : vector<8xi32>, vector<64xi8>
  return
}

// -----

func.func @pairs_of_bytes(%x: vector<64xi8>) {
  // expected-error @below {{'cpu.madd_u8s8' op expects 2 values for each sum, but found 'vector<64xi8>' for 'vector<64xi16>'}}
  %r = cpu.madd_u8s8 %x, %x : vector<64xi8>, vector<64xi16>
  return
}

// -----

func.func @pairs_of_words(%x: vector<32xi16>) {
  // expected-error @below {{'cpu.madd_i16' op expects 2 values for each sum, but found 'vector<32xi16>' for 'vector<8xi32>'}}
  %r = cpu.madd_i16 %x, %x : vector<32xi16>, vector<8xi32>
  return
}

// -----

func.func @pairs_of_bf16(%a: vector<16xf32>, %x: vector<16xbf16>) {
  // expected-error @below {{'cpu.dot_bf16' op expects 2 values for each sum, but found 'vector<16xbf16>' for 'vector<16xf32>'}}
  %r = cpu.dot_bf16 %a, %x, %x : vector<16xf32>, vector<16xbf16>
  return
}

// -----

func.func @scalable_vectors(%a: vector<[16]xf32>, %x: vector<[32]xbf16>) {
  // expected-error @below {{'cpu.dot_bf16' op expects 2 values for each sum, but found 'vector<[32]xbf16>' for 'vector<[16]xf32>'}}
  %r = cpu.dot_bf16 %a, %x, %x : vector<[16]xf32>, vector<[32]xbf16>
  return
}

// -----

func.func @attribute_that_nobody_reads(%a: vector<16xi32>, %x: vector<64xi8>) {
  // expected-error @below {{'cpu.dot_u8s8' op expects no attributes, but found 'fast'}}
  %r = cpu.dot_u8s8 %a, %x, %x {fast} : vector<16xi32>, vector<64xi8>
  return
}
