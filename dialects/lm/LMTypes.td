#ifndef LM_TYPES_TD
#define LM_TYPES_TD

include "dialects/lm/LMDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class LM_Type<string name, string mnemonicText> : TypeDef<LM_Dialect, name> { let mnemonic = mnemonicText; }
class LM_Attr<string name, string mnemonicText> : AttrDef<LM_Dialect, name> { let mnemonic = mnemonicText; }

def LM_Activation : I32EnumAttr<"Activation", "the activation of an MLP", [
    I32EnumAttrCase<"Silu", 0, "silu">,
    I32EnumAttrCase<"GeluTanh", 1, "gelu_tanh">,
    I32EnumAttrCase<"QuickGelu", 2, "quick_gelu">,
    I32EnumAttrCase<"Sigmoid", 3, "sigmoid">,
    I32EnumAttrCase<"Tanh", 4, "tanh">]> {
  let cppNamespace = "::mlir::lm";
  let genSpecializedAttr = 0;
}
def LM_ActivationAttr : EnumAttr<LM_Dialect, LM_Activation, "activation"> { let assemblyFormat = "$value"; }

def LM_Scoring : I32EnumAttr<"Scoring", "the function of a router's scores", [
    I32EnumAttrCase<"Softmax", 0, "softmax">,
    I32EnumAttrCase<"Sigmoid", 1, "sigmoid">]> {
  let cppNamespace = "::mlir::lm";
  let genSpecializedAttr = 0;
}
def LM_ScoringAttr : EnumAttr<LM_Dialect, LM_Scoring, "scoring"> { let assemblyFormat = "$value"; }

def LM_CachePart : I32EnumAttr<"CachePart", "keys or values of a cache", [
    I32EnumAttrCase<"Keys", 0, "keys">,
    I32EnumAttrCase<"Values", 1, "values">]> {
  let cppNamespace = "::mlir::lm";
  let genSpecializedAttr = 0;
}
def LM_CachePartAttr : EnumAttr<LM_Dialect, LM_CachePart, "part"> { let assemblyFormat = "$value"; }

def LM_RopeAttr : LM_Attr<"Rope", "rope"> {
  let summary = "rotary position embedding: the frequency of each pair";
  let description = [{
    The first `dim` values of a head are rotated in pairs (x[i], x[i + dim/2]) by the angle w_i per position. w_i = theta^(-2i/dim),
    then scaled by the model's rule. `scaling` names the rule (linear, llama3, yarn, divisors) for the reader. Only
    `frequencies` [dim/2] are used: f32 values, rounded where the reference implementation rounds. `attention_factor`
    multiplies cosine and sine (yarn).

    Example: `#lm.rope<dim = 4, theta = 1.0e4, scaling = "linear", frequencies = 0.5, 0.005>`
  }];
  let parameters = (ins
    "int64_t":$dim, "::mlir::lm::Real":$theta, OptionalParameter<"::mlir::StringAttr">:$scaling,
    DefaultValuedParameter<"::mlir::lm::Real", "1.0">:$attention_factor,
    ArrayRefParameter<"::mlir::lm::Single">:$frequencies);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def LM_TemperatureAttr : LM_Attr<"Temperature", "temperature"> {
  let summary = "scores that grow with the query's position";
  let description = [{
    Scores of a query at position p are multiplied by 1 + scale ln f: f = 1 + floor((p + 1) / length) if `stepped` (Llama 4),
    else max(1, p / length) (Grok).

    Example: `#lm.temperature<length = 8192, scale = 0.1, stepped = true>`
  }];
  let parameters = (ins "int64_t":$length, "::mlir::lm::Real":$scale, "bool":$stepped);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def LM_PanelsAttr : LM_Attr<"Panels", "panels"> {
  let summary = "a packed matrix: panels of rows, K in small steps";
  let description = [{
    `panels<rows x depth>`: the matrix [N, K] is stored as [N/rows][K/depth][rows][depth], N padded with zero rows, so
    that one load holds `depth` neighbours along K of each of `rows` outputs. Quantised formats keep each group's quantised
    values in that order, followed by the scales of its `rows` outputs (dialects/lm/Layout.h).

    Example: `#lm.panels<16 x 4>`
  }];
  let parameters = (ins "int64_t":$rows, "int64_t":$depth);
  let assemblyFormat = "`<` $rows `x` $depth `>`";
}

def LM_WeightType : LM_Type<"Weight", "weight"> {
  let summary = "a vector, a matrix or the experts' matrices of the checkpoint";
  let description = [{
    Shape ([out, in] for a matrix, [experts, out, in] for matrices of one role), format (dialects/lm/Formats.h) and, once packed for a target, its layout.
    Mixing layouts is a type error.

    Examples: `!lm.weight<576x1536xq4_1>`, `!lm.weight<576x1536xbf16, <16 x 2>>`, `!lm.weight<576xf32>`,
    `!lm.weight<128x768x2048xbf16>`
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$shape, "::lathe::Format":$format,
                        OptionalParameter<"::mlir::lm::PanelsAttr">:$layout);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    const ::lathe::FormatInfo &getInfo() const { return ::lathe::getFormatInfo(getFormat()); }
    /// Outputs of a matrix, values of a vector.
    int64_t getRows() const { return getShape()[getShape().size() < 2 ? 0 : getShape().size() - 2]; }
    int64_t getColumns() const { return getShape().back(); }
    int64_t getExperts() const { return isExperts() ? getShape()[0] : 1; }
    bool isVector() const { return getShape().size() == 1; }
    bool isMatrix() const { return getShape().size() == 2; }
    bool isExperts() const { return getShape().size() == 3; }
    /// The type of one expert's matrix, or of a matrix itself.
    WeightType getMatrix() const { return get(getContext(), getShape().take_back(2), getFormat(), getLayout()); }
    /// Packed so that its products take rows of 16-bit codes (QuantizedRow.h).
    bool hasWideCodes() const { return getInfo().bits == 8 && getLayout() && getLayout().getDepth() == 2; }
    WeightType withLayout(PanelsAttr layout) const { return get(getContext(), getShape(), getFormat(), layout); }
    WeightType withFormat(::lathe::Format format) const { return get(getContext(), getShape(), format, getLayout()); }
  }];
}

def LM_CacheType : LM_Type<"Cache", "cache"> {
  let summary = "keys and values of one layer";
  let description = [{
    `heads` key/value heads of `dim` values each, in `element`. `window` = 0 keeps all positions; otherwise a query sees
    the last `window` positions including its own, or, with `chunk` in its place, those since the last multiple of `chunk`.
    `rows` is set by lm-plan-cache (0 before): position p is stored in row p mod rows, so a cache with fewer rows than the
    context is a ring. In a `latent` cache the first `latent` values of a key are also the value; no other values are stored.

    Examples: `!lm.cache<3 x 64 x bf16, rows = 8192>`, `!lm.cache<2 x 32 x f32, chunk = 16>`,
    `!lm.cache<1 x 576 x bf16, latent = 512, rows = 8192>`
  }];
  let parameters = (ins "int64_t":$heads, "int64_t":$dim, "::mlir::Type":$element,
                        DefaultValuedParameter<"int64_t", "0">:$window, DefaultValuedParameter<"int64_t", "0">:$rows,
                        DefaultValuedParameter<"bool", "false">:$chunked,
                        DefaultValuedParameter<"int64_t", "0">:$latent);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Values of a head that attention sums.
    int64_t getValueDim() const { return getLatent() ? getLatent() : getDim(); }
  }];
}

def LM_RecurrentStateType : LM_Type<"RecurrentState", "recurrent_state"> {
  let summary = "a recurrent state: its size does not depend on the context";
  let description = [{
    [parts, values] in f32. Parts are independent of one another: a head's state, or a group of channels. At position 0 the
    state is zero.

    Example: `!lm.recurrent_state<64 x 8192>`
  }];
  let parameters = (ins "int64_t":$parts, "int64_t":$values);
  let assemblyFormat = "`<` $parts `x` $values `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getBytes() const { return getParts() * getValues() * 4; }
  }];
}

#endif // LM_TYPES_TD
