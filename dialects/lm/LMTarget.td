#ifndef LM_TARGET_TD
#define LM_TARGET_TD

include "dialects/lm/LMTypes.td"

def LM_OperandEncoding : I32EnumAttr<"OperandEncoding", "how a product takes the rows that it multiplies a matrix with", [
    I32EnumAttrCase<"F32", 0, "f32">,
    I32EnumAttrCase<"BF16", 1, "bf16">,
    I32EnumAttrCase<"Q8", 2, "q8">,
    I32EnumAttrCase<"Q16", 3, "q16">]> {
  let cppNamespace = "::mlir::lm";
  let genSpecializedAttr = 0;
}

def LM_ProductAttr : LM_Attr<"Product", "product"> {
  let summary = "how matrices of one format are multiplied";
  let description = [{
    `depth`: so many neighbouring columns of K lie side by side in a panel (#lm.panels), mostly as many as one dot
    instruction sums. `rows`: the operand encoding of the other factor: f32, bf16 (rounded), or blocks of 32 values
    quantised to 8 or 16 bits (q8, q16: dialects/lm/QuantizedRow.h).

    Example: `#lm.product<bf16, depth = 2, rows = f32>`
  }];
  let parameters = (ins "::lathe::Format":$format, "int64_t":$depth, EnumParameter<LM_OperandEncoding>:$rows);
  let assemblyFormat = "`<` $format `,` `depth` `=` $depth `,` `rows` `=` $rows `>`";
  let genVerifyDecl = 1;
}

def LM_TilesAttr : LM_Attr<"Tiles", "tiles"> {
  let summary = "how lm-schedule divides work into tiles";
  let description = [{
    * `rows`: rows of activations of one tile, where a call has many.
    * `block_rows`: rows of one tile of work that is a row's alone (norms, quantising).
    * `replicated_rows`: calls of at most so many rows leave work that is a row's alone to every worker, each for itself,
      so that nobody waits for it. 0: never.
    * `product_tiles`: a product in such a call has at least so many tiles, if its matrix has so many panels.
    * `product_panels`: the most panels of a product's tile in any other call.
    * `attention_rows`: the most query rows (or heads that share keys) of one tile of attention.
    * `attention_tiles`: attention of one row is divided into at least so many tiles, if it sees enough positions;
    * `split_positions`: of at least so many positions each.
    * `split_heads`: where a call of one row has fewer heads than `product_tiles`, the tiles of queries, keys and values
      are parts of heads, as any product's. What needs whole heads (norm, rotation, appending) is the next phase.

    Example: `#lm.tiles<rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4,
    attention_rows = 16, attention_tiles = 16, split_positions = 64>`
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$block_rows, "int64_t":$replicated_rows, "int64_t":$product_tiles,
                        "int64_t":$product_panels, "int64_t":$attention_rows, "int64_t":$attention_tiles,
                        "int64_t":$split_positions, DefaultValuedParameter<"bool", "false">:$split_heads);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def LM_ScratchAttr : LM_Attr<"Scratch", "scratch"> {
  let summary = "limits of what a worker keeps in its own memory";
  let description = [{
    Attention to latent vectors themselves: `absorbed_rows` query rows (or heads) meet `absorbed_positions` of them at
    once. Attention to keys and values that are made of latent vectors: `latent_rows` query rows meet those of
    `latent_positions`.

    Example: `#lm.scratch<absorbed_rows = 32, absorbed_positions = 64, latent_rows = 512, latent_positions = 64>`
  }];
  let parameters = (ins "int64_t":$absorbed_rows, "int64_t":$absorbed_positions, "int64_t":$latent_rows,
                        "int64_t":$latent_positions);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def LM_TargetAttr : LM_Attr<"Target", "target"> {
  let summary = "what passes decide from that depends on the target";
  let description = [{
    Module attribute `lm.target`, written by lm-describe-target, read by lm-pack-weights (the layout of matrices) and
    lm-schedule (operand encodings, tiles, scratch).

    * `products`: formats that are not multiplied as by default. Default: depth 1 and rows in f32; for quantised formats
      depth 4 and rows as q8.
    * `cache_rows`: the encoding of the rows that are multiplied with keys and values of a bf16 cache, f32 or bf16.
    * `head_products`: as `products`, for the matrix that makes logits, where it differs from a layer's.

    Example: `#lm.target<"cpu", products = [<bf16, depth = 2, rows = f32>, <q8_0, depth = 2, rows = q16>],
    cache_rows = f32, tiles = <rows = 64, block_rows = 8, replicated_rows = 8, product_tiles = 64, product_panels = 4,
    attention_rows = 16, attention_tiles = 16, split_positions = 64>, scratch = <absorbed_rows = 32,
    absorbed_positions = 64, latent_rows = 512, latent_positions = 64>>`
  }];
  let parameters = (ins "::mlir::StringAttr":$name, ArrayRefParameter<"::mlir::lm::ProductAttr">:$products,
                        EnumParameter<LM_OperandEncoding>:$cache_rows, "::mlir::lm::TilesAttr":$tiles,
                        "::mlir::lm::ScratchAttr":$scratch,
                        OptionalArrayRefParameter<"::mlir::lm::ProductAttr">:$head_products);
  let assemblyFormat = [{
    `<` $name `,` `products` `=` `[` $products `]` `,` `cache_rows` `=` $cache_rows `,`
    `tiles` `=` $tiles `,` `scratch` `=` $scratch (`,` `head_products` `=` `[` $head_products^ `]`)? `>`
  }];
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// The layout of a matrix [out, in] or of experts' matrices; `isHead`: of the one that makes logits.
    ::mlir::lm::PanelsAttr getPanels(::mlir::lm::WeightType type, bool isHead) const;
    /// The encoding of rows that are multiplied with a packed matrix.
    ::mlir::lm::OperandEncoding getRows(::mlir::lm::WeightType type) const;
    /// The encoding of rows that are multiplied with keys and values of a cache.
    ::mlir::lm::OperandEncoding getRows(::mlir::lm::CacheType type) const;
  }];
}

#endif // LM_TARGET_TD
