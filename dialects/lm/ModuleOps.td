//===- ModuleOps.td - weights, states, and the table of layers ----------------------------------------------------===//

#ifndef LM_MODULE_OPS_TD
#define LM_MODULE_OPS_TD

include "dialects/lm/LMOpBase.td"

def LM_WeightOp : LM_Op<"weight", [Symbol]> {
  let summary = "a named weight: where its values lie and what is done to them";
  let description = [{
    `sources` say where in the model's files the values lie, and what belongs to them (scales that the file keeps apart):
    `#lm.source`, one for each role, values first. `recipe` lists the steps that make the weight of the stored matrix, in
    order: `#lm.concat`, `#lm.slice`, `#lm.transpose`, `#lm.unpermute`, `#lm.add_one`, `#lm.negate_exp`. Then the values
    are converted to the type's format and packed into its layout. All of this runs once, when the weights file is
    written. `offset` is where the weight lies in that file's tensor section, in bytes.

    Matrices of experts lie in a segment each and share the recipe. Without sources the model was imported from a bare
    config: the weight has a type and no values. The format of values stands after `from` where it is not the type's.

    Example:
    ```mlir
    lm.weight @layers.0.q_proj : !lm.weight<192x72xbf16> from "model.safetensors" at 4096
    lm.weight @layers.0.k_proj : !lm.weight<64x96xbf16> from q4_0 "tiny.gguf" at 8192 recipe [#lm.unpermute<heads = 4>]
    lm.weight @layers.0.expert_up : !lm.weight<2x16x128xf8_e4m3> from "a" at 0, 2048 scales f32 "b" at 64, 128
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<LM_WeightType>:$type,
                       OptionalAttr<TypedArrayAttrBase<LM_SourceAttr, "sources of a weight">>:$sources,
                       OptionalAttr<TypedArrayAttrBase<LM_RecipeStep, "steps of a recipe">>:$recipe,
                       OptionalAttr<I64Attr>:$offset);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    WeightType getWeightType() { return ::llvm::cast<WeightType>(getType()); }
    /// Null where there is none of this role.
    SourceAttr getSource(SourceRole role);
    /// How many segments each matrix lies in.
    int64_t getParts();
    /// Format of the values in the files.
    ::lathe::Format getStoredFormat();
  }];
}

def LM_StateOp : LM_Op<"state", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a cache or recurrent state that a layer keeps from call to call";
  let description = [{
    `offset` is where the state lies in the memory of the caches, in bytes, set by lm-plan-cache.

    Example:
    ```mlir
    lm.state @layers.0.cache : !lm.cache<3 x 64 x bf16>
    lm.state @layers.1.delta : !lm.recurrent_state<64 x 8192>
    lm.state @layers.2.delta : !lm.recurrent_state<64 x 8192> shares @layers.1.delta
    ```
    A state that `shares` another one is a second name for it.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type, OptionalAttr<FlatSymbolRefAttr>:$shares,
                       OptionalAttr<I64Attr>:$offset);
  let assemblyFormat = "$sym_name `:` $type (`shares` $shares^)? (`offset` $offset^)? attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Null for a recurrent state.
    CacheType getCacheType() { return ::llvm::dyn_cast<CacheType>(getType()); }
  }];
}

def LM_UseOp : LM_Op<"use", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a weight or state as a value";
  let description = [{
    Example:
    ```mlir
    %w = lm.use @final_norm : !lm.weight<576xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$symbol);
  let results = (outs AnyTypeOf<[LM_WeightType, LM_CacheType, LM_RecurrentStateType]>:$result);
  let assemblyFormat = "$symbol `:` type($result) attr-dict";
}

def LM_LayersOp : LM_Op<"layers", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the stack of layers";
  let description = [{
    Calls the functions of the layers in order; `kinds` names one for each layer. An argument whose `lm.slot` is `a` is bound
    in layer i to the symbol `@layers.i.a`. A slot that begins with `previous.` is bound to the symbol of layer i - 1 (in
    layer 0: of layer 0). The slot `layer`, an index, is i itself.

    Example:
    ```mlir
    %y = lm.layers %x at %position [@sliding, @sliding, @full] : tensor<?x64xf32> -> tensor<?x64xf32>
    ```
  }];
  let arguments = (ins Variadic<LM_Rows>:$stream, Index:$position, FlatSymbolRefArrayAttr:$kinds);
  let results = (outs Variadic<LM_Rows>:$results);
  let assemblyFormat = "$stream `at` $position $kinds attr-dict `:` type($stream) `->` type($results)";
  let hasVerifier = 1;
  let builders = [OpBuilder<(ins "::mlir::ValueRange":$stream, "::mlir::Value":$position, "::mlir::ArrayAttr":$kinds)>];
  let extraClassDeclaration = [{
    /// The symbol that `slot` of layer `layer` is bound to.
    static std::string bind(int64_t layer, ::llvm::StringRef slot);
  }];
}

#endif // LM_MODULE_OPS_TD
